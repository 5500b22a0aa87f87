"""Keep the one list of people to whom nothing is sent, across all campaigns.

It holds digests of normalized addresses, so that it outlives the person's own row: who asked to be forgotten must not
be written to by the next import.
"""

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from agentic_sales.contracts import StopReason
from agentic_sales.store.columns import Table
from agentic_sales.store.statements import every, insert_new


class SuppressionRow(Table):
    """One reason not to write to a person."""

    __tablename__ = "suppressions"

    email_hash: Mapped[str] = mapped_column(primary_key=True)
    """Digest of the normalized address."""
    reason: Mapped[str] = mapped_column(primary_key=True)
    """`replied`, `bounced`, `complained`, `unsubscribed`, `suppressed` or `stopped`."""
    source: Mapped[str]
    """Who or what said so: an event's id, a person's name."""
    at: Mapped[datetime]
    """When it was said first."""


async def suppress(
    connection: AsyncConnection, email_hash: str, reason: StopReason, *, source: str, now: datetime
) -> bool:
    """Put an address on the list; False: it was there for this reason already."""
    row = {"email_hash": email_hash, "reason": reason, "source": source, "at": now}
    return await insert_new(connection, SuppressionRow, row)


async def suppressions_of(connection: AsyncConnection, email_hash: str) -> list[SuppressionRow]:
    """Return why nothing is sent to an address, the oldest reason first; empty: something may be."""
    statement = select(SuppressionRow).where(SuppressionRow.email_hash == email_hash).order_by(SuppressionRow.at)
    return await every(connection, SuppressionRow, statement)


async def suppressions(connection: AsyncConnection, *, limit: int = 100, offset: int = 0) -> list[SuppressionRow]:
    """Return the list, the newest first."""
    statement = select(SuppressionRow).order_by(SuppressionRow.at.desc(), SuppressionRow.email_hash)
    return await every(connection, SuppressionRow, statement.limit(limit).offset(offset))


async def anonymize(connection: AsyncConnection, email_hash: str, *, source: str) -> None:
    """Replace who or what said so on every entry of an address: an event's id may tell whom it is about."""
    await connection.execute(
        update(SuppressionRow).where(SuppressionRow.email_hash == email_hash).values(source=source)
    )


async def lift(connection: AsyncConnection, email_hash: str, reason: StopReason) -> bool:
    """Take one reason off the list; False: it was not on it."""
    statement = delete(SuppressionRow).where(SuppressionRow.email_hash == email_hash, SuppressionRow.reason == reason)
    return (await connection.execute(statement)).rowcount == 1
