"""Threads over HTTP on a real fleet: made, found, run on in turn, asked for their state, resumed once, removed."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from agentic_sales.control import assistant_uuid
from agentic_sales.outbound.http import httpx
from tests.acceptance.test_streams import frames
from tests.support.fleet import Fleet
from tests.support.waiting import eventually

ASK = {"topic": "a discount"}
HOLD = {"hold_in": "second", "hold_s": 60.0}
"""Input of a `steps` that holds its thread until it is cancelled."""


class Conversation:
    """One thread and what can be done with it."""

    def __init__(self, fleet: Fleet, thread_id: str | None = None, **body: Any) -> None:
        self.fleet = fleet
        self.thread_id: str = self._post("/threads", thread_id=thread_id, **body).json()["thread_id"]
        self.path = f"/threads/{self.thread_id}"

    def _post(self, path: str, **body: Any) -> httpx.Response:
        return self.fleet.http.post(path, json={k: v for k, v in body.items() if v is not None})

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self._post(f"{self.path}{path}", **body)

    def get(self, path: str = "", **params: Any) -> Any:
        response = self.fleet.http.get(f"{self.path}{path}", params=params)
        assert response.status_code == 200, response.text
        return response.json()

    def wait(self, assistant_id: str = "ask_human", **body: Any) -> httpx.Response:
        return self.post("/runs/wait", assistant_id=assistant_id, **body)

    def start(self, assistant_id: str = "ask_human", **body: Any) -> dict[str, Any]:
        response = self.post("/runs", assistant_id=assistant_id, **body)
        assert response.status_code == 200, response.text
        run: dict[str, Any] = response.json()
        return run

    def running(self, assistant_id: str = "ask_human", **body: Any) -> str:
        """Start a run and return its id when a worker is executing it."""
        run_id: str = self.start(assistant_id, **body)["run_id"]
        eventually(
            f"`{run_id}` runs", lambda: self.fleet.run(run_id).get("status"), lambda s: s == "running", within_s=20
        )
        return run_id

    def joined(self, run_id: str) -> httpx.Response:
        return self.fleet.http.get(f"{self.path}/runs/{run_id}/join")

    def status(self, run_id: str) -> str | None:
        return self.fleet.run(run_id).get("status")

    @property
    def standing(self) -> list[dict[str, Any]]:
        """The interrupts at which the thread waits."""
        return [interrupt for each in self.get()["interrupts"].values() for interrupt in each]


@pytest.fixture
def thread(fleet: Fleet) -> Conversation:
    """A new thread."""
    return Conversation(fleet)


def refused(response: httpx.Response) -> tuple[int, str]:
    """Return the status and the code of an answer that is an error."""
    return response.status_code, response.json()["code"]


class TestThreads:
    def test_a_refused_command_leaves_the_thread_as_it_was_and_in_the_inbox(self, fleet: Fleet) -> None:
        thread = Conversation(fleet, metadata={"box": secrets.token_hex(4)})
        thread.wait(input=ASK)
        before = thread.get()
        assert before["status"] == "interrupted"
        for request in (
            {"command": {"goto": "nowhere"}},
            {"command": {"update": 7}},
            {"command": {"resume": {"0" * 32: "yes"}}},
            {"input": None, "checkpoint_id": "1f1e80eb-0000-6000-8000-000000000000"},
        ):
            answer = fleet.http.post(f"{thread.path}/runs/wait", json={"assistant_id": "ask_human", **request})
            assert answer.status_code in {404, 409, 422}, answer.text
            assert thread.get() == before
        wanted = {"metadata": before["metadata"], "status": "interrupted"}
        assert [found["thread_id"] for found in fleet.http.post("/threads/search", json=wanted).json()] == [
            before["thread_id"]
        ]

    def test_a_thread_is_labelled_with_the_assistant_that_runs_on_it(self, fleet: Fleet) -> None:
        mine = {"box": secrets.token_hex(4)}
        thread = Conversation(fleet, metadata=mine)
        thread.wait(input=ASK)
        labels = {"graph_id": "ask_human", "assistant_id": assistant_uuid("ask_human")}
        assert thread.get()["metadata"] == {**mine, **labels}
        for label in labels.items():
            body = {"metadata": {**mine, **dict([label])}, "status": "interrupted"}
            assert len(fleet.http.post("/threads/search", json=body).json()) == 1

    def test_no_caller_takes_the_thread_of_a_campaign_before_the_campaign_does(self, fleet: Fleet) -> None:
        taken = f"campaign-spring-{secrets.token_hex(4)}"
        assert refused(fleet.http.post("/threads", json={"thread_id": taken})) == (422, "invalid_request")
        body = {"assistant_id": "steps", "input": {}, "if_not_exists": "create"}
        assert refused(fleet.http.post(f"/threads/{taken}/runs", json=body)) == (422, "invalid_request")
        assert refused(fleet.get(f"/threads/{taken}")) == (404, "unknown_thread")

    def test_a_thread_is_made_once_and_found_labelled_and_removed(self, fleet: Fleet) -> None:
        name = f"deal-7-{secrets.token_hex(4)}"
        thread = Conversation(fleet, name, metadata={"deal": name})
        assert thread.get()["status"] == "idle"
        assert (thread.get()["values"], thread.get()["interrupts"]) == (None, {})
        assert refused(fleet.http.post("/threads", json={"thread_id": name})) == (409, "thread_exists")
        again = fleet.http.post(
            "/threads", json={"thread_id": name, "if_exists": "do_nothing", "metadata": {"deal": 0}}
        )
        assert again.json()["metadata"] == {"deal": name}
        patched = fleet.http.patch(thread.path, json={"metadata": {"stage": "won"}})
        assert patched.json()["metadata"] == {"deal": name, "stage": "won"}
        minimal = fleet.http.patch(thread.path, json={"metadata": {}}, headers={"prefer": "return=minimal"})
        assert (minimal.status_code, minimal.content) == (204, b"")
        wanted = {"metadata": {"deal": name, "stage": "won"}}
        [found] = fleet.http.post("/threads/search", json=wanted).json()
        assert found == thread.get()
        assert fleet.http.post("/threads/count", json=wanted).json() == 1
        assert fleet.http.delete(thread.path).status_code == 204
        assert refused(fleet.http.get(thread.path)) == (404, "unknown_thread")
        assert refused(fleet.http.delete(thread.path)) == (404, "unknown_thread")
        assert fleet.http.post("/threads/count", json=wanted).json() == 0

    @pytest.mark.parametrize("thread_id", ["a b", "x" * 129, "a.b", "ü"])
    def test_what_cannot_be_a_thread_id_is_refused(self, fleet: Fleet, thread_id: str) -> None:
        assert refused(fleet.http.post("/threads", json={"thread_id": thread_id})) == (422, "invalid_request")
        assert refused(fleet.http.get(f"/threads/{thread_id}")) == (422, "invalid_request")

    def test_the_pages_of_a_search_say_where_the_next_begins(self, fleet: Fleet) -> None:
        team = secrets.token_hex(4)
        made = [Conversation(fleet, metadata={"team": team}).thread_id for _ in range(3)]
        asked = {"metadata": {"team": team}, "limit": 2, "sort_order": "asc", "select": ["thread_id"]}
        first = fleet.http.post("/threads/search", json=asked)
        assert [thread["thread_id"] for thread in first.json()] == made[:2]
        assert first.headers["x-pagination-next"] == "2"
        last = fleet.http.post("/threads/search", json={**asked, "offset": 2})
        assert last.json() == [{"thread_id": made[2]}]
        assert (last.headers["x-pagination-total"], "x-pagination-next" in last.headers) == ("3", False)

    def test_the_status_of_a_thread_follows_its_runs(self, thread: Conversation) -> None:
        name = thread.thread_id
        thread.fleet.http.patch(thread.path, json={"metadata": {"name": name}})

        def found(status: str) -> bool:
            wanted = {"metadata": {"name": name}, "status": status}
            return bool(thread.fleet.http.post("/threads/search", json=wanted).json())

        run_id = thread.running("sleepy", input={"wait_s": 1.0})
        assert thread.get()["status"] == "busy"
        assert (found("busy"), found("idle")) == (True, False)
        thread.joined(run_id)
        assert (thread.get()["status"], found("idle"), found("busy")) == ("idle", True, False)
        thread.wait(input=ASK)
        assert (thread.get()["status"], found("interrupted")) == ("interrupted", True)
        thread.wait(command={"resume": "yes"})
        assert (thread.get()["status"], found("idle"), found("interrupted")) == ("idle", True, False)
        assert thread.get()["values"]["answers"] == ["yes"]
        assert thread.wait("boom", input={}).status_code == 500
        assert (thread.get()["status"], found("error")) == ("error", True)
        assert thread.get()["error"]["error"] == "ExplosionError"

    def test_a_run_on_a_thread_that_is_not_there_is_refused_unless_it_may_be_made(self, fleet: Fleet) -> None:
        path, body = f"/threads/{secrets.token_hex(8)}/runs/wait", {"assistant_id": "echo", "input": {"x": 1}}
        assert refused(fleet.http.post(path, json=body)) == (404, "unknown_thread")
        assert fleet.http.post(path, json={**body, "if_not_exists": "create"}).json() == {"x": 1, "y": 1}
        assert fleet.http.post(path, json=body).status_code == 200

    def test_a_busy_thread_is_not_removed(self, thread: Conversation) -> None:
        run_id = thread.running("sleepy", input={"wait_s": 1.0})
        assert refused(thread.fleet.http.delete(thread.path)) == (409, "thread_busy")
        assert refused(thread.fleet.http.delete(f"{thread.path}/runs/{run_id}")) == (409, "run_not_ended")
        thread.joined(run_id)
        assert thread.fleet.http.delete(f"{thread.path}/runs/{run_id}").status_code == 204
        assert thread.get("/runs") == []
        assert thread.fleet.http.delete(thread.path).status_code == 204


class TestInterrupts:
    def test_a_run_answers_where_it_waits_and_is_resumed_by_a_value(self, thread: Conversation) -> None:
        waiting = thread.wait(input=ASK).json()
        [interrupt] = waiting["__interrupt__"]
        assert interrupt["value"] == {"question": "About a discount. Question 0?"}
        assert thread.standing == [interrupt]
        assert "__interrupt__" not in (thread.get()["values"] or {})
        done = thread.wait(command={"resume": {"ok": True}})
        assert done.json()["answers"] == [{"ok": True}]
        assert "__interrupt__" not in done.json()
        assert thread.standing == []

    def test_an_interrupt_is_answered_by_its_id(self, thread: Conversation) -> None:
        [interrupt] = thread.wait(input=ASK).json()["__interrupt__"]
        other = "0" * 32
        assert refused(thread.wait(command={"resume": {other: "no"}})) == (409, "nothing_to_resume")
        assert thread.wait(command={"resume": {interrupt["id"]: "yes"}}).json()["answers"] == ["yes"]

    def test_a_late_answer_is_refused(self, thread: Conversation) -> None:
        assert refused(thread.wait(command={"resume": "early"})) == (409, "nothing_to_resume")
        thread.wait(input=ASK)
        thread.wait(command={"resume": "yes"})
        assert refused(thread.wait(command={"resume": "late"})) == (409, "nothing_to_resume")
        assert thread.get("/state")["values"]["answers"] == ["yes"]

    def test_of_fifty_answers_at_once_one_wins(self, thread: Conversation, tmp_path: Path) -> None:
        log = tmp_path / "nodes"
        thread.wait(input={**ASK, "log": str(log)})
        with ThreadPoolExecutor(50) as callers:
            answers = list(callers.map(lambda number: thread.wait(command={"resume": number}), range(50)))
        [winner] = [answer.json() for answer in answers if answer.status_code == 200]
        assert {refused(answer) for answer in answers if answer.status_code != 200} == {(409, "nothing_to_resume")}
        assert thread.get("/state")["values"]["answers"] == winner["answers"]
        assert log.read_text().split().count("finish") == 1

    def test_an_answer_that_no_worker_has_begun_can_be_cancelled_and_given_again(self, thread: Conversation) -> None:
        thread.wait(input=ASK)
        others = [Conversation(thread.fleet) for _ in range(2)]
        held = [(other, other.running("steps", input=HOLD)) for other in others]
        hasty = thread.start(command={"resume": "hasty"})["run_id"]
        assert refused(thread.wait(command={"resume": "second"})) == (409, "nothing_to_resume")
        assert thread.post(f"/runs/{hasty}/cancel?wait=1").json()["status"] == "interrupted"
        assert (thread.get()["status"], len(thread.standing)) == ("interrupted", 1)
        for other, run_id in held:
            other.post(f"/runs/{run_id}/cancel")
        assert thread.wait(command={"resume": "yes"}).json()["answers"] == ["yes"]

    def test_a_stream_shows_the_interrupt_in_updates_and_values(self, thread: Conversation) -> None:
        body = {"assistant_id": "ask_human", "input": ASK, "stream_mode": ["updates", "values"]}
        with thread.fleet.http.stream("POST", f"{thread.path}/runs/stream", json=body) as response:
            found = list(frames(response))
        updates = [frame.data for frame in found if frame.event == "updates"]
        values = [frame.data for frame in found if frame.event == "values"]
        assert "__interrupt__" in updates[-1]
        assert values[-1]["__interrupt__"] == updates[-1]["__interrupt__"]
        assert found[-1].event == "end"

    def test_a_breakpoint_is_continued_without_an_input(self, thread: Conversation) -> None:
        waiting = thread.wait(input={"topic": "a", "questions": 0}, interrupt_before=["finish"]).json()
        assert "__interrupt__" not in waiting
        assert (thread.get()["status"], thread.get("/state")["next"]) == ("interrupted", ["finish"])
        assert thread.wait().json()["finished"] is True
        assert thread.get()["status"] == "idle"


class TestState:
    def test_a_thread_on_which_nothing_ran_has_an_empty_state(self, thread: Conversation) -> None:
        state = thread.get("/state")
        assert (state["values"], state["next"], state["checkpoint"]["checkpoint_id"]) == ({}, [], None)
        assert thread.get("/history") == []

    def test_the_state_the_history_and_an_older_state_are_told_by_the_pool(self, thread: Conversation) -> None:
        thread.wait(input=ASK)
        state = thread.get("/state")
        assert (state["next"], state["values"]["draft"]) == (["ask"], "About a discount.")
        assert state["tasks"][0]["interrupts"] == thread.standing
        states = thread.post("/history", limit=2).json()
        assert [each["next"] for each in states] == [["ask"], ["draft"]]
        older = states[1]["checkpoint"]
        assert thread.get(f"/state/{older['checkpoint_id']}") == states[1]
        assert thread.post("/state/checkpoint", checkpoint=older).json() == states[1]
        assert thread.get("/history", limit=1, before=states[0]["checkpoint_id"]) == states[1:]
        missing = thread.fleet.http.get(f"{thread.path}/state/01890000-0000-7000-8000-000000000000")
        assert refused(missing) == (404, "unknown_checkpoint")

    def test_a_changed_state_is_what_the_thread_goes_on_with(self, thread: Conversation) -> None:
        thread.wait(input={"topic": "a", "questions": 0}, interrupt_before=["finish"])
        changed = thread.post("/state", values={"draft": "Edited."}).json()
        assert changed["checkpoint"]["checkpoint_id"] == thread.get("/state")["checkpoint_id"]
        assert thread.get()["status"] == "interrupted"
        assert thread.get()["values"]["draft"] == "Edited."
        assert thread.wait().json()["draft"] == "Edited."
        assert refused(thread.post("/state", values={"nope": 1}, as_node="nobody")) == (422, "invalid_update")

    def test_a_state_is_not_changed_while_a_run_holds_the_thread(self, thread: Conversation) -> None:
        thread.running("steps", input={**HOLD, "hold_s": 3.0})
        assert refused(thread.post("/state", values={})) == (409, "thread_busy")
        eventually("the state can be read", lambda: thread.get("/state")["next"], lambda nodes: nodes == ["second"])

    def test_questions_are_no_runs(self, thread: Conversation) -> None:
        thread.wait(input=ASK)
        thread.get("/state")
        thread.post("/state", values={"draft": "Edited."})
        assert [run["status"] for run in thread.get("/runs")] == ["success"]


class TestTurns:
    def test_runs_of_a_thread_run_one_after_the_other(self, thread: Conversation) -> None:
        runs = [thread.start("sleepy", input={"wait_s": 0.3})["run_id"] for _ in range(3)]
        assert [thread.status(run_id) for run_id in runs[1:]] == ["pending", "pending"]
        assert [run["run_id"] for run in thread.get("/runs")] == runs[::-1]
        assert [run["run_id"] for run in thread.get("/runs", status="pending", limit=1)] == [runs[2]]
        for run_id in runs:
            thread.joined(run_id)
        records = [thread.fleet.run(run_id) for run_id in runs]
        for before, after in pairwise(records):
            assert float(before["ended_at"]) <= float(after["started_at"])

    def test_a_run_may_refuse_to_wait(self, thread: Conversation) -> None:
        first = thread.running("sleepy", input={"wait_s": 1.0})
        answer = thread.wait("echo", input={"x": 1}, multitask_strategy="reject")
        assert refused(answer) == (409, "thread_busy")
        assert first in answer.json()["detail"]

    def test_a_run_may_interrupt_the_one_at_work(self, thread: Conversation) -> None:
        first = thread.running("sleepy", input={"wait_s": 30})
        assert thread.wait("echo", input={"x": 1}, multitask_strategy="interrupt").json() == {"x": 1, "y": 1}
        assert thread.status(first) == "interrupted"

    def test_a_run_may_undo_the_one_at_work(self, thread: Conversation) -> None:
        thread.wait("steps", input={})
        before = thread.get("/state")
        first = thread.running("steps", input=HOLD)
        second = thread.wait("steps", input={}, multitask_strategy="rollback")
        assert second.status_code == 200
        assert thread.status(first) is None
        assert refused(thread.joined(first)) == (404, "unknown_run")
        made_by = {state["metadata"].get("run_id") for state in thread.post("/history", limit=100).json()}
        assert first not in made_by
        assert before["checkpoint_id"] in {
            state["checkpoint_id"] for state in thread.post("/history", limit=100).json()
        }

    def test_a_run_can_be_cancelled_and_undone(self, thread: Conversation) -> None:
        thread.wait("steps", input={})
        before = thread.get("/state")
        first = thread.running("steps", input=HOLD)
        assert thread.post(f"/runs/{first}/cancel?wait=1&action=rollback").status_code == 200
        assert thread.status(first) is None
        assert thread.get("/state") == before

    def test_a_run_that_waits_its_turn_can_be_streamed_and_cancelled(self, thread: Conversation) -> None:
        first = thread.running("sleepy", input={"wait_s": 1.5})
        second = thread.start("echo", input={"x": 1})["run_id"]
        third = thread.start("echo", input={"x": 3})["run_id"]
        assert thread.post(f"/runs/{second}/cancel?wait=1").json()["status"] == "interrupted"
        with thread.fleet.http.stream("GET", f"{thread.path}/runs/{third}/stream") as response:
            assert [frame.event for frame in frames(response)][-1] == "end"
        assert (thread.status(first), thread.status(third)) == ("success", "success")

    def test_a_run_that_is_held_back_or_in_the_batch_lane_takes_its_turn_too(self, thread: Conversation) -> None:
        later = thread.start("echo", input={"x": 1}, after_seconds=1)["run_id"]
        assert thread.wait("echo", input={"x": 2}).status_code == 200
        assert (thread.status(later), thread.get()["status"]) == ("pending", "idle")
        assert thread.wait("echo", input={"x": 3}, priority="batch").json()["y"] == 3
        assert thread.joined(later).json() == {"x": 1, "y": 1}


class TestOutages:
    def test_a_thread_outlives_its_pool(self, thread: Conversation) -> None:
        fleet = thread.fleet
        thread.wait(input=ASK)
        other = Conversation(fleet)
        held = other.running("steps", input={**HOLD, "hold_s": 1.0})
        behind = other.start("echo", input={"x": 1})["run_id"]
        fleet.kill("worker-core")
        eventually("core is missed", lambda: fleet.pools()["core"], lambda live: live == 0, within_s=15)
        asked = fleet.http.get(f"{thread.path}/state")
        assert refused(asked) == (503, "pool_unavailable")
        assert "`core`" in asked.json()["detail"]
        assert (thread.get()["status"], len(thread.standing)) == ("interrupted", 1)
        assert refused(thread.wait(command={"resume": "yes"})) == (503, "pool_unavailable")
        assert (thread.status(behind), other.get()["status"]) == ("pending", "busy")
        fleet.revive("worker-core")
        assert thread.wait(command={"resume": "yes"}).json()["answers"] == ["yes"]
        assert other.joined(behind).json() == {"x": 1, "y": 1}
        assert other.status(held) == "success"


class TestAssistants:
    @pytest.mark.parametrize(
        "asked",
        [{"command": {"resume": 1}}, {"checkpoint_id": "x"}, {"input": {"x": 1}, "interrupt_before": ["echo"]}],
        ids=lambda asked: next(reversed(asked)),
    )
    def test_an_assistant_without_state_runs_on_a_thread_but_nothing_that_needs_state_is_done(
        self, thread: Conversation, asked: dict[str, Any]
    ) -> None:
        assert thread.wait("echo", input={"x": 1}).json() == {"x": 1, "y": 1}
        assert thread.get()["values"] == {"x": 1, "y": 1}
        assert refused(thread.wait("echo", **asked)) == (422, "not_resumable")

    def test_a_thread_holds_the_state_of_one_assistant(self, thread: Conversation) -> None:
        thread.wait(input=ASK)
        assert refused(thread.wait("steps", input={})) == (409, "thread_of_another")
        assert thread.wait("echo", input={"x": 1}).status_code == 200
        assert thread.get()["status"] == "interrupted"
        assert thread.wait(command={"resume": "yes"}).json()["answers"] == ["yes"]

    def test_a_command_needs_a_thread(self, fleet: Fleet) -> None:
        body = {"assistant_id": "ask_human", "command": {"resume": 1}}
        assert refused(fleet.http.post("/runs/wait", json=body)) == (422, "invalid_request")

    def test_a_run_without_a_thread_can_keep_its_state(self, fleet: Fleet) -> None:
        body = {"assistant_id": "ask_human", "input": ASK, "on_completion": "keep"}
        response = fleet.http.post("/runs/wait", json=body)
        thread_path = response.headers["content-location"].rpartition("/runs/")[0]
        assert fleet.get(thread_path).json()["status"] == "interrupted"
        resumed = fleet.http.post(
            f"{thread_path}/runs/wait", json={"assistant_id": "ask_human", "command": {"resume": "yes"}}
        )
        assert resumed.json()["finished"] is True
