"""Prove that this worker's consumer takes messages off its queues, from the consumer's own event loop.

Every message that reaches the worker is such a proof. So is a full worker. The proof is noted once a second at most,
so a busy queue pays nothing for it. A queue that is silent and empty gets a canary. The consumer takes this message and
drops it at its reception, before the pool, so it waits for no child. There is never more than one, because a message
that waits already serves as the proof.

One consumer of the queue publishes at a time. So a queue without workers does not fill up.
"""

from collections.abc import Iterable
from time import monotonic
from typing import Any

import structlog
from celery import bootsteps
from celery.worker import state as worker_state
from celery.worker.consumer import Consumer
from kombu.exceptions import OperationalError
from kombu.message import Message
from redis import Redis
from redis.exceptions import RedisError

from agentic_sales.celery import app
from agentic_sales.runs.canary import canary_key
from agentic_sales.runs.publisher import PUBLISH_RETRIES
from agentic_sales.runs.sweeper import waiting_messages
from agentic_sales.settings import settings
from agentic_sales.workers.parent.pool import places_of
from agentic_sales.workers.stopping import is_stopping

log = structlog.get_logger()

CANARY_TASK = "canary"
CANARY_INTERVAL_S = 5.0
"""Silence after which an empty queue gets a canary: a third of the limit, so that one lost canary means nothing."""
_PROOF_INTERVAL_S = 1.0
_PROOF_TTL_S = 86_400

_taken: set[str] = set()
"""Queues whose messages reached this worker since it last wrote down its proofs."""


def is_canary(message: Message) -> bool:
    """Say whether a message is there to be taken, and for nothing else."""
    headers: object = message.headers  # of a message from anyone
    return isinstance(headers, dict) and headers.get("task") == CANARY_TASK


def note_taken(message: Message) -> None:
    """Remember that a message of its queue reached this worker."""
    queue = (message.delivery_info or {}).get("routing_key")
    if queue in app.amqp.queues:
        _taken.add(str(queue))


def consumed_queues(consumer: Consumer) -> list[str]:
    """Name the queues that Celery believes this worker to consume."""
    task_consumer = consumer.task_consumer  # type: ignore[attr-defined]  # the Tasks step sets it
    return [queue.name for queue in task_consumer.queues] if task_consumer else []


class Canary(bootsteps.StartStopStep):
    """Consumer bootstep that writes down proofs and puts canaries on silent queues."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Consumer, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._redis = Redis.from_url(settings().redis_url, socket_timeout=1.0, socket_connect_timeout=1.0)
        self._timer_entries: list[Any] = []
        self._proved_at_s: dict[str, float] = {}

    def start(self, consumer: Consumer) -> None:
        """Ask for a first proof, then keep it young."""
        timer = consumer.timer
        self._sing(consumer)
        self._timer_entries = [
            timer.call_repeatedly(_PROOF_INTERVAL_S, self._prove, (consumer,)),
            timer.call_repeatedly(CANARY_INTERVAL_S, self._sing, (consumer,)),
        ]

    def stop(self, consumer: Consumer) -> None:
        """Leave the last proof to the next worker."""
        for entry in self._timer_entries:
            consumer.timer.cancel(entry)
        self._timer_entries = []

    def _prove(self, consumer: Consumer) -> None:
        queues = consumed_queues(consumer)
        proved = queues if _is_full(consumer) else _taken.intersection(queues)
        try:
            self._write(proved)
        except RedisError as exc:
            log.warning("canary_not_noted", worker=consumer.hostname, reason=str(exc))
        _taken.clear()

    def _write(self, queues: Iterable[str]) -> None:
        for queue in queues:
            seconds, _ = self._redis.time()
            self._redis.set(canary_key(queue), seconds, ex=_PROOF_TTL_S)
            self._proved_at_s[queue] = monotonic()

    def _sing(self, consumer: Consumer) -> None:
        channel = consumer.task_consumer.channel  # type: ignore[attr-defined]  # the Tasks step sets it
        try:
            for queue in [] if is_stopping() else consumed_queues(consumer):
                if self._is_silent(queue) and self._takes_turn(queue) and not waiting_messages(channel, queue):
                    send_canary(queue)
        except (RedisError, OperationalError, OSError) as exc:
            log.warning("canary_not_sent", worker=consumer.hostname, reason=str(exc))

    def _is_silent(self, queue: str) -> bool:
        return monotonic() - self._proved_at_s.get(queue, 0.0) > CANARY_INTERVAL_S - _PROOF_INTERVAL_S

    def _takes_turn(self, queue: str) -> bool:
        return bool(self._redis.set(f"agentic:canary_turn:{queue}", "1", nx=True, px=round(CANARY_INTERVAL_S * 800)))


def _is_full(consumer: Consumer) -> bool:
    """Say whether every child has its runs, or as many are promised: then the worker takes nothing more."""
    return len(worker_state.reserved_requests) >= places_of(consumer.pool)


def send_canary(queue: str) -> None:
    """Put a canary on a queue; not by way of a task, which tracing and events would follow.

    Raises:
        kombu.exceptions.OperationalError: The broker did not take it within the retries.
    """
    target = app.amqp.queues[queue]
    with app.producer_or_acquire() as producer:
        producer.publish(
            {},
            headers={"task": CANARY_TASK},
            exchange=target.exchange,
            routing_key=target.routing_key,
            declare=[target],
            retry=True,
            retry_policy=PUBLISH_RETRIES,
        )
