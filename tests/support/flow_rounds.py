"""Let a round of a flow go on in process, with scripted workflows, until it is through or its process dies."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from langgraph.types import Checkpointer, Command
from sqlalchemy import func, select

from agentic_sales.campaigns.leads import desk
from agentic_sales.campaigns.leads.tick import tick_rounds
from agentic_sales.campaigns.visits import clock
from agentic_sales.campaigns.visits.clock import VirtualClock
from agentic_sales.contracts import RunFailure, RunId
from agentic_sales.control import control_plane
from agentic_sales.effects import acting_as
from agentic_sales.errors import RunFailed
from agentic_sales.rehearsal.in_process import InProcessSubRunner, in_process_record
from agentic_sales.runs.ledger import Outcome
from agentic_sales.runs.subruns import SubRun, current_sub_runner
from agentic_sales.store.columns import Table
from agentic_sales.store.database import Database, as_current
from agentic_sales.store.flow_rounds import FlowRoundRow
from agentic_sales.store.leads import LeadRow
from agentic_sales.store.statements import every
from agentic_sales.workers.child.failures import failure_of
from agentic_sales.workers.loader import load_graph

BEGUN = datetime(2026, 3, 2, 10, tzinfo=UTC)
"""A Monday, in working hours."""
LEAD_FLOW = "lead_flow"
MOST_TICKS = 200
Answer = Mapping[str, Any] | RunFailed
Script = Mapping[str, Callable[[Mapping[str, Any]], Answer]]
"""Workflow to its answer for an input."""


class Killed(BaseException):
    """Raised where a process dies. Nothing of the product catches it."""


class Fate:
    """Counts the moments at which a process can die, and kills it at its own."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.left, self.reached = dies_at, 0

    def reach(self) -> None:
        """Come to such a moment."""
        self.reached += 1
        if self.left is not None:
            if self.left == 0:
                self.left = None
                raise Killed
            self.left -= 1

    @asynccontextmanager
    async def watching(self, database: Database) -> AsyncIterator[None]:
        """Let a process die before and after each transaction that writes."""
        writing = database.writing

        @asynccontextmanager
        async def watched() -> AsyncIterator[Any]:
            self.reach()
            async with writing() as connection:
                yield connection
            self.reach()

        patched: Any = database
        patched.writing = watched
        try:
            yield
        finally:
            del patched.writing


class ScriptedRunner(InProcessSubRunner):
    """A fleet whose workflows answer by a script. It outlives the processes that ask it."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self.script = script
        self.fate = Fate()
        self.usd = 0.0
        """Cost of each run."""
        self.asked: list[tuple[str, dict[str, Any]]] = []
        """Every workflow that ran, with its input."""

    async def run(self, assistant_id: str, values: Mapping[str, Any]) -> SubRun:
        """Answer by the script."""
        self.asked.append((assistant_id, dict(values)))
        answer = self.script[assistant_id](values)
        if isinstance(answer, RunFailed):
            raise answer
        return SubRun(replace(in_process_record(assistant_id), spent_usd=self.usd), dict(answer))

    async def begin(self, assistant_id: str, values: Mapping[str, Any], *, once: str) -> RunId:
        """Begin a run. A process may die before it and after it."""
        self.fate.reach()
        run_id = await super().begin(assistant_id, values, once=once)
        self.fate.reach()
        return run_id

    def counts(self) -> Counter[str]:
        """Count what ran, by workflow."""
        return Counter(assistant_id for assistant_id, _ in self.asked)


class Rounds:
    """Makes the visits of a tick one after the other, each to its end."""

    def __init__(self, saver: Checkpointer) -> None:
        self._row = control_plane().row(LEAD_FLOW)
        self._graph = load_graph(self._row, saver).graph
        self._ends: dict[RunId, Outcome] = {}

    async def submit_round(self, row: FlowRoundRow, run_id: RunId) -> None:
        """Make a visit. A failure is told as a fleet tells it."""
        config: Any = {"configurable": {"thread_id": desk.thread_of(row.round_id)}}
        at, failure = await self._graph.aget_state(config), None
        start: Any = {"flow": row.flow_id, "round": row.round_id}
        if at.interrupts:
            start = Command(resume={interrupt.id: None for interrupt in at.interrupts})
        elif at.next:
            start = None
        try:
            with acting_as(self._row):
                await self._graph.ainvoke(start, config, durability="sync")
        except Exception as exc:  # noqa: BLE001 - as in a worker: a run's failure is data
            failure = failure_of(self._row, exc)
        self._ends[run_id] = Outcome(run_id, "error" if failure else "success", None, failure)

    async def outcomes(self, run_ids: Sequence[RunId]) -> list[Outcome | None]:
        """Return how runs ended. A run of a process that died has failed."""
        lost = RunFailure(code="worker_lost", message="its worker died", is_retryable=True, error="WorkerLost")
        return [self._ends.get(run_id) or Outcome(run_id, "error", None, lost) for run_id in run_ids]


async def go_on(database: Database, runner: ScriptedRunner, saver: Checkpointer, at: VirtualClock) -> bool:
    """Let the rounds of a database go on until nobody is due. False: the process died before."""
    token = current_sub_runner.set(runner)
    fleet = Rounds(saver)
    try:
        with clock.going_by(at.now):
            async with as_current(database), runner.fate.watching(database):
                for _ in range(MOST_TICKS):
                    await tick_rounds(database, fleet, now=at.now())
                    async with database.reading() as connection:
                        wake_at = (await connection.execute(select(func.min(FlowRoundRow.wake_at)))).scalar()
                        taken = (await connection.execute(select(func.count(FlowRoundRow.run_id)))).scalar()
                    if wake_at is None and not taken:
                        return True
                    at.forward_to(wake_at or at.now())
    except Killed:
        return False
    finally:
        current_sub_runner.reset(token)
    raise AssertionError(f"the rounds were not through after {MOST_TICKS} ticks")


async def leads_by_name(database: Database) -> dict[str, LeadRow]:
    """Return the leads of a database."""
    async with database.reading() as connection:
        return {row.name: row for row in await every(connection, LeadRow, select(LeadRow))}


async def empty(database: Database) -> None:
    """Erase every row of every table."""
    async with database.writing() as connection:
        for table in reversed(Table.metadata.sorted_tables):
            await connection.execute(table.delete())
