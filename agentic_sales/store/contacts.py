"""Keep companies and the people in them, each person once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils import uuid7

from agentic_sales.contracts import CompanyId, ContactId
from agentic_sales.store.columns import Table
from agentic_sales.store.statements import every, first, insert_new


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


async def add_company(connection: AsyncConnection, *, name: str, domain: str | None, now: datetime) -> CompanyId:
    """Return the id of a company, which is written down if it is new."""
    key = (domain or name).strip().lower()
    values = {"company_id": str(uuid7()), "key": key, "name": name, "domain": domain, "created_at": now}
    await insert_new(connection, CompanyRow, values)
    found = await connection.execute(select(CompanyRow.company_id).where(CompanyRow.key == key))
    return CompanyId(found.scalar_one())


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
