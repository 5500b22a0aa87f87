"""No value stops anybody but its own run: what a graph makes is told as JSON, what cannot be kept is refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentic_sales.outbound.http import httpx
from agentic_sales.settings import Settings
from agentic_sales.store.migrate import upgrade
from tests.acceptance.test_streams import frames
from tests.support.databases import new_postgresql
from tests.support.fleet import ONLY_CORE, WEB, Fleet, fleet_of
from tests.support.services import redis_server

WORKER = "worker-core"
OF_A_VALUE = {"nan": None, "nul": "a\x00b", "half": "a\ufffdb", "line": "a\u2028b\u2029c\u0085d"}
"""What callers are told of the values of `strange`."""
OF_A_STATE = OF_A_VALUE | {"half": "a?b"}
"""What a checkpoint gives back: LangGraph stores half a surrogate pair as a question mark."""
NUL_STORED = {"nul": "a\ufffdb"}
"""What lists of threads tell, which come from a database."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def fleet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A fleet with one pool, whose threads are kept in a database of each kind."""
    if request.param == "sqlite":
        yield from _fleet(tmp_path_factory.mktemp("values"), {})
        return
    with new_postgresql() as url:
        upgrade(Settings(database_url=url))
        yield from _fleet(tmp_path_factory.mktemp("values"), {"DATABASE_URL": url})


def _fleet(directory: Path, environment: dict[str, str]) -> Iterator[Fleet]:
    with (
        redis_server(directory) as redis,
        fleet_of(directory, redis, {**ONLY_CORE, **environment}, names=(WEB, WORKER)) as fleet,
    ):
        fleet.wait_until_ready()
        yield fleet
        fleet.stop()


