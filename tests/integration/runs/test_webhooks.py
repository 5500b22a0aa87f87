"""The deliveries that are due, on a real Redis: leased, put off with growing pauses, never lost with their worker."""

import asyncio

import pytest
from redis.asyncio import Redis

from agentic_sales.contracts import RunId
from agentic_sales.runs import webhooks as webhooks_module
from agentic_sales.runs.ledger import Ledger, run_key
from agentic_sales.runs.webhooks import LONGEST_PAUSE_S, MOST_ATTEMPTS, WEBHOOKS_KEY, Webhooks, pause_s
from tests.support.recorded_runs import claimed, failed, new_run, recorded, success

URL = "https://example.com/ended"
TTL_S = 100


@pytest.fixture
async def webhooks(ledger: Ledger, redis: Redis) -> Webhooks:
    """No delivery is due yet."""
    await redis.delete(WEBHOOKS_KEY)
    return Webhooks(ledger, ttl_s=TTL_S)


async def ended(ledger: Ledger, *, is_well: bool = True) -> RunId:
    """Let a run with a webhook end."""
    run_id = await recorded(ledger, new_run(input={}, webhook=URL))
    assert await ledger.finish(await claimed(ledger, run_id), success(run_id) if is_well else failed(run_id))
    return run_id


async def status_of(ledger: Ledger, run_id: RunId) -> str:
    """Return where the delivery of a run stands."""
    record = await ledger.load(run_id)
    assert record is not None
    assert record.webhook is not None
    return str(record.webhook["status"])


async def test_the_end_of_a_run_makes_its_delivery_due_and_keeps_its_record_until_it_is_told(
    ledger: Ledger, webhooks: Webhooks, redis: Redis
) -> None:
    run_id = await ended(ledger)
    assert await redis.ttl(run_key(run_id)) == -1
    [delivery] = await webhooks.claim(10)
    assert (delivery.record.run_id, delivery.url, delivery.attempt) == (run_id, URL, 1)
    assert (delivery.values, delivery.failure) == ({"y": 1}, None)
    await webhooks.end(delivery, "delivered")
    assert await status_of(ledger, run_id) == "delivered"
    assert await webhooks.claim(10) == []
    assert 0 < await redis.ttl(run_key(run_id)) <= TTL_S


async def test_a_run_that_is_cancelled_before_it_starts_is_told_too(ledger: Ledger, webhooks: Webhooks) -> None:
    run_id = await recorded(ledger, new_run(input={}, webhook=URL))
    assert await ledger.cancel(run_id) == "cancelled"
    [delivery] = await webhooks.claim(10)
    assert delivery.failure is not None
    assert delivery.failure.code == "cancelled"


async def test_a_run_without_a_webhook_is_told_to_nobody(ledger: Ledger, webhooks: Webhooks, redis: Redis) -> None:
    run_id = await recorded(ledger)
    await ledger.finish(await claimed(ledger, run_id), success(run_id))
    assert await redis.zcard(WEBHOOKS_KEY) == 0
    assert await webhooks.claim(10) == []


async def test_of_many_workers_one_makes_a_try(ledger: Ledger, webhooks: Webhooks) -> None:
    await ended(ledger)
    found = await asyncio.gather(*(webhooks.claim(10) for _ in range(20)))
    assert sum(len(deliveries) for deliveries in found) == 1


async def test_the_try_of_a_worker_that_died_is_made_again(
    ledger: Ledger, webhooks: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks_module, "LEASE_S", 0.0)
    run_id = await ended(ledger)
    attempts = [delivery.attempt for _ in range(2) for delivery in await webhooks.claim(10)]
    assert attempts == [1, 2]
    assert await status_of(ledger, run_id) == "pending"


async def test_a_failed_try_is_put_off_and_says_why(ledger: Ledger, webhooks: Webhooks, redis: Redis) -> None:
    run_id = await ended(ledger)
    [delivery] = await webhooks.claim(10)
    await webhooks.put_off(delivery, "the receiver answered 500")
    assert await webhooks.claim(10) == []
    record = await ledger.load(run_id)
    assert record is not None
    assert record.webhook == {"url": URL, "status": "pending", "attempts": 1, "error": "the receiver answered 500"}
    assert await redis.zscore(WEBHOOKS_KEY, run_id) is not None


async def test_a_late_failure_does_not_bring_back_what_another_worker_told(
    ledger: Ledger, webhooks: Webhooks, redis: Redis
) -> None:
    await ended(ledger)
    [delivery] = await webhooks.claim(10)
    await webhooks.end(delivery, "delivered")
    await webhooks.put_off(delivery, "late")
    assert await redis.zcard(WEBHOOKS_KEY) == 0


async def test_a_run_that_was_removed_meanwhile_is_not_told(ledger: Ledger, webhooks: Webhooks, redis: Redis) -> None:
    run_id = await ended(ledger)
    await redis.delete(run_key(run_id))
    assert await webhooks.claim(10) == []
    assert await redis.zcard(WEBHOOKS_KEY) == 0
    assert await redis.exists(run_key(run_id)) == 0


def test_pauses_grow_over_hours_and_end() -> None:
    pauses = [pause_s(attempt) for attempt in range(1, MOST_ATTEMPTS)]
    assert pauses == sorted(pauses[:7]) + pauses[7:]
    assert 1 < pauses[0] < 3
    assert max(pauses) <= 1.2 * LONGEST_PAUSE_S
    assert 8 * 3600 < sum(pauses) < 24 * 3600
