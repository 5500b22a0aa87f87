"""Keep contacts: the people that campaigns may write to. Each person has one row."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils import uuid7

from agentic_sales.contracts import CompanyId, ContactId
from agentic_sales.store.columns import Table
from agentic_sales.store.statements import every, first, insert_many, insert_new


class ContactRow(Table):
    """One person that campaigns may write to."""

    __tablename__ = "contacts"
    __table_args__ = (Index(None, "company_id"),)

    contact_id: Mapped[str] = mapped_column(primary_key=True)
    """The person's id."""
    email: Mapped[str]
    """Address as given."""
    email_hash: Mapped[str] = mapped_column(unique=True)
    """Digest of the normalized address. One person has one row."""
    first_name: Mapped[str] = mapped_column(default="")
    """Empty if unknown."""
    last_name: Mapped[str] = mapped_column(default="")
    """Empty if unknown."""
    position: Mapped[str] = mapped_column(default="")
    """Job title. Empty if unknown."""
    company_id: Mapped[str | None] = mapped_column(ForeignKey("companies.company_id", ondelete="SET NULL"))
    """Employer, or None."""
    time_zone: Mapped[str | None] = mapped_column(default=None)
    """IANA name such as `Europe/Berlin`, or None."""
    consent_basis: Mapped[str]
    """`consent`, `contract` or `legitimate_interest`."""
    consent_source: Mapped[str]
    """Source of the basis in words that the person may read."""
    consent_at: Mapped[datetime]
    """Time of the record of the basis."""
    fields: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Further fields of the import. Templates and conditions read them."""
    created_at: Mapped[datetime]
    """Time of the person's first row."""
    updated_at: Mapped[datetime]
    """When the row changed last."""


async def add_contact(connection: AsyncConnection, values: Mapping[str, Any], *, now: datetime) -> ContactId | None:
    """Write a new person.

    Args:
        connection: Connection of a writing transaction.
        values: Columns of `ContactRow`, without id and times.
        now: The present.

    Returns:
        The id. None without any change if the address is known already.
    """
    contact_id = ContactId(str(uuid7()))
    row = {"contact_id": contact_id, "created_at": now, "updated_at": now, **values}
    return contact_id if await insert_new(connection, ContactRow, row) else None


async def add_contacts(
    connection: AsyncConnection, people: Iterable[Mapping[str, Any]], *, now: datetime
) -> frozenset[ContactId]:
    """Write people as `add_contact` does, and return the new ones. People with known addresses stay unchanged."""
    rows = [{"contact_id": str(uuid7()), "created_at": now, "updated_at": now, **values} for values in people]
    return frozenset(await insert_many(connection, ContactRow, sorted(rows, key=lambda row: row["email_hash"])))


async def contact_ids(connection: AsyncConnection, email_hashes: Iterable[str]) -> dict[str, ContactId]:
    """Return the known people by the digests of their addresses."""
    statement = select(ContactRow.email_hash, ContactRow.contact_id).where(ContactRow.email_hash.in_([*email_hashes]))
    return {digest: ContactId(contact_id) for digest, contact_id in await connection.execute(statement)}


async def contact(connection: AsyncConnection, contact_id: ContactId) -> ContactRow | None:
    """Return a person. None if unknown or forgotten."""
    return await first(connection, ContactRow, select(ContactRow).where(ContactRow.contact_id == contact_id))


async def contacts_of(connection: AsyncConnection, ids: Collection[str]) -> dict[str, ContactRow]:
    """Return people by their ids. Unknown ones are left out."""
    found = await every(connection, ContactRow, select(ContactRow).where(ContactRow.contact_id.in_(ids)))
    return {row.contact_id: row for row in found}


async def contact_by_hash(connection: AsyncConnection, email_hash: str) -> ContactRow | None:
    """Return the person of an address, or None."""
    return await first(connection, ContactRow, select(ContactRow).where(ContactRow.email_hash == email_hash))


async def locked_contact(connection: AsyncConnection, email_hash: str) -> ContactRow | None:
    """Return the person of an address, or None. No other transaction can lock the person until this one ends."""
    # The lock spares the key. Rows that refer to the person can be written meanwhile. So no circle of waits can form.
    statement = select(ContactRow).where(ContactRow.email_hash == email_hash).with_for_update(key_share=True)
    return await first(connection, ContactRow, statement)


async def contacts(connection: AsyncConnection, *, limit: int, after: ContactId | None = None) -> list[ContactRow]:
    """Return people in the order of their rows, starting behind one of them."""
    statement = select(ContactRow).order_by(ContactRow.contact_id).limit(limit)
    if after is not None:
        statement = statement.where(ContactRow.contact_id > after)
    return await every(connection, ContactRow, statement)


async def contacts_of_company(connection: AsyncConnection, company_id: CompanyId, *, limit: int) -> list[ContactRow]:
    """Return the contacts of a company, the oldest first."""
    mine = select(ContactRow).where(ContactRow.company_id == company_id)
    return await every(connection, ContactRow, mine.order_by(ContactRow.contact_id).limit(limit))


async def count_contacts(connection: AsyncConnection, company_id: CompanyId) -> int:
    """Count the contacts of a company."""
    statement = select(func.count()).select_from(ContactRow).where(ContactRow.company_id == company_id)
    return int((await connection.execute(statement)).scalar_one())


async def erase_contact(connection: AsyncConnection, contact_id: ContactId) -> bool:
    """Erase a person with every enrollment, touch, approval and inbound message. Suppressions stay as digests."""
    return (await connection.execute(delete(ContactRow).where(ContactRow.contact_id == contact_id))).rowcount == 1
