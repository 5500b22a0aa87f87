"""A stream lives as long as its run, however long that says nothing; only its caller's leaving can cancel the run."""

import asyncio
import signal
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_client

from agentic_sales.outbound.http import httpx
from tests.acceptance.test_sdks import JAVASCRIPT_PACKAGES
from tests.acceptance.test_streams import followed, frames
from tests.support.containers import RedisContainer
from tests.support.fleet import Fleet
from tests.support.javascript import installed, run_script
from tests.support.waiting import eventually

SILENCE_S = 20.0
"""Longer than any default of a client of Redis, and than three heartbeats."""
OUTAGE_SILENCE_S = 8.0
SCRIPT = Path(__file__).with_name("silence.mjs")
HEARTBEAT = ": heartbeat"


def body(on_disconnect: str, wait_s: float = SILENCE_S) -> dict[str, Any]:
    """Ask for a run that says nothing for a while."""
    return {"assistant_id": "sleepy", "input": {"wait_s": wait_s}, "on_disconnect": on_disconnect}


def lines(fleet: Fleet, on_disconnect: str) -> list[str]:
    """Stream a silent run; return the lines of its stream."""
    with fleet.http.stream("POST", "/runs/stream", json=body(on_disconnect)) as response:
        return list(response.iter_lines())


async def python_parts(fleet: Fleet, on_disconnect: Any) -> list[tuple[str, Any]]:
    """Stream a silent run by the Python SDK."""
    async with get_client(url=fleet.url, api_key=fleet.token) as sdk:
        asked = {"input": {"wait_s": SILENCE_S}, "stream_mode": ["values"], "on_disconnect": on_disconnect}
        return [(part.event, part.data) async for part in sdk.runs.stream(None, "sleepy", **asked)]


def javascript_parts(fleet: Fleet, folder: Path, on_disconnect: str) -> list[tuple[str, Any]]:
    """Stream a silent run by the JavaScript SDK."""
    found = run_script(SCRIPT, folder, fleet.url, fleet.token, str(SILENCE_S), on_disconnect)
    return [(part["event"], part["data"]) for part in found]


Silences = Mapping[str, Future[Any]]


@pytest.fixture(scope="module")
def silences(shared_fleet: Fleet, request: pytest.FixtureRequest) -> Iterator[Silences]:
    """Silent runs, read by every kind of client at the same time; the results, by the client and its wish."""
    folder = installed(request.config, "javascript-sdk", *JAVASCRIPT_PACKAGES)
    with ThreadPoolExecutor(max_workers=6) as threads:
        yield {
            **{f"http-{wish}": threads.submit(lines, shared_fleet, wish) for wish in ("cancel", "continue")},
            **{
                f"python-{wish}": threads.submit(asyncio.run, python_parts(shared_fleet, wish))
                for wish in ("cancel", "continue")
            },
            **{
                f"javascript-{wish}": threads.submit(javascript_parts, shared_fleet, folder, wish)
                for wish in ("cancel", "continue")
            },
        }


@pytest.mark.parametrize("wish", ["cancel", "continue"])
class TestTwentySeconds:
    def test_a_silent_stream_has_heartbeats_on_the_wire_and_comes_to_its_end(
        self, silences: Silences, wish: str
    ) -> None:
        told = silences[f"http-{wish}"].result()
        assert told.count(HEARTBEAT) >= 3, "one every five seconds"
        assert [line for line in told if line.startswith("event: ")][-1] == "event: end"

    @pytest.mark.parametrize("sdk", ["python", "javascript"])
    def test_a_sdk_reads_a_silent_stream_to_its_end(self, silences: Silences, sdk: str, wish: str) -> None:
        told = silences[f"{sdk}-{wish}"].result()
        assert told[-2:] == [("values", {"wait_s": SILENCE_S, "waited_s": SILENCE_S}), ("end", None)]


class TestOutages:
    @pytest.mark.parametrize("wish", ["cancel", "continue"])
    def test_a_silent_stream_outlives_a_restart_of_redis(
        self, small_fleet: Fleet, small_redis: RedisContainer, wish: str
    ) -> None:
        with small_fleet.http.stream("POST", "/runs/stream", json=body(wish, OUTAGE_SILENCE_S)) as response:
            told = frames(response)
            assert [next(told).event, next(told).event] == ["metadata", "values"]
            small_redis.kill()
            small_redis.restart()
            rest = list(told)
        assert [frame.event for frame in rest] == ["values", "end"]
        assert rest[0].data["waited_s"] == OUTAGE_SILENCE_S

    def test_a_run_whose_facade_is_stopped_is_not_cancelled_as_if_its_caller_had_left(self, fleet: Fleet) -> None:
        url = fleet.start_facade("web-stopped", {})
        with (
            fleet.client(url) as http,
            http.stream("POST", "/runs/stream", json=body("cancel", 3.0)) as response,
        ):
            told = frames(response)
            run_id = next(told).data["run_id"]
            fleet.kill("web-stopped", signal.SIGINT)
            fleet.wait_for_log("web-stopped", "Shutting down")
            fleet.kill("web-stopped", signal.SIGINT)  # It waits for the stream; the second one ends it.
            with pytest.raises(httpx.TransportError):
                list(told)
        fleet.retire("web-stopped")
        assert fleet.get(f"/runs/{run_id}/join").json() == {"wait_s": 3.0, "waited_s": 3.0}


