"""Leases: only the process that holds a run renews, loses or releases it, and only a death counts against the run."""

import pytest
from redis.asyncio import Redis

from agentic_sales.contracts import RunId
from agentic_sales.runs.holds import MOST_SPARED, Hold, Holds
from agentic_sales.runs.ledger import (
    DEAD_KEY,
    LEASE_S,
    RUNNING_KEY,
    RUNS_KEY,
    Ledger,
    RunRecord,
    events_key,
    pending_key,
)
from tests.support.recorded_runs import (
    BRIEF_S,
    claimed,
    exhausted,
    failed,
    new_queue,
    new_run,
    raw_record,
    recorded,
    success,
)


async def record_of(ledger: Ledger, run_id: RunId) -> RunRecord:
    """Return a record that exists."""
    record = await ledger.load(run_id)
    assert record is not None
    return record


async def lease_left_s(redis: Redis, run_id: RunId) -> float:
    """Return how long the lease of a run still lasts."""
    score = await redis.zscore(RUNNING_KEY, run_id)
    assert score is not None
    seconds, microseconds = await redis.time()
    return float(score) - seconds - microseconds / 1e6


async def test_a_claim_holds_for_the_time_of_its_lease(ledger: Ledger, redis: Redis) -> None:
    run_id = await recorded(ledger)
    await claimed(ledger, run_id)
    assert await lease_left_s(redis, run_id) == pytest.approx(LEASE_S, abs=2)


async def test_a_renewed_lease_is_young_and_the_run_stays_held(ledger: Ledger, redis: Redis, holds: Holds) -> None:
    run_id = await recorded(ledger)
    await claimed(ledger, run_id, worker="host/1", lease_s=BRIEF_S)
    assert holds.renew([Hold(run_id, "host/1")]) == 1
    assert await lease_left_s(redis, run_id) == pytest.approx(LEASE_S, abs=2)
    assert await ledger.claim(run_id, worker="host/2", max_attempts=3) == "held"


async def test_only_the_holder_renews_a_lease(ledger: Ledger, redis: Redis, holds: Holds) -> None:
    run_id = await recorded(ledger)
    await claimed(ledger, run_id, worker="host/1", lease_s=BRIEF_S)
    before = await raw_record(redis, run_id)
    assert holds.renew([Hold(run_id, "host/2")]) == 0
    assert await raw_record(redis, run_id) == before
    assert await lease_left_s(redis, run_id) < 0


async def test_a_renewal_counts_the_runs_that_are_held_still(ledger: Ledger, redis: Redis, holds: Holds) -> None:
    mine, taken_over, ended, waiting = [await recorded(ledger) for _ in range(4)]
    await claimed(ledger, mine, worker="host/1")
    await claimed(ledger, taken_over, worker="host/1", lease_s=BRIEF_S)
    await claimed(ledger, taken_over, worker="host/2")
    await ledger.finish(await claimed(ledger, ended, worker="host/1"), success(ended))
    assert holds.renew(Hold(run_id, "host/1") for run_id in (mine, taken_over, ended, waiting)) == 1
    assert holds.renew([]) == 0
    assert await redis.zscore(RUNNING_KEY, ended) is None, "a renewal brings nothing back"


async def test_a_run_in_place_is_not_put_under_a_lease_by_a_renewal(ledger: Ledger, redis: Redis, holds: Holds) -> None:
    run = new_run()
    await ledger.record_in_place(run)
    await claimed(ledger, run.run_id, worker="host/1", lease_s=0.0)
    holds.renew([Hold(run.run_id, "host/1")])
    assert await redis.zscore(RUNNING_KEY, run.run_id) is None


async def test_a_run_whose_child_died_can_be_claimed_at_once_and_counts_the_loss(ledger: Ledger, holds: Holds) -> None:
    run_id = await recorded(ledger)
    await claimed(ledger, run_id, worker="host/1")
    assert holds.lose(Hold(run_id, "host/1"))
    assert (await claimed(ledger, run_id, worker="host/2")).attempt == 2
    assert (await record_of(ledger, run_id)).losses == 1


async def test_only_the_holder_loses_a_run(ledger: Ledger, redis: Redis, holds: Holds) -> None:
    run_id = await recorded(ledger)
    assert not holds.lose(Hold(run_id, "host/1")), "nobody holds it yet"
    claim = await claimed(ledger, run_id, worker="host/1")
    before = await raw_record(redis, run_id)
    assert not holds.lose(Hold(run_id, "host/2"))
    assert await raw_record(redis, run_id) == before
    await ledger.finish(claim, success(run_id))
    assert not holds.lose(Hold(run_id, "host/1")), "it has ended"


async def test_a_released_run_waits_again_and_counts_no_loss(ledger: Ledger, redis: Redis, holds: Holds) -> None:
    run = new_run(queue=new_queue())
    await recorded(ledger, run)
    stopped = await claimed(ledger, run.run_id, worker="host/1", max_attempts=1)
    assert holds.release(Hold(run.run_id, "host/1"))
    record = await record_of(ledger, run.run_id)
    assert (record.status, record.losses, record.worker) == ("pending", 0, None)
    assert await redis.zscore(pending_key(run.queue), run.run_id) is not None
    assert await redis.zscore(RUNNING_KEY, run.run_id) is None
    assert not await ledger.finish(stopped, success(run.run_id)), "whoever gave it back cannot end it"
    again = await claimed(ledger, run.run_id, worker="host/2", max_attempts=1)
    assert (again.attempt, again.is_exhausted) == (2, False)


