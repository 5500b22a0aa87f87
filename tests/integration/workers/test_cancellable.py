"""Stopping a graph whose run is cancelled: at a node edge, by force after a grace period, and never for others."""

import asyncio
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import RunControl
from pydantic import BaseModel
from redis.asyncio import Redis
from structlog.testing import capture_logs

from agentic_sales.contracts import RunId
from agentic_sales.runs.ledger import Ledger, run_key
from agentic_sales.workers.child import cancel as cancel_module
from agentic_sales.workers.child.cancel import RunCancelled, cancellable
from tests.support.recorded_runs import claimed, recorded

LONG_S = 60.0
WITHIN_S = 10.0


class State(BaseModel):
    """What the graph knows."""

    steps: list[str] = []


class TwoSteps:
    """A graph of two nodes, the first of which waits until it is let go."""

    def __init__(self) -> None:
        self.begun, self.let_go = asyncio.Event(), asyncio.Event()
        self.seen: list[str] = []

    async def first(self, state: State) -> dict[str, Any]:
        """Wait."""
        self.begun.set()
        await self.let_go.wait()
        self.seen.append("first")
        return {"steps": [*state.steps, "first"]}

    async def second(self, state: State) -> dict[str, Any]:
        """Do what a cancelled run must not do."""
        self.seen.append("second")
        return {"steps": [*state.steps, "second"]}

    def build(self) -> CompiledStateGraph[State, None, State, State]:
        """Wire `START → first → second`."""
        builder = StateGraph(State)
        builder.add_node("first", self.first)
        builder.add_node("second", self.second)
        builder.add_edge(START, "first")
        builder.add_edge("first", "second")
        return builder.compile()


@pytest.fixture(autouse=True)
def looking_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for the wish often, and be patient."""
    monkeypatch.setattr(cancel_module, "LOOK_INTERVAL_S", 0.01)
    monkeypatch.setattr(cancel_module, "GRACE_S", LONG_S)


@pytest.fixture
async def run_id(ledger: Ledger) -> RunId:
    """A run that is executed."""
    run_id = await recorded(ledger)
    await claimed(ledger, run_id)
    return run_id


async def drive(ledger: Ledger, run_id: RunId, steps: TwoSteps) -> Any:
    """Run the graph as a worker does."""
    async with cancellable(ledger, run_id) as control:
        return await steps.build().ainvoke(State(), control=control)


async def started(ledger: Ledger, run_id: RunId, steps: TwoSteps) -> asyncio.Task[Any]:
    """Begin to run the graph, and return when it is inside its first node."""
    task = asyncio.create_task(drive(ledger, run_id, steps))
    await asyncio.wait_for(steps.begun.wait(), WITHIN_S)
    return task


async def test_a_run_that_nobody_cancels_goes_on_to_its_end(ledger: Ledger, run_id: RunId) -> None:
    steps = TwoSteps()
    steps.let_go.set()
    assert await drive(ledger, run_id, steps) == {"steps": ["first", "second"]}


async def test_a_cancelled_run_stops_at_the_next_node_edge(
    ledger: Ledger, run_id: RunId, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, asked = TwoSteps(), asyncio.Event()
    _tell_of_drain(monkeypatch, asked)
    task = await started(ledger, run_id, steps)
    await ledger.cancel(run_id)
    await asyncio.wait_for(asked.wait(), WITHIN_S)
    steps.let_go.set()
    with pytest.raises(RunCancelled):
        await asyncio.wait_for(task, WITHIN_S)
    assert steps.seen == ["first"], "the node that ran was left to end, and no other began"


def _tell_of_drain(monkeypatch: pytest.MonkeyPatch, asked: asyncio.Event) -> None:
    class ToldControl(RunControl):
        """LangGraph's control, which says when it was asked to drain."""

        def request_drain(self, reason: str = "shutdown") -> None:
            super().request_drain(reason)
            asked.set()

    monkeypatch.setattr(cancel_module, "RunControl", ToldControl)


async def test_a_cancelled_run_that_reaches_no_edge_is_stopped_by_force(
    ledger: Ledger, run_id: RunId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancel_module, "GRACE_S", 0.01)
    steps = TwoSteps()
    task = await started(ledger, run_id, steps)
    await ledger.cancel(run_id)
    with pytest.raises(RunCancelled):
        await asyncio.wait_for(task, WITHIN_S)
    assert steps.seen == []
    assert task.cancelling() == 0, "the task itself goes on, to record the end"


async def test_a_cancellation_by_somebody_else_passes_through(ledger: Ledger, run_id: RunId) -> None:
    task = await started(ledger, run_id, TwoSteps())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, WITHIN_S)


async def test_a_time_limit_around_the_run_is_not_taken_for_a_cancellation(ledger: Ledger, run_id: RunId) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await drive(ledger, run_id, TwoSteps())


async def test_what_the_graph_raises_passes_through(ledger: Ledger, run_id: RunId) -> None:
    with pytest.raises(ZeroDivisionError):
        async with cancellable(ledger, run_id):
            raise ZeroDivisionError


async def test_nobody_watches_a_run_that_has_ended(ledger: Ledger, run_id: RunId) -> None:
    before = asyncio.all_tasks()
    async with cancellable(ledger, run_id):
        [watcher] = asyncio.all_tasks() - before
    await asyncio.wait({watcher}, timeout=WITHIN_S)
    assert watcher.cancelled()


async def test_a_wish_that_cannot_be_read_does_not_end_the_watching(
    ledger: Ledger, redis: Redis, run_id: RunId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancel_module, "GRACE_S", 0.01)
    key, aside = run_key(run_id), f"{run_key(run_id)}:aside"
    with capture_logs() as logs:
        task = await started(ledger, run_id, TwoSteps())
        await redis.rename(key, aside)
        await redis.set(key, "no hash")  # Redis answers every look with an error.
        async with asyncio.timeout(WITHIN_S):
            while not logs:
                await redis.ping()
    assert logs[0]["event"] == "cancellation_not_read"
    await redis.rename(aside, key)
    await ledger.cancel(run_id)
    with pytest.raises(RunCancelled):
        await asyncio.wait_for(task, WITHIN_S)
