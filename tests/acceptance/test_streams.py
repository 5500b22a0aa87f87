"""What a reader of a stream can rely on: the frames, their order, and coming back without a gap or a repeat."""

import json
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Any, NamedTuple

import pytest
from langgraph.pregel.remote import RemoteGraph
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from agentic_sales.outbound.http import httpx
from tests.support.fleet import Fleet


class Frame(NamedTuple):
    """One server-sent event."""

    event: str
    data: Any
    event_id: str | None


def frames(response: httpx.Response) -> Iterator[Frame]:
    """Read the frames of a stream as they come; comments, such as heartbeats, are left out."""
    assert response.headers["content-type"].startswith("text/event-stream"), response.read()
    fields: dict[str, str] = {}
    for line in response.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "event" in fields:
            yield Frame(fields["event"], json.loads(fields["data"]), fields.get("id"))
            fields = {}


def streamed(fleet: Fleet, assistant_id: str, values: dict[str, Any], *modes: str) -> tuple[list[Frame], httpx.Headers]:
    """Run a workflow and return everything that its stream had, and the headers."""
    body = {"assistant_id": assistant_id, "input": values, "stream_mode": list(modes)}
    with fleet.http.stream("POST", "/runs/stream", json=body) as response:
        return list(frames(response)), response.headers


def followed(fleet: Fleet, path: str, after: str = "") -> list[Frame]:
    """Return what the stream of an earlier run has after an event."""
    with fleet.http.stream("GET", path, headers={"last-event-id": after}) as response:
        return list(frames(response))


class TestFrames:
    def test_a_stream_has_the_metadata_the_frames_asked_for_and_the_end(self, fleet: Fleet) -> None:
        found, headers = streamed(fleet, "echo", {"x": 3}, "values", "updates")
        names = [frame.event for frame in found]
        assert (names[0], names[-1]) == ("metadata", "end")
        assert set(names[1:-1]) == {"values", "updates"}
        assert found[0].data == {"run_id": headers["x-run-id"], "attempt": 1}
        [update] = [frame.data for frame in found if frame.event == "updates"]
        assert update == {"echo": {"y": 3}}
        assert [frame.data for frame in found if frame.event == "values"][-1] == {"x": 3, "y": 3}

    def test_what_was_not_asked_for_is_not_streamed(self, fleet: Fleet) -> None:
        found, _ = streamed(fleet, "echo", {"x": 3}, "updates")
        assert [frame.event for frame in found] == ["metadata", "updates", "end"]

    def test_a_reader_that_names_no_mode_gets_the_values(self, fleet: Fleet) -> None:
        found, _ = streamed(fleet, "echo", {"x": 3})
        assert {frame.event for frame in found} == {"metadata", "values", "end"}

    def test_a_run_that_fails_ends_its_stream_with_the_error(self, fleet: Fleet) -> None:
        found, _ = streamed(fleet, "boom", {"message": "loud"}, "values")
        assert found[-1].event == "error"
        assert found[-1].data["error"] == "ExplosionError"
        assert "loud" in found[-1].data["message"]

    def test_a_run_that_cannot_start_is_refused_before_the_stream_begins(self, fleet: Fleet) -> None:
        response = fleet.http.post("/runs/stream", json={"assistant_id": "echo", "input": {"x": "one"}})
        assert (response.status_code, response.json()["code"]) == (422, "invalid_input")

    def test_the_ids_of_a_stream_differ_and_the_answer_says_where_it_can_be_followed(self, fleet: Fleet) -> None:
        found, headers = streamed(fleet, "echo", {"x": 3}, "values", "updates")
        assert len({frame.event_id for frame in found}) == len(found)
        assert followed(fleet, headers["location"]) == found


class TestComingBack:
    def test_a_reader_gets_exactly_what_followed_the_event_that_it_names(self, fleet: Fleet) -> None:
        found, headers = streamed(fleet, "echo", {"x": 3}, "values", "updates")
        for seen, frame in enumerate(found[:-1], start=1):
            assert followed(fleet, headers["location"], after=frame.event_id or "") == found[seen:]

    def test_a_reader_who_leaves_in_the_middle_of_a_run_misses_nothing(self, fleet: Fleet) -> None:
        body = {"assistant_id": "sleepy", "input": {"wait_s": 1.0}, "stream_mode": ["values", "updates"]}
        with fleet.http.stream("POST", "/runs/stream", json=body) as response:
            before = list(islice(frames(response), 2))
            path = response.headers["location"]
        after = followed(fleet, path, after=before[-1].event_id or "")
        assert after[-1].event == "end"
        assert before + after == followed(fleet, path)
        assert fleet.run(before[0].data["run_id"])["attempt"] == "1"

    def test_a_caller_who_wants_its_run_cancelled_when_it_leaves_gets_that(self, fleet: Fleet) -> None:
        body = {"assistant_id": "sleepy", "input": {"wait_s": 30.0}, "on_disconnect": "cancel"}
        with fleet.http.stream("POST", "/runs/stream", json=body) as response:
            run_id = next(frames(response)).data["run_id"]
        assert fleet.get(f"/runs/{run_id}/join").json()["code"] == "cancelled"


class TestPythonSdk:
    @pytest.fixture
    async def sdk(self, fleet: Fleet) -> AsyncIterator[LangGraphClient]:
        """The SDK's client, with the key."""
        async with get_client(url=fleet.url, api_key=fleet.token) as client:
            yield client

    async def test_a_stream_can_be_read(self, sdk: LangGraphClient) -> None:
        parts = [part async for part in sdk.runs.stream(None, "echo", input={"x": 3}, stream_mode=["values"])]
        assert (parts[0].event, parts[-1].event) == ("metadata", "end")
        assert parts[-2].data == {"x": 3, "y": 3}

    async def test_a_background_run_can_be_looked_at_and_joined(self, sdk: LangGraphClient) -> None:
        run = await sdk.runs.create(None, "sleepy", input={"wait_s": 0.5}, metadata={"campaign": "spring"})
        assert run["status"] in {"pending", "running"}, "a worker may have taken it already"
        assert await sdk.runs.join(run["thread_id"], run["run_id"]) == {"wait_s": 0.5, "waited_s": 0.5}
        found = await sdk.runs.get(run["thread_id"], run["run_id"])
        assert (found["status"], found["metadata"]) == ("success", {"campaign": "spring"})

    async def test_the_stream_of_a_background_run_can_be_joined(self, sdk: LangGraphClient) -> None:
        run = await sdk.runs.create(None, "sleepy", input={"wait_s": 0.5})
        parts = [part async for part in sdk.runs.join_stream(run["thread_id"], run["run_id"])]
        assert parts[-2].data == {"wait_s": 0.5, "waited_s": 0.5}
        assert parts[-1].event == "end"

    async def test_a_background_run_can_be_cancelled(self, sdk: LangGraphClient) -> None:
        run = await sdk.runs.create(None, "sleepy", input={"wait_s": 30.0})
        await sdk.runs.cancel(run["thread_id"], run["run_id"], wait=True)
        assert (await sdk.runs.get(run["thread_id"], run["run_id"]))["status"] == "interrupted"

    async def test_a_remote_graph_runs_a_workflow(self, sdk: LangGraphClient) -> None:
        assert await RemoteGraph("echo", client=sdk).ainvoke({"x": 9}) == {"x": 9, "y": 9}