class TestComingBack:
    def test_a_reader_of_an_ended_run_that_has_seen_its_last_event_is_told_the_end_again(self, fleet: Fleet) -> None:
        with fleet.http.stream("POST", "/runs/stream", json={"assistant_id": "echo", "input": {"x": 1}}) as response:
            path, seen = response.headers["location"], list(frames(response))
        assert followed(fleet, path, after=seen[-1].event_id or "") == [seen[-1]]

    def test_a_reader_of_an_ended_run_that_was_not_streamed_gets_its_state_at_once(self, fleet: Fleet) -> None:
        run_id = fleet.call("echo", {"x": 1}).headers["x-run-id"]
        told = followed(fleet, f"/runs/{run_id}/stream")
        assert [(frame.event, frame.data) for frame in told] == [("values", {"x": 1, "y": 1}), ("end", None)]

    @pytest.mark.parametrize("last", ["abc", "1-2-3", "$", "99999999999999999999-0", "-2", "1 2"])
    def test_a_last_event_id_that_is_none_is_refused(self, fleet: Fleet, last: str) -> None:
        run_id = fleet.call("echo", {"x": 1}).headers["x-run-id"]
        refused = fleet.http.get(f"/runs/{run_id}/stream", headers={"last-event-id": last})
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
        assert "Last-Event-ID" in refused.json()["detail"]


class TestJoining:
    def test_a_reader_who_joins_gets_the_modes_that_it_asks_for(self, fleet: Fleet) -> None:
        asked = {"assistant_id": "echo", "input": {"x": 3}, "stream_mode": ["values", "updates", "tasks"]}
        run_id = fleet.http.post("/runs", json=asked).json()["run_id"]
        fleet.get(f"/runs/{run_id}/join")
        found = followed(fleet, f"/runs/{run_id}/stream?stream_mode=updates&stream_mode=custom")
        assert [frame.event for frame in found] == ["metadata", "updates", "end"]
        everything = followed(fleet, f"/runs/{run_id}/stream?stream_mode=")
        assert {"values", "updates", "tasks"} < {frame.event for frame in everything}

    def test_a_reader_who_joins_and_leaves_cancels_the_run_only_if_it_says_so(self, fleet: Fleet) -> None:
        run = fleet.http.post("/runs", json=body("continue", 30.0)).json()
        path = f"/threads/{run['thread_id']}/runs/{run['run_id']}"
        for wish in ("false", "true"):
            eventually("the run runs", lambda: fleet.get(path).json()["status"], lambda status: status == "running")
            with fleet.http.stream("GET", f"{path}/stream?cancel_on_disconnect={wish}") as response:
                assert next(frames(response)).event == "metadata"
        assert fleet.get(f"{path}/join").json()["code"] == "cancelled"

    def test_a_resumable_run_streams_its_checkpoints(self, fleet: Fleet) -> None:
        thread_id = fleet.http.post("/threads", json={}).json()["thread_id"]
        asked = {"assistant_id": "ask_human", "input": {"topic": "a", "questions": 0}, "stream_mode": ["checkpoints"]}
        with fleet.http.stream("POST", f"/threads/{thread_id}/runs/stream", json=asked) as response:
            told = [frame.data for frame in frames(response) if frame.event == "checkpoints"]
        assert told[-1]["values"]["finished"] is True
        assert told[-1]["next"] == []


class TestPlaces:
    def test_a_reader_beyond_the_limit_is_refused_before_its_run_is_started(self, fleet: Fleet) -> None:
        url = fleet.start_facade("web-small", {"AGENTIC_SALES_STREAM_READERS": "1"})
        with fleet.client(url) as http:
            with http.stream("POST", "/runs/stream", json=body("cancel", 30.0)) as response:
                told = frames(response)  # Once it is collected, the connection is closed.
                run_id = next(told).data["run_id"]
                known = fleet.get("/runs").json()
                refused = http.post("/runs/stream", json=body("cancel", 30.0))
                assert (refused.status_code, refused.json()["code"]) == (503, "too_many_readers")
                assert refused.headers["retry-after"] == "5"
                assert http.get(f"/runs/{run_id}/stream").status_code == 503
                assert [run["run_id"] for run in fleet.get("/runs").json()] == [run["run_id"] for run in known]
            again = eventually(
                "the place is free",
                lambda: http.post("/runs/stream", json={"assistant_id": "echo", "input": {"x": 1}}),
                lambda answer: answer.status_code == 200,
            )
            assert "event: end" in again.text
        fleet.retire("web-small")
