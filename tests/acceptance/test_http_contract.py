"""What an HTTP caller can rely on: statuses, bodies and headers, against the running fleet."""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from agentic_sales.control import assistant_uuid
from agentic_sales.local.ports import LOOPBACK
from agentic_sales.outbound.http import httpx
from agentic_sales.routing import ROUTE_PREFIXES
from tests.support.fleet import TOKEN, Fleet
from tests.support.ports import free_port
from tests.support.waiting import eventually

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
MAX_BODY_BYTES = 1024 * 1024


def error_of(response: httpx.Response) -> dict[str, Any]:
    """Return the body of an answer that is not a success, after checking its form."""
    body: dict[str, Any] = response.json()
    assert body.keys() == {"detail", "code", "kind", "run_id"}, body
    assert body["detail"], body
    return body


@pytest.fixture(scope="module")
def hasty(shared_fleet: Fleet) -> Iterator[httpx.Client]:
    """A further facade, which starts its answers early."""
    url = shared_fleet.start_facade("web-hasty", {"AGENTIC_SALES_KEEPALIVE_AFTER_S": "0.3"})
    with shared_fleet.client(url) as http:
        yield http
    shared_fleet.retire("web-hasty")


@pytest.fixture(scope="module")
def observed(shared_fleet: Fleet) -> Iterator[httpx.Client]:
    """A further facade, which tells how many runs it waits for and starts its answers after a second."""
    port = free_port()
    command = f"uvicorn --port {port} tests.acceptance.observed_facade:app"
    url = shared_fleet.start_server("web-observed", command, {"AGENTIC_SALES_KEEPALIVE_AFTER_S": "1"}, port=port)
    with shared_fleet.client(url) as http:
        yield http
    shared_fleet.retire("web-observed")


class TestSuccess:
    def test_a_finished_run_answers_its_final_state_flat_and_says_where_it_can_be_joined(self, fleet: Fleet) -> None:
        response = fleet.call("echo", {"x": 7})
        assert (response.status_code, response.json()) == (200, {"x": 7, "y": 7})
        run_id, found_at = response.headers["x-run-id"], response.headers["content-location"]
        assert found_at == f"/threads/{fleet.run(run_id)['thread_id']}/runs/{run_id}"
        assert response.headers["location"] == f"{found_at}/join"
        assert fleet.get(response.headers["location"]).json() == {"x": 7, "y": 7}
        assert fleet.run(run_id)["status"] == "success"

    def test_an_assistant_can_be_called_by_the_uuid_that_langgraph_derives_from_its_name(self, fleet: Fleet) -> None:
        assert fleet.call(assistant_uuid("echo"), {"x": 1}).json()["y"] == 1

    def test_request_fields_that_this_fleet_does_not_know_are_ignored(self, fleet: Fleet) -> None:
        assert fleet.call("echo", {"x": 1}, stream_mode=["values"], on_disconnect="cancel").status_code == 200

    def test_the_trace_of_the_caller_is_continued(self, fleet: Fleet) -> None:
        response = fleet.http.post(
            "/runs/wait",
            json={"assistant_id": "echo", "input": {"x": 1}},
            headers={"traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-01"},
        )
        assert response.headers["x-trace-id"] == TRACE_ID
        assert fleet.run(response.headers["x-run-id"])["trace_id"] == TRACE_ID

    def test_a_caller_without_a_valid_trace_gets_one(self, fleet: Fleet) -> None:
        body = {"assistant_id": "echo", "input": {"x": 1}}
        response = fleet.http.post("/runs/wait", json=body, headers={"traceparent": "00-nonsense"})
        assert len(bytes.fromhex(response.headers["x-trace-id"])) == 16

    def test_the_request_id_of_the_caller_comes_back_and_a_missing_one_is_made(self, fleet: Fleet) -> None:
        assert fleet.http.get("/ok", headers={"x-request-id": "mine-1"}).headers["x-request-id"] == "mine-1"
        assert fleet.get("/ok").headers["x-request-id"]

    def test_two_identical_calls_at_once_are_two_runs(self, fleet: Fleet) -> None:
        calls = [fleet.begin("echo", {"x": 5}) for _ in range(2)]
        answers = [call.response() for call in calls]
        assert [answer.json()["y"] for answer in answers] == [5, 5]
        assert len({answer.headers["x-run-id"] for answer in answers}) == 2

    def test_many_callers_at_once_each_get_their_own_answer(self, fleet: Fleet) -> None:
        numbers = range(60)
        with ThreadPoolExecutor(30) as threads:
            answers = list(threads.map(lambda number: fleet.call("echo", {"x": number}).json(), numbers))
        assert [answer["y"] for answer in answers] == list(numbers)


