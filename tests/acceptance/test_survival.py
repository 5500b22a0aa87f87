"""Runs survive what happens to their workers, happen once however often they are asked for, and end when told to."""

import secrets
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from agentic_sales.outbound.http import httpx
from tests.support.fleet import ONLY_CORE, WEB, Fleet, fleet_of
from tests.support.services import redis_server
from tests.support.waiting import eventually

REDELIVERED_WITHIN_S = 30.0
SOFT_SHUTDOWN_S = 10.0
LONGER_THAN_THE_SOFT_SHUTDOWN_S = 14.0
CALLERS = 50
CHILDREN = 2
UNKNOWN_RUN = "01a1fda2-1197-71ec-8481-4e806fc8af31"


def worker_of(fleet: Fleet, record: dict[str, str], names: tuple[str, ...]) -> str:
    """Return which of these workers has the child that executes a run."""
    pid = int(record["worker"].rpartition("/")[2])
    return next(name for name in names if pid in fleet.children(name))


def start_run(http: httpx.Client, assistant_id: str, values: dict[str, Any]) -> dict[str, Any]:
    """Start a run in the background and return its description."""
    response = http.post("/runs", json={"assistant_id": assistant_id, "input": values})
    assert response.status_code == 200, response.text
    described: dict[str, Any] = response.json()
    return described


def statuses(fleet: Fleet, *run_ids: str) -> list[str]:
    """Return where runs stand."""
    return [fleet.run(run_id)["status"] for run_id in run_ids]


def cancel(fleet: Fleet, run_id: str, *, wait: bool = False) -> httpx.Response:
    """Cancel a run."""
    return fleet.http.post(f"/runs/{run_id}/cancel", params={"wait": wait})


