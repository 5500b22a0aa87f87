"""Carry out a person's commands on the endpoints that are told of campaigns' events."""

from collections.abc import Sequence
from datetime import datetime

from agentic_sales.campaigns.mailboxes.secret_places import check_place
from agentic_sales.campaigns.webhooks.events import EVENTS, TEST, write_event
from agentic_sales.errors import InvalidRequest, StateConflict, UnknownRecord
from agentic_sales.store.database import Database
from agentic_sales.store.statements import known
from agentic_sales.store.webhooks import (
    WebhookEndpointRow,
    add_endpoint,
    endpoint,
    endpoints,
    remove_endpoint,
    revive_messages,
)

MOST_ENDPOINTS = 50
"""Each of them costs every event a row."""


async def open_endpoint(
    database: Database, endpoint_id: str, *, url: str, events: Sequence[str], secret: str, now: datetime
) -> WebhookEndpointRow:
    """Add an endpoint. Its address was checked by the caller.

    Raises:
        InvalidRequest: A kind of event is none, or the place of the secret is none.
        StateConflict: Its id is taken, or there are too many.
    """
    if unknown := [name for name in events if name not in EVENTS]:
        raise InvalidRequest(f"events: `{unknown[0]}` is no event of a campaign; there are {', '.join(EVENTS)}")
    if secret:
        check_place(secret, "the secret of a webhook")
    chosen = list(dict.fromkeys(events))
    values = {"endpoint_id": endpoint_id, "url": url, "events": chosen, "secret": secret, "created_at": now}
    async with database.writing() as connection:
        if len(await endpoints(connection)) >= MOST_ENDPOINTS:
            raise StateConflict("webhook", endpoint_id, f"there are {MOST_ENDPOINTS} already, which is the most")
        if not await add_endpoint(connection, values):
            told = "there is one of this id already; `agentic-sales webhooks remove` takes it away"
            raise StateConflict("webhook", endpoint_id, told)
        return known(await endpoint(connection, endpoint_id), "webhook", endpoint_id)


async def try_endpoint(database: Database, endpoint_id: str, *, now: datetime) -> str:
    """Put a test event into the outbox of an endpoint. Return the id of the event.

    Raises:
        UnknownRecord: There is no such endpoint.
    """
    async with database.writing() as connection:
        found = known(await endpoint(connection, endpoint_id), "webhook", endpoint_id)
        key = f"{endpoint_id}:{now.isoformat()}"
        return await write_event(connection, found, TEST, key, {"endpoint_id": endpoint_id}, now=now)


async def close_endpoint(database: Database, endpoint_id: str) -> None:
    """Remove an endpoint. What it was still to be told is dropped.

    Raises:
        UnknownRecord: There is no such endpoint.
    """
    async with database.writing() as connection:
        if not await remove_endpoint(connection, endpoint_id):
            raise UnknownRecord("webhook", endpoint_id)


async def retry_dead(database: Database, endpoint_id: str, event_id: str | None, *, now: datetime) -> int:
    """Let the dead messages of an endpoint be tried again, or one of them. Return how many.

    Raises:
        UnknownRecord: There is no such endpoint.
        StateConflict: The event is not dead.
    """
    async with database.writing() as connection:
        known(await endpoint(connection, endpoint_id), "webhook", endpoint_id)
        revived = await revive_messages(connection, endpoint_id=endpoint_id, event_id=event_id, now=now)
        if event_id is not None and not revived:
            raise StateConflict("webhook message", event_id, "it is not among the dead ones of this endpoint")
        return revived
