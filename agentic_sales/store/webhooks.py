"""Keep the endpoints that are told of campaigns' events, and the outbox of what each of them is still to be told.

A message is written in the transaction of its event. So a crash at any moment loses none. Each try has a lease: another
worker makes it again when its worker dies. So an endpoint can be told twice, and it knows a message by its event's id.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, Index, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from agentic_sales.contracts import ContactId
from agentic_sales.store.columns import Table
from agentic_sales.store.statements import columns, every, first, insert_new, narrowed

PENDING, DELIVERED, DEAD = "pending", "delivered", "dead"


class WebhookEndpointRow(Table):
    """One URL that is told of campaigns' events."""

    __tablename__ = "webhook_endpoints"

    endpoint_id: Mapped[str] = mapped_column(primary_key=True)
    """Its id, which a person chose."""
    url: Mapped[str]
    """Address of the receiver."""
    events: Mapped[list[str]] = mapped_column(JSON)
    """Kinds of event that it is told of. Empty for all of them."""
    secret: Mapped[str] = mapped_column(default="")
    """Place of its signing secret, `env:NAME` or `file:/path`. Empty for that of the fleet. It is never the secret."""
    created_at: Mapped[datetime]
    """When it was added."""


class WebhookMessageRow(Table):
    """One event that one endpoint is told of."""

    __tablename__ = "webhook_messages"
    __table_args__ = (Index(None, "state", "due_at"), Index(None, "endpoint_id"))

    message_key: Mapped[str] = mapped_column(primary_key=True)
    """Id of the event and of the endpoint. The same event is told to an endpoint under one id, however often."""
    event_id: Mapped[str]
    """Id of the event, the `webhook-id` of every try."""
    endpoint_id: Mapped[str]
    """The endpoint. No foreign key: the removal of an endpoint must hold back no event."""
    kind: Mapped[str]
    """Kind of the event."""
    data: Mapped[dict[str, Any]]
    """Ids and classes of the event. No words of a mail."""
    happened_at: Mapped[datetime]
    """Time of the event."""
    state: Mapped[str] = mapped_column(default=PENDING)
    """`pending`, `delivered` or `dead`."""
    attempts: Mapped[int] = mapped_column(default=0)
    """Tries so far."""
    due_at: Mapped[datetime]
    """Time of the next try. Of a delivered one: when it is forgotten."""
    error: Mapped[str] = mapped_column(default="")
    """Why the last try failed."""


async def add_endpoint(connection: AsyncConnection, values: Mapping[str, Any]) -> bool:
    """Write a new endpoint. False if its id is taken."""
    return await insert_new(connection, WebhookEndpointRow, values)


async def endpoint(connection: AsyncConnection, endpoint_id: str) -> WebhookEndpointRow | None:
    """Return an endpoint or None."""
    statement = select(WebhookEndpointRow).where(WebhookEndpointRow.endpoint_id == endpoint_id)
    return await first(connection, WebhookEndpointRow, statement)


async def endpoints(connection: AsyncConnection) -> list[WebhookEndpointRow]:
    """Return every endpoint in the order of ids."""
    statement = select(WebhookEndpointRow).order_by(WebhookEndpointRow.endpoint_id)
    return await every(connection, WebhookEndpointRow, statement)


async def remove_endpoint(connection: AsyncConnection, endpoint_id: str) -> bool:
    """Remove an endpoint and all that it was to be told. False if it is unknown."""
    await connection.execute(delete(WebhookMessageRow).where(WebhookMessageRow.endpoint_id == endpoint_id))
    gone = delete(WebhookEndpointRow).where(WebhookEndpointRow.endpoint_id == endpoint_id)
    return (await connection.execute(gone)).rowcount == 1


async def add_message(connection: AsyncConnection, values: Mapping[str, Any]) -> bool:
    """Write a message for an endpoint. False if it was written before.

    Args:
        connection: Of the transaction of the event.
        values: Columns of `WebhookMessageRow` without the key.
    """
    key = f"{values['event_id']}.{values['endpoint_id']}"
    return await insert_new(connection, WebhookMessageRow, {**values, "message_key": key})


async def message(connection: AsyncConnection, message_key: str) -> WebhookMessageRow | None:
    """Return a message or None."""
    statement = select(WebhookMessageRow).where(WebhookMessageRow.message_key == message_key)
    return await first(connection, WebhookMessageRow, statement)


