"""Follow a delivered run from the worker's parent process, which outlives the child that executes it."""

import structlog
from billiard.einfo import ExceptionInfo
from celery.worker import state as worker_state
from celery.worker.request import Request
from redis import Redis
from redis.exceptions import RedisError

from agentic_sales.contracts import RunFailure, RunId
from agentic_sales.errors import RunTimeout
from agentic_sales.registry import GraphSpec
from agentic_sales.runs.ledger import fail_held_run
from agentic_sales.settings import settings
from agentic_sales.workers.lifecycle import worker_name

log = structlog.get_logger()


class ChildRecycled(SystemExit):
    """Raised to replace a child whose run went over its limit: threads that the run started may still be working."""


class RunRequest(Request):
    """A delivered run, as the worker's parent process sees it."""

    def acknowledge(self) -> None:
        """Acknowledge the delivery, unless its connection is gone.

        kombu 5.7 lets the worker die of an acknowledgement on a closed connection. Left alone, the message comes back
        when its lease expires, and finds the run ended.
        """
        if self.message.channel.connection is None:
            self.acknowledged = True
        super().acknowledge()

    def reject(self, requeue: bool = False) -> None:  # noqa: FBT001, FBT002 - Celery's signature
        """Give the delivery back, unless its connection is gone; as for `acknowledge`."""
        if self.message.channel.connection is None:
            self.acknowledged = True
        super().reject(requeue)

    def on_timeout(self, soft: bool, timeout: float) -> None:  # noqa: FBT001 - Celery's signature
        """Record the end of a run whose child is being killed; the child cannot."""
        if not soft:
            row: GraphSpec = self.task.row  # type: ignore[attr-defined]  # every task of ours is a RunTask
            _record_killed(row, RunId(self.args[0]), pid=int(self.worker_pid or 0))
        super().on_timeout(soft, timeout)

    def on_failure(
        self,
        exc_info: ExceptionInfo,
        send_failed_event: bool = True,  # noqa: FBT001, FBT002 - Celery's signature
        return_ok: bool = False,  # noqa: FBT001, FBT002 - as above
    ) -> None:
        """Acknowledge a run whose child leaves after recording its end; anything else is Celery's to handle."""
        if not isinstance(exc_info.exception, ChildRecycled):
            super().on_failure(exc_info, send_failed_event, return_ok)
            return
        worker_state.task_ready(self)
        self.acknowledge()
        if send_failed_event:
            self.send_event("task-failed", exception=RunTimeout.__name__, traceback="")


def _record_killed(row: GraphSpec, run_id: RunId, *, pid: int) -> None:
    failure = RunFailure(
        code=RunTimeout.code,
        message=str(RunTimeout(row.assistant_id, row.time_limit_s)),
        is_retryable=False,
        error=RunTimeout.__name__,
    )
    ttl_s, url = settings().run_ttl_s, settings().redis_url
    try:
        with Redis.from_url(url, socket_timeout=1.0, socket_connect_timeout=1.0) as redis:
            fail_held_run(redis, run_id, worker=worker_name(pid), ttl_s=ttl_s, failure=failure)
    except RedisError as exc:
        log.exception("timeout_not_recorded", run_id=run_id, assistant_id=row.assistant_id, reason=str(exc))
