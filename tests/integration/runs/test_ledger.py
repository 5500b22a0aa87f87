"""The record of a run on a real Redis: every change is atomic, and whoever lost the claim changes nothing."""

import asyncio
import secrets
import signal
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import TimeoutError as RedisTimeoutError

from agentic_sales.contracts import RunFailure, RunId
from agentic_sales.errors import PoolUnavailable
from agentic_sales.runs.acts import commands
from agentic_sales.runs.acts.commands import COMMANDS_AT_ONCE
from agentic_sales.runs.holds import Hold, Holds
from agentic_sales.runs.ledger import (
    CANCELLED,
    RUNNING_KEY,
    Claim,
    Ledger,
    Outcome,
    failure_status,
    parse_reply,
    pending_key,
)
from agentic_sales.runs.submit import connect_redis
from agentic_sales.settings import Settings
from tests.integration.conftest import LEDGER_TTL_S
from tests.support.recorded_runs import (
    BRIEF_S,
    FAILURE,
    QUEUE_CAP,
    TIMEOUT,
    TRACE,
    TRACE_ID,
    claimed,
    failed,
    new_queue,
    new_run,
    raw_record,
    recorded,
    sign_of_life,
    success,
)
from tests.support.services import redis_server

UNKNOWN = RunId("01890000-0000-7000-8000-000000000000")


async def test_a_recorded_run_is_pending_and_nobody_has_tried_it(ledger: Ledger) -> None:
    run_id = await recorded(ledger)
    record = await ledger.load(run_id)
    assert record is not None
    assert (record.run_id, record.assistant_id, record.queue, record.status) == (run_id, "echo", "core", "pending")
    assert (record.attempt, record.worker, record.parent_run_id, record.trace_id) == (0, None, None, TRACE_ID)
    assert record.created_at_s > 0
    assert (record.started_at_s, record.ended_at_s) == (None, None)


async def test_a_run_is_not_recorded_when_its_pool_does_not_live(ledger: Ledger, redis: Redis) -> None:
    run = new_run(queue=new_queue())
    with pytest.raises(PoolUnavailable, match=f"`{run.queue}`, so `echo` cannot run"):
        await ledger.record(run, queue_cap=QUEUE_CAP)
    assert await ledger.load(run.run_id) is None
    await sign_of_life(redis, run.queue, lasts_s=-1)
    with pytest.raises(PoolUnavailable):
        await ledger.record(run, queue_cap=QUEUE_CAP)
    assert await ledger.load(run.run_id) is None
    await sign_of_life(redis, run.queue, lasts_s=30)
    assert await ledger.record(run, queue_cap=QUEUE_CAP) == run.run_id


async def test_a_run_in_place_is_recorded_without_a_live_pool_and_waits_on_no_queue(
    ledger: Ledger, redis: Redis
) -> None:
    run = new_run(queue=new_queue())
    await ledger.record_in_place(run)
    assert await redis.zcard(pending_key(run.queue)) == 0
    claim = await claimed(ledger, run.run_id, lease_s=0.0)
    assert await redis.zscore(RUNNING_KEY, run.run_id) is None, "the parent's lease covers it"
    assert await ledger.finish(claim, success(run.run_id))


async def test_a_claim_brings_the_request_and_the_trace_and_says_who_holds_the_run(ledger: Ledger) -> None:
    run_id = await recorded(ledger, new_run(input={"x": "Grüße"}, config={"tags": ["a"]}))
    claim = await ledger.claim(run_id, worker="host/7", max_attempts=3)
    assert claim == Claim(run_id, 1, False, {"input": {"x": "Grüße"}, "config": {"tags": ["a"]}}, TRACE)
    record = await ledger.load(run_id)
    assert record is not None
    assert (record.status, record.attempt, record.worker) == ("running", 1, "host/7")
    assert record.started_at_s is not None
    assert record.started_at_s >= record.created_at_s


async def test_a_run_that_the_ledger_does_not_know_cannot_be_claimed(ledger: Ledger) -> None:
    assert await ledger.claim(UNKNOWN, worker="host/1", max_attempts=3) == "unknown"
    assert await ledger.load(UNKNOWN) is None


async def test_the_end_of_a_run_is_kept_with_its_output(ledger: Ledger) -> None:
    run_id = await recorded(ledger)
    outcome = success(run_id)
    assert await ledger.finish(await claimed(ledger, run_id), outcome)
    assert await ledger.outcomes([run_id]) == [outcome]
    record = await ledger.load(run_id)
    assert record is not None
    assert record.status == "success"
    assert record.started_at_s is not None
    assert record.ended_at_s is not None
    assert record.ended_at_s >= record.started_at_s


async def test_the_end_of_a_run_is_kept_with_its_failure(ledger: Ledger) -> None:
    run_id = await recorded(ledger)
    assert await ledger.finish(await claimed(ledger, run_id), failed(run_id))
    assert await ledger.outcomes([run_id]) == [failed(run_id)]


