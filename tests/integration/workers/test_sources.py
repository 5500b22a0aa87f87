"""A source that asks for a pause, as runs meet it in a worker's child."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from agentic_sales.control import ControlPlane, build_control_plane, control_plane
from agentic_sales.local.world.server import WorldServer
from agentic_sales.registry import GraphSpec
from agentic_sales.rehearsal.in_process import InProcessSubRunner
from agentic_sales.runs.ledger import Ledger, Outcome
from agentic_sales.settings import Settings, settings
from agentic_sales.workers.child.durable import DurableGraphs
from agentic_sales.workers.child.execute import execute
from agentic_sales.workers.child.process import Child
from tests.support.recorded_runs import new_run, recorded

ROW = GraphSpec("ask_sources", "tests.workflows.ask_sources", effect="read")


@pytest.fixture
def in_world(world: WorldServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorldServer]:
    """A process whose sources are the world's."""
    for name, value in world.environment().items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    yield world
    settings.cache_clear()


@pytest.fixture
async def control(redis: Redis) -> ControlPlane:
    await redis.flushdb()
    return control_plane()


async def run(ledger: Ledger, control: ControlPlane, priority: str = "interactive") -> Outcome | None:
    run_id = await recorded(ledger, new_run(input={"sources": ["github"]}, priority=priority))
    outcome = await execute(
        ROW,
        run_id,
        control=control,
        ledger=ledger,
        durable=DurableGraphs(Settings()),
        queue="core",
        sub_runner_of=lambda _: InProcessSubRunner(),
    )
    if outcome is None:
        assert await ledger.redis.hget(f"agentic:run:{run_id}", "status") == b"pending"
    return outcome


async def test_a_batch_run_that_meets_a_pause_is_put_back_and_an_interactive_one_goes_on_without_the_source(
    in_world: WorldServer, ledger: Ledger, control: ControlPlane
) -> None:
    in_world.misbehave("429")
    assert await run(ledger, control, "batch") is None
    outcome = await run(ledger, control)
    assert outcome is not None
    assert outcome.failure is None
    assert b"`github` asked for a pause of" in (outcome.output or b"")
    assert len(in_world.visits) == 1  # The pause is everybody's.


async def test_what_one_run_was_answered_serves_the_next_one(
    in_world: WorldServer, ledger: Ledger, control: ControlPlane
) -> None:
    for _ in range(2):
        outcome = await run(ledger, control)
        assert outcome is not None
        assert b'"found":{"github":1}' in (outcome.output or b"")
    assert len(in_world.visits) == 1


@pytest.fixture
def plane(in_world: WorldServer, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> ControlPlane:
    """A control plane that knows `ask_sources` and a workflow that asks it in place; its sources refuse everything."""
    in_world.misbehave("429")
    monkeypatch.setenv("REDIS_URL", redis_url)
    told = build_control_plane(Settings.model_validate({"AGENTIC_SALES_EXTRA_REGISTRIES": "tests.workflows.registry"}))
    asking = replace(told.row("ask_core"), effect="read")
    plane = replace(told, rows={**told.rows, ROW.assistant_id: ROW, asking.assistant_id: asking})
    monkeypatch.setattr("agentic_sales.runs.subruns.control_plane", lambda: plane)
    return plane


@pytest.mark.parametrize("priority", ["batch", "interactive"])
def test_a_pause_that_a_sub_run_in_place_meets_puts_the_outermost_batch_run_back(
    plane: ControlPlane, redis_url: str, tmp_path: Path, priority: str
) -> None:
    told = Settings.model_validate({"REDIS_URL": redis_url, "AGENTIC_SALES_STATE_DIR": str(tmp_path)})
    values = {"assistant_id": ROW.assistant_id, "values": {"sources": ["github"]}}
    with closing(Child(told, plane)) as child, BlockingRedis.from_url(redis_url) as redis:
        redis.flushdb()
        run_id = child.do(recorded(child.ledger, new_run(input=values, priority=priority)))
        outcome = child.run(plane.row("ask_core"), run_id, queue="core")
        status = redis.hget(f"agentic:run:{run_id}", "status")
    wanted = (True, b"pending") if priority == "batch" else (False, b"success")
    assert (outcome is None, status) == wanted
