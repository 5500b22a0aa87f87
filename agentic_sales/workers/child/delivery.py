"""Tell webhooks of the ends of runs, from a worker child: signed, to checked addresses alone, no redirect followed.

A success of the receiver ends the delivery, and so does 410 (gone for good). Every other answer is tried again, for
hours. The body of an answer is not read.
"""

import asyncio
from datetime import UTC, datetime
from time import monotonic

import structlog
from pydantic import SecretStr
from standardwebhooks import Webhook

from agentic_sales.errors import FetchRefused, ProviderUnavailable
from agentic_sales.outbound.addresses import AddressGuard
from agentic_sales.outbound.connections import Budget, Connections
from agentic_sales.runs import callbacks
from agentic_sales.runs.descriptions import described, moment
from agentic_sales.runs.ledger import Ledger
from agentic_sales.runs.webhooks import MOST_ATTEMPTS, WebhookDelivery, Webhooks
from agentic_sales.settings import Settings
from agentic_sales.wire import to_wire

log = structlog.get_logger()

AT_ONCE = 20
"""Deliveries that one child makes at the same time."""
TIMEOUT_S = 10.0
"""How long a receiver may take."""
ROUND_S = 20.0
"""After so long no further delivery is begun; the next round makes it."""
_GONE = 410


async def deliver_due(ledger: Ledger, configuration: Settings) -> int:
    """Make every delivery that is due; return how many tries that took."""
    if configuration.webhook_secret is None:
        return 0
    guard = AddressGuard(configuration.allow_private_hosts)
    webhooks, connections = Webhooks(ledger, ttl_s=configuration.run_ttl_s), Connections(guard)
    teller = _Teller(guard, connections, webhooks, configuration.webhook_secret)
    tries, until_s = 0, monotonic() + ROUND_S
    try:
        while monotonic() < until_s and (deliveries := await webhooks.claim(AT_ONCE)):
            await asyncio.gather(*map(teller.deliver, deliveries))
            tries += len(deliveries)
    finally:
        await connections.aclose()
    return tries


class _Teller:
    def __init__(self, guard: AddressGuard, connections: Connections, webhooks: Webhooks, secret: SecretStr) -> None:
        self._guard, self._connections, self._webhooks = guard, connections, webhooks
        self._signer, self._secret = Webhook(secret.get_secret_value()), secret

    async def deliver(self, delivery: WebhookDelivery) -> None:
        """Make one try, and note how it went."""
        reason = await self._problem(delivery)
        if reason is None:
            await self._webhooks.end(delivery, "delivered")
            log.info("webhook_delivered", run_id=delivery.record.run_id, attempt=delivery.attempt)
        elif delivery.attempt >= MOST_ATTEMPTS or reason == _answered(_GONE):
            await self._webhooks.end(delivery, "dead", reason)
            log.error("webhook_dead", run_id=delivery.record.run_id, attempt=delivery.attempt, reason=reason)
        else:
            await self._webhooks.put_off(delivery, reason)
            log.warning("webhook_put_off", run_id=delivery.record.run_id, attempt=delivery.attempt, reason=reason)

    async def _problem(self, delivery: WebhookDelivery) -> str | None:
        try:
            body = body_of(delivery)
            headers = {**delivery.trace.outbound(), **self._signed(delivery, body), "content-type": "application/json"}
            target = self._guard.target(delivery.url)
            status = await self._connections.tell(target, Budget(TIMEOUT_S), body, headers)
        except (FetchRefused, ProviderUnavailable) as exc:
            return str(exc)
        except Exception as exc:  # One delivery that raises keeps back no other one.
            log.exception("webhook_raised", run_id=delivery.record.run_id)
            return f"{type(exc).__name__}: {exc}"[:500]
        return None if 200 <= status < 300 else _answered(status)  # noqa: PLR2004 - the statuses of a success

    def _signed(self, delivery: WebhookDelivery, body: bytes) -> dict[str, str]:
        now, message_id = datetime.now(UTC), delivery.record.run_id
        callback = callbacks.is_callback(delivery.record.metadata)
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(message_id, now, body.decode()),
            **(callbacks.signed(self._secret.get_secret_value(), body) if callback else {}),
        }


def _answered(status: int) -> str:
    return f"the receiver answered {status}"


def body_of(delivery: WebhookDelivery) -> bytes:
    """Write the body of a webhook: the run as `GET /runs/{run_id}` describes it, and its outcome.

    A callback of an existing caller has a form of its own.
    """
    record, failure = delivery.record, delivery.failure
    if callbacks.is_callback(record.metadata):
        return callbacks.callback_body(record.metadata, delivery.values, failure)
    told = described(record).model_dump() | {
        "run_started_at": None if record.started_at_s is None else moment(record.started_at_s),
        "run_ended_at": None if record.ended_at_s is None else moment(record.ended_at_s),
        "webhook_sent_at": datetime.now(UTC).isoformat(),
        "values": delivery.values,
    }
    if failure is not None:
        told["error"] = {"error": failure.error, "message": failure.message}
    return to_wire(told)
