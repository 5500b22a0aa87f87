"""The runs of flows that name a forgotten person are erased, and those that name others stay."""

import json
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from redis.asyncio import Redis
from starlette.testclient import TestClient

from agentic_sales.contracts import RunId
from agentic_sales.control import control_plane
from agentic_sales.facade.app import create_app
from agentic_sales.runs.ledger import Ledger, NewRun, run_key
from agentic_sales.runs.turns import Turn
from agentic_sales.settings import Settings
from tests.support.recorded_runs import QUEUE_CAP, claimed, new_run, recorded, success

EMAIL = "ada@acme.example"


@pytest.fixture
def round_id() -> str:
    """A round that no other test knows."""
    return f"round-{secrets.token_hex(4)}"


@pytest.fixture
def client(migrated: Settings, redis_url: str, round_id: str) -> Iterator[TestClient]:
    """A caller of a facade with a round of a flow."""
    configuration = migrated.model_copy(update={"redis_url": redis_url, "dev": True})
    with TestClient(create_app(configuration, control_plane()), base_url="http://127.0.0.1") as client:
        made = client.post("/flows/open_source/run", json={"round": round_id})
        assert made.status_code == 201, made.text
        yield client


@pytest.fixture
async def ledger(redis_url: str) -> AsyncIterator[Ledger]:
    """The ledger of the facade."""
    async with Redis.from_url(redis_url) as redis:
        yield Ledger(redis, ttl_s=60)


async def visit_to_round(ledger: Ledger, round_id: str) -> RunId:
    """Record a visit to the round, as the tick of the flows does."""
    run = replace(new_run(), assistant_id="lead_flow", thread_id=f"flow-{round_id}")
    await recorded(ledger)  # A worker of the queue lives from now on.
    turn = Turn(run.thread_id, strategy="reject", keeps_state=True)
    await ledger.record_in_line(run, turn, queue_cap=QUEUE_CAP)
    return run.run_id


async def step(ledger: Ledger, parent: RunId, asked: object, answered: object) -> RunId:
    """Let a step of the round end."""
    run: NewRun = replace(new_run(input={"company": asked}), parent_run_id=parent)
    await recorded(ledger, run)
    claim = await claimed(ledger, run.run_id)
    await ledger.finish(claim, success(run.run_id, json.dumps({"people": answered}).encode()))
    return run.run_id


async def left(ledger: Ledger, *run_ids: RunId) -> list[RunId]:
    """Return the runs that the ledger still has."""
    return [run_id for run_id in run_ids if await ledger.redis.exists(run_key(run_id))]


async def test_only_the_steps_that_name_the_person_are_erased(
    client: TestClient, ledger: Ledger, round_id: str
) -> None:
    visit = await visit_to_round(ledger, round_id)
    asked = await step(ledger, visit, {"email": EMAIL}, [])
    answered = await step(ledger, visit, "Acme", [{"about": f"Write to\n{EMAIL.upper()}."}])
    below = await step(ledger, answered, "Acme", [])
    other = await step(ledger, visit, "Acme", [{"email": f"x{EMAIL}"}])
    told = client.post("/people/forget", json={"email": EMAIL})
    assert told.status_code == 200, told.text
    assert told.json()["erased"]["step_runs"] == 3, "the two that name the person, and what one of them asked for"
    assert await left(ledger, visit, asked, answered, below, other) == [visit, other]
    assert "step_runs" not in client.post("/people/forget", json={"email": EMAIL}).json()["erased"]