class TestAccess:
    def test_a_caller_without_the_key_is_refused(self, fleet: Fleet) -> None:
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic eDp5"}, {"x-api-key": "wrong"}):
            response = httpx.post(f"{fleet.url}/runs/wait", json={}, headers=headers, trust_env=False)
            error = error_of(response)
            assert (response.status_code, error["code"], error["kind"]) == (401, "unauthorized", "auth"), headers
            assert response.headers["www-authenticate"] == "Bearer"

    def test_the_key_can_come_as_the_langgraph_sdk_sends_it(self, fleet: Fleet) -> None:
        response = httpx.post(f"{fleet.url}/assistants/search", headers={"x-api-key": fleet.token}, trust_env=False)
        assert response.status_code == 200

    @pytest.mark.parametrize("path", ["/health", "/ok", "/info", "/ready"])
    def test_health_needs_no_key(self, fleet: Fleet, path: str) -> None:
        assert httpx.get(f"{fleet.url}{path}", trust_env=False).status_code == 200

    @pytest.mark.parametrize("headers", [{}, {"x-api-key": TOKEN}], ids=["without key", "with key"])
    def test_internal_paths_are_forbidden_with_a_key_and_without(self, fleet: Fleet, headers: dict[str, str]) -> None:
        response = httpx.get(f"{fleet.url}/_ml/models", headers=headers, trust_env=False)
        assert (response.status_code, error_of(response)["kind"]) == (403, "auth")

    def test_a_path_that_is_not_served_is_not_found(self, fleet: Fleet) -> None:
        response = fleet.get("/nothing/here")
        assert (response.status_code, error_of(response)["code"]) == (404, "not_found")

    def test_a_wrong_method_is_told_which_ones_are_allowed(self, fleet: Fleet) -> None:
        response = fleet.http.put("/runs/wait")
        assert (response.status_code, error_of(response)["code"]) == (405, "method_not_allowed")
        assert response.headers["allow"] == "POST"