async def test_a_second_delivery_of_a_finished_run_does_nothing(ledger: Ledger, redis: Redis) -> None:
    run_id = await recorded(ledger)
    await ledger.finish(await claimed(ledger, run_id), success(run_id))
    before = await raw_record(redis, run_id)
    assert await ledger.claim(run_id, worker="host/2", max_attempts=3) == "ended"
    assert await raw_record(redis, run_id) == before


async def test_a_worker_that_lost_its_claim_cannot_finish_the_run(ledger: Ledger) -> None:
    run_id = await recorded(ledger)
    frozen = await claimed(ledger, run_id, worker="host/1", lease_s=BRIEF_S)
    heir = await claimed(ledger, run_id, worker="host/2")
    assert (frozen.attempt, heir.attempt) == (1, 2)
    assert not await ledger.finish(frozen, success(run_id, b'"late"'))
    assert await ledger.outcomes([run_id]) == [None]
    assert await ledger.finish(heir, success(run_id, b'"in time"'))
    assert not await ledger.finish(frozen, success(run_id, b'"late"'))
    assert await ledger.outcomes([run_id]) == [success(run_id, b'"in time"')]


async def test_of_many_finishes_of_one_claim_exactly_one_counts(ledger: Ledger) -> None:
    run_id = await recorded(ledger)
    claim = await claimed(ledger, run_id)
    ends = [success(run_id, str(number).encode()) for number in range(20)]
    counted = await asyncio.gather(*(ledger.finish(claim, end) for end in ends))
    assert sum(counted) == 1
    assert await ledger.outcomes([run_id]) == [ends[counted.index(True)]]


async def test_of_many_deliveries_after_the_lease_each_gets_an_attempt_of_its_own(ledger: Ledger) -> None:
    run_id = await recorded(ledger)
    claims = await asyncio.gather(*(claimed(ledger, run_id, max_attempts=20, lease_s=BRIEF_S) for _ in range(20)))
    assert sorted(claim.attempt for claim in claims) == list(range(1, 21))


async def test_of_many_deliveries_of_a_held_run_none_takes_it(ledger: Ledger, redis: Redis) -> None:
    run_id = await recorded(ledger)
    asking = (ledger.claim(run_id, worker=f"host/{number}", max_attempts=3) for number in range(20))
    answers = await asyncio.gather(*asking)
    assert [answer for answer in answers if not isinstance(answer, Claim)] == ["held"] * 19
    before = await raw_record(redis, run_id)
    assert await ledger.claim(run_id, worker="host/late", max_attempts=3) == "held"
    assert await raw_record(redis, run_id) == before


async def test_a_claim_past_the_last_attempt_says_so_and_can_only_end_the_run(ledger: Ledger) -> None:
    run_id = await recorded(ledger)
    claims = [await claimed(ledger, run_id, max_attempts=2, lease_s=BRIEF_S) for _ in range(3)]
    assert [(claim.attempt, claim.is_exhausted) for claim in claims] == [(1, False), (2, False), (3, True)]
    assert await ledger.finish(claims[2], failed(run_id))
    assert await ledger.claim(run_id, worker="host/1", max_attempts=2) == "ended"


@pytest.mark.parametrize(
    ("output", "failure"),
    [(b'{"text":"two\\nlines"}', None), (b'{\n"a": 1\n}', None), (None, FAILURE)],
    ids=["output", "output with line breaks", "failure"],
)
async def test_the_waiter_is_told_of_the_end(
    ledger: Ledger, redis: Redis, output: bytes | None, failure: RunFailure | None
) -> None:
    run = new_run(reply_to=f"replies-{secrets.token_hex(4)}")
    await recorded(ledger, run)
    outcome = Outcome(run.run_id, "error" if failure else "success", output, failure)
    async with redis.pubsub() as pubsub:
        await pubsub.subscribe(run.reply_to)
        assert (await pubsub.get_message(timeout=5))["type"] == "subscribe"
        await ledger.finish(await claimed(ledger, run.run_id), outcome)
        message = await pubsub.get_message(timeout=5)
    assert parse_reply(message["data"]) == outcome


async def test_the_waiter_is_not_told_of_a_finish_that_was_refused(ledger: Ledger, redis: Redis) -> None:
    run = new_run(reply_to=f"replies-{secrets.token_hex(4)}")
    await recorded(ledger, run)
    lost = await claimed(ledger, run.run_id, lease_s=BRIEF_S)
    held = await claimed(ledger, run.run_id)
    async with redis.pubsub(ignore_subscribe_messages=True) as pubsub:
        await pubsub.subscribe(run.reply_to)
        await ledger.finish(lost, success(run.run_id, b'"lost"'))
        await ledger.finish(held, success(run.run_id, b'"held"'))
        first = await anext(pubsub.listen())
    assert parse_reply(first["data"]).output == b'"held"'


