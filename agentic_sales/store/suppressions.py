"""Keep the suppression list over all campaigns. Nothing is sent to its people.

It holds digests of normalized addresses, so that it outlives a person's own row. The next import must not write to a
person that asked to be forgotten.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Index, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils import uuid7

from agentic_sales.contracts import StopReason
from agentic_sales.store.columns import Table
from agentic_sales.store.statements import columns, every, first, insert_many, insert_new, narrowed


class SuppressionRow(Table):
    """One reason not to write to a person."""

    __tablename__ = "suppressions"

    email_hash: Mapped[str] = mapped_column(primary_key=True)
    """Digest of the normalized address."""
    reason: Mapped[str] = mapped_column(primary_key=True)
    """`replied`, `bounced`, `complained`, `unsubscribed`, `suppressed` or `stopped`."""
    source: Mapped[str]
    """Source of the reason, such as an event's id or a person's name."""
    at: Mapped[datetime]
    """Time of the first report."""


class LiftRow(Table):
    """One entry that a person took off the list."""

    __tablename__ = "lifted_suppressions"
    __table_args__ = (Index(None, "email_hash"), Index(None, "lifted_at"))

    lift_id: Mapped[str] = mapped_column(primary_key=True)
    """Its id."""
    email_hash: Mapped[str]
    """Digest of the normalized address."""
    reason: Mapped[str]
    """Reason of the lifted entry."""
    source: Mapped[str]
    """Source of the lifted entry."""
    suppressed_at: Mapped[datetime]
    """Start of the suppression."""
    lifted_by: Mapped[str]
    """Person that took it off."""
    why: Mapped[str]
    """Reason in words."""
    lifted_at: Mapped[datetime]
    """Time of the lift."""


async def suppress(
    connection: AsyncConnection, email_hash: str, reason: StopReason, *, source: str, now: datetime
) -> bool:
    """Put an address on the list. False if it was there for this reason already."""
    row = {"email_hash": email_hash, "reason": reason, "source": source, "at": now}
    return await insert_new(connection, SuppressionRow, row)


async def suppress_many(
    connection: AsyncConnection, reasons: Mapping[str, StopReason], *, sources: Mapping[str, str], now: datetime
) -> None:
    """Put addresses on the list by their digests. Entries with the same reason stay unchanged."""
    rows = [
        {"email_hash": digest, "reason": reason, "source": sources[digest], "at": now}
        for digest, reason in sorted(reasons.items())
    ]
    await insert_many(connection, SuppressionRow, rows)


async def reasons_of(connection: AsyncConnection, email_hashes: Iterable[str]) -> dict[str, str]:
    """Return the oldest reason of each suppressed address by its digest."""
    statement = select(SuppressionRow.email_hash, SuppressionRow.reason).where(
        SuppressionRow.email_hash.in_([*email_hashes])
    )
    newest_first = statement.order_by(SuppressionRow.at.desc(), SuppressionRow.reason.desc())
    return {digest: reason for digest, reason in await connection.execute(newest_first)}  # noqa: C416 - a row is no tuple of two to mypy


async def suppressions_of(connection: AsyncConnection, email_hash: str) -> list[SuppressionRow]:
    """Return the reasons against sending to an address, the oldest first. Empty if sending is allowed."""
    statement = select(SuppressionRow).where(SuppressionRow.email_hash == email_hash)
    return await every(connection, SuppressionRow, statement.order_by(SuppressionRow.at, SuppressionRow.reason))


async def suppressions(
    connection: AsyncConnection,
    *,
    reason: StopReason | None = None,
    source: str | None = None,
    email_hash: str | None = None,
    limit: int = 100,
    offset: int = 0,
) -> list[SuppressionRow]:
    """Return the list, the newest first. The arguments narrow it."""
    order = SuppressionRow.at.desc(), SuppressionRow.email_hash, SuppressionRow.reason
    statement = select(SuppressionRow).order_by(*order).limit(limit).offset(offset)
    given = {SuppressionRow.reason: reason, SuppressionRow.source: source, SuppressionRow.email_hash: email_hash}
    return await every(connection, SuppressionRow, narrowed(statement, given))


async def anonymize(connection: AsyncConnection, email_hash: str, *, source: str) -> None:
    """Replace the source of every entry of an address, also of lifted ones. A source may name the person."""
    told = {"source": source}
    await connection.execute(update(SuppressionRow).where(SuppressionRow.email_hash == email_hash).values(told))
    lifted = update(LiftRow).where(LiftRow.email_hash == email_hash)
    await connection.execute(lifted.values({**told, "lifted_by": source, "why": source}))


async def lift(
    connection: AsyncConnection, suppression: SuppressionRow, *, by: str, why: str, now: datetime
) -> LiftRow | None:
    """Take an entry off the list and keep its lift. None if the entry is no longer there."""
    is_it = SuppressionRow.email_hash == suppression.email_hash, SuppressionRow.reason == suppression.reason
    gone = await first(
        connection, SuppressionRow, delete(SuppressionRow).where(*is_it).returning(*columns(SuppressionRow))
    )
    if gone is None:
        return None
    row = {"email_hash": gone.email_hash, "reason": gone.reason, "source": gone.source, "suppressed_at": gone.at}
    values = {**row, "lift_id": str(uuid7()), "lifted_by": by, "why": why, "lifted_at": now}
    await connection.execute(insert(LiftRow).values(values))
    return LiftRow(**values)


async def lifts(
    connection: AsyncConnection, *, email_hash: str | None = None, limit: int = 100, offset: int = 0
) -> list[LiftRow]:
    """Return the lifted entries, the newest first. `email_hash` keeps those of one address."""
    statement = select(LiftRow).order_by(LiftRow.lifted_at.desc(), LiftRow.lift_id).limit(limit).offset(offset)
    return await every(connection, LiftRow, narrowed(statement, {LiftRow.email_hash: email_hash}))
