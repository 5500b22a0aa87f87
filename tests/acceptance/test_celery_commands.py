"""Celery's own commands work on this application as anyone would type them."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # psutil ships no types
import pytest

from agentic_sales.outbound.http import httpx
from tests.support.fleet import PROCFILE, Fleet
from tests.support.processes import run_command
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
    return run_command("celery", "-A", "agentic_sales", *arguments, environment=fleet.environment)


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


def test_a_revoked_run_is_cancelled_in_the_ledger_while_it_runs(commands: Fleet) -> None:
    running = commands.begun("sleepy", {"wait_s": 60})
    done = celery(commands, "control", "revoke", commands.record(running.trace_id)["run_id"])
    assert "asked" in done.stdout, done
    assert running.response().json()["code"] == "cancelled"
    assert commands.record(running.trace_id)["status"] == "interrupted"


def test_a_terminated_run_is_cancelled_too_and_its_child_lives(commands: Fleet) -> None:
    running, children = commands.begun("sleepy", {"wait_s": 60}), commands.children("worker-classify")
    celery(commands, "control", "terminate", "SIGKILL", commands.record(running.trace_id)["run_id"])
    running.response()
    assert commands.record(running.trace_id)["status"] == "interrupted"
    assert commands.children("worker-classify") == children


def test_a_revoked_run_that_waits_has_ended_at_once(commands: Fleet) -> None:
    run = commands.http.post("/runs", json={"assistant_id": "sleepy", "input": {"wait_s": 0}, "after_seconds": 60})
    done = celery(commands, "control", "revoke", run.json()["run_id"])
    assert "cancelled" in done.stdout, done
    assert commands.run(run.json()["run_id"])["status"] == "interrupted"


@pytest.mark.parametrize(
    "arguments",
    [
        ("rate_limit", "run.echo", "1/m"),
        ("time_limit", "run.echo", "1"),
        ("autoscale", "3", "1"),
        ("pool_shrink", "2"),
        ("pool_restart",),
    ],
    ids=lambda arguments: str(arguments[0]),
)
def test_a_command_that_would_overrule_the_fleet_is_refused_with_the_reason(
    commands: Fleet, arguments: tuple[str, ...]
) -> None:
    done = celery(commands, "control", *arguments)
    told = done.stdout + done.stderr
    assert f"`{arguments[0]}` is refused: " in told, told
    assert len(commands.children("worker-email")) == 2


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_a_worker_on_another_pool_than_prefork_does_not_start(commands: Fleet, pool: str) -> None:
    done = celery(commands, "worker", "-Q", "email", "-P", pool, "-n", f"{pool}@here")
    assert done.returncode != 0
    assert "only prefork isolates runs" in done.stderr
    assert commands.pools()["email"] == 1


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