async def messages(
    connection: AsyncConnection,
    *,
    endpoint_id: str | None = None,
    state: str | None = None,
    limit: int = 100,
    offset: int = 0,
) -> list[WebhookMessageRow]:
    """Return messages, the newest event first."""
    order = WebhookMessageRow.happened_at.desc(), WebhookMessageRow.message_key
    wanted = {WebhookMessageRow.endpoint_id: endpoint_id, WebhookMessageRow.state: state}
    statement = narrowed(select(WebhookMessageRow).order_by(*order), wanted)
    return await every(connection, WebhookMessageRow, statement.limit(limit).offset(offset))


async def messages_about(connection: AsyncConnection, contact_id: ContactId) -> list[WebhookMessageRow]:
    """Return the messages whose event is about a person, the oldest event first."""
    order = WebhookMessageRow.happened_at, WebhookMessageRow.message_key
    return await every(
        connection, WebhookMessageRow, select(WebhookMessageRow).where(_about(contact_id)).order_by(*order)
    )


async def erase_messages_about(connection: AsyncConnection, contact_id: ContactId) -> int:
    """Erase the messages whose event is about a person, whether they were delivered or not. Return their number."""
    return (await connection.execute(delete(WebhookMessageRow).where(_about(contact_id)))).rowcount


def _about(contact_id: ContactId) -> ColumnElement[bool]:
    is_about: ColumnElement[bool] = WebhookMessageRow.data["contact_id"].as_string() == contact_id
    return is_about


async def message_counts(connection: AsyncConnection) -> dict[tuple[str, str], int]:
    """Count messages by endpoint and state."""
    by = (WebhookMessageRow.endpoint_id, WebhookMessageRow.state)
    rows = await connection.execute(select(*by, func.count()).group_by(*by))
    return {(endpoint_id, state): count for endpoint_id, state, count in rows}


async def is_any_due(connection: AsyncConnection, *, now: datetime) -> bool:
    """Tell whether a message is due to be tried, or a delivered one to be forgotten."""
    due = select(WebhookMessageRow.message_key).where(
        WebhookMessageRow.state.in_((PENDING, DELIVERED)), WebhookMessageRow.due_at <= now
    )
    return (await connection.execute(due.limit(1))).first() is not None


async def claim_messages(
    connection: AsyncConnection, *, now: datetime, lease_until_at: datetime, limit: int
) -> list[WebhookMessageRow]:
    """Claim messages that are due, each for one try. Until its lease ends, nobody else claims it."""
    due = (
        select(WebhookMessageRow.message_key)
        .where(WebhookMessageRow.state == PENDING, WebhookMessageRow.due_at <= now)
        .order_by(WebhookMessageRow.due_at, WebhookMessageRow.message_key)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    keys = (await connection.execute(due)).scalars().all()
    if not keys:
        return []
    statement = (
        update(WebhookMessageRow)
        .where(WebhookMessageRow.message_key.in_(keys))
        .values(attempts=WebhookMessageRow.attempts + 1, due_at=lease_until_at)
        .returning(*columns(WebhookMessageRow))
    )
    return await every(connection, WebhookMessageRow, statement)


async def end_try(connection: AsyncConnection, tried: WebhookMessageRow, values: Mapping[str, Any]) -> bool:
    """Write how a try ended. False without any change if another try has begun since, or the message is gone."""
    statement = update(WebhookMessageRow).where(
        WebhookMessageRow.message_key == tried.message_key,
        WebhookMessageRow.state == PENDING,
        WebhookMessageRow.attempts == tried.attempts,
    )
    return (await connection.execute(statement.values(**values))).rowcount == 1


async def revive_messages(connection: AsyncConnection, *, endpoint_id: str, event_id: str | None, now: datetime) -> int:
    """Let dead messages of an endpoint be tried again from the first back-off on. Return how many."""
    statement = update(WebhookMessageRow).where(
        WebhookMessageRow.endpoint_id == endpoint_id, WebhookMessageRow.state == DEAD
    )
    if event_id is not None:
        statement = statement.where(WebhookMessageRow.event_id == event_id)
    return (await connection.execute(statement.values(state=PENDING, attempts=0, due_at=now, error=""))).rowcount


async def forget_delivered(connection: AsyncConnection, *, now: datetime) -> None:
    """Forget the delivered messages after their time."""
    old = (WebhookMessageRow.state == DELIVERED, WebhookMessageRow.due_at <= now)
    await connection.execute(delete(WebhookMessageRow).where(*old))
