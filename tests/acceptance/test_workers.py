"""What a worker survives, and what its callers are told: real children, real kills, real time limits."""

import json
import os
import pickle
import signal
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.messages import QUEUE_KEYPREFIX, messages_in_flight, messages_on, send_by_hand
from tests.support.fleet import WORKERS, Call, Fleet
from tests.support.waiting import eventually

CHILDREN = 2
LONGER_THAN_THE_VISIBILITY_TIMEOUT_S = 18.0
UNKNOWN_RUN = "01a1fda2-1197-71ec-8481-4e806fc8af31"


@pytest.fixture(scope="module", autouse=True)
def long_run(shared_fleet: Fleet) -> Call:
    """A run that outlives the visibility timeout, begun before the tests and looked at by the last one."""
    return shared_fleet.begun("sleepy", {"wait_s": LONGER_THAN_THE_VISIBILITY_TIMEOUT_S})


def events(fleet: Fleet, name: str, event: str) -> list[dict[str, Any]]:
    """Return the structured log events of one kind that a process wrote."""
    written, _, _ = fleet.log(name).rpartition("\n")  # a line that is being written is not read yet
    lines = (line for line in written.splitlines() if line.startswith("{"))
    return [entry for entry in map(json.loads, lines) if entry["event"] == event]


def wait_for_full_pool(fleet: Fleet, name: str) -> list[int]:
    """Return the children of a worker when all of them are there."""
    return eventually(
        f"{name} has {CHILDREN} children", lambda: fleet.children(name), lambda pids: len(pids) == CHILDREN
    )


class TestTimeLimits:
    @pytest.mark.parametrize(
        ("assistant_id", "values"),
        [
            ("overlong", {"wait_s": 30}),
            ("stuck", {"block_s": 30}),
            ("stuck", {"block_s": 30, "stubborn": True}),
        ],
        ids=["waits", "blocks its loop", "ignores the signal"],
    )
    def test_a_run_over_its_limit_ends_with_a_timeout_and_its_child_is_replaced(
        self, fleet: Fleet, assistant_id: str, values: dict[str, Any]
    ) -> None:
        response = fleet.call(assistant_id, values)
        error = response.json()
        assert (response.status_code, error["code"], error["kind"]) == (504, "timeout", "timeout")
        assert f"`{assistant_id}`" in error["detail"]
        assert "1 s" in error["detail"]
        record = fleet.run(error["run_id"])
        assert (record["status"], record["attempt"]) == ("timeout", "1")
        pid = int(record["worker"].rpartition("/")[2])
        eventually(
            f"child {pid} is replaced",
            lambda: fleet.children("worker-discovery"),
            lambda pids: pid not in pids and len(pids) == CHILDREN,
        )
        assert not messages_on(fleet, "discovery"), "a run that was told to have ended must not come back"

    def test_other_runs_of_the_pool_go_on_while_one_is_stuck(self, fleet: Fleet) -> None:
        stuck = fleet.begun("stuck", {"block_s": 30})
        others = [fleet.call("poison", {"lethal": False}) for _ in range(5)]
        assert [other.json() for other in others] == [{"lethal": False, "survived": True}] * 5
        assert not stuck.answer.done()
        assert stuck.response().status_code == 504


