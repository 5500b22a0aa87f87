"""Several runs in one child: what one of them does to itself is not done to its neighbours."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentic_sales.observability.metrics import COUNTS_KEY, LOOP_BLOCKS
from tests.acceptance.messages import messages_on
from tests.support.fleet import ONLY_CORE, WEB, Fleet, fleet_of
from tests.support.services import redis_server
from tests.support.waiting import eventually

CHILDREN, SLOTS = 2, 4
PLACES = CHILDREN * SLOTS
WORKER = "worker-core"
STEPS = ["first", "second", "third"]


@pytest.fixture(scope="module")
def slotted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A fleet of one worker, whose two children execute four runs each."""
    directory = tmp_path_factory.mktemp("slotted")
    environment = {**ONLY_CORE, "CORE_WORKER_SLOTS": str(SLOTS), "AGENTIC_SALES_WORKER_CONCURRENCY": str(CHILDREN)}
    with redis_server(directory) as redis, fleet_of(directory, redis, environment, names=(WEB, WORKER)) as fleet:
        fleet.wait_until_ready()
        yield fleet
        fleet.stop()


def started(fleet: Fleet, assistant_id: str, values: dict[str, Any]) -> str:
    """Start a run in the background and return its id."""
    answer = fleet.http.post("/runs", json={"assistant_id": assistant_id, "input": values})
    return str(answer.json()["run_id"])


class Neighbours:
    """Runs that wait in their second step, some in each child; every step that is taken leaves a line in a file."""

    def __init__(self, fleet: Fleet, folder: Path, *, hold_s: float, count: int = PLACES - 2) -> None:
        self._fleet = fleet
        self._logs = [folder / f"{n}.log" for n in range(count)]
        values = [{"log": str(log), "hold_in": "second", "hold_s": hold_s} for log in self._logs]
        self._run_ids = [started(fleet, "steps", each) for each in values]
        eventually("all are in their second step", self._taken, lambda taken: taken == [STEPS[:2]] * count)
        self.first = self.records()

    def records(self) -> list[dict[str, str]]:
        """Return the ledger's records of them."""
        return [self._fleet.run(run_id) for run_id in self._run_ids]

    def finish(self) -> list[dict[str, str]]:
        """Wait for their ends; return their records. Each has the answer, and took no finished step twice."""
        eventually("all end", self._unfinished, lambda unfinished: not unfinished, within_s=60)
        records, count = self.records(), len(self._logs)
        assert [json.loads(record.get("output", "{}")).get("notes") for record in records] == [STEPS] * count
        assert [[step for step in taken if step != "second"] for taken in self._taken()] == [["first", "third"]] * count
        return records

    def _unfinished(self) -> list[str]:
        return [record["status"] for record in self.records() if record["status"] in {"pending", "running"}]

    def _taken(self) -> list[list[str]]:
        return [log.read_text(encoding="utf-8").split() if log.exists() else [] for log in self._logs]


def attempts_and_losses(records: list[dict[str, str]]) -> set[tuple[str, str]]:
    """Return how often runs were begun, and how many of their workers died."""
    return {(record["attempt"], record["losses"]) for record in records}


def pid_of(record: dict[str, str]) -> int:
    """Return the child that executes a run."""
    return int(record["worker"].rpartition("/")[2])


def test_every_slot_of_every_child_is_used_and_no_message_more_is_taken(slotted: Fleet) -> None:
    run_ids = [started(slotted, "sleepy", {"wait_s": 300.0}) for _ in range(PLACES)]
    eventually(
        "all run", lambda: {slotted.run(run_id)["status"] for run_id in run_ids}, lambda found: found == {"running"}
    )
    further = slotted.begin("sleepy", {"wait_s": 0.0})
    eventually("the further run waits", lambda: messages_on(slotted, "core"), lambda waiting: len(waiting) == 1)
    by_child = [pid_of(slotted.run(run_id)) for run_id in run_ids]
    assert sorted(map(by_child.count, set(by_child))) == [SLOTS] * CHILDREN
    for run_id in run_ids:
        slotted.http.post(f"/runs/{run_id}/cancel", params={"wait": False})
    assert further.response().status_code == 200, "a place that is free again is used"


