"""A vertical is activated on a real fleet: its thread waits for a person, outlives a deployment, and rolls out."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentic_sales.local.world.server import serve_world
from tests.acceptance.test_flows import command
from tests.support.fleet import WEB, Fleet, fleet_of
from tests.support.releases import Edit, release
from tests.support.services import redis_server
from tests.support.waiting import eventually

GRAPH = "agentic_sales/graphs/vertical_activation.py"
RENAMED: tuple[Edit, ...] = (
    ('"confirm"', '"ask"'),
    ("def confirm(", "def ask("),
    ("rest, confirm,", "rest, ask,"),
)
"""The node at which the thread waits has another name in the next release."""
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture(scope="module")
def selling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A fleet with beat in the sample world. Core does the work of the pools that are off."""
    directory = tmp_path_factory.mktemp("verticals")
    off = {"EMAIL_WORKER_QUEUE": "", "CLASSIFY_WORKER_QUEUE": "", "AGENTIC_SALES_CAMPAIGN_TICK_S": "0.5"}
    names = (WEB, "worker-core", "worker-discovery", "beat")
    with (
        serve_world() as world,
        redis_server(directory) as redis,
        fleet_of(directory, redis, {**world.environment(), **off}, names=names) as fleet,
    ):
        fleet.wait_until_ready()
        yield fleet
        fleet.stop()


def stands(fleet: Fleet, state: str) -> dict[str, Any]:
    """Wait until the activation is in a state."""
    told = eventually(
        f"the vertical is {state}",
        lambda: fleet.get("/verticals/ingestible").json(),
        lambda found: (found["activation"] or {}).get("state") == state,
        within_s=240,
    )
    assert isinstance(told, dict)
    return told


@pytest.mark.timeout(900)
def test_a_waiting_activation_is_confirmed_in_the_next_release_and_a_dry_run_writes_no_book(
    selling: Fleet, tmp_path: Path
) -> None:
    assert "not activated" in command(selling, "verticals", "list").stdout
    body = {"dry_run": True, "sample": 2, "limit": 2}
    headers = {"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01"}
    assert selling.http.post("/verticals/ingest/activate", json=body, headers=headers).status_code == 201
    waiting = stands(selling, "waiting")
    assert waiting["activation"]["found"] >= len(waiting["sample"]) == 2
    assert all(one["fit"] is not None or one["why_not"] for one in waiting["sample"])
    shown = command(selling, "verticals", "status", "ingestible").stdout
    assert "waiting in stage confirm, a dry run" in shown
    assert waiting["sample"][0]["domain"] in shown

    release(tmp_path / "next", {GRAPH: RENAMED}).deploy(selling, "worker-core")
    command(selling, "verticals", "confirm", "ingestible", "--by", "Ann")
    active = stands(selling, "active")
    assert active["activation"]["reason"] == "Ann confirmed it"
    round_id = active["activation"]["round_id"]
    ended = eventually(
        "the round is through",
        lambda: selling.get(f"/flows/{round_id}/report").json(),
        lambda report: report["state"] in {"finished", "failed"},
        within_s=120,
    )
    assert (ended["state"], ended["flow_id"], ended["is_dry"]) == ("finished", "code", True)
    assert ended["found"] > 0
    assert selling.get("/companies").json() == []
    assert json.loads(command(selling, "verticals", "list", "--json").stdout)[1]["activation"]["state"] == "active"


def test_every_run_of_an_activation_is_in_the_trace_of_the_person_who_ordered_it(selling: Fleet) -> None:
    keys = selling.redis.scan_iter("agentic:run:*", count=1000)
    found = [selling.run(str(key).rpartition(":")[2]) for key in keys]
    ran = {run["assistant_id"] for run in found if run.get("trace_id") == TRACE_ID}
    assert {"vertical_discovery", "company_enrichment", "lead_flow"} <= ran
    assert "vertical_activation" not in {run.get("assistant_id") for run in found}
