"""Run sub-runs inside the asking process for rehearsals and tests. A fleet does this by its queues."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from uuid_utils import uuid7

from agentic_sales.contracts import RunId
from agentic_sales.control import control_plane
from agentic_sales.effects import acting_as
from agentic_sales.errors import AgenticSalesError, RunFailed
from agentic_sales.runs.ledger import RunRecord
from agentic_sales.runs.subruns import SubRun, current_sub_runner
from agentic_sales.wire import from_wire, to_wire
from agentic_sales.workers.loader import load_graph


class InProcessSubRunner:
    """Loads and runs the requested graph. Only JSON crosses, as on a queue."""

    def __init__(self) -> None:
        self._begun: dict[str, RunId] = {}
        self._ended: dict[RunId, SubRun | AgenticSalesError] = {}

    async def run(self, assistant_id: str, values: Mapping[str, Any]) -> SubRun:
        """Run an assistant to its end."""
        row = control_plane().row(assistant_id)
        with acting_as(row):
            final = await load_graph(row).graph.ainvoke(dict(values))
        return SubRun(in_process_record(row.assistant_id), from_wire(to_wire(final)))

    async def begin(self, assistant_id: str, values: Mapping[str, Any], *, once: str) -> RunId:
        """Run an assistant to its end, unless a run was begun under the same key."""
        if once not in self._begun:
            self._begun[once] = run_id = RunId(str(uuid7()))
            try:
                self._ended[run_id] = await self.run(assistant_id, values)
            except AgenticSalesError as exc:
                self._ended[run_id] = exc
        return self._begun[once]

    async def ended(self, run_ids: Sequence[RunId]) -> list[SubRun | AgenticSalesError | None]:
        """Return how runs ended."""
        lost = "the run is not known here"
        return [
            self._ended.get(run_id) or RunFailed(run_id, "record_lost", lost, is_retryable=True) for run_id in run_ids
        ]


def in_process_record(assistant_id: str) -> RunRecord:
    """Return the record of a run of this process. No ledger has it."""
    return RunRecord(
        run_id=RunId(str(uuid7())),
        assistant_id=assistant_id,
        queue=control_plane().decide(assistant_id).queue,
        status="success",
        attempt=1,
        losses=0,
        worker=f"in-process/{os.getpid()}",
        thread_id="",
        metadata={},
        parent_run_id=None,
        spent_usd=0.0,
        trace_id="",
        langsmith_run_id=None,
        created_at_s=0.0,
        started_at_s=0.0,
        ended_at_s=0.0,
        cancelled_at_s=None,
    )


@contextmanager
def sub_runs_in_process() -> Iterator[None]:
    """Run every sub-run of the context in this process."""
    token = current_sub_runner.set(InProcessSubRunner())
    try:
        yield
    finally:
        current_sub_runner.reset(token)
