"""Cancelling a run: the wish stands in the ledger, and a run that was wished away never writes its result."""

import secrets
from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from agentic_sales.contracts import RunId
from agentic_sales.runs.holds import Hold, Holds
from agentic_sales.runs.ledger import CANCELLED, Ledger, Outcome, parse_reply, pending_key
from tests.support.recorded_runs import claimed, failed, new_queue, new_run, raw_record, recorded, success

UNKNOWN = RunId("01890000-0000-7000-8000-000000000000")
End = Callable[[RunId], Outcome]


def interrupted(run_id: RunId) -> Outcome:
    """Make the end of a cancelled run."""
    return Outcome(run_id, "interrupted", None, CANCELLED)


async def test_a_run_that_waits_has_ended_when_it_is_cancelled(ledger: Ledger, redis: Redis) -> None:
    run = new_run(queue=new_queue())
    await recorded(ledger, run)
    assert await ledger.cancel(run.run_id) == "cancelled"
    assert await ledger.outcomes([run.run_id]) == [interrupted(run.run_id)]
    assert await redis.zscore(pending_key(run.queue), run.run_id) is None
    assert await ledger.claim(run.run_id, worker="host/1", max_attempts=3) == "ended", "its message is still queued"


async def test_the_waiter_of_a_run_that_is_cancelled_while_it_waits_is_told(ledger: Ledger, redis: Redis) -> None:
    run = new_run(reply_to=f"replies-{secrets.token_hex(4)}")
    await recorded(ledger, run)
    async with redis.pubsub(ignore_subscribe_messages=True) as pubsub:
        await pubsub.subscribe(run.reply_to)
        await ledger.cancel(run.run_id)
        told = await anext(pubsub.listen())
    assert parse_reply(told["data"]) == interrupted(run.run_id)


@pytest.mark.parametrize("end", [success, failed])
async def test_a_run_that_is_cancelled_while_it_runs_never_writes_its_result(ledger: Ledger, end: End) -> None:
    run_id = await recorded(ledger)
    claim = await claimed(ledger, run_id)
    assert not await ledger.cancelled([run_id])
    assert await ledger.cancel(run_id) == "asked"
    assert await ledger.cancelled([run_id])
    assert await ledger.outcomes([run_id]) == [None], "it is asked to end, and has not"
    assert await ledger.finish(claim, end(run_id))
    assert await ledger.outcomes([run_id]) == [interrupted(run_id)]


async def test_the_waiter_of_a_cancelled_run_is_told_of_the_cancellation_and_not_of_the_result(
    ledger: Ledger, redis: Redis
) -> None:
    run = new_run(reply_to=f"replies-{secrets.token_hex(4)}")
    claim = await claimed(ledger, await recorded(ledger, run))
    await ledger.cancel(run.run_id)
    async with redis.pubsub(ignore_subscribe_messages=True) as pubsub:
        await pubsub.subscribe(run.reply_to)
        await ledger.finish(claim, success(run.run_id))
        told = await anext(pubsub.listen())
    assert parse_reply(told["data"]) == interrupted(run.run_id)


async def test_a_second_wish_keeps_the_time_of_the_first(ledger: Ledger) -> None:
    run_id = await recorded(ledger)
    await claimed(ledger, run_id)
    await ledger.cancel(run_id)
    first = await ledger.load(run_id)
    assert first is not None
    assert first.cancelled_at_s is not None
    assert await ledger.cancel(run_id) == "asked"
    assert await ledger.load(run_id) == first


async def test_cancelling_a_run_that_has_ended_changes_nothing(ledger: Ledger, redis: Redis) -> None:
    run_id = await recorded(ledger)
    await ledger.finish(await claimed(ledger, run_id), success(run_id))
    before = await raw_record(redis, run_id)
    assert await ledger.cancel(run_id) == "ended"
    assert await raw_record(redis, run_id) == before


async def test_a_run_that_the_ledger_does_not_know_is_not_made_by_cancelling_it(ledger: Ledger, redis: Redis) -> None:
    assert await ledger.cancel(UNKNOWN) == "unknown"
    assert not await ledger.cancelled([UNKNOWN])
    assert await raw_record(redis, UNKNOWN) == {}


async def test_the_wish_survives_the_worker(ledger: Ledger, holds: Holds) -> None:
    run_id = await recorded(ledger)
    await claimed(ledger, run_id, worker="host/1")
    await ledger.cancel(run_id)
    assert holds.lose(Hold(run_id, "host/1"))
    heir = await claimed(ledger, run_id, worker="host/2")
    assert await ledger.cancelled([run_id])
    await ledger.finish(heir, success(run_id))
    assert await ledger.outcomes([run_id]) == [interrupted(run_id)]
