"""What the ledger holds back: batch runs take what interactive ones leave, and nothing goes before it is due."""

from dataclasses import replace
from typing import Any

import pytest
from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from agentic_sales.contracts import RunId
from agentic_sales.errors import QueueFull
from agentic_sales.runs.holds import Holds
from agentic_sales.runs.lanes import CHILDREN_KEY, BlockingLanes, held_key
from agentic_sales.runs.ledger import Ledger, pending_key, run_key
from agentic_sales.runs.pauses import MOST_PAUSES
from agentic_sales.runs.turns import Turn
from tests.support.recorded_runs import QUEUE_CAP, claimed, new_queue, new_run, recorded, sign_of_life, success

BATCH: dict[str, Any] = {"input": {}, "priority": "batch"}
A_WHILE_S = 30.0
LONGER_THAN_A_MESSAGE_TAKES_S = 1.0


@pytest.fixture
def queue() -> str:
    """A queue that no other test uses."""
    return new_queue()


@pytest.fixture(autouse=True)
async def eight_children(redis: Redis) -> None:
    """Give the one worker that all these queues have eight children."""
    await redis.hset(CHILDREN_KEY, "worker@host", 8)


async def record(ledger: Ledger, queue: str, count: int = 1, **request: Any) -> list[RunId]:
    """Record runs of one request."""
    return [await recorded(ledger, new_run(queue=queue, **request)) for _ in range(count)]


async def admitted(ledger: Ledger, queue: str) -> list[RunId]:
    """Return the ids of the runs that may go now."""
    return [run.run_id for run in await ledger.admit(queue)]


async def move_due(redis: Redis, queue: str, request: dict[str, Any], by_s: float) -> None:
    """Let time pass for what is held back."""
    held: list[bytes] = await redis.zrange(held_key(queue, request), 0, -1)  # type: ignore[assignment]  # no scores
    for run_id in held:
        await redis.zincrby(held_key(queue, request), -by_s, run_id)


async def test_batch_runs_take_three_quarters_of_the_children_and_no_more(ledger: Ledger, queue: str) -> None:
    runs = await record(ledger, queue, 10, **BATCH)
    assert await admitted(ledger, queue) == runs[:6]
    assert await admitted(ledger, queue) == []


async def test_runs_that_are_not_due_keep_out_none_that_are(ledger: Ledger, queue: str, redis: Redis) -> None:
    await sign_of_life(redis, queue, lasts_s=A_WHILE_S)
    delayed = {**BATCH, "after_seconds": A_WHILE_S}
    for _ in range(3):
        await ledger.record(new_run(queue=queue, **delayed), queue_cap=3)
    with pytest.raises(QueueFull):
        await ledger.record(new_run(queue=queue, **delayed), queue_cap=3)
    for _ in range(3):
        assert await ledger.record(new_run(queue=queue, **BATCH), queue_cap=3)
    with pytest.raises(QueueFull):
        await ledger.record(new_run(queue=queue, **BATCH), queue_cap=3)
    await move_due(redis, queue, BATCH, A_WHILE_S + 1)
    assert await ledger.record(new_run(queue=queue, **delayed), queue_cap=3), "what has come due makes place"


async def test_the_end_of_a_batch_run_makes_place_for_the_next(ledger: Ledger, queue: str) -> None:
    runs = await record(ledger, queue, 8, **BATCH)
    first, *_ = await admitted(ledger, queue)
    claim = await claimed(ledger, first)
    assert await admitted(ledger, queue) == [], "one that runs takes a place as one that waits for a child does"
    await ledger.finish(claim, success(first))
    assert await admitted(ledger, queue) == [runs[6]]


async def test_a_batch_run_whose_record_is_gone_keeps_no_place(ledger: Ledger, queue: str, redis: Redis) -> None:
    runs = await record(ledger, queue, 7, **BATCH)
    first, *_ = await admitted(ledger, queue)
    await redis.delete(run_key(first))
    assert await admitted(ledger, queue) == [runs[6]]


async def test_no_batch_run_starts_while_an_interactive_one_waits_for_a_child(
    ledger: Ledger, queue: str, redis: Redis
) -> None:
    batch = await record(ledger, queue, **BATCH)
    [interactive] = await record(ledger, queue, input={})
    await redis.zincrby(pending_key(queue), -LONGER_THAN_A_MESSAGE_TAKES_S, interactive)
    assert await admitted(ledger, queue) == []
    await claimed(ledger, interactive)
    assert await admitted(ledger, queue) == batch


async def test_batch_runs_that_wait_for_a_child_do_not_stop_their_own_lane(
    ledger: Ledger, queue: str, redis: Redis
) -> None:
    [first] = await record(ledger, queue, **BATCH)
    await admitted(ledger, queue)
    await redis.zincrby(pending_key(queue), -LONGER_THAN_A_MESSAGE_TAKES_S, first)
    second = await record(ledger, queue, **BATCH)
    assert await admitted(ledger, queue) == second


async def test_a_full_batch_lane_refuses_batch_runs_alone(ledger: Ledger, queue: str) -> None:
    await record(ledger, queue, 2, **BATCH)
    with pytest.raises(QueueFull):
        await ledger.record(new_run(queue=queue, **BATCH), queue_cap=2)
    assert await ledger.record(new_run(queue=queue), queue_cap=2)


async def test_a_full_queue_does_not_refuse_batch_runs(ledger: Ledger, queue: str) -> None:
    await record(ledger, queue, 2, input={})
    assert await ledger.record(new_run(queue=queue, **BATCH), queue_cap=2)


