"""Flower as an operator sees it, in a real browser: behind a password, four pools, tasks by assistant, no payload."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentic_sales.cli.flower import HIDDEN
from agentic_sales.local.ports import LOOPBACK
from agentic_sales.outbound.http import httpx
from tests.support.browser import page
from tests.support.fleet import PROCFILE, PROJECT, WEB, WORKERS, Fleet, fleet_of
from tests.support.ports import free_port
from tests.support.services import redis_server
from tests.support.waiting import eventually

USER = "ada:enigma"
PLANTED = "zanzibar"
POOLS = tuple(name.removeprefix("worker-") for name in WORKERS)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The whole fleet with Flower, after a run of each pool."""
    directory = tmp_path_factory.mktemp("watched")
    environment = {"FLOWER_BASIC_AUTH": USER, "AGENTIC_SALES_TASK_EVENTS": "1", "CLASSIFY_WORKER_ASSISTANTS": "+boom"}
    names = (WEB, *WORKERS, "flower")
    with redis_server(directory) as redis, fleet_of(directory, redis, environment, names=names) as fleet:
        fleet.wait_until_ready()
        eventually("Flower answers", lambda: status(fleet, "/healthcheck"), lambda s: s == 200, within_s=30)
        eventually("Flower knows the workers", lambda: all(f"{p}@" in workers(fleet) for p in POOLS), within_s=30)
        assert fleet.call("email_compose", {"recipient_name": PLANTED, "company_name": PLANTED}).status_code == 200
        assert fleet.call("boom", {"message": PLANTED}).status_code == 500
        assert fleet.call("echo", {"x": 1, "text": PLANTED}).status_code == 200
        yield fleet
        fleet.stop()


def address(fleet: Fleet, path: str, user: str = f"{USER}@") -> str:
    """Return the URL of a page of Flower."""
    return f"http://{user}{LOOPBACK}:{fleet.environment['FLOWER_PORT']}{path}"


def status(fleet: Fleet, path: str, user: str = f"{USER}@") -> int | str:
    """Ask for a page; return the status, or why there is none."""
    try:
        return httpx.get(address(fleet, path, user), timeout=5, trust_env=False).status_code
    except httpx.TransportError as exc:
        return type(exc).__name__


def workers(fleet: Fleet) -> str:
    """Return what Flower tells a program of the workers."""
    return httpx.get(address(fleet, "/workers?json=1"), timeout=10, trust_env=False).text


def run_id_of(key: object) -> str:
    """Return the run that a key of the ledger is about."""
    return str(key).removeprefix("agentic:run:")


@pytest.mark.parametrize("path", ["/", "/workers", "/tasks", "/broker", "/api/workers"])
def test_nobody_sees_a_page_without_the_password(watched: Fleet, path: str) -> None:
    assert status(watched, path, "") == status(watched, path, "ada:guess@") == 401


def test_a_person_sees_the_four_pools(watched: Fleet, tmp_path: Path) -> None:
    seen = page(address(watched, "/workers"), tmp_path)
    for pool in POOLS:
        assert f"{pool}@" in seen


def test_a_person_sees_the_tasks_by_assistant_and_no_word_of_what_they_were_given(
    watched: Fleet, tmp_path: Path
) -> None:
    seen = page(address(watched, "/tasks"), tmp_path)
    for assistant in ("email_compose", "boom", "echo"):
        assert f"run.{assistant}" in seen
    assert PLANTED not in seen
    run_id = next(run_id for run_id in map(run_id_of, watched.redis.keys("agentic:run:*")) if run_id in seen)
    task = page(address(watched, f"/task/{run_id}"), tmp_path)
    assert run_id in task
    assert PLANTED not in task


def test_the_page_of_the_broker_counts_the_messages_of_every_queue(watched: Fleet) -> None:
    answer = httpx.get(address(watched, "/broker"), timeout=10, trust_env=False)
    assert answer.status_code == 200
    for pool in POOLS:
        assert pool in answer.text.partition("<tbody")[2]


def test_buttons_that_a_worker_refuses_are_hidden(watched: Fleet) -> None:
    name = next(line for line in httpx.get(address(watched, "/workers?json=1"), trust_env=False).json()["data"])
    told = httpx.get(address(watched, f"/worker/{name['hostname']}"), timeout=10, trust_env=False).text
    assert f"<style>{', '.join(HIDDEN)} {{ display: none }}</style>" in told
    for selector in HIDDEN:
        assert re.sub(r"^[#.]|label\[for=|\]$", "", selector) in told.partition("</head>")[2], selector


def test_it_does_not_start_open_to_others(watched: Fleet) -> None:
    environment = {**watched.environment, "FLOWER_HOST": "0.0.0.0", "FLOWER_PORT": str(free_port())}
    for users in ("", "ada", "ada:", "ada:enigma,:"):
        done = subprocess.run(
            ["/bin/sh", "-c", f"exec {PROCFILE['flower']}"],
            env={**environment, "FLOWER_BASIC_AUTH": users},
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 2, users
        assert "FLOWER_BASIC_AUTH" in done.stderr
        assert "enigma" not in done.stderr
