"""Let rounds of flows go on from a worker child of core: the tick that beat asks for."""

from collections.abc import Sequence

from agentic_sales.campaigns.leads.desk import thread_of
from agentic_sales.campaigns.leads.tick import RoundsTicked, tick_rounds
from agentic_sales.campaigns.leads.visit import WORKFLOW
from agentic_sales.campaigns.visits import clock
from agentic_sales.contracts import RunId
from agentic_sales.observability.tracing import parse_inbound
from agentic_sales.runs.ledger import Outcome
from agentic_sales.runs.submit import Runs
from agentic_sales.runs.turns import Turn
from agentic_sales.settings import settings
from agentic_sales.store.database import current_database
from agentic_sales.store.flow_rounds import FlowRoundRow
from agentic_sales.workers.current import CurrentChild


class LiveRounds:
    """The fleet, as the tick of the flows needs it."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    async def submit_round(self, row: FlowRoundRow, run_id: RunId) -> None:
        """Submit the run that makes a visit, in the batch lane, on the round's thread and in the round's trace."""
        given = {"flow": row.flow_id, "round": row.round_id}
        metadata = {"flow_id": row.flow_id, "round_id": row.round_id}
        run = await self._runs.submit(
            WORKFLOW,
            {"kind": "wake", "input": given, "metadata": metadata, "priority": "batch"},
            trace=parse_inbound(row.trace),
            turn=Turn(thread_of(row.round_id), strategy="reject", keeps_state=True),
            run_id=run_id,
        )
        run.ended.cancel()

    async def outcomes(self, run_ids: Sequence[RunId]) -> list[Outcome | None]:
        """Return how runs ended; None: one has not, or is not known."""
        return await self._runs.ledger.outcomes(run_ids)


async def tick_flows(child: CurrentChild) -> RoundsTicked:
    """Begin planned rounds, visit those that are due, and note outcomes."""
    fleet = LiveRounds(await child.runs())
    return await tick_rounds(current_database(settings()), fleet, now=clock.waking_now())