class TestLostChildren:
    @pytest.mark.parametrize(
        ("assistant_id", "attempts"), [("poison", 3), ("poison_send", 1)], ids=["may be repeated", "may have sent"]
    )
    def test_a_run_that_kills_its_child_is_given_up_after_its_attempts(
        self, fleet: Fleet, assistant_id: str, attempts: int
    ) -> None:
        response = fleet.call(assistant_id, {"lethal": True})
        error = response.json()
        assert (response.status_code, error["code"], error["kind"]) == (500, "worker_lost", "backend")
        assert f"{attempts} time(s)" in error["detail"]
        deliveries = fleet.deliveries("worker-discovery", error["run_id"])
        assert deliveries == attempts + 1, "each attempt, and the delivery that gave the run up"
        wait_for_full_pool(fleet, "worker-discovery")
        assert fleet.call(assistant_id, {"lethal": False}).json()["survived"] is True

    def test_a_killed_childs_run_starts_again_and_succeeds(self, fleet: Fleet) -> None:
        call = fleet.begun("burn", {"turns": 30_000_000})
        first = fleet.record(call.trace_id)
        os.kill(int(first["worker"].rpartition("/")[2]), signal.SIGKILL)
        assert call.response().json()["odd_turns"] == 15_000_000
        second = fleet.record(call.trace_id)
        assert (second["status"], second["attempt"]) == ("success", "2")
        assert second["worker"] != first["worker"]


class TestContract:
    def test_a_run_on_a_queue_that_the_contract_does_not_give_it_is_refused_and_never_executed(
        self, fleet: Fleet
    ) -> None:
        other_routes = {"EMAIL_WORKER_ASSISTANTS": "email_compose", "DISCOVERY_WORKER_ASSISTANTS": "+echo"}
        with fleet.client(fleet.start_facade("web-astray", other_routes)) as http:
            response = http.post("/runs/wait", json={"assistant_id": "echo", "input": {"x": 1}})
        fleet.retire("web-astray")
        error = response.json()
        assert (response.status_code, error["code"]) == (500, "misrouted")
        assert "`discovery`" in error["detail"]
        assert "`email`" in error["detail"]
        record = fleet.run(error["run_id"])
        assert (record["status"], record.get("output")) == ("error", None)

    def test_a_worker_loads_the_graphs_of_its_pool_alone_and_core_loads_all(self, fleet: Fleet) -> None:
        loaded = {name: set(events(fleet, name, "graphs_loaded")[0]["assistants"]) for name in WORKERS}
        routes = {route["queue"]: set(route["assistants"]) for route in fleet.get("/info").json()["routes"]}
        broken = set(fleet.get("/info").json()["unavailable"])
        for queue in ("email", "classify", "discovery"):
            assert loaded[f"worker-{queue}"] == routes[queue] - broken
        assert loaded["worker-core"] == set().union(*routes.values()) - broken

    def test_a_graph_that_does_not_load_breaks_its_assistant_alone(self, fleet: Fleet) -> None:
        response = fleet.call("broken_import")
        error = response.json()
        assert (response.status_code, error["code"], error["kind"]) == (503, "graph_unavailable", "backend")
        assert "this workflow needs a package that is not installed" in error["detail"]
        assert "needs a package" in fleet.get("/info").json()["unavailable"]["broken_import"]
        told = [event["assistant_id"] for event in events(fleet, "worker-discovery", "graph_unavailable")]
        assert "broken_import" in told
        assert fleet.call("poison", {"lethal": False}).status_code == 200

    def test_a_sub_run_of_another_pool_goes_through_that_pools_queue(self, fleet: Fleet) -> None:
        answer = fleet.call("ask_core", {"assistant_id": "echo", "values": {"x": 3}}).json()
        assert (answer["queue"], answer["answer"]["y"]) == ("email", 3)
        assert int(answer["worker"].rpartition("/")[2]) in fleet.children("worker-email")

    def test_a_sub_run_of_the_own_pool_runs_in_place(self, fleet: Fleet) -> None:
        response = fleet.call("ask_core", {"assistant_id": "sleepy", "values": {"wait_s": 0.01}})
        asking = fleet.run(response.headers["x-run-id"])
        assert response.json()["queue"] == "classify"
        assert response.json()["worker"] == asking["worker"]

    def test_a_pool_is_not_let_wait_for_core(self, fleet: Fleet) -> None:
        response = fleet.call("ask_core", {"assistant_id": "burn", "values": {"turns": 1}})
        assert (response.status_code, response.json()["code"]) == (500, "sub_run_refused")