class TestWorkers:
    def test_a_run_whose_whole_worker_is_killed_finishes_on_another_in_time(self, fleet: Fleet) -> None:
        names = ("worker-classify", fleet.start_second_worker("classify"))
        call = fleet.begun("sleepy", {"wait_s": 4.0})
        killed = worker_of(fleet, fleet.record(call.trace_id), names)
        killed_at_s = time.time()
        fleet.kill(killed)
        response = call.response()
        record = fleet.record(call.trace_id)
        [other] = set(names) - {killed}
        is_on_other = worker_of(fleet, record, (other,)) == other
        fleet.retire(names[1])
        assert response.json()["waited_s"] == 4.0
        assert is_on_other
        assert (record["status"], record["attempt"], record["losses"]) == ("success", "2", "1")
        assert float(record["started_at"]) - killed_at_s < REDELIVERED_WITHIN_S


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A fleet whose workers are stopped."""
    directory = tmp_path_factory.mktemp("deployed")
    names = (WEB, "worker-core")
    with redis_server(directory) as redis, fleet_of(directory, redis, ONLY_CORE, names=names) as fleet:
        fleet.wait_until_ready()
        yield fleet
        fleet.stop()


class TestDeployment:
    def test_a_worker_that_is_asked_to_end_hands_a_long_run_back_without_a_loss(self, deployed: Fleet) -> None:
        names = ("worker-core", deployed.start_second_worker("core"))
        call = deployed.begun("sleepy", {"wait_s": LONGER_THAN_THE_SOFT_SHUTDOWN_S})
        first = deployed.record(call.trace_id)
        stopped = worker_of(deployed, first, names)
        deployed.kill(stopped, signal.SIGTERM)
        deployed.services[stopped].process.wait(SOFT_SHUTDOWN_S + 5)
        deployed.revive(stopped)
        assert call.response().json()["waited_s"] == LONGER_THAN_THE_SOFT_SHUTDOWN_S
        record = deployed.record(call.trace_id)
        assert (record["status"], record["attempt"], record["losses"]) == ("success", "2", "0")
        assert record["worker"] != first["worker"]

    def test_a_worker_with_nothing_to_do_ends_at_once(self, deployed: Fleet) -> None:
        deployed.revive("worker-core")
        deployed.kill("worker-core", signal.SIGTERM)
        deployed.services["worker-core"].process.wait(SOFT_SHUTDOWN_S / 2)


class TestIdempotency:
    def test_many_posts_with_one_key_are_one_run_that_answers_all_of_them(self, fleet: Fleet) -> None:
        headers = {"idempotency-key": "fifty-at-once"}
        body = {"assistant_id": "sleepy", "input": {"wait_s": 0.5}}
        with ThreadPoolExecutor(CALLERS) as threads:
            posts = [threads.submit(fleet.http.post, "/runs/wait", json=body, headers=headers) for _ in range(CALLERS)]
            answers = [post.result() for post in posts]
        assert [answer.json() for answer in answers] == [{"wait_s": 0.5, "waited_s": 0.5}] * CALLERS
        [run_id] = {answer.headers["x-run-id"] for answer in answers}
        assert fleet.deliveries("worker-classify", run_id) == 1
        assert fleet.run(run_id)["attempt"] == "1"

    def test_a_key_joins_its_run_from_another_facade_too_and_after_its_end(self, fleet: Fleet) -> None:
        headers, body = {"idempotency-key": "late"}, {"assistant_id": "echo", "input": {"x": 4}}
        first = fleet.http.post("/runs/wait", json=body, headers=headers)
        with fleet.client(fleet.start_facade("web-other", {})) as http:
            second = http.post("/runs/wait", json=body, headers=headers)
        fleet.retire("web-other")
        assert second.json() == first.json() == {"x": 4, "y": 4}
        assert second.headers["x-run-id"] == first.headers["x-run-id"]

    def test_a_key_that_comes_back_with_another_body_is_a_conflict(self, fleet: Fleet) -> None:
        headers = {"idempotency-key": "two-bodies"}
        first = fleet.http.post("/runs/wait", json={"assistant_id": "echo", "input": {"x": 1}}, headers=headers)
        other = fleet.http.post("/runs/wait", json={"assistant_id": "echo", "input": {"x": 2}}, headers=headers)
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
        assert first.headers["x-run-id"] in other.json()["detail"]


@pytest.fixture
def busy(fleet: Fleet) -> Iterator[list[str]]:
    """Runs that keep every child of the classify pool busy; they are cancelled afterwards."""
    run_ids = [start_run(fleet.http, "sleepy", {"wait_s": 60.0})["run_id"] for _ in range(CHILDREN)]
    eventually("all run", lambda: statuses(fleet, *run_ids), lambda found: set(found) == {"running"})
    yield run_ids
    for run_id in run_ids:
        cancel(fleet, run_id)
    eventually("all have ended", lambda: statuses(fleet, *run_ids), lambda found: set(found) == {"interrupted"})


class TestCancel:
    def test_a_run_that_waits_ends_at_once_and_never_starts(self, fleet: Fleet, busy: list[str]) -> None:
        call = fleet.begin("sleepy", {"wait_s": 0.01})
        run_id = eventually("it waits", lambda: fleet.record(call.trace_id).get("run_id"))
        assert run_id is not None
        answer = cancel(fleet, run_id)
        assert (answer.status_code, answer.json()["status"]) == (202, "interrupted")
        assert (call.response().status_code, call.response().json()["code"]) == (409, "cancelled")
        for blocker in busy:
            cancel(fleet, blocker, wait=True)
        assert fleet.call("sleepy", {"wait_s": 0.01}).status_code == 200, "the pool works on, past the cancelled run"
        assert (fleet.run(run_id)["status"], fleet.run(run_id)["attempt"]) == ("interrupted", "0")

    def test_a_run_that_runs_is_stopped_and_its_result_is_never_written(self, fleet: Fleet) -> None:
        call = fleet.begun("sleepy", {"wait_s": 2.0})  # reaches its node edge within the grace period
        run_id = fleet.record(call.trace_id)["run_id"]
        answer = cancel(fleet, run_id, wait=True)
        assert (answer.status_code, answer.json()["status"]) == (200, "interrupted")
        assert (call.response().status_code, call.response().json()["code"]) == (409, "cancelled")
        assert "output" not in fleet.run(run_id)

    def test_a_run_that_does_not_reach_an_edge_is_stopped_by_force(self, fleet: Fleet) -> None:
        call = fleet.begun("sleepy", {"wait_s": 60.0})
        answer = cancel(fleet, fleet.record(call.trace_id)["run_id"], wait=True)
        assert (answer.status_code, answer.json()["status"]) == (200, "interrupted")
        assert call.response().status_code == 409

    def test_a_caller_who_wants_its_run_cancelled_when_it_leaves_gets_that(self, fleet: Fleet) -> None:
        body = {"assistant_id": "sleepy", "input": {"wait_s": 60.0}, "on_disconnect": "cancel"}
        trace_id = secrets.token_hex(16)
        with pytest.raises(httpx.ReadTimeout):
            fleet.http.post(
                "/runs/wait", json=body, headers={"traceparent": f"00-{trace_id}-{'1' * 16}-00"}, timeout=0.5
            )
        eventually("it is cancelled", lambda: fleet.record(trace_id)["status"], lambda found: found == "interrupted")

    def test_a_cancelled_run_stays_cancelled(self, fleet: Fleet) -> None:
        run_id = start_run(fleet.http, "sleepy", {"wait_s": 0.5})["run_id"]
        assert cancel(fleet, run_id, wait=True).json()["status"] == "interrupted"
        assert cancel(fleet, run_id).json()["status"] == "interrupted"
        assert fleet.get(f"/runs/{run_id}/join").json()["code"] == "cancelled"

    def test_a_run_that_has_ended_cannot_be_cancelled_any_more(self, fleet: Fleet) -> None:
        run_id = fleet.call("echo", {"x": 1}).headers["x-run-id"]
        assert cancel(fleet, run_id).json()["status"] == "success"
        assert fleet.get(f"/runs/{run_id}/join").json() == {"x": 1, "y": 1}


def dead(fleet: Fleet) -> list[str]:
    """Return the ids of the dead runs."""
    return [run["run_id"] for run in fleet.get("/runs/dead").json()]


class TestDeadList:
    def test_a_run_that_kills_its_workers_is_on_the_dead_list_until_it_is_retried_or_discarded(
        self, fleet: Fleet
    ) -> None:
        run_id = fleet.call("poison_send", {"lethal": True}).json()["run_id"]
        assert dead(fleet)[0] == run_id
        retried = fleet.http.post(f"/runs/{run_id}/retry")
        assert (retried.status_code, retried.json()["status"], retried.json()["losses"]) == (200, "pending", 0)
        eventually("it has died again", lambda: dead(fleet), lambda found: run_id in found, within_s=20)
        assert int(fleet.run(run_id)["attempt"]) > 2
        assert fleet.http.post(f"/runs/{run_id}/discard").json()["run_id"] == run_id
        assert run_id not in dead(fleet)
        assert fleet.get(f"/runs/{run_id}").json()["status"] == "error"

    @pytest.mark.parametrize("action", ["retry", "discard"])
    def test_only_a_dead_run_can_be_retried_or_discarded(self, fleet: Fleet, action: str) -> None:
        run_id = fleet.call("echo", {"x": 1}).headers["x-run-id"]
        refused = fleet.http.post(f"/runs/{run_id}/{action}")
        unknown = fleet.http.post(f"/runs/{UNKNOWN_RUN}/{action}")
        assert (refused.status_code, refused.json()["code"]) == (409, "run_not_dead")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_run")
        assert fleet.run(run_id)["status"] == "success"


@pytest.mark.usefixtures("busy")
def test_a_full_queue_refuses_a_further_run_and_says_which_and_when_to_come_back(fleet: Fleet) -> None:
    waiting = start_run(fleet.http, "sleepy", {"wait_s": 0.01})["run_id"]
    with fleet.client(fleet.start_facade("web-capped", {"AGENTIC_SALES_QUEUE_CAP": "1"})) as http:
        refused = http.post("/runs/wait", json={"assistant_id": "sleepy", "input": {}})
        served = http.post("/runs/wait", json={"assistant_id": "echo", "input": {"x": 1}})
    fleet.retire("web-capped")
    cancel(fleet, waiting)
    assert (refused.status_code, refused.json()["code"]) == (429, "queue_full")
    assert "`classify`" in refused.json()["detail"]
    assert int(refused.headers["retry-after"]) > 0
    assert served.status_code == 200, "other pools are not concerned"
