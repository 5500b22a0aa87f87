"""Keep the one list of people to whom nothing is sent, across all campaigns.

It holds digests of normalized addresses, so that it outlives the person's own row: who asked to be forgotten must not
be written to by the next import.
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
    """Who or what said so: an event's id, a person's name."""
    at: Mapped[datetime]
    """When it was said first."""


class LiftRow(Table):
    """One entry that somebody took off the list."""

    __tablename__ = "lifted_suppressions"
    __table_args__ = (Index(None, "email_hash"), Index(None, "lifted_at"))

    lift_id: Mapped[str] = mapped_column(primary_key=True)
    """Its id."""
    email_hash: Mapped[str]
    """Digest of the normalized address."""
    reason: Mapped[str]
    """Why nothing was sent."""
    source: Mapped[str]
    """Who or what had said so."""
    suppressed_at: Mapped[datetime]
    """Since when nothing was sent."""
    lifted_by: Mapped[str]
    """Who took it off."""
    why: Mapped[str]
    """Why, in words."""
    lifted_at: Mapped[datetime]
    """When."""


async def suppress(
    connection: AsyncConnection, email_hash: str, reason: StopReason, *, source: str, now: datetime
) -> bool:
    """Put an address on the list; False: it was there for this reason already."""
    row = {"email_hash": email_hash, "reason": reason, "source": source, "at": now}
    return await insert_new(connection, SuppressionRow, row)


async def suppress_many(
    connection: AsyncConnection, reasons: Mapping[str, StopReason], *, sources: Mapping[str, str], now: datetime
) -> None:
    """Put addresses on the list, each by its digest; those that are there for this reason already stay as they are."""
    rows = [
        {"email_hash": digest, "reason": reason, "source": sources[digest], "at": now}
        for digest, reason in sorted(reasons.items())
    ]
    await insert_many(connection, SuppressionRow, rows)


async def reasons_of(connection: AsyncConnection, email_hashes: Iterable[str]) -> dict[str, str]:
    """Return, by the digests of addresses that are on the list, the oldest reason of each."""
    statement = select(SuppressionRow.email_hash, SuppressionRow.reason).where(
        SuppressionRow.email_hash.in_([*email_hashes])
    )
    newest_first = statement.order_by(SuppressionRow.at.desc(), SuppressionRow.reason.desc())
    return {digest: reason for digest, reason in await connection.execute(newest_first)}  # noqa: C416 - a row is no tuple of two to mypy


async def suppressions_of(connection: AsyncConnection, email_hash: str) -> list[SuppressionRow]:
    """Return why nothing is sent to an address, the oldest reason first; empty: something may be."""
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
    """Return the list, the newest first; what is given narrows it down."""
    order = SuppressionRow.at.desc(), SuppressionRow.email_hash, SuppressionRow.reason
    statement = select(SuppressionRow).order_by(*order).limit(limit).offset(offset)
    given = {SuppressionRow.reason: reason, SuppressionRow.source: source, SuppressionRow.email_hash: email_hash}
    return await every(connection, SuppressionRow, narrowed(statement, given))


async def anonymize(connection: AsyncConnection, email_hash: str, *, source: str) -> None:
    """Replace who or what said so on every entry of an address, also on lifted ones: it may tell whom it is about."""
    told = {"source": source}
    await connection.execute(update(SuppressionRow).where(SuppressionRow.email_hash == email_hash).values(told))
    lifted = update(LiftRow).where(LiftRow.email_hash == email_hash)
    await connection.execute(lifted.values({**told, "lifted_by": source, "why": source}))


async def lift(
    connection: AsyncConnection, suppression: SuppressionRow, *, by: str, why: str, now: datetime
) -> LiftRow | None:
    """Take an entry off the list, and keep who did so; None: it is not on the list any more."""
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
    """Return what was taken off the list, the newest first; `email_hash` keeps that of one address."""
    statement = select(LiftRow).order_by(LiftRow.lifted_at.desc(), LiftRow.lift_id).limit(limit).offset(offset)
    return await every(connection, LiftRow, narrowed(statement, {LiftRow.email_hash: email_hash}))
