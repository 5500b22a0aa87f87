"""kombu's transport with one client per pool, on a real Redis: it overrides a part of kombu, so kombu is its test."""

from collections.abc import Iterator
from typing import Any

import pytest
from kombu import Connection, Consumer, Producer, Queue
from redis import Redis

from agentic_sales.celery import app
from agentic_sales.transport import Channel, Transport
from tests.support.recorded_runs import new_queue


@pytest.fixture
def prefix() -> str:
    """A prefix of keys that no other test uses."""
    return f"{new_queue()}:"


@pytest.fixture
def channel(redis_url: str, prefix: str) -> Iterator[Channel]:
    """A channel as `celeryconfig` makes it."""
    options = {"global_keyprefix": prefix}
    with Connection(redis_url, transport="agentic_sales.transport:Transport", transport_options=options) as connection:
        channel = connection.channel()
        assert isinstance(channel, Channel)
        yield channel


def test_all_commands_of_a_channel_share_one_client_and_its_blocking_ones_another(channel: Channel) -> None:
    with channel.conn_or_acquire() as first, channel.conn_or_acquire() as second:
        assert first is second
        assert first is not channel.client


def test_a_message_goes_out_and_comes_in_and_is_acknowledged(channel: Channel, redis_url: str, prefix: str) -> None:
    queue = Queue("work")
    arrived: list[tuple[Any, int, int]] = []
    Producer(channel).publish({"id": 1}, routing_key=queue.name, declare=[queue])

    def accept(body: Any, message: Any) -> None:
        in_flight = redis.hlen(f"{prefix}unacked")
        message.ack()
        arrived.append((body, in_flight, redis.hlen(f"{prefix}unacked")))

    with Redis.from_url(redis_url) as redis, Consumer(channel, [queue], callbacks=[accept]) as consumer:
        assert consumer.connection is not None
        consumer.connection.drain_events(timeout=5)
    assert arrived == [({"id": 1}, 1, 0)]


def test_a_message_that_is_given_back_comes_before_those_that_came_after_it(channel: Channel) -> None:
    queue = Queue("work")
    producer = Producer(channel)
    for number in range(3):
        producer.publish({"id": number}, routing_key=queue.name, declare=[queue])
    seen: list[int] = []

    def give_back_once(body: Any, message: Any) -> None:
        message.ack() if seen else message.reject(requeue=True)
        seen.append(body["id"])

    with Consumer(channel, [queue], callbacks=[give_back_once]) as consumer:
        assert consumer.connection is not None
        for _ in range(4):
            consumer.connection.drain_events(timeout=5)
    assert seen == [0, 0, 1, 2]


def test_the_fleet_uses_it() -> None:
    with app.connection_for_write() as connection:
        assert isinstance(connection.transport, Transport)