def strict(answer: httpx.Response) -> Any:
    """Read an answer as JavaScript does."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(answer.content.decode(), parse_constant=refuse)


def new_thread(fleet: Fleet) -> str:
    """Make a thread; return its path."""
    return f"/threads/{fleet.http.post('/threads', json={}).json()['thread_id']}"


def run(fleet: Fleet, path: str, what: str, where: str) -> httpx.Response:
    """Run `strange` on a thread."""
    return fleet.http.post(
        f"{path}/runs/wait", json={"assistant_id": "strange", "input": {"what": what, "where": where}}
    )


@pytest.mark.parametrize("what", list(OF_A_VALUE))
class TestStrangeValues:
    def test_a_state_is_answered_kept_and_listed(self, fleet: Fleet, what: str) -> None:
        path, told = new_thread(fleet), OF_A_STATE[what]
        answer = run(fleet, path, what, "state")
        assert answer.status_code == 200, answer.text
        answered = OF_A_VALUE[what]
        assert (strict(answer)["value"], strict(answer)["nested"]) == (answered, {"value": [answered]})
        assert strict(fleet.get(f"{path}/state"))["values"]["value"] == told
        assert strict(fleet.http.post(f"{path}/history", json={}))[0]["values"]["value"] == told
        assert listed(fleet, path)["values"]["value"] == (OF_A_VALUE | NUL_STORED)[what]

    def test_an_interrupt_is_told_and_its_thread_is_found_waiting(self, fleet: Fleet, what: str) -> None:
        path = new_thread(fleet)
        [asked] = strict(run(fleet, path, what, "interrupt"))["__interrupt__"]
        assert asked["value"] == {"question": OF_A_VALUE[what]}
        thread = listed(fleet, path)
        [[waiting]] = thread["interrupts"].values()
        assert (thread["status"], waiting["value"]) == ("interrupted", {"question": (OF_A_STATE | NUL_STORED)[what]})

    def test_an_error_is_told_and_its_thread_is_found_failed(self, fleet: Fleet, what: str) -> None:
        path = new_thread(fleet)
        failed = run(fleet, path, what, "error")
        assert (failed.status_code, strict(failed)["code"]) == (500, "bug")
        thread = listed(fleet, path)
        assert (thread["status"], thread["error"]["error"]) == ("error", "ValueError")

    def test_a_stream_has_whole_lines_of_json(self, fleet: Fleet, what: str) -> None:
        asked = {"assistant_id": "strange", "input": {"what": what}, "stream_mode": ["values", "updates"]}
        with fleet.http.stream("POST", "/runs/stream", json=asked) as response:
            raw = b"".join(response.iter_bytes()).decode()
        assert not set(raw) & set("\u2028\u2029\u0085"), "some readers break a line there"
        lines = [line.removeprefix("data: ") for line in raw.split("\r\n") if line.startswith("data: ")]
        values = [json.loads(line, parse_constant=pytest.fail) for line in lines]
        assert OF_A_VALUE[what] in [value["value"] for value in values if value and "value" in value]


def listed(fleet: Fleet, path: str) -> Any:
    """Find a thread in the list of all, which every other thread is in too."""
    found = strict(fleet.http.post("/threads/search", json={"limit": 1000}))
    assert fleet.http.post("/threads/count", json={}).json() == len(found)
    return next(thread for thread in found if path.endswith(thread["thread_id"]))


class TestRefusedBodies:
    @pytest.mark.parametrize(
        ("value", "problem"),
        [
            (rb'"\u0000"', "NUL"),
            (rb'"\ud800"', "surrogate"),
            (b"NaN", "64 bits"),
            (b"1e999", "64 bits"),
            (b"9223372036854775808", "64 bits"),
            (b'{"a":' * 120 + b"1" + b"}" * 120, "nested"),
        ],
    )
    @pytest.mark.parametrize(
        ("asked", "body"),
        [
            ("POST /runs/wait", b'{"assistant_id":"echo","input":{"x":1},"metadata":{"a":%s}}'),
            ("POST /runs/stream", b'{"assistant_id":"echo","input":{"x":1},"context":{"a":%s}}'),
            ("POST /runs/batch", b'[{"assistant_id":"echo","input":{"x":1},"metadata":{"a":%s}}]'),
            ("POST /threads", b'{"metadata":{"a":%s}}'),
            ("POST /threads/search", b'{"metadata":{"a":%s}}'),
            ("PATCH /threads/any", b'{"metadata":{"a":%s}}'),
            ("POST /threads/any/state", b'{"values":{"a":%s}}'),
            ("POST /campaigns", b'{"name":%s}'),
        ],
    )
    def test_a_value_that_could_not_be_told_again_is_refused_with_its_pointer(
        self, fleet: Fleet, asked: str, body: bytes, value: bytes, problem: str
    ) -> None:
        headers = {"content-type": "application/json"}
        refused = fleet.http.request(*asked.split(), content=body % value, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request"), refused.text
        assert problem in refused.json()["detail"]
        assert "/a" in refused.json()["detail"] or "/name" in refused.json()["detail"]

    @pytest.mark.parametrize(
        ("field", "pointer"),
        [
            ({"config": {"metadata": "text"}}, "/config/metadata"),
            ({"config": {"tags": 3}}, "/config/tags"),
            ({"config": {"tags": [{}]}}, "/config/tags/0"),
            ({"config": {"recursion_limit": "abc"}}, "/config/recursion_limit"),
            ({"config": {"recursion_limit": -1}}, "/config/recursion_limit"),
            ({"config": {"max_concurrency": "x"}}, "/config/max_concurrency"),
            ({"config": {"configurable": []}}, "/config/configurable"),
            ({"config": {"configurable": {"checkpoint_id": 5}}}, "/config/configurable/checkpoint_id"),
            ({"config": {"configurable": {"__pregel_send": "x"}}}, "/config/configurable"),
            ({"stream_mode": ["values", "all"]}, "/stream_mode/1"),
            ({"checkpoint_id": 5}, "/checkpoint_id"),
            ({"checkpoint": {"checkpoint_id": 5}}, "/checkpoint/checkpoint_id"),
            ({"command": {"goto": 5}, "input": None}, "/command/goto"),
            ({"command": {"update": {"__pregel_tasks": []}}, "input": None}, "/command/update"),
        ],
    )
    @pytest.mark.parametrize("assistant_id", ["strange", "echo"])
    def test_a_field_of_a_wrong_type_is_refused_at_the_door(
        self, fleet: Fleet, assistant_id: str, field: dict[str, Any], pointer: str
    ) -> None:
        asked = {"assistant_id": assistant_id, "input": {"what": "line"}, **field}
        refused = fleet.http.post(f"{new_thread(fleet)}/runs/wait", json=asked)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request"), refused.text
        assert f"`{pointer}`" in refused.json()["detail"]

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/state/checkpoint", {"checkpoint": {"checkpoint_id": 5}}),
            ("/state", {"checkpoint_id": 5}),
            ("/history", {"before": {"configurable": {"checkpoint_id": 5}}}),
            ("/history", {"checkpoint": {"checkpoint_ns": 5}}),
        ],
    )
    def test_a_checkpoint_of_a_wrong_type_is_refused_too(self, fleet: Fleet, path: str, body: dict[str, Any]) -> None:
        refused = fleet.http.post(f"{new_thread(fleet)}{path}", json=body)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request"), refused.text

    @pytest.mark.parametrize("offset", [2**31, 2**63, 2**70])
    def test_an_offset_that_no_database_counts_to_is_refused(self, fleet: Fleet, offset: int) -> None:
        asked = [
            fleet.http.post("/threads/search", json={"offset": offset}),
            fleet.http.post("/assistants/search", json={"offset": offset}),
            fleet.get(f"/runs?offset={offset}"),
            fleet.get(f"/runs/dead?offset={offset}"),
            fleet.get(f"{new_thread(fleet)}/runs?offset={offset}"),
        ]
        assert [answer.status_code for answer in asked] == [422] * len(asked)


class TestCommands:
    def test_a_command_on_a_thread_without_state_is_refused(self, fleet: Fleet) -> None:
        for command in ({"goto": "act"}, {"update": {"what": "nan"}}):
            asked = {"assistant_id": "strange", "command": command}
            refused = fleet.http.post(f"{new_thread(fleet)}/runs/wait", json=asked)
            assert (refused.status_code, refused.json()["code"]) == (409, "nothing_to_resume"), refused.text

    @pytest.mark.parametrize(
        "command", [{"goto": "nowhere"}, {"update": {"nothing": 1}}, {"update": {"branch:to:act": 1}}]
    )
    def test_a_command_that_names_what_the_graph_has_not_is_refused(
        self, fleet: Fleet, command: dict[str, Any]
    ) -> None:
        path = new_thread(fleet)
        assert run(fleet, path, "line", "state").status_code == 200
        refused = fleet.http.post(f"{path}/runs/wait", json={"assistant_id": "strange", "command": command})
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request"), refused.text

    def test_a_cancelled_run_that_was_waited_for_is_never_told_as_running(self, fleet: Fleet) -> None:
        for action in ("interrupt", "rollback"):
            path = new_thread(fleet)
            body = {"assistant_id": "steps", "input": {"hold_in": "second", "hold_s": 60.0}}
            run_id = fleet.http.post(f"{path}/runs", json=body).json()["run_id"]
            cancelled = fleet.http.post(f"{path}/runs/{run_id}/cancel?wait=1&action={action}")
            assert (cancelled.status_code, cancelled.json()["status"]) == (200, "interrupted")


def test_every_frame_of_a_stream_is_read_by_its_own_reader(fleet: Fleet) -> None:
    asked = {"assistant_id": "strange", "input": {"what": "line"}}
    with fleet.http.stream("POST", "/runs/stream", json=asked) as response:
        told = list(frames(response))
    assert told[-2].data["value"] == OF_A_VALUE["line"]
