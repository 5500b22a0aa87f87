"""Show that a worker consumes: a sign of life per queue, written by the consumer's own event loop.

The sign stops when that loop stops, as in a hang or after the loss of the broker. It returns by itself after a broker
restart. A clean stop removes it at once. A busy child does not stop it. A worker gives no sign for a queue from which
it takes no messages (`runs.canary`), once it has had the time to take one.

The facade counts these signs to answer 503 instead of a timeout. The probe of a container reads the age of a file that
each sign touches. That costs no process and no connection.
"""

import json
import os
import time
from importlib.metadata import version
from typing import Any

import structlog
from celery import bootsteps
from celery.worker.consumer import Consumer
from redis import Redis
from redis.exceptions import RedisError

from agentic_sales.control import control_plane
from agentic_sales.runs.canary import CANARY_LIMIT_S, canary_key
from agentic_sales.runs.lanes import CHILDREN_KEY
from agentic_sales.runs.ledger import WORKERS_KEY, alive_key
from agentic_sales.settings import settings
from agentic_sales.workers import carried
from agentic_sales.workers.parent.canary import consumed_queues
from agentic_sales.workers.parent.pool import places_of
from agentic_sales.workers.stopping import is_stopping

log = structlog.get_logger()

INTERVAL_S = 1.0
EXPIRES_AFTER_S = 3.5
"""Three missed signs and a bit: a frozen worker is noticed within this time."""
_VERSION = version("agentic-sales")
"""Read once. Its file takes 1 ms to parse."""

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
        self._consuming_file = settings().consuming_file
        self._timer_entry: Any = None
        self._started_at_s = 0.0

    def start(self, consumer: Consumer) -> None:
        """Give the first sign, then one every second."""
        self._started_at_s = time.monotonic()
        self._sign(consumer)
        self._timer_entry = consumer.timer.call_repeatedly(INTERVAL_S, self._sign, (consumer,))

    def stop(self, consumer: Consumer) -> None:
        """Withdraw the signs, so that a clean stop is seen at once."""
        if self._timer_entry is None:
            return
        consumer.timer.cancel(self._timer_entry)
        self._timer_entry = None
        withdraw(self._redis, consumer)

    def _sign(self, consumer: Consumer) -> None:
        global _signed_at_s  # noqa: PLW0603 - one consumer per process, and its numbers are read from another thread
        if is_stopping():
            return
        try:
            seconds, micros = self._redis.time()
            skew_s = time.time() - seconds - micros / 1e6
            places = places_of(consumer.pool)
            proven = self._proven(consumed_queues(consumer), seconds) if places else []
            with self._redis.pipeline(transaction=False) as pipe:
                for queue in proven:
                    pipe.zadd(alive_key(queue), {consumer.hostname: seconds + EXPIRES_AFTER_S})
                    pipe.zremrangebyscore(alive_key(queue), "-inf", seconds)
                pipe.hset(CHILDREN_KEY, consumer.hostname, places)
                pipe.hset(WORKERS_KEY, consumer.hostname, json.dumps(_about(consumer, seconds, skew_s)))
                pipe.execute()
            if proven:
                _signed_at_s = time.monotonic()
                if self._consuming_file is not None:
                    self._consuming_file.touch()
        except RedisError as exc:
            log.warning("presence_not_signed", worker=consumer.hostname, reason=str(exc))

    def _proven(self, queues: list[str], now_s: int) -> list[str]:
        """Return the queues that are known to be consumed, or that this worker has just begun to consume."""
        if not queues or time.monotonic() - self._started_at_s < CANARY_LIMIT_S:
            return queues
        proofs = self._redis.mget([canary_key(queue) for queue in queues])
        proven = [q for q, at_s in zip(queues, proofs, strict=True) if now_s - float(at_s or 0) < CANARY_LIMIT_S]
        if silent := sorted(set(queues) - set(proven)):
            log.error("queue_not_consumed", queues=silent, limit_s=CANARY_LIMIT_S)
        return proven


def withdraw(redis: Redis, consumer: Consumer) -> None:
    """Remove the signs of this worker, so that the facade stops counting on it."""
    try:
        with redis.pipeline(transaction=False) as pipe:
            for queue in consumed_queues(consumer):
                pipe.zrem(alive_key(queue), consumer.hostname)
            pipe.hdel(CHILDREN_KEY, consumer.hostname)
            pipe.hdel(WORKERS_KEY, consumer.hostname)
            pipe.execute()
    except RedisError as exc:
        log.warning("presence_not_withdrawn", worker=consumer.hostname, reason=str(exc))


def _about(consumer: Consumer, seconds: int, skew_s: float) -> dict[str, object]:
    return {
        "name": consumer.hostname,
        "version": _VERSION,
        "digest": control_plane().digest,
        "clock_skew_s": round(skew_s, 3),
        "queues": consumed_queues(consumer),
        "pid": os.getpid(),
        "seen_at_s": seconds,
        "unavailable": carried.unavailable_reasons(),
    }
