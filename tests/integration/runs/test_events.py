"""The events of a run: written by whoever holds it, followed by anyone, without a gap and without a repeat."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis

from agentic_sales.contracts import RunFailure, RunId
from agentic_sales.errors import ResultTooLarge, UnknownRun
from agentic_sales.runs.events import EVENTS_TTL_S, FROM_START, EventWriter, RunEvent, follow
from agentic_sales.runs.ledger import ANSWER_TIMEOUT_S, CANCELLED, Claim, Ledger, Outcome, events_key
from agentic_sales.runs.submit import connect_redis
from agentic_sales.settings import Settings, settings
from tests.support.containers import RedisContainer
from tests.support.recorded_runs import BRIEF_S, FAILURE, claimed, failed, new_run, recorded, success

IDLE_S = 5.0
WITHIN_S = 10.0
BRIEF_IDLE_S = 0.01
OutcomeOf = Callable[[RunId], Outcome]


async def streamed(ledger: Ledger, *, lease_s: float = BRIEF_S) -> Claim:
    """Claim a run that is streamed."""
    run_id = await recorded(ledger, new_run(stream_modes=("values",)))
    return await claimed(ledger, run_id, lease_s=lease_s)


async def read(events: AsyncIterator[RunEvent | Outcome | None]) -> list[tuple[str, bytes]]:
    """Read a stream to its end."""
    async with asyncio.timeout(WITHIN_S):
        return [(event.event, event.data) async for event in events if isinstance(event, RunEvent)]


async def next_event(events: AsyncIterator[RunEvent | Outcome | None]) -> RunEvent:
    """Read one event that comes."""
    event = await asyncio.wait_for(anext(events), WITHIN_S)
    assert isinstance(event, RunEvent)
    return event


async def test_a_follower_sees_every_event_in_order_and_then_ends(ledger: Ledger, redis: Redis) -> None:
    claim = await streamed(ledger)
    writer = EventWriter(redis, claim)
    for number in range(500):  # more than one page
        assert await writer.write("values", str(number).encode())
    await ledger.finish(claim, success(claim.run_id))
    seen = await read(follow(ledger, claim.run_id, after=FROM_START, idle_s=IDLE_S))
    assert seen == [*(("values", str(number).encode()) for number in range(500)), ("end", b"null")]


async def test_a_follower_sees_what_comes_while_it_reads(ledger: Ledger, redis: Redis) -> None:
    claim = await streamed(ledger)
    following = asyncio.create_task(read(follow(ledger, claim.run_id, after=FROM_START, idle_s=IDLE_S)))
    assert await EventWriter(redis, claim).write("updates|child", b"{}")
    await ledger.finish(claim, success(claim.run_id))
    assert await following == [("updates|child", b"{}"), ("end", b"null")]


async def test_a_follower_resumes_after_the_last_event_it_saw_without_gap_or_repeat(
    ledger: Ledger, redis: Redis
) -> None:
    claim = await streamed(ledger)
    writer = EventWriter(redis, claim)
    for data in (b"1", b"2", b"3"):
        await writer.write("values", data)
    events = follow(ledger, claim.run_id, after=FROM_START, idle_s=IDLE_S)
    await next_event(events)
    last = await next_event(events)
    assert last.data == b"2"
    await writer.write("values", b"4")
    await ledger.finish(claim, success(claim.run_id))
    again = follow(ledger, claim.run_id, after=last.event_id, idle_s=IDLE_S)
    assert await read(again) == [("values", b"3"), ("values", b"4"), ("end", b"null")]


async def test_a_follower_of_a_silent_run_is_told_that_nothing_came(ledger: Ledger, redis: Redis) -> None:
    claim = await streamed(ledger)
    events = follow(ledger, claim.run_id, after=FROM_START, idle_s=BRIEF_IDLE_S)
    assert await anext(events) is None
    await EventWriter(redis, claim).write("values", b"1")
    assert (await next_event(events)).data == b"1"
    assert await anext(events) is None


def interrupted(run_id: RunId) -> Outcome:
    """Make the end of a cancelled run."""
    return Outcome(run_id, "interrupted", None, CANCELLED)


@pytest.mark.parametrize(("outcome_of", "failure"), [(failed, FAILURE), (interrupted, CANCELLED)])
async def test_the_last_event_of_a_run_that_failed_says_why(
    ledger: Ledger, outcome_of: OutcomeOf, failure: RunFailure
) -> None:
    claim = await streamed(ledger)
    await ledger.finish(claim, outcome_of(claim.run_id))
    seen = await read(follow(ledger, claim.run_id, after=FROM_START, idle_s=IDLE_S))
    assert seen == [("error", failure.model_dump_json().encode())]


async def test_a_streamed_run_that_is_cancelled_while_it_waits_ends_its_stream(ledger: Ledger) -> None:
    run_id = await recorded(ledger, new_run(stream_modes=("values",)))
    await ledger.cancel(run_id)
    seen = await read(follow(ledger, run_id, after=FROM_START, idle_s=IDLE_S))
    assert seen == [("error", CANCELLED.model_dump_json().encode())]


async def test_a_worker_that_lost_its_claim_cannot_stream_into_the_run(ledger: Ledger, redis: Redis) -> None:
    frozen = await streamed(ledger)
    heir = await claimed(ledger, frozen.run_id)
    assert not await EventWriter(redis, frozen).write("values", b'"late"')
    assert await EventWriter(redis, heir).write("values", b'"in time"')
    await ledger.finish(heir, success(frozen.run_id))
    assert not await EventWriter(redis, heir).write("values", b'"after the end"')
    seen = await read(follow(ledger, frozen.run_id, after=FROM_START, idle_s=IDLE_S))
    assert seen == [("values", b'"in time"'), ("end", b"null")]


async def test_an_event_waits_for_a_redis_that_is_away(tmp_path: Path) -> None:
    container = RedisContainer(tmp_path)
    try:
        async with Redis.from_url(container.server.url) as redis:
            claim = await streamed(Ledger(redis, ttl_s=60))
            container.kill()
            writing = asyncio.create_task(EventWriter(redis, claim).write("values", b"1"))
            await asyncio.to_thread(container.restart)
            assert await writing
            assert await redis.xlen(events_key(claim.run_id)) == 1
    finally:
        container.teardown()


async def test_a_run_that_nobody_streams_leaves_no_events(ledger: Ledger, redis: Redis) -> None:
    run_id = await recorded(ledger)
    await ledger.finish(await claimed(ledger, run_id), success(run_id))
    assert not await redis.exists(events_key(run_id))


async def test_events_are_kept_for_a_while_after_the_last(ledger: Ledger, redis: Redis) -> None:
    claim = await streamed(ledger)
    key = events_key(claim.run_id)
    await EventWriter(redis, claim).write("values", b"1")
    assert EVENTS_TTL_S - 10 < await redis.ttl(key) <= EVENTS_TTL_S
    await redis.expire(key, 5)
    await ledger.finish(claim, success(claim.run_id))
    assert EVENTS_TTL_S - 10 < await redis.ttl(key) <= EVENTS_TTL_S


async def test_a_silence_of_any_length_costs_a_follower_no_connection(ledger: Ledger, redis: Redis) -> None:
    claim = await streamed(ledger)
    events = follow(ledger, claim.run_id, after=FROM_START, idle_s=ANSWER_TIMEOUT_S + 0.5)
    assert await anext(events) is None
    before = (await redis.info("stats"))["total_connections_received"]
    assert await anext(events) is None
    assert (await redis.info("stats"))["total_connections_received"] == before


async def test_a_follower_outlives_a_redis_that_is_away_and_misses_nothing(tmp_path: Path) -> None:
    container = RedisContainer(tmp_path)
    try:
        async with connect_redis(Settings.model_validate({"REDIS_URL": container.server.url})) as redis:
            ledger = Ledger(redis, ttl_s=60)
            claim = await streamed(ledger)
            following = asyncio.create_task(read(follow(ledger, claim.run_id, after=FROM_START, idle_s=IDLE_S)))
            assert await EventWriter(redis, claim).write("values", b"1")
            container.kill()
            await asyncio.to_thread(container.restart)
            assert await EventWriter(redis, claim).write("values", b"2")
            await ledger.finish(claim, success(claim.run_id))
            assert await following == [("values", b"1"), ("values", b"2"), ("end", b"null")]
    finally:
        container.teardown()


async def test_a_follower_of_an_ended_run_that_has_seen_its_end_is_told_it_again(ledger: Ledger) -> None:
    claim = await streamed(ledger)
    await ledger.finish(claim, success(claim.run_id))
    [end] = [event async for event in follow(ledger, claim.run_id, after=FROM_START, idle_s=IDLE_S)]
    assert isinstance(end, RunEvent)
    async with asyncio.timeout(WITHIN_S):
        assert [e async for e in follow(ledger, claim.run_id, after=end.event_id, idle_s=IDLE_S)] == [end]


async def test_a_follower_of_an_ended_run_without_a_stream_gets_its_outcome(ledger: Ledger) -> None:
    run_id = await recorded(ledger)
    outcome = success(run_id)
    await ledger.finish(await claimed(ledger, run_id), outcome)
    assert [told async for told in follow(ledger, run_id, after=FROM_START, idle_s=IDLE_S)] == [outcome]


async def test_a_follower_of_a_run_whose_record_is_gone_is_told_so(ledger: Ledger) -> None:
    with pytest.raises(UnknownRun):
        await anext(follow(ledger, RunId("01a22a1a-2c99-7552-87db-9e7ab2e9fce0"), after=FROM_START, idle_s=IDLE_S))


async def test_the_events_of_a_run_have_a_limit_each_and_together(
    ledger: Ledger, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTIC_SALES_MAX_RESULT_BYTES", "1024")
    settings.cache_clear()
    writer = EventWriter(redis, await streamed(ledger))
    with pytest.raises(ResultTooLarge, match="an event has 1025 bytes"):
        await writer.write("values", b"1" * 1025)
    for _ in range(4):
        await writer.write("values", b"1" * 1000)
    with pytest.raises(ResultTooLarge, match="the stream of all events"):
        await writer.write("values", b"1" * 1000)
