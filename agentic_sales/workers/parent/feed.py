"""Feed the queues of this worker with the runs that the ledger holds back, from the worker's parent process.

Once a second, and at once when a batch run of this worker has ended, so that the batch lane is as fast as the children
that it may have. Many workers ask at a time; each run is admitted once. A worker that dies between admitting and
publishing leaves a run that waits without a message, which the sweeper finds.
"""

from functools import cache
from typing import Any

import structlog
from celery import bootsteps
from celery.worker.consumer import Consumer
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from agentic_sales.celery import app
from agentic_sales.runs.lanes import BlockingLanes
from agentic_sales.runs.publisher import send_run
from agentic_sales.settings import settings
from agentic_sales.workers.parent.canary import consumed_queues

log = structlog.get_logger()

FEED_INTERVAL_S = 1.0


@cache
def _lanes() -> BlockingLanes:
    return BlockingLanes(Redis.from_url(settings().redis_url, socket_timeout=1.0, socket_connect_timeout=1.0))


def feed(queue: str) -> None:
    """Publish the runs that may go to a queue now."""
    try:
        for run in _lanes().admit(queue):
            send_run(app, run.run_id, run.assistant_id, queue, run.headers)
    except (RedisError, OperationalError, OSError) as exc:
        log.warning("queue_not_fed", queue=queue, reason=str(exc))


class Feed(bootsteps.StartStopStep):
    """Consumer bootstep that feeds the queues that this worker consumes."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Consumer, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._timer_entry: Any = None

    def start(self, consumer: Consumer) -> None:
        """Feed at every interval from now on."""
        self._timer_entry = consumer.timer.call_repeatedly(FEED_INTERVAL_S, self._feed, (consumer,))

    def stop(self, consumer: Consumer) -> None:
        """Stop feeding."""
        if self._timer_entry is not None:
            consumer.timer.cancel(self._timer_entry)
            self._timer_entry = None

    def _feed(self, consumer: Consumer) -> None:
        for queue in consumed_queues(consumer):
            feed(queue)
