"""Take messages to endpoints out of the outbox, try each, and write how the try ended.

A message that nobody took is dead: `doctor` tells of it, and a person lets it be tried again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic

import structlog
from pydantic import SecretStr
from standardwebhooks import Webhook

from agentic_sales.campaigns.mailboxes.secret_places import secret_at
from agentic_sales.outbound.signed_posts import AT_ONCE, GONE_FOR_GOOD, ROUND_S, refusal_of, signed_headers
from agentic_sales.runs.webhooks import MOST_ATTEMPTS, pause_s
from agentic_sales.store.database import Database
from agentic_sales.store.webhooks import (
    DEAD,
    DELIVERED,
    WebhookEndpointRow,
    WebhookMessageRow,
    claim_messages,
    end_try,
    endpoints,
    forget_delivered,
    is_any_due,
)
from agentic_sales.wire import to_wire

LEASE = timedelta(seconds=30)
"""Lease of a try. It is longer than any try takes."""
KEPT = timedelta(days=7)
"""How long a delivered message is kept, to be looked at."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SignedCall:
    """One request to a receiver."""

    url: str
    body: bytes
    headers: Mapping[str, str]


Post = Callable[[SignedCall], Awaitable[int | str]]
"""Makes a request. Returns the status of the answer, or why there was none."""


async def deliver_outbox(database: Database, post: Post, *, fleet_secret: SecretStr | None) -> int:
    """Try every message that is due. Return the number of tries.

    Args:
        database: Where the outbox is.
        post: Makes the requests.
        fleet_secret: Signs for endpoints without a secret of their own.
    """
    tries, until_s = 0, monotonic() + ROUND_S
    while monotonic() < until_s:
        now = datetime.now(UTC)
        async with database.reading() as connection:  # Mostly nothing is due, and nobody has to wait for that.
            if not await is_any_due(connection, now=now):
                return tries
        async with database.writing() as connection:
            claimed = await claim_messages(connection, now=now, lease_until_at=now + LEASE, limit=AT_ONCE)
            known = {row.endpoint_id: row for row in await endpoints(connection)} if claimed else {}
            await forget_delivered(connection, now=now)
        if not claimed:
            return tries
        await asyncio.gather(*(_try(database, post, row, known.get(row.endpoint_id), fleet_secret) for row in claimed))
        tries += len(claimed)
    return tries


async def _try(
    database: Database,
    post: Post,
    row: WebhookMessageRow,
    receiver: WebhookEndpointRow | None,
    fleet_secret: SecretStr | None,
) -> None:
    answer = await _answer(post, row, receiver, fleet_secret)
    now = datetime.now(UTC)
    ids = {"event_id": row.event_id, "endpoint_id": row.endpoint_id, "attempt": row.attempts}
    why = refusal_of(answer) if isinstance(answer, int) else answer[:500]
    if why is None:
        values = {"state": DELIVERED, "error": "", "due_at": now + KEPT}
        log.info("event_delivered", **ids)
    elif row.attempts >= MOST_ATTEMPTS or why == GONE_FOR_GOOD:
        values = {"state": DEAD, "error": why}
        log.error("event_dead", **ids, reason=why)
    else:
        values = {"error": why, "due_at": now + timedelta(seconds=pause_s(row.attempts))}
        log.warning("event_put_off", **ids, reason=why)
    async with database.writing() as connection:
        await end_try(connection, row, values)


async def _answer(
    post: Post, row: WebhookMessageRow, receiver: WebhookEndpointRow | None, fleet_secret: SecretStr | None
) -> int | str:
    if receiver is None:
        return GONE_FOR_GOOD  # It was removed after the event.
    try:
        return await post(_call(row, receiver, await asyncio.to_thread(_signer, receiver, fleet_secret)))
    except ValueError as exc:
        return f"it cannot be signed: {exc}"
    except Exception as exc:  # One message that raises keeps back no other one.
        log.exception("event_raised", event_id=row.event_id)
        return f"{type(exc).__name__}: {exc}"


def _signer(receiver: WebhookEndpointRow, fleet_secret: SecretStr | None) -> Webhook:
    if receiver.secret:
        secret = secret_at(receiver.secret)
    elif fleet_secret is not None:
        secret = fleet_secret.get_secret_value()
    else:
        raise ValueError("AGENTIC_SALES_WEBHOOK_SECRET is not set in this process, and the endpoint has no secret")
    try:
        return Webhook(secret)
    except Exception as exc:  # The message could repeat the secret.
        raise ValueError("its secret is no `whsec_` and base64") from exc


def _call(row: WebhookMessageRow, receiver: WebhookEndpointRow, signer: Webhook) -> SignedCall:
    body = to_wire({"type": row.kind, "timestamp": row.happened_at.isoformat(), "data": row.data})
    return SignedCall(receiver.url, body, signed_headers(signer, row.event_id, body))
