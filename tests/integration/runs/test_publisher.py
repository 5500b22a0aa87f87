"""The thread that publishes and the connection that does so without it, on a real Redis."""

import json
from collections.abc import Iterator

import pytest
from celery import Celery
from celery.exceptions import QueueNotFound
from kombu import Queue
from redis.asyncio import Redis

from agentic_sales.contracts import RunId
from agentic_sales.errors import BrokerUnavailable
from agentic_sales.runs.direct_publisher import DirectPublisher
from agentic_sales.runs.publisher import Publisher, send_run
from tests.support.recorded_runs import new_queue

RUN = RunId("01a1fda2-1197-71ec-8481-4e806fc8af31")
NOBODY = "redis://127.0.0.1:1/0"


@pytest.fixture
def queue() -> str:
    """A queue that no other test uses."""
    return new_queue()


def publisher_on(broker: str, queue: str) -> Iterator[Publisher]:
    with Celery("publisher", broker=broker, set_as_current=False) as app:
        app.conf.update(task_queues=[Queue(queue)], task_create_missing_queues=False)
        publisher = Publisher(app)
        publisher.start()
        yield publisher
        publisher.close()


@pytest.fixture
def publisher(redis_url: str, queue: str) -> Iterator[Publisher]:
    """A publisher that knows one queue."""
    yield from publisher_on(redis_url, queue)


@pytest.fixture
def stranded(queue: str) -> Iterator[Publisher]:
    """A publisher whose broker is away."""
    yield from publisher_on(NOBODY, queue)


async def test_a_run_that_cannot_be_published_is_told_and_the_next_one_is_published(
    publisher: Publisher, queue: str
) -> None:
    with pytest.raises(QueueNotFound):
        await publisher.publish(RUN, "echo", "a-queue-of-last-year")
    await publisher.publish(RUN, "echo", queue)


async def test_a_broker_that_is_away_is_told(stranded: Publisher, queue: str) -> None:
    with pytest.raises(BrokerUnavailable):
        await stranded.publish(RUN, "echo", queue)


async def test_a_run_that_is_published_directly_is_the_message_that_celery_writes(
    redis_url: str, redis: Redis, queue: str
) -> None:
    headers = {"traceparent": f"00-{'ab' * 16}-{'12' * 8}-01", "tracestate": 'a="b",c=d'}
    prefix = f"of-{queue}:"
    with Celery("publisher", broker=redis_url, set_as_current=False) as app:
        app.conf.update(task_queues=[Queue(queue)], broker_transport_options={"global_keyprefix": prefix})
        publisher = DirectPublisher(app, redis)
        for _ in range(2):
            await publisher.publish(RUN, "echo", queue, headers)
        send_run(app, RUN, "echo", queue, headers)
    direct, again, by_celery = (json.loads(text) for text in reversed(await redis.lrange(f"{prefix}{queue}", 0, -1)))
    tags = {message["properties"].pop("delivery_tag") for message in (direct, again, by_celery)}
    assert len(tags) == 3
    assert direct == again == by_celery


async def test_a_redis_that_is_away_is_told_of_a_run_that_is_published_directly(queue: str) -> None:
    with Celery("publisher", set_as_current=False) as app:
        app.conf.update(task_queues=[Queue(queue)], task_create_missing_queues=False)
        with pytest.raises(BrokerUnavailable):
            await DirectPublisher(app, Redis.from_url(NOBODY)).publish(RUN, "echo", queue)
        with pytest.raises(QueueNotFound):
            await DirectPublisher(app, Redis.from_url(NOBODY)).publish(RUN, "echo", "a-queue-of-last-year")