class Touch:
    """Makes a file when it is unpickled, as an attacker's message runs a command."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


FOREIGN_BYTES = {
    "garbage": b"\x80\x04\x95 not even text",
    "no JSON": b"{ this is no JSON",
    "a number": b"7",
    "an empty object": b"{}",
    "an object of a stranger": b'{"job": "send", "properties": {"delivery_info": {}}}',
    "nested without end": b"[" * 100_000,
    "a bare pickle": pickle.dumps({"task": "run.echo"}),
}
FOREIGN_HEADERS: dict[str, Any] = {
    "no headers": None,
    "a list": ["task"],
    "a task that is a list": {"task": ["run.echo"], "id": UNKNOWN_RUN},
    "no id": {"task": "run.echo"},
    "an id that is an object": {"task": "run.echo", "id": {}},
    "an ETA": {"task": "run.echo", "id": UNKNOWN_RUN, "eta": "never"},
}


def envelope(body: bytes, headers: Any) -> dict[str, Any]:
    """Return a kombu message as its Redis transport writes it."""
    return {
        "body": b64encode(body).decode(),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": headers,
        "properties": {
            "delivery_tag": "by-hand",
            "delivery_info": {"exchange": "agentic_sales", "routing_key": "email"},
            "body_encoding": "base64",
        },
    }


def wait_for_refusal(fleet: Fleet, already: int) -> None:
    """Wait until the email worker has refused one more message."""
    eventually(
        "the worker refuses it", lambda: len(events(fleet, "worker-email", "message_refused")), lambda n: n > already
    )


class TestForeignMessages:
    @pytest.fixture(autouse=True)
    def worker_survives(self, fleet: Fleet) -> Any:
        """Check after each test that the worker took the message off its queue and works on."""
        pid = fleet.services["worker-email"].process.pid
        yield
        eventually("the message is gone", lambda: messages_on(fleet, "email"), lambda found: not found)
        assert fleet.call("echo", {"x": 1}).status_code == 200
        eventually("nothing but the long run is in flight", lambda: messages_in_flight(fleet), lambda count: count <= 1)
        assert fleet.services["worker-email"].process.pid == pid
        assert fleet.services["worker-email"].is_running

    def test_a_pickled_message_is_refused_unread(self, fleet: Fleet, tmp_path: Path) -> None:
        proof = tmp_path / "was-unpickled"
        pickle.loads(pickle.dumps(Touch(proof)))  # noqa: S301 - our own object, to show that it would do it
        proof.unlink()
        send_by_hand(fleet, "email", "run.echo", Touch(proof), serializer="pickle")
        eventually("the worker refuses it", lambda: fleet.log("worker-email"), lambda log: "ContentDisallowed" in log)
        assert not proof.exists()

    def test_an_unknown_task_is_refused(self, fleet: Fleet) -> None:
        send_by_hand(fleet, "email", "run.nobody_knows", UNKNOWN_RUN)
        eventually("the worker refuses it", lambda: fleet.log("worker-email"), lambda log: "run.nobody_knows" in log)

    def test_a_run_that_the_ledger_does_not_know_is_not_executed(self, fleet: Fleet) -> None:
        send_by_hand(fleet, "email", "run.echo", UNKNOWN_RUN)
        eventually(
            "the worker says why",
            lambda: [event["reason"] for event in events(fleet, "worker-email", "run_not_claimed")],
            lambda reasons: "unknown" in reasons,
        )

    @pytest.mark.parametrize(
        "arguments",
        [(), ("a", "b"), (None,), (7,), ({"run_id": 1},), ("x" * 5_000_000,)],
        ids=["none", "two", "null", "a number", "an object", "five megabytes"],
    )
    def test_wrong_arguments_are_refused(self, fleet: Fleet, arguments: tuple[Any, ...]) -> None:
        already = len(events(fleet, "worker-email", "message_refused"))
        send_by_hand(fleet, "email", "run.echo", *arguments)
        wait_for_refusal(fleet, already)

    @pytest.mark.parametrize("raw", FOREIGN_BYTES.values(), ids=FOREIGN_BYTES)
    def test_bytes_that_are_no_message_are_dropped(self, fleet: Fleet, raw: bytes) -> None:
        already = len(events(fleet, "worker-email", "message_refused"))
        fleet.redis.lpush(f"{QUEUE_KEYPREFIX}email", raw)
        wait_for_refusal(fleet, already)

    @pytest.mark.parametrize("headers", FOREIGN_HEADERS.values(), ids=FOREIGN_HEADERS)
    def test_headers_that_are_none_of_ours_are_refused(self, fleet: Fleet, headers: Any) -> None:
        already = len(events(fleet, "worker-email", "message_refused"))
        fleet.redis.lpush(f"{QUEUE_KEYPREFIX}email", json.dumps(envelope(b"[[], {}, {}]", headers)))
        wait_for_refusal(fleet, already)

    def test_a_body_that_is_not_what_it_says_is_refused(self, fleet: Fleet) -> None:
        message = envelope(b"{ this is no JSON", {"task": "run.echo", "id": UNKNOWN_RUN, "lang": "py"})
        fleet.redis.lpush(f"{QUEUE_KEYPREFIX}email", json.dumps(message))
        eventually("the worker refuses it", lambda: fleet.log("worker-email"), lambda log: "DecodeError" in log)


class TestShutdown:
    def test_a_worker_that_is_asked_to_end_finishes_its_run_and_takes_no_other(self, fleet: Fleet) -> None:
        call = fleet.begun("burn", {"turns": 30_000_000})
        fleet.kill("worker-core", signal.SIGTERM)
        at_once_s = 2.5  # sooner than the sign of life expires
        eventually("core is gone", lambda: fleet.pools()["core"], lambda count: count == 0, within_s=at_once_s)
        refused = fleet.call("burn", {"turns": 1})
        was_still_running = not call.answer.done()
        assert call.response().json()["odd_turns"] == 15_000_000
        assert fleet.record(call.trace_id)["attempt"] == "1"
        status = fleet.services["worker-core"].process.wait(20)
        assert was_still_running
        assert (refused.status_code, refused.json()["code"]) == (503, "pool_unavailable")
        assert status == 0

    def test_a_frozen_worker_is_noticed_in_seconds_and_is_back_when_it_goes_on(self, fleet: Fleet) -> None:
        fleet.kill("worker-discovery", signal.SIGSTOP)
        frozen_at_s = time.monotonic()
        try:
            eventually("discovery is said to be gone", lambda: fleet.pools()["discovery"], lambda count: count == 0)
            noticed_after_s = time.monotonic() - frozen_at_s
            refused = fleet.call("poison", {"lethal": False})
        finally:
            fleet.kill("worker-discovery", signal.SIGCONT)
        assert noticed_after_s < 6
        assert (refused.status_code, refused.json()["code"]) == (503, "pool_unavailable")
        fleet.wait_for_worker("discovery")
        assert fleet.call("poison", {"lethal": False}).status_code == 200


def test_a_run_longer_than_the_visibility_timeout_is_executed_once(fleet: Fleet, long_run: Call) -> None:
    assert long_run.response().json()["waited_s"] == LONGER_THAN_THE_VISIBILITY_TIMEOUT_S
    record = fleet.record(long_run.trace_id)
    assert (record["status"], record["attempt"]) == ("success", "1")
    assert fleet.deliveries("worker-classify", record["run_id"]) == 1


def test_a_worker_writes_one_line_about_a_run(fleet: Fleet) -> None:
    run_id = fleet.call("echo", {"x": 1}).headers["x-run-id"]
    fleet.wait_for_log("worker-email", run_id)
    [line] = [line for line in fleet.log("worker-email").splitlines() if run_id in line]
    assert json.loads(line)["event"] == "run_finished"
