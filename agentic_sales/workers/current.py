"""Hold the child of this process, and the name of this worker process in the ledger."""

import socket
from asyncio import AbstractEventLoop
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from agentic_sales.contracts import RunId
from agentic_sales.control import ControlPlane
from agentic_sales.registry import GraphSpec
from agentic_sales.runs.ledger import Ledger, Outcome
from agentic_sales.runs.submit import Runs
from agentic_sales.settings import Settings
from agentic_sales.workers.mark import Mark

if TYPE_CHECKING:
    from agentic_sales.workers.loader import LoadedGraph

T = TypeVar("T")


class CurrentChild(Protocol):
    """Questions that a task may put to its worker child process."""

    control: ControlPlane
    configuration: Settings
    ledger: Ledger

    def run(self, row: GraphSpec, run_id: RunId, *, queue: str) -> Outcome | None:
        """Execute a run that the queue delivered, and return when it has ended."""

    def do(self, job: Coroutine[Any, Any, T]) -> T:
        """Do something else than a run on this child's loop, and return when it is done."""

    def serve(self, mark: Mark, begin: Callable[[AbstractEventLoop], object]) -> None:
        """Let greenlets use this child's loop until it is stopped; for a child of several slots."""

    async def durable_graph(self, row: GraphSpec) -> "LoadedGraph":
        """Return the graph of a row with the shared checkpointer."""

    async def runs(self) -> Runs:
        """Return the door for sub-runs."""

    def close(self) -> None:
        """Close the connections and the loop."""


_child: CurrentChild | None = None


def child() -> CurrentChild:
    """Return the child of this process. Only a worker child has one."""
    if _child is None:
        raise RuntimeError("a run can only be executed by a worker child process; start one with `celery worker`")
    return _child


def enter(child: CurrentChild) -> None:
    """Let this process live as a child; Celery gives a task no other place to find it."""
    global _child  # noqa: PLW0603 - one per process
    _child = child


def leave() -> CurrentChild | None:
    """Let this process be no child any more; return the child that it was, None where it was none."""
    global _child
    left, _child = _child, None
    return left


def worker_name(pid: int) -> str:
    """Name a worker process in the ledger: `host/pid`."""
    return f"{socket.gethostname()}/{pid}"
