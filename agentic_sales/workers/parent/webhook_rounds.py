"""Ask for rounds of webhooks, from the parent of a worker on the default pool.

It looks once a second and asks for one round at a time in the whole fleet; a child makes it, with a time limit, so a
receiver that hangs harms no parent. A round that dies with its child is asked for again when its turn has expired.
"""

from typing import Any

import structlog
from celery import bootsteps
from celery.worker.consumer import Consumer
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from agentic_sales.celery import app
from agentic_sales.control import control_plane
from agentic_sales.runs.publisher import send_job
from agentic_sales.runs.webhooks import DELIVER_TASK, TURN_KEY, WEBHOOKS_KEY
from agentic_sales.settings import settings
from agentic_sales.workers.parent.canary import consumed_queues

log = structlog.get_logger()

LOOK_INTERVAL_S = 1.0
TURN_S = 60
"""How long a round is waited for before another one is asked for."""


class WebhookRounds(bootsteps.StartStopStep):
    """Consumer bootstep of the default pool that asks for rounds of deliveries."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Consumer, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._redis = Redis.from_url(settings().redis_url, socket_timeout=1.0, socket_connect_timeout=1.0)
        self._timer_entry: Any = None

    def include_if(self, parent: Consumer) -> bool:  # noqa: ARG002 - Celery's signature
        """Leave the work to the default pool, and out where nothing is signed."""
        return settings().webhook_secret is not None

    def start(self, consumer: Consumer) -> None:
        """Look at every interval from now on."""
        self._timer_entry = consumer.timer.call_repeatedly(LOOK_INTERVAL_S, self._look, (consumer,))

    def stop(self, consumer: Consumer) -> None:
        """Stop looking."""
        if self._timer_entry is not None:
            consumer.timer.cancel(self._timer_entry)
            self._timer_entry = None

    def _look(self, consumer: Consumer) -> None:
        queue = control_plane().default_queue
        if queue not in consumed_queues(consumer):
            return
        try:
            seconds, _ = self._redis.time()
            is_due = self._redis.zcount(WEBHOOKS_KEY, "-inf", seconds)
            if is_due and self._redis.set(TURN_KEY, "1", nx=True, ex=TURN_S):
                send_job(app, DELIVER_TASK, queue)
        except (RedisError, OperationalError, OSError) as exc:
            log.warning("webhooks_not_looked_at", worker=consumer.hostname, reason=str(exc))
