"""Resumable runs outlive their workers, their database and deployments: what is done is never done again."""

import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest

from agentic_sales.schedule import job_task
from agentic_sales.settings import Settings
from agentic_sales.store.migrate import upgrade
from tests.acceptance.messages import send_by_hand
from tests.acceptance.threads import QUEUE, ask, new_thread, output, submit
from tests.support.databases import new_postgresql
from tests.support.fleet import ONLY_CORE, PROCFILE, WEB, Call, Fleet, fleet_of
from tests.support.services import redis_server
from tests.support.waiting import eventually

WORKER = "worker-core"
OTHER = "worker-core-2"
LONG_S = 300.0
MOMENT_S = 0.3
RUNS = 12
KEPT = 6
KEEP = {"AGENTIC_SALES_CHECKPOINTS_PER_THREAD": str(KEPT)}
STEPS = ["first", "second", "third"]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def durable(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A fleet with one pool, whose threads are kept in a database of each kind."""
    if request.param == "sqlite":
        yield from _fleet(tmp_path_factory.mktemp("durable"), {})
        return
    with new_postgresql() as url:
        upgrade(Settings(database_url=url))
        yield from _fleet(tmp_path_factory.mktemp("durable"), {"DATABASE_URL": url})


def _fleet(directory: Path, environment: dict[str, str]) -> Iterator[Fleet]:
    names = (WEB, WORKER)
    with (
        redis_server(directory) as redis,
        fleet_of(directory, redis, {**ONLY_CORE, **KEEP, **environment}, names=names) as fleet,
    ):
        fleet.wait_until_ready()
        yield fleet
        fleet.stop()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A file to which the nodes of a run append their names."""
    return tmp_path / "log"


def taken(log: Path) -> list[str]:
    """Return the names of the nodes that were executed, as often as they were."""
    return log.read_text(encoding="utf-8").split() if log.exists() else []


def kill_child_in(log: Path, line: str, record: dict[str, str]) -> None:
    """Kill the child that executes a run when a node has left its line."""
    eventually(f"`{line}` is reached", lambda: taken(log), lambda lines: line in lines, within_s=30)
    os.kill(int(record["worker"].rpartition("/")[2]), signal.SIGKILL)


class TestKilledChild:
    def test_is_followed_by_one_that_goes_on_behind_the_last_finished_node(self, durable: Fleet, log: Path) -> None:
        call = durable.begun("steps", {"log": str(log), "notes": ["begun"], "hold_in": "second", "hold_s": LONG_S})
        kill_child_in(log, "second", durable.record(call.trace_id))
        assert call.response().json()["notes"] == ["begun", *STEPS]
        assert taken(log) == ["first", "second", "second", "third"]
        record = durable.record(call.trace_id)
        assert (record["attempt"], record["losses"]) == ("2", "1")

    def test_that_had_taken_an_answer_loses_it_no_more_than_it_is_used_twice(self, durable: Fleet, log: Path) -> None:
        thread_id = new_thread()
        given = {"topic": "price", "log": str(log), "questions": 2, "hold_s": LONG_S}
        assert ask(durable, "ask_human", thread_id, input=given)["__interrupt__"]
        assert ask(durable, "ask_human", thread_id, command={"resume": "a"})["__interrupt__"]
        run_id = submit(durable, "ask_human", thread_id, command={"resume": "b"})
        eventually("it runs", lambda: durable.run(run_id).get("status"), lambda status: status == "running")
        kill_child_in(log, "answered", durable.run(run_id))
        assert output(durable, run_id)["answers"] == ["a", "b"]
        assert Counter(taken(log)) == {"draft": 1, "ask": 4, "answered": 2, "finish": 1}


class TestThread:
    def test_is_shortened_when_beat_asks_for_it_and_goes_on(self, durable: Fleet) -> None:
        thread_id = new_thread()
        for _ in range(3):
            ask(durable, "steps", thread_id, input={})
        for _ in ("of one beat", "of another"):
            send_by_hand(durable, QUEUE, job_task("prune_checkpoints"))
        history = partial(ask, durable, "steps", thread_id, kind="history", limit=100)
        eventually("it is shortened", history, lambda states: len(states) == KEPT, within_s=30)
        assert len(durable.redis.keys("agentic:slot:prune_checkpoints:*")) == 1
        assert ask(durable, "steps", thread_id, input={})["notes"] == STEPS * 4

    def test_is_known_to_every_child_of_its_pool(self, durable: Fleet) -> None:
        thread_id = new_thread()
        for _ in range(4):
            ask(durable, "steps", thread_id, input={})
        assert ask(durable, "steps", thread_id, kind="state")["values"]["notes"] == STEPS * 4
        assert len(ask(durable, "steps", thread_id, kind="history", limit=100)) == 4 * 5
        assert ask(durable, "steps", thread_id, kind="delete") == {"checkpoints": 4 * 5}
        assert ask(durable, "steps", thread_id, kind="state")["values"] == {}


def test_a_database_that_fails_for_moments_costs_no_run_and_no_node(durable: Fleet, tmp_path: Path) -> None:
    calls = [begin_steps(durable, tmp_path / str(number), step_s=0.3) for number in range(RUNS)]
    failures = 0
    while not all(call.answer.done() for call in calls):
        fail_for_a_moment(durable)
        failures += 1
    for number, call in enumerate(calls):
        assert call.response().json()["notes"] == STEPS
        assert taken(tmp_path / str(number)) == STEPS
    assert failures > len(STEPS)


def fail_for_a_moment(fleet: Fleet) -> None:
    """End every connection to the database, as its restart does; where it is a file, lock it; then leave it alone."""
    if (url := fleet.environment.get("DATABASE_URL")) is None:
        with sqlite3.connect(fleet.directory / "checkpoints.sqlite", isolation_level=None, timeout=10) as file:
            file.execute("BEGIN IMMEDIATE")
            pass_time(MOMENT_S)
            file.execute("ROLLBACK")
    else:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    pass_time(MOMENT_S)


def pass_time(seconds: float) -> None:
    """Let time pass, which is what is tested here."""
    ended_at_s = time.monotonic() + seconds
    eventually("the time has passed", lambda: time.monotonic() > ended_at_s)


def begin_steps(fleet: Fleet, log: Path, *, step_s: float) -> Call:
    """Ask for a run of `steps`."""
    return fleet.begin("steps", {"log": str(log), "step_s": step_s})


class TestDeployment:
    def test_a_rolling_restart_under_load_loses_no_run_and_repeats_no_node(
        self, durable: Fleet, tmp_path: Path
    ) -> None:
        durable.start_command(OTHER, PROCFILE[WORKER].replace("core@%h", "core2@%h"))
        eventually("there are two workers", lambda: durable.pools()["core"], lambda n: n == 2, within_s=60)
        resumable: list[Call] = []
        plain: list[Call] = []
        for stopped in (WORKER, OTHER):
            resumable += [begin_steps(durable, tmp_path / f"{stopped}{n}", step_s=1.0) for n in range(RUNS // 2)]
            plain += [durable.begin("sleepy", {"wait_s": 0.5}) for _ in range(RUNS // 2)]
            eventually("it steps", partial(runs_of_children, durable, stopped, resumable), within_s=20)
            durable.kill(stopped, signal.SIGTERM)
            durable.services[stopped].process.wait(15)
            durable.restart(stopped)
            eventually("it is back", lambda: durable.pools()["core"], lambda n: n == 2, within_s=60)
        assert [call.response().json()["notes"] for call in resumable] == [STEPS] * len(resumable)
        assert [call.response().json()["waited_s"] for call in plain] == [0.5] * len(plain)
        assert Counter(line for log in tmp_path.iterdir() for line in taken(log)) == dict.fromkeys(
            STEPS, len(resumable)
        )
        ended = records(durable, [*resumable, *plain])
        assert {record["losses"] for record in ended} == {"0"}
        assert any(record["attempt"] != "1" for record in ended), "no run was given back at a node edge"
        durable.kill(OTHER)
        durable.retire(OTHER)

    def test_a_stopped_worker_ends_as_soon_as_its_last_run_has_ended(self, durable: Fleet) -> None:
        durable.revive(WORKER)
        call = durable.begun("sleepy", {"wait_s": 2.0})
        asked_at_s = time.monotonic()
        durable.kill(WORKER, signal.SIGTERM)
        assert call.response().json() == {"wait_s": 2.0, "waited_s": 2.0}
        durable.services[WORKER].process.wait(5)
        assert time.monotonic() - asked_at_s < 8.0
        assert durable.record(call.trace_id)["attempt"] == "1"
        durable.revive(WORKER)


def runs_of_children(fleet: Fleet, worker: str, calls: list[Call]) -> list[str]:
    """Return which of these runs the children of a worker execute now."""
    pids = {str(pid) for pid in fleet.children(worker)}
    running = [record for record in records(fleet, calls) if record.get("status") == "running"]
    return [record["run_id"] for record in running if record["worker"].rpartition("/")[2] in pids]


def records(fleet: Fleet, calls: list[Call]) -> list[dict[str, str]]:
    """Return the ledger's records of runs, read in one pass: a run must not end while it is looked for."""
    keys = list(fleet.redis.scan_iter("agentic:run:*", count=1000))
    with fleet.redis.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.hgetall(key)
        by_trace = {record.get("trace_id"): record for record in pipe.execute()}
    return [by_trace.get(call.trace_id, {}) for call in calls]
