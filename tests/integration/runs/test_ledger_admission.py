"""Who is let in: an idempotency key is one run, and a queue that is full takes no more."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable

import pytest
from redis.asyncio import Redis

from agentic_sales.errors import IdempotencyConflict, QueueFull
from agentic_sales.runs.ledger import Idempotency, Ledger, NewRun, pending_key
from tests.support.recorded_runs import QUEUE_CAP, claimed, new_queue, new_run, sign_of_life, success

BODY = "digest of the body"
Leave = Callable[[Ledger, NewRun], Awaitable[None]]


@pytest.fixture
async def queue(redis: Redis) -> str:
    """A queue that a worker consumes and that nobody else uses."""
    name = new_queue()
    await sign_of_life(redis, name, lasts_s=60)
    return name


def key(digest: str = BODY) -> Idempotency:
    """Make a key that no other test uses."""
    return Idempotency(secrets.token_hex(8), digest)


async def test_the_same_key_and_body_join_the_first_run(ledger: Ledger, queue: str) -> None:
    first, second, once = new_run(queue=queue), new_run(queue=queue), key()
    assert await ledger.record(first, queue_cap=QUEUE_CAP, idempotency=once) == first.run_id
    assert await ledger.record(second, queue_cap=QUEUE_CAP, idempotency=once) == first.run_id
    assert await ledger.load(second.run_id) is None


async def test_of_many_requests_under_one_key_one_is_recorded(ledger: Ledger, redis: Redis, queue: str) -> None:
    runs, once = [new_run(queue=queue) for _ in range(20)], key()
    recorded = await asyncio.gather(*(ledger.record(run, queue_cap=QUEUE_CAP, idempotency=once) for run in runs))
    assert len(set(recorded)) == 1
    assert await redis.zcard(pending_key(queue)) == 1


async def test_a_run_that_has_ended_is_still_joined(ledger: Ledger, queue: str) -> None:
    run, once = new_run(queue=queue), key()
    await ledger.record(run, queue_cap=QUEUE_CAP, idempotency=once)
    await ledger.finish(await claimed(ledger, run.run_id), success(run.run_id))
    assert await ledger.record(new_run(queue=queue), queue_cap=QUEUE_CAP, idempotency=once) == run.run_id


async def test_a_key_with_another_body_is_refused_and_names_its_run(ledger: Ledger, queue: str) -> None:
    first, second, once = new_run(queue=queue), new_run(queue=queue), key()
    await ledger.record(first, queue_cap=QUEUE_CAP, idempotency=once)
    with pytest.raises(IdempotencyConflict, match=first.run_id):
        await ledger.record(second, queue_cap=QUEUE_CAP, idempotency=Idempotency(once.scope, "another"))
    assert await ledger.load(second.run_id) is None


async def test_the_same_body_in_another_scope_is_another_run(ledger: Ledger, queue: str) -> None:
    first, second = new_run(queue=queue), new_run(queue=queue)
    assert await ledger.record(first, queue_cap=QUEUE_CAP, idempotency=key()) == first.run_id
    assert await ledger.record(second, queue_cap=QUEUE_CAP, idempotency=key()) == second.run_id


async def test_runs_without_a_key_are_never_joined(ledger: Ledger, queue: str) -> None:
    first, second = new_run(queue=queue), new_run(queue=queue)
    assert await ledger.record(first, queue_cap=QUEUE_CAP) == first.run_id
    assert await ledger.record(second, queue_cap=QUEUE_CAP) == second.run_id


async def test_a_key_whose_run_could_not_be_published_starts_a_new_one(ledger: Ledger, queue: str) -> None:
    first, second, once = new_run(queue=queue), new_run(queue=queue), key()
    await ledger.record(first, queue_cap=QUEUE_CAP, idempotency=once)
    await ledger.forget(first)
    assert await ledger.record(second, queue_cap=QUEUE_CAP, idempotency=once) == second.run_id


async def test_a_refused_request_does_not_use_its_key_up(ledger: Ledger, queue: str) -> None:
    await ledger.record(new_run(queue=queue), queue_cap=1)
    run, once = new_run(queue=queue), key()
    with pytest.raises(QueueFull):
        await ledger.record(run, queue_cap=1, idempotency=once)
    assert await ledger.record(run, queue_cap=2, idempotency=once) == run.run_id


async def test_a_full_queue_takes_no_more_and_says_how_many_wait(ledger: Ledger, queue: str) -> None:
    run = new_run(queue=queue)
    for _ in range(2):
        await ledger.record(new_run(queue=queue), queue_cap=2)
    with pytest.raises(QueueFull, match=f"2 runs wait on the queue `{queue}`"):
        await ledger.record(run, queue_cap=2)
    assert await ledger.load(run.run_id) is None


async def test_a_joined_run_needs_no_room(ledger: Ledger, queue: str) -> None:
    first, once = new_run(queue=queue), key()
    await ledger.record(first, queue_cap=1, idempotency=once)
    assert await ledger.record(new_run(queue=queue), queue_cap=1, idempotency=once) == first.run_id


async def test_of_many_at_once_no_more_are_let_in_than_may_wait(ledger: Ledger, redis: Redis, queue: str) -> None:
    runs = [new_run(queue=queue) for _ in range(20)]
    answers = await asyncio.gather(*(ledger.record(run, queue_cap=5) for run in runs), return_exceptions=True)
    assert [isinstance(answer, QueueFull) for answer in answers].count(True) == 15
    assert await redis.zcard(pending_key(queue)) == 5


async def _leave_by_claim(ledger: Ledger, run: NewRun) -> None:
    await claimed(ledger, run.run_id)


async def _leave_by_cancel(ledger: Ledger, run: NewRun) -> None:
    assert await ledger.cancel(run.run_id) == "cancelled"


@pytest.mark.parametrize("leave", [_leave_by_claim, _leave_by_cancel, Ledger.forget])
async def test_a_run_that_no_longer_waits_makes_room(ledger: Ledger, queue: str, leave: Leave) -> None:
    first, second = new_run(queue=queue), new_run(queue=queue)
    await ledger.record(first, queue_cap=1)
    await leave(ledger, first)
    assert await ledger.record(second, queue_cap=1) == second.run_id
