"""The sweeper, on a real Redis and kombu's own queues: what the queue lost is published again, and nothing else."""

from collections.abc import Iterator

import pytest
from kombu import Connection, Consumer, Producer, Queue
from kombu.transport.redis import Channel
from redis.asyncio import Redis

from agentic_sales.contracts import RunId
from agentic_sales.runs import sweeper
from agentic_sales.runs.holds import Hold, Holds
from agentic_sales.runs.ledger import DEAD_KEY, Ledger, pending_key, run_key
from agentic_sales.runs.sweeper import queued_run_ids, sweep, take_turn
from tests.support.recorded_runs import BRIEF_S, claimed, exhausted, new_queue, new_run, recorded, success

AT_ONCE_S = -1.0
"""Redis's whole seconds may be behind by almost one."""


@pytest.fixture
def queue() -> str:
    """A queue that no other test uses."""
    return new_queue()


@pytest.fixture(params=["", "prefix:"], ids=["plain keys", "prefixed keys"])
def channel(redis_url: str, queue: str, request: pytest.FixtureRequest) -> Iterator[Channel]:
    """A consumer's channel whose messages in flight are kept apart from those of other tests."""
    options = {
        "unacked_key": f"{queue}:unacked",
        "unacked_index_key": f"{queue}:unacked_index",
        "global_keyprefix": request.param,
    }
    with Connection(redis_url, transport_options=options) as connection:
        channel = connection.channel()
        assert isinstance(channel, Channel)
        yield channel