class TestWrongRequests:
    def test_an_unknown_assistant_is_not_found_and_the_known_ones_are_named(self, fleet: Fleet) -> None:
        response = fleet.call("no_such_workflow")
        error = error_of(response)
        assert (response.status_code, error["code"], error["kind"]) == (404, "unknown_assistant", "client")
        assert "`no_such_workflow`" in error["detail"]
        assert "email_compose" in error["detail"]

    @pytest.mark.parametrize(
        ("values", "pointer"),
        [({"x": "one"}, "/x"), ({"x": 1, "z": 2}, "/z"), ({}, "/x"), ({"x": 1, "text": None}, "/text")],
        ids=["wrong type", "unknown field", "missing field", "null"],
    )
    def test_an_input_that_does_not_fit_is_refused_with_a_pointer_to_the_field(
        self, fleet: Fleet, values: dict[str, Any], pointer: str
    ) -> None:
        response = fleet.call("echo", values)
        error = error_of(response)
        assert (response.status_code, error["code"], error["kind"]) == (422, "invalid_input", "client")
        assert f"{pointer}:" in error["detail"]

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"[]",
            b'"echo"',
            b"{}",
            b'{"assistant_id": 1}',
            b'{"assistant_id": "echo", "input": [1]}',
            b"\xff",
        ],
    )
    def test_a_body_that_is_no_run_is_refused(self, fleet: Fleet, body: bytes) -> None:
        response = fleet.http.post("/runs/wait", content=body)
        assert (response.status_code, error_of(response)["code"]) == (422, "invalid_request")

    def test_a_run_without_input_is_refused(self, fleet: Fleet) -> None:
        response = fleet.http.post("/runs/wait", json={"assistant_id": "echo"})
        assert (response.status_code, error_of(response)["code"]) == (422, "invalid_input")

    def test_a_body_that_says_to_be_too_large_is_refused_unread(self, fleet: Fleet) -> None:
        response = fleet.http.post("/runs/wait", content=b" " * (MAX_BODY_BYTES + 1))
        error = error_of(response)
        assert (response.status_code, error["code"], error["kind"]) == (413, "body_too_large", "client")

    def test_a_body_that_grows_too_large_is_refused_although_it_declared_no_size(self, fleet: Fleet) -> None:
        response = fleet.http.post("/runs/wait", content=(b" " * 65_536 for _ in range(17)))
        assert (response.status_code, error_of(response)["code"]) == (413, "body_too_large")

    def test_a_body_of_just_the_limit_is_read(self, fleet: Fleet) -> None:
        head, tail = b'{"assistant_id": "echo", "input": {"x": 1, "text": "', b'"}}'
        body = head + b"a" * (MAX_BODY_BYTES - len(head) - len(tail)) + tail
        response = fleet.http.post("/runs/wait", content=body)
        assert (response.status_code, response.json()["y"]) == (200, 1)


class TestFailedRuns:
    def test_a_graph_that_raises_is_a_500_with_the_run_that_failed(self, fleet: Fleet) -> None:
        response = fleet.call("boom", {"message": "out of luck"})
        error = error_of(response)
        assert (response.status_code, error["code"], error["kind"]) == (500, "bug", "backend")
        assert "ExplosionError: out of luck" in error["detail"]
        assert error["run_id"] == response.headers["x-run-id"]
        assert fleet.run(error["run_id"])["status"] == "error"

    def test_a_failed_graph_can_be_answered_in_langgraphs_form(self, fleet: Fleet) -> None:
        with fleet.client(fleet.start_facade("web-lenient", {"AGENTIC_SALES_GRAPH_ERROR_STATUS": "200"})) as http:
            response = http.post("/runs/wait", json={"assistant_id": "boom", "input": {"message": "as LangGraph"}})
        fleet.retire("web-lenient")
        assert response.status_code == 200
        assert response.json()["__error__"]["error"] == "ExplosionError"
        assert "as LangGraph" in response.json()["__error__"]["message"]

    def test_a_pool_without_a_worker_answers_503_within_a_second(self, fleet: Fleet) -> None:
        with fleet.client(fleet.start_facade("web-alone", {"EMAIL_WORKER_QUEUE": "nobody"})) as http:
            asked_at_s = time.monotonic()
            response = http.post("/runs/wait", json={"assistant_id": "echo", "input": {"x": 1}})
            took_s = time.monotonic() - asked_at_s
            ready, ready_for_others = http.get("/ready"), http.get("/ready?pools=any")
        fleet.retire("web-alone")
        error = error_of(response)
        assert (response.status_code, error["code"], error["kind"]) == (503, "pool_unavailable", "backend")
        assert "`nobody`" in error["detail"]
        assert int(response.headers["retry-after"]) > 0
        assert took_s < 1.0
        assert (ready.status_code, ready.json()["missing"]) == (503, ["nobody"])
        assert (ready_for_others.status_code, ready_for_others.json()["missing"]) == (200, ["nobody"])

    def test_a_broker_that_is_away_is_a_503_and_the_facade_lives(self, fleet: Fleet) -> None:
        away = {"REDIS_URL": f"redis://{LOOPBACK}:{free_port()}/0"}
        with fleet.client(fleet.start_facade("web-brokerless", away)) as http:
            asked_at_s = time.monotonic()
            response = http.post("/runs/wait", json={"assistant_id": "echo", "input": {"x": 1}})
            took_s = time.monotonic() - asked_at_s
            ready, health = http.get("/ready?pools=any"), http.get("/health")
        fleet.retire("web-brokerless")
        assert (response.status_code, error_of(response)["code"]) == (503, "broker_unavailable")
        assert int(response.headers["retry-after"]) > 0
        assert took_s < 3.0
        assert (ready.status_code, health.status_code) == (503, 200)

    def test_a_caller_who_waits_longer_than_allowed_gets_a_504_and_can_join_later(self, fleet: Fleet) -> None:
        url = fleet.start_facade("web-impatient", {"AGENTIC_SALES_WAIT_TIMEOUT_S": "0.5"})
        with fleet.client(url) as http:
            response = http.post("/runs/wait", json={"assistant_id": "sleepy", "input": {"wait_s": 1.5}})
        fleet.retire("web-impatient")
        error = error_of(response)
        assert (response.status_code, error["code"], error["kind"]) == (504, "wait_timeout", "timeout")
        eventually("the run ends", lambda: fleet.run(error["run_id"])["status"], lambda status: status == "success")
        assert fleet.get(f"/runs/{error['run_id']}/join").json()["waited_s"] == 1.5


