"""Keep companies and the people in them, each person once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils import uuid7

from agentic_sales.contracts import CompanyId, ContactId
from agentic_sales.store.columns import Table
from agentic_sales.store.statements import every, first, insert_many, insert_new


class CompanyRow(Table):
    """One company."""

    __tablename__ = "companies"

    company_id: Mapped[str] = mapped_column(primary_key=True)
    """Its id."""
    key: Mapped[str] = mapped_column(unique=True)
    """What makes it one company: its domain, or its name in lower case where no domain is known."""
    name: Mapped[str]
    """As people write it."""
    domain: Mapped[str | None] = mapped_column(default=None)
    """Domain of its web site; None: not known."""
    created_at: Mapped[datetime]
    """When it was first heard of."""


class ContactRow(Table):
    """One person who may be written to."""

    __tablename__ = "contacts"
    __table_args__ = (Index(None, "company_id"),)

    contact_id: Mapped[str] = mapped_column(primary_key=True)
    """The person's id."""
    email: Mapped[str]
    """Address, as it was given."""
    email_hash: Mapped[str] = mapped_column(unique=True)
    """Digest of the normalized address; one person, one row."""
    first_name: Mapped[str] = mapped_column(default="")
    """Empty: not known."""
    last_name: Mapped[str] = mapped_column(default="")
    """Empty: not known."""
    position: Mapped[str] = mapped_column(default="")
    """What the person does; empty: not known."""
    company_id: Mapped[str | None] = mapped_column(ForeignKey("companies.company_id", ondelete="SET NULL"))
    """Where; None: not known."""
    time_zone: Mapped[str | None] = mapped_column(default=None)
    """IANA name, such as `Europe/Berlin`; None: not known."""
    consent_basis: Mapped[str]
    """`consent`, `contract` or `legitimate_interest`."""
    consent_source: Mapped[str]
    """Where the basis comes from, in words that can be shown to the person."""
    consent_at: Mapped[datetime]
    """When it was recorded."""
    fields: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What else the import told; templates and conditions read it."""
    created_at: Mapped[datetime]
    """When the person was first heard of."""
    updated_at: Mapped[datetime]
    """When the row changed last."""


@dataclass(frozen=True, slots=True)
class Firm:
    """What an import tells of a company."""

    name: str
    """As people write it; empty: not told."""
    domain: str | None
    """Domain of its web site; None: not told."""

    @property
    def key(self) -> str:
        """What makes it one company; empty: nothing is told of it."""
        return (self.domain or self.name).strip().lower()


async def company_ids(connection: AsyncConnection, firms: Iterable[Firm], *, now: datetime) -> dict[str, CompanyId]:
    """Return the ids of companies by their keys; those that are new are written down."""
    by_key = {firm.key: firm for firm in reversed([*firms]) if firm.key}
    found = await _company_ids(connection, by_key)
    new = [
        {"company_id": str(uuid7()), "key": key, "name": firm.name or key, "domain": firm.domain, "created_at": now}
        for key, firm in sorted(by_key.items())  # In one order, so that two imports do not wait for each other.
        if key not in found
    ]
    if new:
        await insert_many(connection, CompanyRow, new)
        found |= await _company_ids(connection, [row["key"] for row in new])
    return found


async def _company_ids(connection: AsyncConnection, keys: Iterable[Any]) -> dict[str, CompanyId]:
    statement = select(CompanyRow.key, CompanyRow.company_id).where(CompanyRow.key.in_([*keys]))
    return {key: CompanyId(company_id) for key, company_id in await connection.execute(statement)}


async def company(connection: AsyncConnection, company_id: CompanyId) -> CompanyRow | None:
    """Return a company; None: it is not known."""
    return await first(connection, CompanyRow, select(CompanyRow).where(CompanyRow.company_id == company_id))


async def add_contact(connection: AsyncConnection, values: Mapping[str, Any], *, now: datetime) -> ContactId | None:
    """Write down a new person.

    Args:
        connection: Of a writing transaction.
        values: Columns of `ContactRow`, without id and times.
        now: The present.

    Returns:
        The id; None: the address is known already, and nothing was changed.
    """
    contact_id = ContactId(str(uuid7()))
    row = {"contact_id": contact_id, "created_at": now, "updated_at": now, **values}
    return contact_id if await insert_new(connection, ContactRow, row) else None


async def add_contacts(connection: AsyncConnection, people: Iterable[Mapping[str, Any]], *, now: datetime) -> None:
    """Write down people as `add_contact` does; those whose addresses are known already stay as they are."""
    rows = [{"contact_id": str(uuid7()), "created_at": now, "updated_at": now, **values} for values in people]
    await insert_many(connection, ContactRow, sorted(rows, key=lambda row: row["email_hash"]))


async def contact_ids(connection: AsyncConnection, email_hashes: Iterable[str]) -> dict[str, ContactId]:
    """Return, by the digests of their addresses, the people that are known."""
    statement = select(ContactRow.email_hash, ContactRow.contact_id).where(ContactRow.email_hash.in_([*email_hashes]))
    return {digest: ContactId(contact_id) for digest, contact_id in await connection.execute(statement)}


async def contact(connection: AsyncConnection, contact_id: ContactId) -> ContactRow | None:
    """Return a person; None: not known, or forgotten."""
    return await first(connection, ContactRow, select(ContactRow).where(ContactRow.contact_id == contact_id))


async def contact_by_hash(connection: AsyncConnection, email_hash: str) -> ContactRow | None:
    """Return the person of an address; None: not known."""
    return await first(connection, ContactRow, select(ContactRow).where(ContactRow.email_hash == email_hash))


async def locked_contact(connection: AsyncConnection, email_hash: str) -> ContactRow | None:
    """Return the person of an address, whom no other transaction can lock until this one ends; None: not known."""
    # As an update of no key: rows that refer to the person can be written meanwhile, and do not wait in a circle.
    statement = select(ContactRow).where(ContactRow.email_hash == email_hash).with_for_update(key_share=True)
    return await first(connection, ContactRow, statement)


async def contacts(connection: AsyncConnection, *, limit: int, after: ContactId | None = None) -> list[ContactRow]:
    """Return people in the order in which they were added, from behind one of them on."""
    statement = select(ContactRow).order_by(ContactRow.contact_id).limit(limit)
    if after is not None:
        statement = statement.where(ContactRow.contact_id > after)
    return await every(connection, ContactRow, statement)


async def erase_contact(connection: AsyncConnection, contact_id: ContactId) -> bool:
    """Erase a person with every enrollment, touch, approval and inbound message; suppressions stay, as digests."""
    return (await connection.execute(delete(ContactRow).where(ContactRow.contact_id == contact_id))).rowcount == 1
