"""Stop a run whose cancellation was asked for: at the next node edge, and by force after a grace period.

A run that keeps its state also stops at a node edge when its worker is being stopped; it goes on elsewhere.

The wish stands in the ledger, so it survives any restart; a run only looks at it while it runs. A graph that blocks its
event loop cannot be cancelled from inside: its time limit ends it, and the ledger refuses its result all the same.

All runs of a child are looked at together, in one round trip: with 1,000 runs that wait for 2 s in 4 children a look
for each alone cost a child 3.3 ms of processor time a run, and together they cost 2.9 ms.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import Context
from weakref import WeakKeyDictionary

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
    running = asyncio.current_task()
    assert running is not None  # noqa: S101 - a coroutine always runs in a task
    watched = _Watched(run_id, running, can_move=can_move)
    rounds = _rounds.setdefault(ledger, _Rounds(ledger))
    rounds.begin(watched)
    try:
        yield watched.control
    except GraphDrained as exc:
        if watched.control.drain_reason == _STOPPING:
            raise WorkerStopping from exc
        raise RunCancelled(run_id) from exc
    except asyncio.CancelledError as exc:
        if not watched.is_forced:
            raise
        running.uncancel()
        raise RunCancelled(run_id) from exc
    finally:
        rounds.end(watched)


class _Watched:
    """A run that is executed."""

    def __init__(self, run_id: RunId, running: asyncio.Task[object], *, can_move: bool) -> None:
        self.run_id, self.control, self.is_forced = run_id, RunControl(), False
        self._running, self._can_move = running, can_move
        self._force: asyncio.TimerHandle | None = None

    def look(self, *, is_cancelled: bool) -> None:
        """Ask the run to stop, if it should."""
        if is_cancelled and self._force is None:
            self.control.request_drain(_CANCELLED)
            self._force = asyncio.get_running_loop().call_later(GRACE_S, self._stop)
        elif not is_cancelled and self._can_move and is_stopping():
            self.control.request_drain(_STOPPING)

    def end(self) -> None:
        """Ask nothing more of it."""
        if self._force is not None:
            self._force.cancel()

    def _stop(self) -> None:
        self.is_forced = True
        self._running.cancel()


class _Rounds:
    """Looks at all the runs of one event loop, for as long as there are any."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._watched: set[_Watched] = set()
        self._going: asyncio.Task[None] | None = None

    def begin(self, watched: _Watched) -> None:
        """Look at a run from now on."""
        self._watched.add(watched)
        if self._going is None:  # in a context of its own, since it belongs to no run
            self._going = asyncio.get_running_loop().create_task(self._go(), context=Context())

    def end(self, watched: _Watched) -> None:
        """Look at a run no more."""
        watched.end()
        self._watched.discard(watched)
        if not self._watched and self._going is not None:
            self._going.cancel()
            self._going = None

    async def _go(self) -> None:
        while True:
            await asyncio.sleep(LOOK_INTERVAL_S)
            seen = list(self._watched)
            cancelled = await self._cancelled([watched.run_id for watched in seen])
            for watched in self._watched.intersection(seen):
                watched.look(is_cancelled=watched.run_id in cancelled)

    async def _cancelled(self, run_ids: list[RunId]) -> set[RunId]:
        try:
            return await self._ledger.cancelled(run_ids)
        except RedisError as exc:
            log.warning("cancellation_not_read", runs=len(run_ids), reason=str(exc))
            return set()


_rounds: WeakKeyDictionary[Ledger, _Rounds] = WeakKeyDictionary()
