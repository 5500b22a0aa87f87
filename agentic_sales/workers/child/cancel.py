"""Stop a run whose cancellation was asked for: at the next node edge, and by force after a grace period.

A run that keeps its state also stops at a node edge when its worker is being stopped; it goes on elsewhere.

The wish stands in the ledger, so it survives any restart; a run only looks at it while it runs. A graph that blocks its
event loop cannot be cancelled from inside: its time limit ends it, and the ledger refuses its result all the same.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from langgraph.errors import GraphDrained
from langgraph.runtime import RunControl
from redis.exceptions import RedisError

from agentic_sales.contracts import RunId
from agentic_sales.runs.ledger import Ledger
from agentic_sales.workers.stopping import WorkerStopping, is_stopping

log = structlog.get_logger()

LOOK_INTERVAL_S = 0.5
GRACE_S = 5.0
"""How long a cancelled run may take to reach its next node edge before it is cancelled inside a node."""


_CANCELLED, _STOPPING = "cancelled", "stopping"


class RunCancelled(Exception):
    """Raised where a graph was stopped because its run is cancelled."""


@asynccontextmanager
async def cancellable(ledger: Ledger, run_id: RunId, *, can_move: bool = False) -> AsyncIterator[RunControl]:
    """Watch a run's cancellation while the body runs its graph under the yielded control.

    Args:
        ledger: Where the wish stands.
        run_id: The run.
        can_move: Another worker can go on with the run behind its last node.

    Raises:
        RunCancelled: The graph was stopped, at a node edge or inside a node.
        WorkerStopping: It was stopped at a node edge, for another worker to go on.
    """
    control, running = RunControl(), asyncio.current_task()
    assert running is not None  # noqa: S101 - a coroutine always runs in a task
    watcher = asyncio.create_task(_watch(ledger, run_id, control, running, can_move=can_move))
    try:
        yield control
    except GraphDrained as exc:
        if control.drain_reason == _STOPPING:
            raise WorkerStopping from exc
        raise RunCancelled(run_id) from exc
    except asyncio.CancelledError as exc:
        if not _was_forced(watcher):
            raise
        running.uncancel()
        raise RunCancelled(run_id) from exc
    finally:
        watcher.cancel()


async def _watch(
    ledger: Ledger, run_id: RunId, control: RunControl, running: asyncio.Task[object], *, can_move: bool
) -> None:
    await asyncio.sleep(LOOK_INTERVAL_S)
    while not await _is_cancelled(ledger, run_id):
        if can_move and is_stopping():
            control.request_drain(_STOPPING)
        await asyncio.sleep(LOOK_INTERVAL_S)
    control.request_drain(_CANCELLED)
    await asyncio.sleep(GRACE_S)
    running.cancel()


async def _is_cancelled(ledger: Ledger, run_id: RunId) -> bool:
    try:
        return await ledger.is_cancelled(run_id)
    except RedisError as exc:
        log.warning("cancellation_not_read", run_id=run_id, reason=str(exc))
        return False


def _was_forced(watcher: asyncio.Task[None]) -> bool:
    return watcher.done() and not watcher.cancelled()