@pytest.fixture(autouse=True)
def without_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a run count as lost as soon as it can."""
    monkeypatch.setattr(sweeper, "PENDING_GRACE_S", AT_ONCE_S)
    monkeypatch.setattr(sweeper, "LEASE_GRACE_S", AT_ONCE_S)


class Sweeps:
    """Sweeps the queue of a test."""

    def __init__(self, holds: Holds, queue: str, channel: object) -> None:
        self._redis, self._queue, self._channel = holds.redis, queue, channel

    def __call__(self) -> list[tuple[RunId, str, str]]:
        """Return what one sweep publishes."""
        published: list[tuple[RunId, str, str]] = []
        count = sweep(self._redis, [self._queue], self._channel, lambda *run: published.append(run))
        assert count == len(published)
        return [run for run in published if run[2] == self._queue]


@pytest.fixture
def sweeps(holds: Holds, queue: str, channel: Channel) -> Sweeps:
    """Sweep the queue of this test."""
    return Sweeps(holds, queue, channel)


def send(channel: Channel, queue: str, run_id: RunId) -> None:
    """Put the message of a run on its queue, with the header that Celery gives it."""
    declared = Queue(queue)
    producer = Producer(channel)
    producer.publish([[run_id], {}, {}], headers={"id": run_id}, routing_key=queue, declare=[declared])


def deliver(channel: Channel, queue: str) -> None:
    """Take one message and do not acknowledge it."""
    delivered: list[object] = []
    with Consumer(channel, [Queue(queue)], on_message=delivered.append) as consumer:
        consumer.qos(prefetch_count=1)
        assert consumer.connection is not None
        consumer.connection.drain_events(timeout=5)
    assert len(delivered) == 1


async def test_a_run_that_waits_without_a_message_is_published_again(
    ledger: Ledger, sweeps: Sweeps, queue: str
) -> None:
    run_id = await recorded(ledger, new_run(queue=queue))
    assert sweeps() == [(run_id, "echo", queue)]


async def test_a_run_whose_message_is_queued_is_left_alone(
    ledger: Ledger, sweeps: Sweeps, channel: Channel, queue: str
) -> None:
    queued, lost = [await recorded(ledger, new_run(queue=queue)) for _ in range(2)]
    send(channel, queue, queued)
    assert [run_id for run_id, _, _ in sweeps()] == [lost]


async def test_a_message_that_is_none_of_ours_does_not_end_the_search(
    ledger: Ledger, sweeps: Sweeps, channel: Channel, queue: str
) -> None:
    queued, lost = [await recorded(ledger, new_run(queue=queue)) for _ in range(2)]
    send(channel, queue, queued)
    for foreign in (b"\x80 garbage", b"7", b"[]", b"{}", b"[" * 100_000):
        channel.client.lpush(f"{channel.global_keyprefix}{queue}", foreign)
    assert [run_id for run_id, _, _ in sweeps()] == [lost]


async def test_a_run_whose_message_is_in_flight_is_left_alone(
    ledger: Ledger, sweeps: Sweeps, channel: Channel, queue: str
) -> None:
    run_id = await recorded(ledger, new_run(queue=queue))
    send(channel, queue, run_id)
    deliver(channel, queue)
    assert sweeps() == []


async def test_a_run_that_has_not_waited_long_is_left_alone(
    ledger: Ledger, sweeps: Sweeps, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "PENDING_GRACE_S", 10.0)
    await recorded(ledger, new_run(queue=queue))
    assert sweeps() == []


async def test_a_queue_too_long_to_search_is_not_called_lossy(
    ledger: Ledger, sweeps: Sweeps, channel: Channel, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "LONGEST_SEARCHED_QUEUE", 0)
    queued, _ = [await recorded(ledger, new_run(queue=queue)) for _ in range(2)]
    send(channel, queue, queued)
    assert queued_run_ids(channel, queue) is None
    assert sweeps() == []


async def test_a_run_whose_lease_has_ended_is_published_again(ledger: Ledger, sweeps: Sweeps, queue: str) -> None:
    run_id = await recorded(ledger, new_run(queue=queue))
    await claimed(ledger, run_id, lease_s=BRIEF_S)
    assert sweeps() == [(run_id, "echo", queue)]


async def test_a_run_whose_lease_has_ended_and_that_stands_in_its_queue_is_not_put_there_again(
    ledger: Ledger, sweeps: Sweeps, channel: Channel, queue: str
) -> None:
    run_id = await recorded(ledger, new_run(queue=queue))
    await claimed(ledger, run_id, lease_s=BRIEF_S)
    send(channel, queue, run_id)
    assert sweeps() == []
    deliver(channel, queue)
    assert sweeps() == [(run_id, "echo", queue)], "whoever took its message may be gone"


async def test_a_run_that_somebody_alive_holds_is_left_alone(ledger: Ledger, sweeps: Sweeps, queue: str) -> None:
    await claimed(ledger, await recorded(ledger, new_run(queue=queue)))
    assert sweeps() == []


async def test_a_run_whose_child_died_is_published_again_and_can_be_claimed(
    ledger: Ledger, sweeps: Sweeps, holds: Holds, queue: str
) -> None:
    run_id = await recorded(ledger, new_run(queue=queue))
    await claimed(ledger, run_id, worker="host/1")
    holds.lose(Hold(run_id, "host/1"))
    assert sweeps() == [(run_id, "echo", queue)]
    assert (await claimed(ledger, run_id)).attempt == 2


async def test_a_run_that_has_ended_is_left_alone(ledger: Ledger, sweeps: Sweeps, redis: Redis, queue: str) -> None:
    ended, cancelled = [await recorded(ledger, new_run(queue=queue)) for _ in range(2)]
    await ledger.finish(await claimed(ledger, ended, lease_s=BRIEF_S), success(ended))
    await ledger.cancel(cancelled)
    given_up = await exhausted(ledger)
    assert await redis.zscore(DEAD_KEY, given_up) is not None
    assert sweeps() == []


async def test_a_run_whose_record_is_gone_is_not_published_and_waits_no_longer(
    ledger: Ledger, sweeps: Sweeps, redis: Redis, queue: str
) -> None:
    run_id = await recorded(ledger, new_run(queue=queue))
    await redis.delete(run_key(run_id))
    assert sweeps() == []
    assert await redis.zcard(pending_key(queue)) == 0, "it would fill the queue's cap for ever"


async def test_of_all_that_ask_within_an_interval_one_sweeps(
    holds: Holds, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "_TURN_KEY", f"agentic:sweeper:{new_queue()}")
    assert [take_turn(holds.redis) for _ in range(3)] == [True, False, False]
    left_ms = await redis.pttl(sweeper._TURN_KEY)
    assert 0 < left_ms < 1000 * sweeper.SWEEP_INTERVAL_S, "the next interval is somebody's turn again"