class TestJoin:
    def test_a_run_can_be_joined_while_it_runs_and_after_its_end(self, fleet: Fleet) -> None:
        call = fleet.begun("sleepy", {"wait_s": 1})
        run_id = fleet.record(call.trace_id)["run_id"]
        while_running = fleet.get(f"/runs/{run_id}/join")
        after_its_end = fleet.get(f"/runs/{run_id}/join")
        assert call.response().json() == while_running.json() == after_its_end.json()
        assert after_its_end.headers["x-run-id"] == run_id
        assert after_its_end.headers["x-trace-id"] == call.trace_id

    def test_a_failed_run_can_be_joined_too(self, fleet: Fleet) -> None:
        failed = fleet.call("boom")
        joined = fleet.get(f"/runs/{failed.headers['x-run-id']}/join")
        assert (joined.status_code, joined.json()) == (500, failed.json())

    @pytest.mark.parametrize("run_id", ["01a1fda2-1197-71ec-8481-4e806fc8af31", "not-a-run", "%2e%2e"])
    def test_an_unknown_run_is_not_found(self, fleet: Fleet, run_id: str) -> None:
        response = fleet.get(f"/runs/{run_id}/join")
        assert (response.status_code, error_of(response)["kind"]) == (404, "client")


class TestKeptAlive:
    def test_a_long_answer_starts_at_once_and_its_json_follows(self, fleet: Fleet, hasty: httpx.Client) -> None:
        body = {"assistant_id": "sleepy", "input": {"wait_s": 1.5}}
        with hasty.stream("POST", "/runs/wait", json=body) as response:
            run_id = response.headers["x-run-id"]
            status_at_start = fleet.run(run_id)["status"]
            chunks = list(response.iter_bytes())
        assert response.status_code == 200
        assert status_at_start in {"pending", "running"}
        assert response.headers["content-type"] == "application/json"
        assert response.headers["location"] == f"{response.headers['content-location']}/join"
        assert chunks[0] == b"\n"
        assert json.loads(b"".join(chunks))["waited_s"] == 1.5

    @pytest.mark.usefixtures("fleet")
    def test_a_failure_after_the_answer_has_started_is_told_in_its_body(self, hasty: httpx.Client) -> None:
        response = hasty.post("/runs/wait", json={"assistant_id": "overlong", "input": {"wait_s": 30}})
        assert response.status_code == 200
        assert response.json()["__error__"]["error"] == "RunTimeout"
        assert "`overlong`" in response.json()["__error__"]["message"]


def leave_before_the_answer(http: httpx.Client, call: dict[str, Any]) -> None:
    """Ask for a run and give up while nothing has come back."""
    with pytest.raises(httpx.ReadTimeout):
        http.post("/runs/wait", **call, timeout=0.4)


