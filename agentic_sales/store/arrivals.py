"""Keep providers' events until a worker has read them. The facade takes events but reads no mail itself."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from agentic_sales.store.columns import Table
from agentic_sales.store.statements import every, insert_new


class ArrivalRow(Table):
    """One event that waits to be read."""

    __tablename__ = "arrivals"
    __table_args__ = (Index(None, "due_at"),)

    event_id: Mapped[str] = mapped_column(primary_key=True)
    """The provider's id of the event."""
    event: Mapped[dict[str, Any]]
    """The event as the provider signed it."""
    tries: Mapped[int] = mapped_column(default=0)
    """Number of failed tries."""
    due_at: Mapped[datetime]
    """Time of the next try."""
    received_at: Mapped[datetime]
    """Time of the event by its provider's clock."""


async def add_arrival(
    connection: AsyncConnection, event_id: str, event: dict[str, Any], *, received_at: datetime, now: datetime
) -> bool:
    """Keep an event. False if it waits already."""
    row = {"event_id": event_id, "event": event, "due_at": now, "received_at": received_at}
    return await insert_new(connection, ArrivalRow, row)


async def due_arrivals(connection: AsyncConnection, *, now: datetime, limit: int) -> list[ArrivalRow]:
    """Return the due events, the longest waiting first."""
    statement = select(ArrivalRow).where(ArrivalRow.due_at <= now).order_by(ArrivalRow.due_at, ArrivalRow.event_id)
    return await every(connection, ArrivalRow, statement.limit(limit))


async def drop_arrival(connection: AsyncConnection, event_id: str) -> None:
    """Forget an event that was read or cannot be read."""
    await connection.execute(delete(ArrivalRow).where(ArrivalRow.event_id == event_id))


async def put_off_arrival(connection: AsyncConnection, event_id: str, *, tries: int, due_at: datetime) -> None:
    """Put off the next try of an event."""
    changed = update(ArrivalRow).where(ArrivalRow.event_id == event_id)
    await connection.execute(changed.values(tries=tries, due_at=due_at))
