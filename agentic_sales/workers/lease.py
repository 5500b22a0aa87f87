"""Keep the messages of a live worker young, so that a short visibility timeout means "the worker is gone".

kombu gives every delivered message a score, the time of its delivery, and redelivers what is older than the
visibility timeout. This bootstep renews the scores of the messages in flight from the consumer's own event loop: a
long run is never delivered twice, and the runs of a dead or frozen worker come back in seconds. On RabbitMQ the broker
does this by itself when the connection drops.

Reading `qos._delivered` reaches into kombu; it happens here and nowhere else, and a test fails when kombu changes.
"""

import time
from typing import Any

import structlog
from celery import bootsteps
from celery.worker.consumer import Consumer
from kombu.transport.redis import Channel
from redis.exceptions import RedisError

log = structlog.get_logger()

RENEWALS_PER_TIMEOUT = 3


class Lease(bootsteps.StartStopStep):
    """Consumer bootstep that renews the messages in flight."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Consumer, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._timer_entry: Any = None
        self._channel: Channel | None = None

    def start(self, consumer: Consumer) -> None:
        """Renew at a third of the visibility timeout; do nothing on a broker that is not Redis."""
        channel = consumer.task_consumer.channel  # type: ignore[attr-defined]  # the Tasks step sets it
        if isinstance(channel, Channel):
            # When the connection is lost, kombu would put the messages back through it: the worker dies of that
            # (kombu 5.7), and its children still work on them. The lease expires instead.
            channel.do_restore = False
            interval_s = channel.visibility_timeout / RENEWALS_PER_TIMEOUT
            self._channel = channel
            self._timer_entry = consumer.timer.call_repeatedly(interval_s, renew, (channel,))

    def stop(self, consumer: Consumer) -> None:
        """Stop renewing; a clean stop puts back what was delivered and not begun."""
        if self._channel is not None:
            consumer.timer.cancel(self._timer_entry)
            self._channel.do_restore = True
            self._channel = self._timer_entry = None


def renew(channel: Channel) -> None:
    """Give every message that this channel has in flight the score of now."""
    tags = list(channel.qos._delivered or ())  # noqa: SLF001 - kombu has no public list of the messages in flight
    if not tags:
        return
    try:
        with channel.conn_or_acquire() as client:
            client.zadd(channel.unacked_index_key, dict.fromkeys(tags, time.time()), xx=True)
    except RedisError as exc:
        log.warning("lease_not_renewed", in_flight=len(tags), reason=str(exc))
