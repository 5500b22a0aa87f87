"""Show that a worker consumes: a sign of life per queue, written by the consumer's own event loop.

It stops when that loop stops (a hang, a lost broker), returns by itself after a broker restart, and is gone at once on
a clean stop. A busy child does not stop it. The facade counts these signs to answer 503 instead of a timeout.
"""

import json
import os
import time
from typing import Any

import structlog
from celery import bootsteps
from celery.worker.consumer import Consumer
from redis import Redis
from redis.exceptions import RedisError

from agentic_sales.runs.ledger import WORKERS_KEY, alive_key
from agentic_sales.settings import settings
from agentic_sales.workers import carried

log = structlog.get_logger()

INTERVAL_S = 1.0
EXPIRES_AFTER_S = 3.5
"""Three missed signs and a bit: a frozen worker is noticed within this time."""


_signed_at_s = time.monotonic()


def seconds_since_sign() -> float:
    """Return how long ago this worker last said that it consumes; from its start, before it did so first."""
    return time.monotonic() - _signed_at_s


class Presence(bootsteps.StartStopStep):
    """Consumer bootstep that keeps the sign of life young."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Consumer, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._redis = Redis.from_url(settings().redis_url, socket_timeout=1.0, socket_connect_timeout=1.0)
        self._timer_entry: Any = None

    def start(self, consumer: Consumer) -> None:
        """Give the first sign, then one every second."""
        self._sign(consumer)
        self._timer_entry = consumer.timer.call_repeatedly(INTERVAL_S, self._sign, (consumer,))

    def stop(self, consumer: Consumer) -> None:
        """Withdraw the signs, so that a clean stop is seen at once."""
        if self._timer_entry is None:
            return
        consumer.timer.cancel(self._timer_entry)
        self._timer_entry = None
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                for queue in _queues(consumer):
                    pipe.zrem(alive_key(queue), consumer.hostname)
                pipe.hdel(WORKERS_KEY, consumer.hostname)
                pipe.execute()
        except RedisError as exc:
            log.warning("presence_not_withdrawn", worker=consumer.hostname, reason=str(exc))

    def _sign(self, consumer: Consumer) -> None:
        global _signed_at_s  # noqa: PLW0603 - one consumer per process, and its numbers are read from another thread
        try:
            seconds, _ = self._redis.time()
            with self._redis.pipeline(transaction=False) as pipe:
                for queue in _queues(consumer):
                    pipe.zadd(alive_key(queue), {consumer.hostname: seconds + EXPIRES_AFTER_S})
                    pipe.zremrangebyscore(alive_key(queue), "-inf", seconds)
                pipe.hset(WORKERS_KEY, consumer.hostname, json.dumps(_about(consumer, seconds)))
                pipe.execute()
            _signed_at_s = time.monotonic()
        except RedisError as exc:
            log.warning("presence_not_signed", worker=consumer.hostname, reason=str(exc))


def _queues(consumer: Consumer) -> list[str]:
    task_consumer = consumer.task_consumer  # type: ignore[attr-defined]  # the Tasks step sets it
    return [queue.name for queue in task_consumer.queues] if task_consumer else []


def _about(consumer: Consumer, seconds: int) -> dict[str, object]:
    return {
        "queues": _queues(consumer),
        "pid": os.getpid(),
        "seen_at_s": seconds,
        "unavailable": carried.unavailable_reasons(),
    }