def leave_during_the_answer(http: httpx.Client, call: dict[str, Any]) -> None:
    """Ask for a run and give up when the answer has started."""
    with http.stream("POST", "/runs/wait", **call) as response:
        assert next(response.iter_raw()) == b"\n"


@pytest.mark.parametrize("leave", [leave_before_the_answer, leave_during_the_answer])
def test_a_caller_who_leaves_leaves_no_waiter_behind_and_the_run_goes_on(
    fleet: Fleet, observed: httpx.Client, leave: Callable[[httpx.Client, dict[str, Any]], None]
) -> None:
    trace_id = secrets.token_hex(16)
    body = {"assistant_id": "sleepy", "input": {"wait_s": 2.5}}
    leave(observed, {"json": body, "headers": {"traceparent": f"00-{trace_id}-{'1' * 16}-00"}})
    eventually("nobody is waited for", lambda: observed.get("/health/waiting").json(), lambda count: count == 0)
    assert fleet.record(trace_id)["status"] == "running"
    eventually("the run succeeds", lambda: fleet.record(trace_id)["status"], lambda status: status == "success")


class TestCatalogue:
    def test_info_tells_pools_routes_and_graphs_that_do_not_load(self, fleet: Fleet) -> None:
        info = fleet.get("/info").json()
        pools = {prefix: prefix.lower() for prefix in (*ROUTE_PREFIXES, "CORE")}
        assert info["pools"] == dict.fromkeys(pools.values(), 1)
        assert {route["prefix"]: route["queue"] for route in info["routes"]} == pools
        assert "not installed" in info["unavailable"]["broken_import"]
        assert info["version"]

    def test_a_list_given_to_a_pool_that_is_off_is_a_warning_in_info(self, fleet: Fleet) -> None:
        overrides = {"EMAIL_WORKER_QUEUE": "", "EMAIL_WORKER_ASSISTANTS": "email_compose"}
        with fleet.client(fleet.start_facade("web-warned", overrides)) as http:
            [warning] = http.get("/info").json()["warnings"]
        assert "EMAIL_WORKER_ASSISTANTS" in warning
        assert "routing_warning" in fleet.log("web-warned")
        fleet.retire("web-warned")

    def test_assistants_are_found_page_by_page(self, fleet: Fleet) -> None:
        everything = fleet.http.post("/assistants/search", json={"limit": 1000})
        page = fleet.http.post("/assistants/search", json={"limit": 2, "offset": 1})
        one = fleet.http.post("/assistants/search", json={"graph_id": "echo"}).json()
        names = [assistant["graph_id"] for assistant in everything.json()]
        assert {"email_compose", "pipeline", "echo"} <= set(names)
        assert [assistant["graph_id"] for assistant in page.json()] == names[1:3]
        assert page.headers["x-pagination-total"] == str(len(names))
        assert page.headers["x-pagination-next"] == "3"
        assert [assistant["graph_id"] for assistant in one] == ["echo"]

    @pytest.mark.parametrize("assistant_id", ["echo", assistant_uuid("echo")])
    def test_an_assistant_is_described_by_name_and_by_uuid(self, fleet: Fleet, assistant_id: str) -> None:
        assistant = fleet.get(f"/assistants/{assistant_id}").json()
        assert (assistant["graph_id"], assistant["metadata"]["queue"]) == ("echo", "email")
        schemas = fleet.get(f"/assistants/{assistant_id}/schemas").json()
        assert schemas["input_schema"]["properties"].keys() == {"x", "text"}
        assert "y" in schemas["output_schema"]["properties"]

    def test_an_unknown_assistant_has_no_description(self, fleet: Fleet) -> None:
        assert error_of(fleet.get("/assistants/nope"))["code"] == "unknown_assistant"

    def test_the_openapi_document_tells_the_form_of_a_run_and_of_an_error(self, fleet: Fleet) -> None:
        operation = fleet.get("/openapi.json").json()["paths"]["/runs/wait"]["post"]
        assert "requestBody" in operation
        assert {"401", "404", "413", "422", "500", "503", "504"} <= operation["responses"].keys()
