"""Renew the leases of a live worker, so that an old lease means a dead worker.

kombu gives every delivered message a score, the time of its delivery. It redelivers messages that are older than the
visibility timeout. This bootstep renews the scores of the messages in flight and the leases of their runs in the
ledger, from the consumer's own event loop. So a long run is never delivered twice, and the runs of a dead or frozen
worker come back in seconds. On RabbitMQ the broker redelivers by itself when the connection drops.

This file alone reaches into kombu, by reading `qos._delivered`. A test fails when kombu changes.
"""

import time
from typing import Any

import structlog
from celery import bootsteps
from celery.worker import state as worker_state
from celery.worker.consumer import Consumer
from kombu.transport.redis import Channel
from redis import Redis
from redis.exceptions import RedisError

from agentic_sales.contracts import RunId
from agentic_sales.runs.holds import Hold, Holds
from agentic_sales.settings import settings
from agentic_sales.workers.current import worker_name
from agentic_sales.workers.parent.request import ReceivedRun

log = structlog.get_logger()

RENEWAL_INTERVAL_S = 4.0
"""A third of the ledger's lease, so that one late renewal loses nothing."""


class Lease(bootsteps.StartStopStep):
    """Consumer bootstep that renews the leases of this worker."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Consumer, **options: Any) -> None:
        super().__init__(consumer, **options)
        redis = Redis.from_url(settings().redis_url, socket_timeout=1.0, socket_connect_timeout=1.0)
        self._holds = Holds(redis, ttl_s=settings().run_ttl_s)
        self._timer_entry: Any = None
        self._channel: Channel | None = None

    def start(self, consumer: Consumer) -> None:
        """Renew every few seconds from now on."""
        channel = consumer.task_consumer.channel  # type: ignore[attr-defined]  # the Tasks step sets it
        if isinstance(channel, Channel):
            # When the connection is lost, kombu would put the messages back through it: the worker dies of that
            # (kombu 5.7), and its children still work on them. The lease expires instead.
            channel.do_restore = False
            self._channel = channel
        self._timer_entry = consumer.timer.call_repeatedly(RENEWAL_INTERVAL_S, self._renew)

    def stop(self, consumer: Consumer) -> None:
        """Stop renewing. A clean stop puts messages back that were delivered and not begun."""
        if self._timer_entry is not None:
            consumer.timer.cancel(self._timer_entry)
        if self._channel is not None:
            self._channel.do_restore = True
        self._channel = self._timer_entry = None

    def _renew(self) -> None:
        try:
            if self._channel is not None:
                renew_messages(self._channel)
            self._holds.renew(held_runs())
        except RedisError as exc:
            log.warning("lease_not_renewed", reason=str(exc))


def held_runs() -> list[Hold]:
    """List the runs that the children of this worker execute now."""
    return [
        Hold(RunId(request.args[0]), worker_name(request.worker_pid))
        for request in tuple(worker_state.active_requests)
        if request.worker_pid and isinstance(request, ReceivedRun)
    ]


def renew_messages(channel: Channel) -> None:
    """Give every message that this channel has in flight the score of now."""
    tags = list(channel.qos._delivered or ())  # noqa: SLF001 - kombu has no public list of the messages in flight
    if tags:
        with channel.conn_or_acquire() as client:
            client.zadd(channel.unacked_index_key, dict.fromkeys(tags, time.time()), xx=True)