def test_a_run_that_blocks_the_loop_is_named_and_ended_and_its_neighbours_go_on_where_they_are(
    slotted: Fleet, tmp_path: Path
) -> None:
    neighbours = Neighbours(slotted, tmp_path, hold_s=6.0)
    answer = slotted.call("stuck", {"block_s": 30})
    assert (answer.status_code, answer.json()["code"]) == (504, "timeout")
    slotted.wait_for_log(WORKER, "tests/workflows/stuck.py")
    eventually("it is counted", lambda: slotted.redis.hget(COUNTS_KEY, LOOP_BLOCKS.field("stuck")))
    records = neighbours.finish()
    assert attempts_and_losses(records) == {("1", "0")}


def test_a_run_that_cannot_be_interrupted_ends_with_its_child_and_the_neighbours_end_in_another(
    slotted: Fleet, tmp_path: Path
) -> None:
    neighbours = Neighbours(slotted, tmp_path, hold_s=9.0)
    answer = slotted.call("stuck", {"block_s": 60, "stubborn": True})
    killed = pid_of(slotted.run(answer.headers["x-run-id"]))
    assert (answer.status_code, answer.json()["code"]) == (504, "timeout")
    records = neighbours.finish()
    moved = [record for record, first in zip(records, neighbours.first, strict=True) if pid_of(first) == killed]
    assert attempts_and_losses(moved) == {("2", "0")}
    assert killed not in map(pid_of, records)


def test_a_run_that_kills_its_child_is_given_up_and_costs_its_neighbours_no_attempt(
    slotted: Fleet, tmp_path: Path
) -> None:
    neighbours = Neighbours(slotted, tmp_path, hold_s=10.0)
    answer = slotted.call("poison", {"lethal": True})
    assert answer.json()["code"] == "worker_lost"
    assert attempts_and_losses([slotted.run(answer.headers["x-run-id"])]) == {("4", "3")}
    records = neighbours.finish()
    assert {losses for _, losses in attempts_and_losses(records)} == {"0"}
    assert max(int(record["attempt"]) for record in records) > 1, "no neighbour was hit"


def test_a_child_that_is_killed_from_outside_costs_none_of_its_runs_an_attempt(slotted: Fleet, tmp_path: Path) -> None:
    neighbours = Neighbours(slotted, tmp_path, hold_s=3.0)
    os.kill(pid_of(neighbours.first[0]), signal.SIGKILL)
    records = neighbours.finish()
    assert {losses for _, losses in attempts_and_losses(records)} == {"0"}
    assert records[0]["attempt"] == "2"


def test_a_cancelled_run_ends_alone(slotted: Fleet, tmp_path: Path) -> None:
    neighbours = Neighbours(slotted, tmp_path, hold_s=4.0)
    call = slotted.begun("sleepy", {"wait_s": 60.0})
    slotted.http.post(f"/runs/{slotted.record(call.trace_id)['run_id']}/cancel", params={"wait": False})
    assert (call.response().status_code, call.response().json()["code"]) == (409, "cancelled")
    assert attempts_and_losses(neighbours.finish()) == {("1", "0")}


def test_a_worker_that_is_asked_to_end_gives_all_its_runs_back_without_a_loss(slotted: Fleet, tmp_path: Path) -> None:
    neighbours = Neighbours(slotted, tmp_path, hold_s=40.0)
    slotted.kill(WORKER, signal.SIGTERM)
    slotted.services[WORKER].process.wait(30)
    slotted.revive(WORKER)
    records = neighbours.finish()
    assert attempts_and_losses(records) == {("2", "0")}
    assert set(map(pid_of, records)) <= set(slotted.children(WORKER))
