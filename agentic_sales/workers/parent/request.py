"""Follow a delivered run from the worker's parent process, which outlives the child that executes it."""

from collections.abc import Callable
from typing import Any

import structlog
from billiard.einfo import ExceptionInfo
from celery.worker import state as worker_state
from celery.worker.request import Request
from redis import Redis
from redis.exceptions import RedisError

from agentic_sales.contracts import RunFailure, RunId
from agentic_sales.errors import RunTimeout
from agentic_sales.registry import GraphSpec
from agentic_sales.runs.holds import Hold, Holds
from agentic_sales.runs.lanes import LANE_HEADER
from agentic_sales.settings import settings
from agentic_sales.workers.current import worker_name
from agentic_sales.workers.mark import mark_of
from agentic_sales.workers.parent.feed import feed
from agentic_sales.workers.stopping import ChildRecycled

log = structlog.get_logger()


class ReceivedRun(Request):
    """A delivered run, as the worker's parent process sees it."""

    def acknowledge(self) -> None:
        """Acknowledge the delivery, unless its connection is gone.

        kombu 5.7 lets the worker die of an acknowledgement on a closed connection. Left alone, the message comes back
        when its lease expires, and finds the run ended.
        """
        if self.message.channel.connection is None:
            self.acknowledged = True
        super().acknowledge()
        if LANE_HEADER in self.request_dict:
            feed(str(self.delivery_info["routing_key"]))

    def reject(self, requeue: bool = False) -> None:  # noqa: FBT001, FBT002 - Celery's signature
        """Give the delivery back, unless its connection is gone; as for `acknowledge`."""
        if self.message.channel.connection is None:
            self.acknowledged = True
        super().reject(requeue)

    def on_timeout(self, soft: bool, timeout: float) -> None:  # noqa: FBT001 - Celery's signature
        """Record the end of a run whose child is being killed; the child cannot."""
        if not soft:
            if (mark := mark_of(int(self.worker_pid or 0))) is not None:
                mark.blame(self.args[0])
            _record_killed(self)
        super().on_timeout(soft, timeout)

    def on_failure(
        self,
        exc_info: ExceptionInfo,
        send_failed_event: bool = True,  # noqa: FBT001, FBT002 - Celery's signature
        return_ok: bool = False,  # noqa: FBT001, FBT002 - as above
    ) -> None:
        """Acknowledge a run whose child leaves after recording its end; let go of one whose child died."""
        if not isinstance(exc_info.exception, ChildRecycled):
            if self.worker_pid:
                _with_ledger(self, _loss_of(self))
            super().on_failure(exc_info, send_failed_event, return_ok)
            return
        worker_state.task_ready(self)
        self.acknowledge()
        if send_failed_event:
            self.send_event("task-failed", exception=RunTimeout.__name__, traceback="")

    def cancel(self, pool: Any, signal: int | None = None, emit_retry: bool = True) -> None:  # noqa: FBT001, FBT002 - as above
        """Give a run back to its queue, unfinished and without counting a loss: this worker is being stopped."""
        if self.worker_pid:
            _with_ledger(self, lambda holds, hold: holds.release(hold))
        super().cancel(pool, signal, emit_retry)


def _loss_of(request: Request) -> Callable[[Holds, Hold], bool]:
    """Decide about a run whose child died. Of the runs of one child, only the culprit loses an attempt.

    A run that may send loses one too, because it may have sent already.
    """
    mark, row = mark_of(int(request.worker_pid or 0)), _row(request)
    if mark is None or row.effect == "send" or mark.culprit == request.args[0]:
        return lambda holds, hold: holds.lose(hold)
    if mark.culprit is None:
        return lambda holds, hold: holds.spare(hold)
    return lambda holds, hold: holds.release(hold)


def _row(request: Request) -> GraphSpec:
    row: GraphSpec = request.task.row  # type: ignore[attr-defined]  # every task of ours is a RunTask
    return row


def _hold(request: Request) -> Hold:
    return Hold(RunId(request.args[0]), worker_name(int(request.worker_pid or 0)))


def _record_killed(request: Request) -> None:
    row = _row(request)
    failure = RunFailure(
        code=RunTimeout.code,
        message=str(RunTimeout(row.assistant_id, row.time_limit_s)),
        is_retryable=False,
        error=RunTimeout.__name__,
    )
    _with_ledger(request, lambda holds, hold: holds.fail(hold, failure))


def _with_ledger(request: Request, change: Callable[[Holds, Hold], bool]) -> None:
    hold, ttl_s, url = _hold(request), settings().run_ttl_s, settings().redis_url
    try:
        with Redis.from_url(url, socket_timeout=1.0, socket_connect_timeout=1.0) as redis:
            change(Holds(redis, ttl_s=ttl_s), hold)
    except RedisError as exc:
        log.exception("hold_not_changed", run_id=hold.run_id, task=request.name, reason=str(exc))
