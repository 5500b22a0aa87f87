"""Waiting for the end of runs: whatever the subscription misses, the sweep finds."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from agentic_sales.contracts import RunId
from agentic_sales.errors import PoolUnavailable
from agentic_sales.runs import replies as replies_module
from agentic_sales.runs.holds import Hold, Holds
from agentic_sales.runs.ledger import Ledger, Outcome
from agentic_sales.runs.replies import Replies
from agentic_sales.runs.submit import connect_redis
from agentic_sales.settings import Settings
from tests.support.ports import free_port
from tests.support.recorded_runs import TIMEOUT, claimed, new_queue, new_run, recorded, sign_of_life, success
from tests.support.services import end_group, redis_server, start_redis

WITHIN_S = 10.0
OFTEN_S = 0.05


@pytest.fixture
def sweeping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the sweep look at every wait, and often."""
    monkeypatch.setattr(replies_module, "SWEEP_INTERVAL_S", OFTEN_S)
    monkeypatch.setattr(replies_module, "SWEEP_AFTER_S", 0.0)


@pytest.fixture
def never_sweeping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave everything to the subscription."""
    monkeypatch.setattr(replies_module, "SWEEP_AFTER_S", float("inf"))


@asynccontextmanager
async def listening(ledger: Ledger) -> AsyncIterator[Replies]:
    """Listen for as long as the context lasts."""
    replies = Replies(ledger)
    await replies.start()
    try:
        yield replies
    finally:
        await replies.close()


async def asked(ledger: Ledger, replies: Replies, queue: str = "core") -> tuple[RunId, asyncio.Future[Outcome]]:
    """Record a run whose end is told to `replies`, and wait for it."""
    run = new_run(queue=queue, reply_to=replies.channel)
    ended = replies.expect(run.run_id, assistant_id=run.assistant_id, queue=queue)
    return await recorded(ledger, run), ended


async def outcome_of(ended: asyncio.Future[Outcome]) -> Outcome:
    """Return the end that a wait was told of."""
    return await asyncio.wait_for(ended, WITHIN_S)


@pytest.mark.usefixtures("never_sweeping")
async def test_the_subscription_tells_of_the_end(ledger: Ledger) -> None:
    async with listening(ledger) as replies:
        run_id, ended = await asked(ledger, replies)
        await ledger.finish(await claimed(ledger, run_id), success(run_id))
        assert await outcome_of(ended) == success(run_id)
        assert len(replies) == 0


@pytest.mark.usefixtures("never_sweeping")
async def test_everybody_who_waits_for_a_run_is_told(ledger: Ledger) -> None:
    async with listening(ledger) as replies:
        run_id, first = await asked(ledger, replies)
        second = replies.expect(run_id, assistant_id="echo", queue="core")
        other_id, other = await asked(ledger, replies)
        await ledger.finish(await claimed(ledger, run_id), success(run_id))
        assert await outcome_of(first) == await outcome_of(second) == success(run_id)
        assert not other.done()
        await ledger.finish(await claimed(ledger, other_id), success(other_id))
        assert await outcome_of(other) == success(other_id)


@pytest.mark.usefixtures("never_sweeping")
@pytest.mark.parametrize("message", [b"", b"hello", b"\n\n", b"run\nsuccess", b"run\nerror\n{}", b"\xff\nsuccess\n{}"])
async def test_a_message_that_is_no_reply_does_not_end_the_listening(
    ledger: Ledger, redis: Redis, message: bytes
) -> None:
    async with listening(ledger) as replies:
        run_id, ended = await asked(ledger, replies)
        await redis.publish(replies.channel, message)
        await ledger.finish(await claimed(ledger, run_id), success(run_id))
        assert await outcome_of(ended) == success(run_id)


@pytest.mark.usefixtures("sweeping")
async def test_an_end_that_was_told_while_the_subscription_was_down_is_found(ledger: Ledger, holds: Holds) -> None:
    async with listening(ledger) as replies:
        run_id, ended = await asked(ledger, replies)
        await claimed(ledger, run_id, worker="host/7")
        # Blocking calls: the event loop cannot subscribe again between the two.
        assert holds.redis.client_kill_filter(_type="pubsub")
        assert holds.fail(Hold(run_id, "host/7"), TIMEOUT)
        assert (await outcome_of(ended)).failure == TIMEOUT


@pytest.mark.usefixtures("sweeping")
async def test_an_end_that_was_told_to_nobody_is_found(ledger: Ledger) -> None:
    async with listening(ledger) as replies:
        run_id = await recorded(ledger, new_run(reply_to=""))
        ended = replies.expect(run_id, assistant_id="echo", queue="core")
        await ledger.finish(await claimed(ledger, run_id), success(run_id))
        assert await outcome_of(ended) == success(run_id)


@pytest.mark.usefixtures("sweeping")
async def test_the_waiters_of_a_pool_whose_last_worker_died_are_told(
    ledger: Ledger, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies_module, "POOL_LOST_AFTER_S", 2 * OFTEN_S)
    dead, alive = new_queue(), new_queue()
    async with listening(ledger) as replies:
        _, lost = await asked(ledger, replies, dead)
        _, kept = await asked(ledger, replies, alive)
        await sign_of_life(redis, dead, lasts_s=-1)
        with pytest.raises(PoolUnavailable, match=f"`{dead}`, so `echo` cannot run"):
            await outcome_of(lost)
        assert not kept.done()


@pytest.mark.usefixtures("sweeping")
async def test_a_pool_that_is_without_a_worker_for_a_moment_is_not_lost(ledger: Ledger, redis: Redis) -> None:
    queue = new_queue()
    async with listening(ledger) as replies:
        _, waited_for = await asked(ledger, replies, queue)
        await sign_of_life(redis, queue, lasts_s=-1)
        await _sweeps(ledger, replies, times=4)
        assert not waited_for.done()


async def _sweeps(ledger: Ledger, replies: Replies, *, times: int) -> None:
    """Return after so many sweeps: only a sweep can tell of the end of these runs."""
    for _ in range(times):
        run_id = await recorded(ledger, new_run(reply_to=""))
        await ledger.finish(await claimed(ledger, run_id), success(run_id))
        await outcome_of(replies.expect(run_id, assistant_id="echo", queue="core"))


async def test_who_gives_up_waiting_leaves_nothing_behind(ledger: Ledger) -> None:
    async with listening(ledger) as replies:
        run_id, given_up = await asked(ledger, replies)
        _, kept = await asked(ledger, replies)
        given_up.cancel()
        await asyncio.wait({given_up})
        assert len(replies) == 1
        await ledger.finish(await claimed(ledger, run_id), success(run_id))
        assert not kept.done()


async def test_closing_gives_up_what_is_still_waited_for(ledger: Ledger) -> None:
    async with listening(ledger) as replies:
        _, ended = await asked(ledger, replies)
    with pytest.raises(asyncio.CancelledError):
        await ended


@pytest.mark.usefixtures("sweeping")
async def test_a_redis_that_comes_late_is_no_error(tmp_path: Path) -> None:
    port = free_port()
    configuration = Settings.model_validate({"REDIS_URL": f"redis://127.0.0.1:{port}/0"})
    async with connect_redis(configuration) as redis, listening(Ledger(redis, ttl_s=60)) as replies:
        ledger = Ledger(redis, ttl_s=60)
        server = await asyncio.to_thread(start_redis, tmp_path, port=port)
        try:
            run_id, ended = await asked(ledger, replies)
            await ledger.finish(await claimed(ledger, run_id), success(run_id))
            assert await outcome_of(ended) == success(run_id)
        finally:
            await asyncio.to_thread(end_group, server.process)


async def test_a_redis_that_does_not_answer_does_not_hold_up_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies_module, "SUBSCRIBE_TIMEOUT_S", 0.2)
    with redis_server(tmp_path) as server:
        server.process.send_signal(signal.SIGSTOP)
        async with connect_redis(Settings.model_validate({"REDIS_URL": server.url})) as redis:
            replies = Replies(Ledger(redis, ttl_s=60))
            await asyncio.wait_for(replies.start(), WITHIN_S)
            await replies.close()