async def test_only_the_holder_releases_a_run(ledger: Ledger, redis: Redis, holds: Holds) -> None:
    run_id = await recorded(ledger)
    await claimed(ledger, run_id, worker="host/1")
    before = await raw_record(redis, run_id)
    assert not holds.release(Hold(run_id, "host/2"))
    assert await raw_record(redis, run_id) == before


async def test_a_run_whose_workers_died_too_often_is_on_the_dead_list(ledger: Ledger) -> None:
    first, second = await exhausted(ledger), await exhausted(ledger)
    assert [record.run_id for record in await ledger.dead(limit=2)] == [second, first], "the latest first"
    assert [record.run_id for record in await ledger.dead(limit=1, offset=1)] == [first]
    record = await record_of(ledger, first)
    assert (record.status, record.losses) == ("error", 1)


async def test_a_run_that_fails_by_itself_is_not_on_the_dead_list(ledger: Ledger, redis: Redis) -> None:
    run_id = await recorded(ledger)
    await ledger.finish(await claimed(ledger, run_id), failed(run_id))
    assert await redis.zscore(DEAD_KEY, run_id) is None


async def test_a_revived_run_waits_again_with_its_losses_forgiven(ledger: Ledger, redis: Redis) -> None:
    run_id = await exhausted(ledger)
    assert await ledger.revive(run_id)
    record = await record_of(ledger, run_id)
    assert (record.status, record.losses, record.ended_at_s) == ("pending", 0, None)
    assert await ledger.outcomes([run_id]) == [None]
    assert await redis.zscore(pending_key(record.queue), run_id) is not None
    again = await claimed(ledger, run_id, max_attempts=1)
    assert not again.is_exhausted
    assert await ledger.finish(again, success(run_id))
    assert await ledger.outcomes([run_id]) == [success(run_id)]


async def test_a_run_is_revived_once(ledger: Ledger) -> None:
    run_id = await exhausted(ledger)
    assert await ledger.revive(run_id)
    assert not await ledger.revive(run_id)
    alive = await recorded(ledger)
    assert not await ledger.revive(alive), "it was never dead"


async def test_no_key_of_redis_names_a_run_that_was_removed(ledger: Ledger, redis: Redis) -> None:
    run_id = await exhausted(ledger, new_run(webhook="https://caller.example", input={}))
    lists = [DEAD_KEY, RUNS_KEY, "agentic:webhooks"]
    assert None not in [await redis.zscore(key, run_id) for key in lists]
    assert await ledger.remove(run_id) == "gone"
    assert [await redis.zscore(key, run_id) for key in lists] == [None] * len(lists)
    assert [key async for key in redis.scan_iter(f"*{run_id}*")] == []


async def test_a_discarded_run_is_off_the_list_and_keeps_its_end(ledger: Ledger, redis: Redis) -> None:
    run_id = await exhausted(ledger)
    before = await raw_record(redis, run_id)
    assert await ledger.discard(run_id)
    assert not await ledger.discard(run_id)
    assert not await ledger.revive(run_id)
    assert await raw_record(redis, run_id) == before


async def test_a_revived_run_has_forgotten_its_cancellation_and_its_events(ledger: Ledger, redis: Redis) -> None:
    run_id = await recorded(ledger, new_run(stream_modes=("values",)))
    await claimed(ledger, run_id, max_attempts=1, lease_s=BRIEF_S)
    last = await claimed(ledger, run_id, max_attempts=1)
    await ledger.cancel(run_id)
    await ledger.finish(last, failed(run_id))
    assert await redis.exists(events_key(run_id))
    assert await ledger.revive(run_id)
    assert not await ledger.cancelled([run_id])
    assert not await redis.exists(events_key(run_id))
    again = await claimed(ledger, run_id)
    await ledger.finish(again, success(run_id))
    assert await ledger.outcomes([run_id]) == [success(run_id)]


async def test_a_run_is_spared_the_deaths_that_nobody_explains_until_there_are_too_many(
    ledger: Ledger, holds: Holds
) -> None:
    run_id = await recorded(ledger)
    for attempt in range(1, MOST_SPARED + 2):
        claim = await claimed(ledger, run_id, worker="host/1")
        assert (claim.attempt, (await record_of(ledger, run_id)).losses) == (attempt, 0)
        assert holds.spare(Hold(run_id, "host/1"))
    await claimed(ledger, run_id, worker="host/1")
    assert (await record_of(ledger, run_id)).losses == 1


async def test_only_the_holder_of_a_run_can_spare_it(ledger: Ledger, holds: Holds) -> None:
    run_id = await recorded(ledger)
    await claimed(ledger, run_id, worker="host/1")
    assert not holds.spare(Hold(run_id, "host/2"))
    assert (await record_of(ledger, run_id)).status == "running"