@pytest.mark.parametrize("priority", ["interactive", "batch"])
async def test_a_run_goes_when_it_is_due_and_not_before(
    ledger: Ledger, queue: str, redis: Redis, priority: str
) -> None:
    request: dict[str, Any] = {"input": {}, "priority": priority, "after_seconds": A_WHILE_S}
    runs = await record(ledger, queue, **request)
    assert await admitted(ledger, queue) == []
    await move_due(redis, queue, request, by_s=A_WHILE_S + 1)
    assert await admitted(ledger, queue) == runs
    found = await ledger.load(runs[0])
    assert found is not None
    assert found.status == "pending"


async def test_a_run_that_is_held_back_is_created_when_it_is_due_and_kept_as_much_longer(
    ledger: Ledger, queue: str, redis: Redis
) -> None:
    seconds, _ = await redis.time()
    [run_id] = await record(ledger, queue, input={}, after_seconds=A_WHILE_S)
    found = await ledger.load(run_id)
    assert found is not None
    assert found.created_at_s == pytest.approx(seconds + A_WHILE_S, abs=5)
    assert await redis.ttl(run_key(run_id)) > ledger._ttl_s + A_WHILE_S - 5


@pytest.mark.parametrize("request_fields", [BATCH, {"input": {}, "after_seconds": A_WHILE_S}], ids=["batch", "not due"])
async def test_a_run_that_is_cancelled_while_it_is_held_back_never_goes(
    ledger: Ledger, queue: str, redis: Redis, request_fields: dict[str, Any]
) -> None:
    [run_id] = await record(ledger, queue, **request_fields)
    assert await ledger.cancel(run_id) == "cancelled"
    assert await redis.zcard(held_key(queue, request_fields)) == 0, "it would fill the lane's cap"
    assert await admitted(ledger, queue) == []


@pytest.mark.parametrize("request_fields", [BATCH, {"input": {}, "after_seconds": 1e-6}], ids=["batch", "not due"])
async def test_a_run_whose_turn_on_its_thread_comes_goes_to_its_lane_and_holds_the_thread(
    ledger: Ledger, queue: str, request_fields: dict[str, Any]
) -> None:
    turn = Turn(queue, keeps_state=True)
    first, second = (replace(new_run(queue=queue, **fields), thread_id=queue) for fields in ({}, request_fields))
    await sign_of_life(ledger.redis, queue, lasts_s=60)
    for run in (first, second):
        await ledger.record_in_line(run, turn, queue_cap=QUEUE_CAP)
    assert await admitted(ledger, queue) == [], "it waits for its turn"
    assert await ledger.finish(await claimed(ledger, first.run_id), success(first.run_id))
    assert await admitted(ledger, queue) == [second.run_id]
    assert await ledger.finish(await claimed(ledger, second.run_id), success(second.run_id))


async def test_a_worker_and_a_facade_never_admit_the_same_run(ledger: Ledger, queue: str, holds: Holds) -> None:
    assert isinstance(holds.redis, BlockingRedis)
    runs = await record(ledger, queue, 4, **BATCH)
    assert [run.run_id for run in BlockingLanes(holds.redis).admit(queue)] == runs
    assert await admitted(ledger, queue) == []


async def test_an_admitted_run_waits_like_any_other_so_that_the_sweeper_finds_it(
    ledger: Ledger, queue: str, redis: Redis
) -> None:
    [run_id] = await record(ledger, queue, **BATCH)
    assert await redis.zscore(pending_key(queue), run_id) is None
    await admitted(ledger, queue)
    assert await redis.zscore(pending_key(queue), run_id) is not None


@pytest.mark.parametrize("request_fields", [BATCH, {"input": {}}], ids=["batch", "interactive"])
async def test_a_run_that_is_put_back_waits_in_its_lane_and_loses_nothing(
    ledger: Ledger, queue: str, redis: Redis, request_fields: dict[str, Any]
) -> None:
    [run_id] = await record(ledger, queue, **request_fields)
    await admitted(ledger, queue)
    claim = await claimed(ledger, run_id)
    assert await ledger.defer(claim, A_WHILE_S)
    assert await admitted(ledger, queue) == []
    assert not await ledger.finish(claim, success(run_id)), "it is nobody's now"
    await move_due(redis, queue, request_fields, by_s=A_WHILE_S + 1)
    assert await admitted(ledger, queue) == [run_id]
    again = await claimed(ledger, run_id, max_attempts=1)
    assert (again.attempt, again.is_exhausted) == (2, False)


async def test_a_run_that_was_put_back_makes_place_in_the_lane_and_can_be_cancelled(
    ledger: Ledger, queue: str, redis: Redis
) -> None:
    runs = await record(ledger, queue, 7, **BATCH)
    first, *_ = await admitted(ledger, queue)
    assert await ledger.defer(await claimed(ledger, first), A_WHILE_S)
    assert await admitted(ledger, queue) == [runs[6]]
    assert await ledger.cancel(first) == "cancelled"
    assert await redis.zcard(held_key(queue, BATCH)) == 0


async def test_a_run_that_is_to_be_cancelled_or_was_put_back_too_often_must_end(
    ledger: Ledger, queue: str, redis: Redis
) -> None:
    cancelled, paused = await record(ledger, queue, 2, input={})
    claim = await claimed(ledger, cancelled)
    assert await ledger.cancel(cancelled) == "asked"
    assert not await ledger.defer(claim, A_WHILE_S)
    await redis.hset(run_key(paused), "deferrals", MOST_PAUSES)
    assert not await ledger.defer(await claimed(ledger, paused), A_WHILE_S)
