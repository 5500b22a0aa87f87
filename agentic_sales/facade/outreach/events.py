"""Take events of mail providers. They carry a signature instead of a key. A forged event changes nothing."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.datastructures import Headers

from agentic_sales.campaigns.answers.events import record
from agentic_sales.campaigns.answers.resend_events import parse_resend
from agentic_sales.campaigns.answers.unreadable import keep_unreadable
from agentic_sales.campaigns.visits import clock
from agentic_sales.errors import BadSignature
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.callers import Calling
from agentic_sales.facade.state import Facade, FacadeState
from agentic_sales.settings import secrets_of
from agentic_sales.store.arrivals import add_arrival
from agentic_sales.store.faults import is_of_world
from agentic_sales.store.inbound import UNREADABLE, inbound
from agentic_sales.wire import to_wire

router = APIRouter(tags=["campaigns"], route_class=JsonRoute)

RESEND = "resend"
_SIGNED = ("id", "timestamp", "signature")


@router.post("/webhooks/resend", summary="Take an event of Resend")
async def resend(facade: Facade, caller: Calling) -> dict[str, str]:
    """Record a signed event. A repeated event counts once. A received mail is queued and a worker reads it.

    Answers 401 when Resend has not signed it or it is older than five minutes.
    """
    event = _verified(facade, caller.body, caller.headers)
    now = clock.now()
    parsed = parse_resend(caller.headers["svix-id"], event, received_at=_moment(event.get("created_at")) or now)
    if parsed is None:
        return {"status": "ignored"}
    if parsed.kind == "reply" and parsed.provider_id:
        return {"status": await _queue(facade, caller.headers["svix-id"], event, parsed.received_at)}
    try:
        async with facade.database.writing() as connection:
            return {"status": await record(connection, parsed, now=now)}
    except Exception as exc:
        if is_of_world(exc):
            raise
        return {"status": await _keep(facade, event, exc, parsed.received_at)}


async def _queue(state: FacadeState, event_id: str, event: dict[str, Any], received_at: datetime) -> str:
    """Leave the reading of a mail to a worker because a stranger wrote it."""
    async with state.database.writing() as connection:
        if await inbound(connection, f"{RESEND}:{event_id}") is not None:
            return "known"
        is_new = await add_arrival(connection, event_id, event, received_at=received_at, now=clock.now())
    return "queued" if is_new else "known"


async def _keep(state: FacadeState, event: dict[str, Any], exc: Exception, received_at: datetime) -> str:
    """Keep an event that raised for people. An error answer would bring it again for days."""
    async with state.database.writing() as connection:
        raw, now = to_wire(event), clock.now()
        await keep_unreadable(connection, raw, exc, source=RESEND, received_at=received_at, now=now)
    return UNREADABLE


def _verified(state: FacadeState, body: bytes, headers: Headers) -> dict[str, Any]:
    """Return the event of a body that Resend signed.

    Raises:
        BadSignature: Resend did not sign it or no secret is configured.
    """
    signed = {f"webhook-{name}": headers.get(f"svix-{name}", "") for name in _SIGNED}
    reason: object = "RESEND_WEBHOOK_SECRET is not set"
    for secret in secrets_of(state.settings.resend_webhook_secret):
        try:
            event = Webhook(secret).verify(body, signed)
        except (WebhookVerificationError, ValueError) as exc:  # ValueError: the signature is no base64, or no JSON.
            reason = exc
        else:
            return event if isinstance(event, dict) else {}
    raise BadSignature(RESEND, reason)


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
