"""Tell webhooks of the ends of runs, from a worker child."""

import asyncio
from datetime import UTC, datetime
from time import monotonic

import structlog
from pydantic import SecretStr
from standardwebhooks import Webhook

from agentic_sales.errors import FetchRefused, ProviderUnavailable
from agentic_sales.outbound.signed_posts import AT_ONCE, GONE_FOR_GOOD, ROUND_S, Receivers, refusal_of, signed_headers
from agentic_sales.runs import callbacks
from agentic_sales.runs.descriptions import described, moment
from agentic_sales.runs.ledger import Ledger
from agentic_sales.runs.webhooks import MOST_ATTEMPTS, WebhookDelivery, Webhooks
from agentic_sales.settings import Settings
from agentic_sales.wire import to_wire

log = structlog.get_logger()


async def deliver_due(ledger: Ledger, configuration: Settings) -> int:
    """Make every delivery that is due; return how many tries that took."""
    if configuration.webhook_secret is None:
        return 0
    webhooks, tries, until_s = Webhooks(ledger, ttl_s=configuration.run_ttl_s), 0, monotonic() + ROUND_S
    async with Receivers(configuration.allow_private_hosts) as receivers:
        teller = _Teller(receivers, webhooks, configuration.webhook_secret)
        while monotonic() < until_s and (deliveries := await webhooks.claim(AT_ONCE)):
            await asyncio.gather(*map(teller.deliver, deliveries))
            tries += len(deliveries)
    return tries


class _Teller:
    def __init__(self, receivers: Receivers, webhooks: Webhooks, secret: SecretStr) -> None:
        self._receivers, self._webhooks = receivers, webhooks
        self._signer, self._secret = Webhook(secret.get_secret_value()), secret

    async def deliver(self, delivery: WebhookDelivery) -> None:
        """Make one try, and note how it went."""
        reason = await self._problem(delivery)
        if reason is None:
            await self._webhooks.end(delivery, "delivered")
            log.info("webhook_delivered", run_id=delivery.record.run_id, attempt=delivery.attempt)
        elif delivery.attempt >= MOST_ATTEMPTS or reason == GONE_FOR_GOOD:
            await self._webhooks.end(delivery, "dead", reason)
            log.error("webhook_dead", run_id=delivery.record.run_id, attempt=delivery.attempt, reason=reason)
        else:
            await self._webhooks.put_off(delivery, reason)
            log.warning("webhook_put_off", run_id=delivery.record.run_id, attempt=delivery.attempt, reason=reason)

    async def _problem(self, delivery: WebhookDelivery) -> str | None:
        try:
            body = body_of(delivery)
            headers = {**delivery.trace.outbound(), **self._signed(delivery, body)}
            status = await self._receivers.post(delivery.url, body, headers)
        except (FetchRefused, ProviderUnavailable) as exc:
            return str(exc)
        except Exception as exc:  # One delivery that raises keeps back no other one.
            log.exception("webhook_raised", run_id=delivery.record.run_id)
            return f"{type(exc).__name__}: {exc}"[:500]
        return refusal_of(status)

    def _signed(self, delivery: WebhookDelivery, body: bytes) -> dict[str, str]:
        headers = signed_headers(self._signer, delivery.record.run_id, body)
        if callbacks.is_callback(delivery.record.metadata):
            headers |= callbacks.signed(self._secret.get_secret_value(), body)
        return headers


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
