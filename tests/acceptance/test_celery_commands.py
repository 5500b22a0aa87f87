"""Celery's own commands work on this application as anyone would type them."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # psutil ships no types
import pytest

from agentic_sales.outbound.http import httpx
from tests.support.fleet import PROCFILE, PROJECT, Fleet
from tests.support.waiting import eventually

WORKER_AS_WRITTEN = "celery -A agentic_sales worker -Q discovery"


@pytest.fixture(scope="module")
def commands(shared_fleet: Fleet) -> Iterator[Fleet]:
    """The shared fleet with beat, Flower and one more worker, started side by side."""
    shared_fleet.start("flower")
    shared_fleet.start_command("beat", PROCFILE["beat"], {"AGENTIC_SALES_STATE_DIR": str(state_of_beat(shared_fleet))})
    shared_fleet.start_command("worker-as-written", WORKER_AS_WRITTEN)
    yield shared_fleet
    for name in ("beat", "flower", "worker-as-written"):
        shared_fleet.retire(name)


def state_of_beat(fleet: Fleet) -> Path:
    """Return a state directory that nobody has made."""
    return fleet.directory / "of-beat" / "state"


def celery(fleet: Fleet, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of Celery to its end, in the fleet's environment."""
    return subprocess.run(
        ["celery", "-A", "agentic_sales", *arguments],
        cwd=PROJECT,
        env=dict(fleet.environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_worker_with_a_queue_and_nothing_else_joins_its_pool(commands: Fleet) -> None:
    eventually("a second worker is in discovery", lambda: commands.pools()["discovery"] == 2, within_s=60)
    told = eventually("it is ready", lambda: commands.log("worker-as-written"), lambda log: " ready." in log)
    assert '"queues": ["discovery"]' in told
    assert commands.call("poison", {"lethal": False}).status_code == 200


def test_inspect_registered_lists_one_task_per_assistant(commands: Fleet) -> None:
    done = celery(commands, "inspect", "registered", "--json")
    assert done.returncode == 0, done.stderr
    registered = json.loads(done.stdout)
    every_assistant = {
        assistant for route in commands.get("/info").json()["routes"] for assistant in route["assistants"]
    }
    core = next(tasks for worker, tasks in registered.items() if worker.startswith("core@"))
    assert {f"run.{assistant}" for assistant in every_assistant} <= set(core)


def test_beat_makes_the_state_directory_and_keeps_its_schedule_there(commands: Fleet) -> None:
    eventually("beat has started", lambda: commands.log("beat"), lambda log: "beat: Starting" in log, within_s=30)
    eventually("its schedule is there", lambda: list(state_of_beat(commands).glob("beat-schedule*")))
    commands.kill("beat", signal.SIGTERM)
    assert commands.services["beat"].process.wait(20) == 0


def test_flower_answers_on_loopback_alone_and_its_api_is_closed(commands: Fleet) -> None:
    port = int(commands.environment["FLOWER_PORT"])
    assert "--port ${FLOWER_PORT" in PROCFILE["flower"]
    url = f"http://127.0.0.1:{port}"
    eventually("Flower answers", lambda: _status(f"{url}/healthcheck"), lambda status: status == 200, within_s=30)
    assert httpx.get(url, trust_env=False).status_code == 200
    assert httpx.post(f"{url}/api/worker/shutdown/core@nowhere", trust_env=False).status_code in {401, 403}
    flower = psutil.Process(commands.services["flower"].process.pid)
    listens = [connection.laddr for connection in flower.net_connections() if connection.status == psutil.CONN_LISTEN]
    assert {(address.ip, address.port) for address in listens} == {("127.0.0.1", port)}


def _status(url: str) -> int | str:
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code
    except httpx.TransportError as exc:
        return type(exc).__name__
