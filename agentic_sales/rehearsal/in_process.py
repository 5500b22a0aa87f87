"""Run sub-runs inside the asking process for rehearsals and tests. A fleet does this by its queues."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from uuid_utils import uuid7

from agentic_sales.contracts import RunId
from agentic_sales.control import control_plane
from agentic_sales.effects import acting_as
from agentic_sales.runs.ledger import RunRecord
from agentic_sales.runs.subruns import SubRun, current_sub_runner
from agentic_sales.wire import from_wire, to_wire
from agentic_sales.workers.loader import load_graph


class InProcessSubRunner:
    """Loads and runs the requested graph. Only JSON crosses, as on a queue."""

    async def run(self, assistant_id: str, values: Mapping[str, Any]) -> SubRun:
        """Run an assistant to its end."""
        plane = control_plane()
        row = plane.row(assistant_id)
        with acting_as(row):
            final = await load_graph(row).graph.ainvoke(dict(values))
        record = RunRecord(
            run_id=RunId(str(uuid7())),
            assistant_id=row.assistant_id,
            queue=plane.decide(row.assistant_id).queue,
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
        return SubRun(record, from_wire(to_wire(final)))


@contextmanager
def sub_runs_in_process() -> Iterator[None]:
    """Run every sub-run of the context in this process."""
    token = current_sub_runner.set(InProcessSubRunner())
    try:
        yield
    finally:
        current_sub_runner.reset(token)
