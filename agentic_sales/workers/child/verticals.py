"""Let activations of verticals go on from a worker child of core: the tick that beat asks for.

Their graph has no row in a registry, so no caller can ask for it and no run executes it. The job drives its threads
with the shared checkpointer. What the threads begin are runs like any other.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from agentic_sales.campaigns.activations.desk import thread_of
from agentic_sales.campaigns.activations.tick import tick_activations
from agentic_sales.campaigns.visits import clock
from agentic_sales.contracts import RunId
from agentic_sales.effects import acting_as
from agentic_sales.errors import AgenticSalesError
from agentic_sales.observability.tracing import parse_inbound
from agentic_sales.registry import GraphSpec
from agentic_sales.runs.subruns import SubRun, current_sub_runner, ended_sub_runs, once_only
from agentic_sales.settings import settings
from agentic_sales.store.activations import ActivationRow
from agentic_sales.store.database import current_database
from agentic_sales.workers.child.resume import woken
from agentic_sales.workers.child.snapshots import thread_config
from agentic_sales.workers.current import CurrentChild

VERTICAL_ACTIVATION = GraphSpec(
    "vertical_activation",
    "agentic_sales.graphs.vertical_activation",
    builder_attr="build_resumable_graph",
    resumable=True,
    effect="write",
    time_limit_s=20.0,
)
"""How the graph is loaded, and what it may do. It is in no registry. A visit ends before its claim does."""


class LiveActivations:
    """A worker, as the tick of the verticals needs it."""

    def __init__(self, child: CurrentChild) -> None:
        self._child = child

    async def visit(self, row: ActivationRow) -> None:
        """Let the thread of an activation go on until it waits or ends."""
        thread_id = thread_of(row.activation_id)
        token = current_sub_runner.set(ActivationRuns(self._child, row))
        try:
            async with asyncio.timeout(VERTICAL_ACTIVATION.time_limit_s):
                graph = (await self._child.durable_graph(VERTICAL_ACTIVATION)).graph
                start = await woken(graph, thread_id, {"vertical": row.slug})
                with acting_as(VERTICAL_ACTIVATION):
                    config: Any = {**thread_config(thread_id), "run_name": VERTICAL_ACTIVATION.assistant_id}
                    await graph.ainvoke(start.values, config, durability="sync")
        finally:
            current_sub_runner.reset(token)


class ActivationRuns:
    """Begin the runs of an activation, in the trace of the person who activated the vertical."""

    def __init__(self, child: CurrentChild, row: ActivationRow) -> None:
        self._child, self._row = child, row

    async def run(self, assistant_id: str, values: Mapping[str, Any]) -> SubRun:
        """Refuse, since a visit waits for nothing."""
        del values
        raise RuntimeError(f"a visit waits for no run; begin `{assistant_id}` with `begin_assistant`")

    async def begin(self, assistant_id: str, values: Mapping[str, Any], *, once: str) -> RunId:
        """Begin a run in the batch lane of its pool."""
        run = await (await self._child.runs()).submit(
            assistant_id,
            {"input": dict(values), "metadata": {"activation_id": self._row.activation_id}, "priority": "batch"},
            trace=parse_inbound(self._row.trace),
            idempotency=once_only(once),
        )
        run.ended.cancel()
        return run.run_id

    async def ended(self, run_ids: Sequence[RunId]) -> list[SubRun | AgenticSalesError | None]:
        """Return how runs ended. None: one has not ended."""
        return await ended_sub_runs(self._child.ledger, run_ids)


async def tick_verticals(child: CurrentChild) -> int:
    """Visit the activations that are due, and return how many."""
    return await tick_activations(current_database(settings()), LiveActivations(child), now=clock.waking_now())
