"""Keep the webhook deliveries that are still due in a sorted set of ended runs. The score is the next try.

The script that ends a run puts it there in the same step. So a crash at any moment loses no delivery. Each try has a
lease. One of many workers makes it. Another worker makes it again when that one dies. So a receiver can be told twice.
It knows a delivery by the run's id.
"""

import random
from dataclasses import dataclass
from typing import Any

import structlog
from redis.asyncio import Redis

from agentic_sales.contracts import RunFailure, RunId
from agentic_sales.observability.tracing import TraceContext
from agentic_sales.runs import scripts
from agentic_sales.runs.ledger import Ledger, RunRecord, run_key
from agentic_sales.wire import from_wire

log = structlog.get_logger()

WEBHOOKS_KEY = "agentic:webhooks"
"""Sorted set of the runs with a due webhook. The score is the time of the try."""
TURN_KEY = "agentic:webhooks_turn"
"""There while a round of deliveries is under way."""
DELIVER_TASK = "webhooks.deliver"
"""The task that makes a round."""
LEASE_S = 30.0
"""Lease of a try. It is longer than any try takes."""
MOST_ATTEMPTS = 10
"""Tries of one delivery over fifteen hours. After them it is dead."""
FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 21_600.0


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """One try to tell a webhook of a run's end."""

    record: RunRecord
    """The run."""
    url: str
    """Address of the receiver."""
    attempt: int
    """Which try this is, from 1."""
    trace: TraceContext
    """Trace of the run."""
    values: dict[str, Any] | None
    """Its final state. None unless it succeeded."""
    failure: RunFailure | None
    """Reason of its failure. None when it succeeded."""


class Webhooks:
    """The deliveries that are due, for one event loop."""

    def __init__(self, ledger: Ledger, *, ttl_s: int) -> None:
        self._ledger, self._ttl_s = ledger, ttl_s
        self._claim = ledger.line.script(scripts.CLAIM_WEBHOOKS)
        self._put_off = ledger.line.script(scripts.PUT_OFF_WEBHOOK)

    @property
    def _redis(self) -> Redis:
        return self._ledger.redis

    async def claim(self, most: int) -> list[WebhookDelivery]:
        """Claim deliveries that are due. Each claim is one try."""
        async with self._ledger.in_time():
            raw: list[bytes] = await self._claim(keys=[WEBHOOKS_KEY], args=[f"{LEASE_S:g}", most])
        found = [await self._readable(RunId(run_id.decode())) for run_id in raw]
        return [delivery for delivery in found if delivery is not None]

    async def end(self, delivery: WebhookDelivery, status: str, error: str = "") -> None:
        """End the deliveries of a run. Its webhook was `delivered` or is `dead`."""
        await self._end(delivery.record.run_id, status, error)

    async def _end(self, run_id: RunId, status: str, error: str) -> None:
        key = run_key(run_id)
        async with self._ledger.in_time(), self._redis.pipeline(transaction=True) as pipe:
            pipe.zrem(WEBHOOKS_KEY, run_id)
            pipe.hset(key, mapping={"webhook_status": status, "webhook_error": error})
            pipe.expire(key, self._ttl_s)
            await pipe.execute()

    async def put_off(self, delivery: WebhookDelivery, error: str) -> None:
        """Note a failed try. The next one is due after a growing back-off."""
        run_id = delivery.record.run_id
        async with self._ledger.in_time():
            await self._put_off(
                keys=[WEBHOOKS_KEY, run_key(run_id)], args=[run_id, f"{pause_s(delivery.attempt):.3f}", error]
            )

    async def _readable(self, run_id: RunId) -> WebhookDelivery | None:
        """Return a delivery. None means that none is due or its record is unreadable and its webhook is not told."""
        try:
            return await self._load(run_id)
        except (LookupError, TypeError, ValueError) as exc:
            log.exception("webhook_unreadable", run_id=run_id)
            await self._end(run_id, "dead", f"its record cannot be read: {exc}"[:500])
            return None

    async def _load(self, run_id: RunId) -> WebhookDelivery | None:
        record = await self._ledger.load(run_id)
        async with self._ledger.in_time():
            if record is None or record.webhook is None:
                await self._redis.zrem(WEBHOOKS_KEY, run_id)  # The run was removed meanwhile. Nothing is left to tell.
                return None
            trace, output, failure = await self._redis.hmget(run_key(run_id), "trace", "output", "failure")
        return WebhookDelivery(
            record=record,
            url=record.webhook["url"],
            attempt=record.webhook["attempts"],
            trace=TraceContext(from_wire(trace or b"{}")),
            values=from_wire(output) if output and record.status == "success" else None,
            failure=RunFailure.model_validate_json(failure) if failure else None,
        )


def pause_s(attempt: int) -> float:
    """Return the back-off after a failed try. It is four times the one before with some jitter."""
    pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 4 ** (attempt - 1))
    return float(pause * random.uniform(0.8, 1.2))  # noqa: S311 - it spreads tries and keeps no secret
