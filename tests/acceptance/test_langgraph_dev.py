"""`langgraph dev` on the generated `langgraph.json` serves the same assistants, with the same answers."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentic_sales.local.ports import LOOPBACK
from agentic_sales.outbound.http import httpx
from agentic_sales.registry import BY_ID
from tests.acceptance.examples import example_of
from tests.support.fleet import PROJECT, Fleet
from tests.support.peer import OFFLINE, langgraph_command
from tests.support.ports import free_port
from tests.support.waiting import eventually

ASSISTANT_ID = "country_classify"
EXAMPLE = example_of(ASSISTANT_ID)


@pytest.fixture(scope="module")
def langgraph_dev(shared_fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The peer's server on the file that is generated from the rows; it keeps its own files in a folder of its own."""
    folder = tmp_path_factory.mktemp("langgraph-dev")
    for name in ("agentic_sales", "pyproject.toml", "README.md"):
        (folder / name).symlink_to(PROJECT / name)
    _generate(folder, shared_fleet)
    port = free_port()
    command = f"cd {folder} && exec {langgraph_command()} dev --no-browser --no-reload --port {port}"
    shared_fleet.start_command("langgraph-dev", f'sh -c "{command}"', OFFLINE)
    with httpx.Client(base_url=f"http://{LOOPBACK}:{port}", timeout=60, trust_env=False) as http:
        try:
            eventually("langgraph dev answers", lambda: _status(http), lambda status: status == 200, within_s=60)
        except AssertionError as exc:
            raise AssertionError(f"{exc}\n{shared_fleet.tails('langgraph-dev')}") from exc
        else:
            yield http
        finally:
            shared_fleet.retire("langgraph-dev")  # else every test that shares the fleet would miss it


def test_it_serves_the_assistants_of_the_registry(langgraph_dev: httpx.Client) -> None:
    found = langgraph_dev.post("/assistants/search", json={"limit": 100}).json()
    assert {assistant["graph_id"] for assistant in found} == set(BY_ID)


def test_both_know_an_assistant_by_the_same_uuid(fleet: Fleet, langgraph_dev: httpx.Client) -> None:
    [theirs] = langgraph_dev.post("/assistants/search", json={"graph_id": ASSISTANT_ID}).json()
    assert fleet.get(f"/assistants/{ASSISTANT_ID}").json()["assistant_id"] == theirs["assistant_id"]


def test_both_give_the_same_answer(fleet: Fleet, langgraph_dev: httpx.Client) -> None:
    run = {"assistant_id": ASSISTANT_ID, "input": EXAMPLE}
    theirs, ours = langgraph_dev.post("/runs/wait", json=run), fleet.http.post("/runs/wait", json=run)
    assert (theirs.status_code, ours.status_code) == (200, 200)
    assert "__error__" not in theirs.json()
    assert without_timing(ours.json()) == without_timing(theirs.json())


def without_timing(state: dict[str, Any]) -> dict[str, Any]:
    """Return a final state without what differs from run to run."""
    meta = {key: value for key, value in state["graph_meta"].items() if key != "run_at"}
    return {**state, "graph_meta": meta}


def _generate(folder: Path, fleet: Fleet) -> None:
    environment = {name: value for name, value in fleet.environment.items() if not name.startswith("AGENTIC_SALES_")}
    command = ["python", "-m", "agentic_sales.checks.langgraph_json"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def _status(http: httpx.Client) -> int | str:
    try:
        return http.get("/ok").status_code
    except httpx.TransportError as exc:
        return type(exc).__name__