@pytest.mark.parametrize("status", [b"running", b"pending"])
def test_a_reply_that_tells_no_end_is_refused(status: bytes) -> None:
    with pytest.raises(ValueError, match="which is no end"):
        parse_reply(UNKNOWN.encode() + b"\n" + status + b"\n{}")


async def test_a_killed_childs_run_is_ended_for_it(ledger: Ledger, holds: Holds) -> None:
    run_id = await recorded(ledger)
    claim = await claimed(ledger, run_id, worker="host/7")
    assert holds.fail(Hold(run_id, "host/7"), TIMEOUT)
    assert await ledger.outcomes([run_id]) == [Outcome(run_id, "timeout", None, TIMEOUT)]
    assert not await ledger.finish(claim, success(run_id))


async def test_a_run_that_another_process_holds_is_not_ended_for_a_killed_child(ledger: Ledger, holds: Holds) -> None:
    run_id = await recorded(ledger)
    assert not holds.fail(Hold(run_id, "host/7"), TIMEOUT), "nobody holds it yet"
    await claimed(ledger, run_id, worker="host/7", lease_s=BRIEF_S)
    heir = await claimed(ledger, run_id, worker="host/8")
    assert not holds.fail(Hold(run_id, "host/7"), TIMEOUT)
    assert await ledger.finish(heir, success(run_id))
    assert not holds.fail(Hold(run_id, "host/8"), TIMEOUT), "it has ended"
    assert not holds.fail(Hold(UNKNOWN, "host/8"), TIMEOUT)


async def test_a_record_expires_and_every_end_prolongs_it(ledger: Ledger, redis: Redis) -> None:
    run_id = await recorded(ledger)
    key = f"agentic:run:{run_id}"
    assert LEDGER_TTL_S - 10 < await redis.ttl(key) <= LEDGER_TTL_S
    await redis.expire(key, 5)
    await ledger.finish(await claimed(ledger, run_id), success(run_id))
    assert LEDGER_TTL_S - 10 < await redis.ttl(key) <= LEDGER_TTL_S


async def test_a_run_that_expired_while_it_ran_is_not_brought_back_by_its_end(ledger: Ledger) -> None:
    run = new_run()
    claim = await claimed(ledger, await recorded(ledger, run))
    await ledger.forget(run)
    assert not await ledger.finish(claim, success(run.run_id))
    assert await ledger.load(run.run_id) is None


async def test_outcomes_come_in_the_order_asked_and_are_none_for_what_has_not_ended(ledger: Ledger) -> None:
    pending, running, ended = [await recorded(ledger) for _ in range(3)]
    await claimed(ledger, running)
    await ledger.finish(await claimed(ledger, ended), success(ended))
    assert await ledger.outcomes([pending, ended, UNKNOWN, running]) == [None, success(ended), None, None]
    assert await ledger.outcomes([]) == []


async def test_only_workers_that_gave_a_sign_of_life_in_time_are_counted(ledger: Ledger, redis: Redis) -> None:
    alive, dead, never = new_queue(), new_queue(), new_queue()
    await sign_of_life(redis, alive, lasts_s=30)
    await sign_of_life(redis, dead, lasts_s=-1)
    assert await ledger.live_workers([alive, dead, never]) == {alive: 1, dead: 0, never: 0}


async def test_a_redis_that_does_not_answer_counts_as_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "ANSWER_TIMEOUT_S", 0.2)
    with redis_server(tmp_path) as server:
        async with connect_redis(Settings.model_validate({"REDIS_URL": server.url})) as redis:
            ledger = Ledger(redis, ttl_s=LEDGER_TTL_S)
            run_id = await recorded(ledger)
            server.process.send_signal(signal.SIGSTOP)
            with pytest.raises(RedisTimeoutError, match=r"no answer within 0\.2 s"):
                await ledger.claim(run_id, worker="host/1", max_attempts=3)
            server.process.send_signal(signal.SIGCONT)
            assert await ledger.load(run_id) is not None, "the next command gets an answer of its own"


async def test_a_burst_of_commands_shares_the_connections(ledger: Ledger, redis: Redis) -> None:
    await sign_of_life(redis, "core", lasts_s=60)
    run_ids = await asyncio.gather(
        *(ledger.record(new_run(), queue_cap=QUEUE_CAP) for _ in range(4 * COMMANDS_AT_ONCE))
    )
    assert len(set(run_ids)) == 4 * COMMANDS_AT_ONCE
    clients = await redis.client_list()
    assert len(clients) <= COMMANDS_AT_ONCE + 1


def test_a_run_over_its_limit_is_a_timeout_a_cancelled_one_interrupted_and_any_other_failure_an_error() -> None:
    statuses = [failure_status(failure) for failure in (TIMEOUT, CANCELLED, FAILURE)]
    assert statuses == ["timeout", "interrupted", "error"]
