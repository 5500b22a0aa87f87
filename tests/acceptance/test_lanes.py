"""The two lanes of a pool: many batch runs do not delay an interactive one, and still use what is free."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any

import pytest

from tests.support.fleet import ONLY_CORE, WEB, Fleet, fleet_of
from tests.support.services import redis_server
from tests.support.waiting import eventually

CHILDREN = 4
BATCH_CHILDREN = 3
BATCH_RUNS = 50
RUN_S = 0.5
INTERACTIVE_RUNS = 12
OVERHEAD_S = 0.35
DELAY_S = 2.0


@pytest.fixture(scope="module")
def small_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A facade and one core worker of four children."""
    directory = tmp_path_factory.mktemp("lanes")
    environment = {**ONLY_CORE, "AGENTIC_SALES_WORKER_CONCURRENCY": str(CHILDREN)}
    with redis_server(directory) as redis, fleet_of(directory, redis, environment, names=(WEB, "worker-core")) as fleet:
        fleet.wait_until_ready()
        yield fleet
        fleet.stop()


def start(fleet: Fleet, assistant_id: str, values: dict[str, Any], **options: Any) -> str:
    """Start a run in the background and return its id."""
    answer = fleet.http.post("/runs", json={"assistant_id": assistant_id, "input": values, **options})
    assert answer.status_code == 200, answer.text
    run_id: str = answer.json()["run_id"]
    return run_id


def test_batch_runs_do_not_delay_interactive_ones_and_use_what_is_left(small_fleet: Fleet) -> None:
    with ThreadPoolExecutor(8) as threads:
        batch = list(
            threads.map(lambda _: start(small_fleet, "sleepy", {"wait_s": RUN_S}, priority="batch"), range(BATCH_RUNS))
        )
    took_s = []
    for _ in range(INTERACTIVE_RUNS):
        began_at_s = time.monotonic()
        assert small_fleet.call("sleepy", {"wait_s": RUN_S}).status_code == 200
        took_s.append(time.monotonic() - began_at_s)
    waiting = [run_id for run_id in batch if small_fleet.run(run_id)["status"] == "pending"]
    eventually(
        "every batch run has ended",
        lambda: {small_fleet.run(run_id)["status"] for run_id in batch},
        lambda statuses: statuses == {"success"},
        within_s=60,
    )
    records = [small_fleet.run(run_id) for run_id in batch]
    spent_s = max(float(r["ended_at"]) for r in records) - min(float(r["started_at"]) for r in records)
    assert waiting, "the interactive runs ended while batch runs still waited"
    assert median(took_s) < RUN_S + OVERHEAD_S, took_s
    assert max(took_s) < 2 * RUN_S + OVERHEAD_S, took_s
    assert spent_s < 1.5 * BATCH_RUNS * RUN_S / BATCH_CHILDREN, "the lane is as fast as the children that it may have"


def test_a_delayed_run_waits_and_can_be_cancelled_meanwhile(small_fleet: Fleet) -> None:
    began_at_s = time.monotonic()
    kept, cancelled = (start(small_fleet, "echo", {"x": 1}, after_seconds=DELAY_S) for _ in range(2))
    assert small_fleet.get(f"/runs/{kept}").json()["status"] == "pending"
    assert small_fleet.http.post(f"/runs/{cancelled}/cancel").json()["status"] == "interrupted"
    assert small_fleet.get(f"/runs/{kept}/join").json() == {"x": 1, "y": 1}
    assert time.monotonic() - began_at_s >= DELAY_S
    assert small_fleet.run(cancelled)["attempt"] == "0"


@pytest.mark.parametrize("field", [{"priority": "urgent"}, {"after_seconds": -1}], ids=str)
def test_a_lane_or_a_delay_that_is_none_is_refused(small_fleet: Fleet, field: dict[str, Any]) -> None:
    answer = small_fleet.http.post("/runs", json={"assistant_id": "echo", "input": {"x": 1}, **field})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert next(iter(field)) in answer.json()["detail"]
