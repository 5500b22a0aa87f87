"""Take events of mail providers, which carry a signature instead of a key; a forged one changes nothing."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.datastructures import Headers

from agentic_sales.campaigns.answers.events import record
from agentic_sales.campaigns.answers.received import received_content
from agentic_sales.campaigns.answers.resend_events import parse_resend, with_content
from agentic_sales.campaigns.visits import clock
from agentic_sales.errors import BadSignature
from agentic_sales.facade.state import FacadeState, state_of
from agentic_sales.settings import secrets_of

router = APIRouter(tags=["campaigns"])

RESEND = "resend"
_SIGNED = ("id", "timestamp", "signature")


@router.post("/webhooks/resend", summary="Take an event of Resend")
async def resend(request: Request) -> dict[str, str]:
    """Record a signed event; sent twice, it counts once. 401: not signed by Resend, or older than five minutes."""
    state = state_of(request)
    event = _verified(state, await request.body(), request.headers)
    now = clock.now()
    parsed = parse_resend(request.headers["svix-id"], event, received_at=_moment(event.get("created_at")) or now)
    if parsed is None:
        return {"status": "ignored"}
    if parsed.kind == "reply" and parsed.provider_id:
        parsed = with_content(parsed, await received_content(state.settings, parsed.provider_id))
    async with state.database.writing() as connection:
        return {"status": await record(connection, parsed, now=now)}


def _verified(state: FacadeState, body: bytes, headers: Headers) -> dict[str, Any]:
    """Return the event of a body that Resend signed.

    Raises:
        BadSignature: It did not, or no secret is configured.
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
