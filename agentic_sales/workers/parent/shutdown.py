"""Stop a worker on SIGTERM without losing or repeating a run (soft shutdown).

The worker stops consuming at once. Runs may end within `worker_soft_shutdown_timeout`. A run with a checkpointer stops
at its next node edge and goes back to the queue. So do the other runs that are still under way when that time is over,
without the loss of an attempt. The worker ends as soon as nothing runs.

Celery's own soft shutdown sleeps in the signal handler. A message that arrives meanwhile stays unconsumed, and the
worker sleeps on after its last run has ended. Here the handler leaves a mark, and the consumer's own event loop does
the rest. A second SIGTERM ends the wait.
"""

import time
from typing import Any

import structlog
from celery import bootsteps, platforms
from celery.platforms import EX_OK
from celery.worker import state as worker_state
from celery.worker.consumer import Consumer
from kombu.common import ignore_errors
from redis import Redis

from agentic_sales.settings import settings
from agentic_sales.workers.parent.presence import withdraw
from agentic_sales.workers.stopping import ask_to_stop, is_stopping

log = structlog.get_logger()

LOOK_INTERVAL_S = 0.2


class Shutdown(bootsteps.StartStopStep):
    """Consumer bootstep that ends the worker in the orderly way when it is asked to."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Consumer, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._redis = Redis.from_url(settings().redis_url, socket_timeout=1.0, socket_connect_timeout=1.0)
        self._patience_s: float = consumer.app.conf.worker_soft_shutdown_timeout
        self._asked_at_s: float | None = None
        self._is_hurried = False
        self._timer_entry: Any = None

    def start(self, consumer: Consumer) -> None:
        """Take SIGTERM, and look for its mark from now on; also after a lost connection, when Celery consumes again."""
        platforms.signals["TERM"] = self._on_signal
        self._timer_entry = consumer.timer.call_repeatedly(LOOK_INTERVAL_S, self._look, (consumer,))
        if is_stopping():
            _stop_consuming(consumer)

    def stop(self, consumer: Consumer) -> None:
        """Look no more: the broker is gone, or the worker ends."""
        if self._timer_entry is not None:
            consumer.timer.cancel(self._timer_entry)
            self._timer_entry = None
        if is_stopping():
            _end()

    def _on_signal(self, *_: Any) -> None:
        self._is_hurried = is_stopping()
        ask_to_stop()
        if self._timer_entry is None:
            _end()  # nobody would see the mark: the event loop waits for its broker

    def _look(self, consumer: Consumer) -> None:
        if not is_stopping():
            return
        if self._asked_at_s is None:
            self._asked_at_s = time.monotonic()
            withdraw(self._redis, consumer)
            _stop_consuming(consumer)
            log.info("worker_stopping", worker=consumer.hostname, running=len(worker_state.reserved_requests))
        if not worker_state.reserved_requests:
            _end()
        elif self._is_hurried or time.monotonic() - self._asked_at_s > self._patience_s:
            consumer.cancel_active_requests()
            worker_state.should_terminate = EX_OK  # type: ignore[assignment]  # as in `_end`


def _end() -> None:
    """Let Celery end the worker when its children have nothing to do, also while it tries to reach its broker."""
    worker_state.should_stop = EX_OK  # type: ignore[assignment]  # celery-types takes the default for the type


def _stop_consuming(consumer: Consumer) -> None:
    """Take no more messages; one that is on its way goes back to its queue."""
    task_consumer = consumer.task_consumer  # type: ignore[attr-defined]  # the Tasks step sets it
    if consumer.connection is not None:
        ignore_errors(consumer.connection, task_consumer.cancel)
