"""Keep messages' outcomes until they become feedback on runs.

An outcome is kept in the transaction that notes it.
"""

from datetime import datetime

from sqlalchemy import ForeignKey, delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from agentic_sales.contracts import TouchId
from agentic_sales.store.columns import Table
from agentic_sales.store.statements import columns, every, insert_new


class OutcomeRow(Table):
    """One outcome of one message that is not told yet."""

    __tablename__ = "untold_outcomes"

    touch_id: Mapped[str] = mapped_column(ForeignKey("touches.touch_id", ondelete="CASCADE"), primary_key=True)
    """The message."""
    outcome: Mapped[str] = mapped_column(primary_key=True)
    """Outcome, such as `approved`, `interested` or `bounced`."""
    at: Mapped[datetime]
    """Time of the outcome."""


async def add_outcome(connection: AsyncConnection, touch_id: TouchId, outcome: str, *, now: datetime) -> None:
    """Keep an outcome until it is told. A repeated outcome is kept once with its last time."""
    await connection.execute(delete(OutcomeRow).where(OutcomeRow.touch_id == touch_id, OutcomeRow.outcome == outcome))
    await insert_new(connection, OutcomeRow, {"touch_id": touch_id, "outcome": outcome, "at": now})


async def is_any_untold(connection: AsyncConnection) -> bool:
    """Tell whether an untold outcome exists."""
    return (await connection.execute(select(OutcomeRow.touch_id).limit(1))).first() is not None


async def take_untold(connection: AsyncConnection, *, limit: int) -> list[OutcomeRow]:
    """Remove untold outcomes and return them, the oldest first. A rollback keeps them."""
    key = tuple_(OutcomeRow.touch_id, OutcomeRow.outcome)
    oldest = select(OutcomeRow.touch_id, OutcomeRow.outcome).order_by(OutcomeRow.at).limit(limit)
    statement = delete(OutcomeRow).where(key.in_(oldest)).returning(*columns(OutcomeRow))
    return sorted(await every(connection, OutcomeRow, statement), key=lambda row: row.at)
