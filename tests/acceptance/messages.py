"""Put messages on the fleet's queues that the product would never send."""

from typing import Any

from celery import Celery
from kombu import Exchange, Queue

from tests.support.fleet import Fleet

QUEUE_KEYPREFIX = "agentic:queue:"
"""Prefix of kombu's keys in Redis, as in `celeryconfig`."""


def send_by_hand(fleet: Fleet, queue: str, task: str, *args: Any, serializer: str = "json", **options: Any) -> None:
    """Send a Celery message as an application that knows nothing of the product does; options are Celery's."""
    with Celery("stranger", broker=fleet.environment["REDIS_URL"], set_as_current=False) as stranger:
        stranger.conf.broker_transport_options = {"global_keyprefix": QUEUE_KEYPREFIX}
        target = Queue(queue, Exchange("agentic_sales", type="direct"), routing_key=queue)
        stranger.send_task(task, args=args, serializer=serializer, queue=target, **options)  # type: ignore[arg-type]  # a Queue is fine


def messages_on(fleet: Fleet, queue: str) -> list[str]:
    """Return the messages that wait on a queue, as the broker holds them."""
    return [str(message) for message in fleet.redis.lrange(f"{QUEUE_KEYPREFIX}{queue}", 0, -1)]


def messages_in_flight(fleet: Fleet) -> int:
    """Count the messages that were delivered and not acknowledged yet."""
    return int(fleet.redis.hlen(f"{QUEUE_KEYPREFIX}unacked"))
