"""Write what happens in campaigns into the outbox of the endpoints, in the transaction in which it happens.

An event holds ids, classes and moments. It holds no words of a mail, no name and no address: a receiver that may know
them asks for them by their ids, with its key.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Literal, get_args

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.store.inbound import InboundRow
from agentic_sales.store.touches import TouchRow
from agentic_sales.store.webhooks import WebhookEndpointRow, add_message, endpoints

CampaignEvent = Literal[
    "approval.due",
    "message.sent",
    "message.bounced",
    "reply.classified",
    "person.opted_out",
    "campaign.paused",
    "campaign.ended",
]
EVENTS: tuple[str, ...] = get_args(CampaignEvent)
TEST = "endpoint.test"
"""Kind of the event by which a person tries an endpoint."""
_ID_CHARS = 32


async def announce(
    connection: AsyncConnection, kind: CampaignEvent, key: str, data: Mapping[str, Any], *, now: datetime
) -> None:
    """Write an event for every endpoint that is told of its kind. The same event is written once.

    Args:
        connection: Of the writing transaction in which it happens.
        kind: Kind of the event.
        key: What makes it one event of its kind, such as the id of a message.
        data: Ids, classes and moments in ISO 8601.
        now: When it happens.
    """
    for found in await endpoints(connection):
        if not found.events or kind in found.events:
            await write_event(connection, found, kind, key, data, now=now)


async def write_event(
    connection: AsyncConnection,
    found: WebhookEndpointRow,
    kind: str,
    key: str,
    data: Mapping[str, Any],
    *,
    now: datetime,
) -> str:
    """Write an event for one endpoint. Return the id of the event."""
    digest = sha256(f"{kind}\0{key}".encode()).hexdigest()
    event_id = f"evt_{digest[:_ID_CHARS]}"
    values = {"event_id": event_id, "endpoint_id": found.endpoint_id, "kind": kind, "data": dict(data)}
    # The back-off of deliveries is of real time, also where a rehearsal tells the time of campaigns.
    await add_message(connection, {**values, "happened_at": now, "due_at": datetime.now(UTC)})
    return event_id


async def announce_sent(connection: AsyncConnection, row: TouchRow, *, now: datetime) -> None:
    """Write that a message was sent. It is written once, also if a person or an answer proves it."""
    sent_at = {"sent_at": (row.sent_at or now).isoformat()}
    await announce(connection, "message.sent", row.touch_id, {**of_touch(row), **sent_at}, now=now)


async def announce_bounced(connection: AsyncConnection, row: TouchRow, *, now: datetime) -> None:
    """Write that a message came back. It is written once, however many servers say so."""
    await announce(connection, "message.bounced", row.touch_id, of_touch(row), now=now)


async def announce_ended(connection: AsyncConnection, campaign_id: str, state: str, *, now: datetime) -> None:
    """Write that a campaign has `finished` or was `stopped`. A finished one may go on with new people and end again."""
    data = {"campaign_id": campaign_id, "state": state}
    await announce(connection, "campaign.ended", f"{campaign_id}:{state}:{now.isoformat()}", data, now=now)


def ids_of(reply: InboundRow, written: TouchRow | None) -> dict[str, Any]:
    """Return the ids of a reply and of the message that it answers."""
    ids = {"event_id": reply.event_id, "contact_id": reply.contact_id, "touch_id": reply.touch_id}
    return {**ids, **({} if written is None else of_touch(written))}


def of_touch(row: TouchRow) -> dict[str, Any]:
    """Return the ids of a message."""
    return {
        "campaign_id": row.campaign_id,
        "contact_id": row.contact_id,
        "touch_id": row.touch_id,
        "step": row.step,
        "mailbox_id": row.mailbox_id,
    }
