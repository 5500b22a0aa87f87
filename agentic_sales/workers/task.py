"""Register one Celery task per registry row: `run.<assistant_id>`, all of one class.

A task's only argument is the id of a run; its options (time limits) are derived from the row, so that Flower, metrics
and `inspect` speak in capabilities. This module imports no graph: beat and Flower load it too.
"""

import structlog
from celery import Celery, Task
from celery.exceptions import Reject
from redis.exceptions import RedisError

from agentic_sales.celery import app
from agentic_sales.contracts import RunId
from agentic_sales.control import control_plane
from agentic_sales.errors import RunTimeout
from agentic_sales.registry import GraphSpec
from agentic_sales.runs.ledger import Outcome
from agentic_sales.runs.publisher import task_name
from agentic_sales.workers import current
from agentic_sales.workers.stopping import ChildRecycled, WorkerStopping, is_stopping

log = structlog.get_logger()

SOFT_LIMIT_GRACE_S = 2.0
"""A run over its limit is first cancelled on its loop; this long after, code that blocks the loop is signalled."""
HARD_LIMIT_GRACE_S = 5.0
"""This long after the limit, a child that ignored both is killed by its parent."""


class RunTask(Task[[str], str]):
    """The task of every workflow."""

    abstract = True
    Request = "agentic_sales.workers.parent.request:ReceivedRun"
    row: GraphSpec

    def run(self, run_id: str) -> str:
        """Execute one run; return its status, which Flower shows.

        A ledger that stays away or refuses writes gives the message back, because an acknowledged message would leave
        the run without a worker. The work of the run up to then cannot be recorded and is lost. A worker that is being
        stopped gives a message back too, if its run has not begun or has stopped at a node edge. That is no loss.
        """
        delivery = self.request.delivery_info or {}
        try:
            _refuse_while_stopping()
            outcome = current.child().run(self.row, RunId(run_id), queue=str(delivery.get("routing_key")))
        except WorkerStopping as exc:
            log.info("run_left_to_another_worker", run_id=run_id, assistant_id=self.row.assistant_id)
            raise Reject("this worker is being stopped", requeue=True) from exc
        except RedisError as exc:
            log.exception("run_given_back", run_id=run_id, assistant_id=self.row.assistant_id)
            raise Reject(f"{type(exc).__name__}: {exc}", requeue=True) from exc
        if outcome is not None and _is_over_limit(outcome):
            raise ChildRecycled
        return "nothing to do" if outcome is None else outcome.status


def register_tasks(celery_app: Celery) -> None:
    """Register the task of every registry row."""
    for row in control_plane().rows.values():
        celery_app.register_task(_task_of(row))


def _task_of(row: GraphSpec) -> RunTask:
    options = {
        "name": task_name(row.assistant_id),
        "row": row,
        "soft_time_limit": row.time_limit_s + SOFT_LIMIT_GRACE_S,
        "time_limit": row.time_limit_s + HARD_LIMIT_GRACE_S,
        "__module__": __name__,
    }
    task: RunTask = type(f"Run_{row.assistant_id}", (RunTask,), options)()
    return task


def _refuse_while_stopping() -> None:
    if is_stopping():
        raise WorkerStopping


def _is_over_limit(outcome: Outcome) -> bool:
    return outcome.failure is not None and outcome.failure.code == RunTimeout.code


register_tasks(app)
