"""Rehearse a whole campaign in seconds by a clock of its own, with mail that goes into a folder.

The tick, the graph and the send door are the live ones. Four things differ. The clock is its own. The database is a
copy in a folder that is thrown away. The threads are in memory. Sub-runs are done in this process.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from agentic_sales.campaigns.sending.transports.contract import MailTransport
from agentic_sales.campaigns.visits.clock import VirtualClock
from agentic_sales.campaigns.visits.surroundings import rehearsing
from agentic_sales.campaigns.visits.tick import CAMPAIGN, request_of, thread_of, tick
from agentic_sales.contracts import RunId
from agentic_sales.control import control_plane
from agentic_sales.rehearsal.in_process import sub_runs_in_process
from agentic_sales.runs.ledger import Outcome
from agentic_sales.runs.memory import remembering
from agentic_sales.store.campaigns import EnrollmentRow
from agentic_sales.store.database import Database, as_current
from agentic_sales.store.visits import Key, key_of, next_wake_at
from agentic_sales.workers.child.failures import failure_of
from agentic_sales.workers.loader import Graph, load_graph

LONGEST = timedelta(days=400)
"""Longest time that a rehearsal covers. A campaign without an end stops there."""


@dataclass
class InProcessFleet:
    """Makes the visits of a rehearsal one after the other, each to its end."""

    graph: Graph = field(default_factory=lambda: load_graph(control_plane().row(CAMPAIGN), InMemorySaver()).graph)
    """The campaign's graph with its threads in memory."""
    ends: dict[RunId, Outcome] = field(default_factory=dict)
    """The outcomes of its runs."""

    async def submit_visit(self, row: EnrollmentRow, run_id: RunId) -> None:
        """Make a visit. A failure is told as a fleet tells it."""
        key = key_of(row)
        config: Any = {"configurable": {"thread_id": thread_of(key)}, "recursion_limit": 100}
        failure = None
        try:
            with remembering():
                await self.graph.ainvoke(await self._start(key, config), config, durability="sync")
        except Exception as exc:  # noqa: BLE001 - the boundary, as in a worker: a run's failure is data
            failure = failure_of(control_plane().row(CAMPAIGN), exc)
        self.ends[run_id] = Outcome(run_id, "error" if failure else "success", None, failure)

    async def outcomes(self, run_ids: Sequence[RunId]) -> list[Outcome | None]:
        """Return the outcomes of runs."""
        return [self.ends.get(run_id) for run_id in run_ids]

    async def _start(self, key: Key, config: Any) -> Any:
        at = await self.graph.aget_state(config)
        if at.interrupts:
            return Command(resume={interrupt.id: None for interrupt in at.interrupts})
        return None if at.next else request_of(key)["input"]


async def rehearse(
    database: Database,
    clock: VirtualClock,
    transport: MailTransport,
    *,
    until: datetime | None = None,
    fleet: InProcessFleet | None = None,
) -> int:
    """Let the campaigns of a database go on until nobody is due any more. Return the number of visits.

    Args:
        database: A database of its own with running campaigns.
        clock: Shows the moment of the begin and is put forward.
        transport: Takes its mail.
        until: End then. None: end when nothing is left to do.
        fleet: Makes the visits. None: a fleet whose threads are in memory.
    """
    visits, fleet, horizon = 0, fleet or InProcessFleet(), until or clock.at + LONGEST
    with rehearsing(clock.now, transport), sub_runs_in_process():
        async with as_current(database):
            while True:
                visits += (ticked := await tick(database, fleet, now=clock.at)).claimed
                if ticked.claimed:
                    continue
                async with database.reading() as connection:
                    wake_at = await next_wake_at(connection)
                if wake_at is None or wake_at > horizon:
                    return visits
                clock.forward_to(wake_at)
