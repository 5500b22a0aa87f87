"""Run workflows that keep their state, as a worker's child does, on the ledger of the tests."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic_core import from_json
from uuid_utils import uuid7

from agentic_sales.contracts import RunFailure, RunId
from agentic_sales.control import ControlPlane, build_control_plane
from agentic_sales.rehearsal.in_process import InProcessSubRunner
from agentic_sales.runs.ledger import Ledger, RunRecord
from agentic_sales.settings import Settings
from agentic_sales.workers.child.durable import DurableGraphs
from agentic_sales.workers.child.execute import execute
from tests.support.recorded_runs import BRIEF_S, claimed, new_run, recorded

ENVIRONMENT = {"AGENTIC_SALES_EXTRA_REGISTRIES": "tests.workflows.registry"}


@dataclass(frozen=True)
class Thread:
    """One thread of one workflow, and the worker child that serves it."""

    assistant_id: str
    """The workflow."""
    log: Path
    """File to which its nodes append their names."""
    ledger: Ledger
    """Record of its runs."""
    durable: DurableGraphs
    """Graphs of the child."""
    control: ControlPlane
    """Rows and routes."""
    thread_id: str
    """The thread."""

    @property
    def taken(self) -> list[str]:
        """Names of the nodes that were executed, as often as they were."""
        return self.log.read_text().split() if self.log.exists() else []

    def given(self, **values: Any) -> dict[str, Any]:
        """Make an input that names the file."""
        return {"input": {**values, "log": str(self.log)}}

    async def submit(self, **request: Any) -> RunId:
        """Record a run on the thread, or a question about it."""
        return await recorded(self.ledger, replace(new_run(**request), thread_id=self.thread_id))

    async def execute(self, run_id: RunId) -> Any:
        """Let the child execute a run; return its output, or its failure."""
        outcome = await execute(
            self.control.row(self.assistant_id),
            run_id,
            control=self.control,
            ledger=self.ledger,
            durable=self.durable,
            queue="core",
            sub_runner_of=lambda _: InProcessSubRunner(),
        )
        assert outcome is not None
        return from_json(outcome.output) if outcome.output is not None else outcome.failure

    async def run(self, **request: Any) -> Any:
        """Submit and execute."""
        return await self.execute(await self.submit(**request))

    async def failure(self, **request: Any) -> RunFailure:
        """Submit and execute a run that fails."""
        failure = await self.run(**request)
        assert isinstance(failure, RunFailure), failure
        return failure

    async def lose_worker(self, run_id: RunId) -> None:
        """Leave a run as a killed worker leaves it: claimed, its lease over."""
        await claimed(self.ledger, run_id, lease_s=BRIEF_S)

    async def record(self, run_id: RunId) -> RunRecord:
        """Return the ledger's record of a run."""
        record = await self.ledger.load(run_id)
        assert record is not None
        return record


@asynccontextmanager
async def thread_of(
    assistant_id: str, ledger: Ledger, folder: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Thread]:
    """Open a thread of a workflow of the tests, its state in a folder or where the environment says."""
    configuration = Settings.model_validate({"AGENTIC_SALES_STATE_DIR": folder, **ENVIRONMENT, **(environment or {})})
    durable = DurableGraphs(configuration)
    try:
        control = build_control_plane(configuration)
        yield Thread(assistant_id, folder / "log", ledger, durable, control, str(uuid7()))
    finally:
        await durable.aclose()
