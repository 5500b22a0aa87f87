"""Keep what became of messages until it is told to who learns from it; written with the outcome, in one transaction."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ForeignKey, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from agentic_sales.contracts import TouchId
from agentic_sales.store.columns import Table
from agentic_sales.store.statements import every, insert_new


class OutcomeRow(Table):
    """One outcome of one message that was not told yet."""

    __tablename__ = "untold_outcomes"

    touch_id: Mapped[str] = mapped_column(ForeignKey("touches.touch_id", ondelete="CASCADE"), primary_key=True)
    """The message."""
    outcome: Mapped[str] = mapped_column(primary_key=True)
    """What became of it, such as `approved`, `interested` or `bounced`."""
    at: Mapped[datetime]
    """When."""


async def add_outcome(connection: AsyncConnection, touch_id: TouchId, outcome: str, *, now: datetime) -> None:
    """Keep an outcome until it is told; the same one twice is one."""
    await insert_new(connection, OutcomeRow, {"touch_id": touch_id, "outcome": outcome, "at": now})


async def untold(connection: AsyncConnection, *, limit: int) -> list[OutcomeRow]:
    """Return outcomes that were not told, the oldest first."""
    return await every(connection, OutcomeRow, select(OutcomeRow).order_by(OutcomeRow.at).limit(limit))


async def remove_told(connection: AsyncConnection, told: Iterable[OutcomeRow]) -> None:
    """Remove outcomes that were told."""
    for row in told:
        is_it = (OutcomeRow.touch_id == row.touch_id) & (OutcomeRow.outcome == row.outcome)
        await connection.execute(delete(OutcomeRow).where(is_it))
