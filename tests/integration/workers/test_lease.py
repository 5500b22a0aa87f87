"""The lease on messages in flight, on a real Redis: it reaches into kombu, so it is held against kombu itself."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from kombu import Connection, Consumer, Producer, Queue
from kombu.transport.redis import Channel
from redis import Redis

from agentic_sales.workers.parent.lease import renew_messages
from tests.support.recorded_runs import new_queue

LONG_AGO_S = 1000.0
VISIBILITY_TIMEOUT_S = 15


@pytest.fixture
def prefix() -> str:
    """A prefix of keys that no other test uses."""
    return f"{new_queue()}:"


@pytest.fixture
def channel(redis_url: str, prefix: str) -> Iterator[Channel]:
    """A consumer's channel, configured as `celeryconfig` does it."""
    options = {"visibility_timeout": VISIBILITY_TIMEOUT_S, "global_keyprefix": prefix}
    with Connection(redis_url, transport_options=options) as connection:
        channel = connection.channel()
        assert isinstance(channel, Channel)
        yield channel


@pytest.fixture
def in_flight(channel: Channel) -> str:
    """Deliver one message and do not acknowledge it; its tag."""
    queue = Queue("work")
    Producer(channel).publish({"id": 1}, routing_key=queue.name, declare=[queue])
    delivered: list[Any] = []
    with Consumer(channel, [queue], on_message=lambda message: delivered.append(message.delivery_tag)) as consumer:
        consumer.qos(prefetch_count=1)
        assert consumer.connection is not None
        consumer.connection.drain_events(timeout=5)
    [tag] = delivered
    return str(tag)


@pytest.fixture
def scores(redis_url: str, prefix: str) -> Iterator["Scores"]:
    """The scores of the messages in flight, as Redis has them."""
    with Redis.from_url(redis_url) as redis:
        yield Scores(redis, f"{prefix}unacked_index")


def tags_in_flight(channel: Channel) -> list[str]:
    """Return the tags that kombu holds for this worker, in the place where the lease reads them."""
    return list(channel.qos._delivered or ())


class Scores:
    """When each message in flight was last known to be alive."""

    def __init__(self, redis: Redis, key: str) -> None:
        self._redis, self._key = redis, key

    def __getitem__(self, tag: str) -> float | None:
        return self._redis.zscore(self._key, tag)

    def __setitem__(self, tag: str, seconds: float) -> None:
        assert self._redis.zadd(self._key, {tag: seconds}, xx=True, ch=True)


def test_kombu_still_keeps_the_tags_in_flight_where_the_lease_reads_them(
    channel: Channel, in_flight: str, scores: Scores
) -> None:
    assert tags_in_flight(channel) == [in_flight]
    assert scores[in_flight] == pytest.approx(time.time(), abs=5)


def test_kombu_still_has_a_visibility_timeout_on_its_channel(channel: Channel) -> None:
    assert channel.visibility_timeout == VISIBILITY_TIMEOUT_S


def test_a_message_that_is_not_renewed_is_delivered_again(channel: Channel, in_flight: str, scores: Scores) -> None:
    scores[in_flight] = time.time() - LONG_AGO_S
    channel.qos.restore_visible()
    assert scores[in_flight] is None


def test_a_renewed_message_is_young_and_is_not_delivered_again(
    channel: Channel, in_flight: str, scores: Scores
) -> None:
    scores[in_flight] = time.time() - LONG_AGO_S
    renew_messages(channel)
    assert scores[in_flight] == pytest.approx(time.time(), abs=5)
    channel.qos.restore_visible()
    assert scores[in_flight] is not None


def test_an_acknowledged_message_is_not_brought_back_by_a_renewal(
    channel: Channel, in_flight: str, scores: Scores
) -> None:
    channel.basic_ack(in_flight)
    renew_messages(channel)
    assert scores[in_flight] is None


def test_a_message_that_another_worker_has_by_now_is_not_brought_back_by_a_renewal(
    channel: Channel, in_flight: str, scores: Scores
) -> None:
    scores[in_flight] = time.time() - LONG_AGO_S
    channel.qos.restore_visible()
    assert tags_in_flight(channel) == [in_flight], "this worker does not know that it lost the message"
    renew_messages(channel)
    assert scores[in_flight] is None


def test_a_redis_that_is_away_does_not_end_the_consumer(channel: Channel, in_flight: str, redis_url: str) -> None:
    assert in_flight
    with Redis.from_url(redis_url) as redis:
        redis.client_kill_filter(_type="normal")
    renew_messages(channel)
