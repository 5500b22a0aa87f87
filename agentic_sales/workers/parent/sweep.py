"""Sweep for lost runs from every worker's parent process; of all workers, one does the work of each interval."""

from typing import Any

import structlog
from celery import bootsteps
from celery.worker.consumer import Consumer
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from agentic_sales.celery import app
from agentic_sales.contracts import RunId
from agentic_sales.control import control_plane
from agentic_sales.runs.publisher import send_run
from agentic_sales.runs.sweeper import SWEEP_INTERVAL_S, sweep, take_turn
from agentic_sales.settings import settings

log = structlog.get_logger()


class Sweep(bootsteps.StartStopStep):
    """Consumer bootstep that publishes lost runs again."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Consumer, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._redis = Redis.from_url(settings().redis_url, socket_timeout=1.0, socket_connect_timeout=1.0)
        self._timer_entry: Any = None

    def start(self, consumer: Consumer) -> None:
        """Sweep at every interval from now on."""
        self._timer_entry = consumer.timer.call_repeatedly(SWEEP_INTERVAL_S, self._sweep, (consumer,))

    def stop(self, consumer: Consumer) -> None:
        """Stop sweeping."""
        if self._timer_entry is not None:
            consumer.timer.cancel(self._timer_entry)
            self._timer_entry = None

    def _sweep(self, consumer: Consumer) -> None:
        channel = consumer.task_consumer.channel  # type: ignore[attr-defined]  # the Tasks step sets it
        try:
            if take_turn(self._redis):
                sweep(self._redis, control_plane().queues, channel, _publish)
        except (RedisError, OperationalError, OSError) as exc:
            log.warning("sweep_failed", worker=consumer.hostname, reason=str(exc))


def _publish(run_id: RunId, assistant_id: str, queue: str) -> None:
    send_run(app, run_id, assistant_id, queue)
