"""The Python client against a real HTTP server on loopback."""

import asyncio
import multiprocessing
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from langsmith import RunTree
from langsmith.run_helpers import tracing_context
from opentelemetry import baggage, context, trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState

from agentic_sales.client import Client, LangGraphError, RunResult, arun, run
from agentic_sales.observability.tracing import merged_baggage
from agentic_sales.settings import settings
from tests.support.ports import free_port
from tests.support.small_facade import Facade, answering, facade, finished

__all__ = ["facade"]  # pytest finds the fixture here

TRACE_ID, SPAN_ID = 0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7
TRACEPARENT = f"00-{TRACE_ID:032x}-{SPAN_ID:016x}-01"


@pytest.fixture
def caller(facade: Facade) -> Iterator[Client]:
    with Client(facade.url) as caller:
        yield caller


def failure(caller: Client, **options: Any) -> LangGraphError:
    with pytest.raises(LangGraphError) as caught:
        caller.run("email_compose", {}, **options)
    return caught.value


# --- one function in, one flat result out


def test_a_run_returns_the_flat_state_and_the_ids_of_the_headers(facade: Facade, caller: Client) -> None:
    ids = {"x-run-id": "r", "x-trace-id": "t", "x-langsmith-run-id": "l", "x-langsmith-run-url": "https://u"}
    facade.answer = answering(200, {"subject": "Hello"}, ids)
    assert caller.run("email_compose", {"company_name": "Acme"}) == RunResult(
        {"subject": "Hello"}, "r", "t", "l", "https://u"
    )
    assert facade.requests[-1][1] == {"assistant_id": "email_compose", "input": {"company_name": "Acme"}}
    assert facade.last_headers[":path"] == "/runs/wait"


def test_ids_that_the_server_does_not_tell_are_none(facade: Facade, caller: Client) -> None:
    facade.answer = finished(a=1)
    assert caller.run("x", {}) == RunResult({"a": 1}, None, None, None, None)


def test_newlines_that_keep_an_answer_alive_are_not_part_of_it(facade: Facade, caller: Client) -> None:
    facade.answer = answering(200, b'\n\n\n{"a": 1}')
    assert caller.run("x", {}).output == {"a": 1}


async def test_the_asynchronous_call_returns_the_same(facade: Facade, caller: Client) -> None:
    facade.answer = finished(a=1)
    assert (await caller.arun("x", {})).output == {"a": 1}


def test_one_client_serves_many_event_loops_and_threads(facade: Facade, caller: Client) -> None:
    facade.answer = finished(a=1)
    assert asyncio.run(caller.arun("x", {})) == asyncio.run(caller.arun("x", {}))
    with ThreadPoolExecutor() as threads:
        assert [result.output for result in threads.map(lambda _: caller.run("x", {}), range(20))] == [{"a": 1}] * 20


def test_the_module_functions_use_the_configured_url_and_token(facade: Facade, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGGRAPH_URL", facade.url + "/")
    monkeypatch.setenv("LANGGRAPH_AUTH_TOKEN", "secret")
    settings.cache_clear()
    run("x", {})
    asyncio.run(arun("x", {}))
    settings.cache_clear()
    assert [headers["authorization"] for headers, _ in facade.requests] == ["Bearer secret"] * 2


def test_a_token_given_to_the_call_goes_before_the_clients(facade: Facade) -> None:
    with Client(facade.url, "clients") as caller:
        caller.run("x", {})
        caller.run("x", {}, token="calls")
    assert [headers["authorization"] for headers, _ in facade.requests] == ["Bearer clients", "Bearer calls"]


def test_a_forked_child_gets_a_client_of_its_own(facade: Facade) -> None:
    run("x", {}, url=facade.url)
    child = multiprocessing.get_context("fork").Process(target=run, args=("x", {}), kwargs={"url": facade.url})
    child.start()
    child.join(20)
    child.kill()
    child.join()
    assert child.exitcode == 0
    assert len(facade.requests) == 2


# --- errors, with the kinds that existing callers know


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((401, "auth"), (403, "auth")),
        *((408, "timeout"), (504, "timeout")),
        *((500, "backend"), (503, "backend")),
        *((404, "client"), (409, "client"), (422, "client"), (429, "client")),
        (302, "unknown"),
    ],
)
def test_a_status_has_the_kind_that_callers_know(facade: Facade, caller: Client, status: int, kind: str) -> None:
    facade.answer = answering(status, {"detail": "told", "code": "c"})
    error = failure(caller)
    assert (error.kind, error.status, error.assistant_id, error.body_text) == (kind, status, "email_compose", "told")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"detail": "d", "error": "e"}, "d"),
        ({"error": "e"}, "e"),
        ({"detail": [{"loc": ["input"]}]}, '{"detail": [{"loc": ["input"]}]}'),
        (b"<html>" + b"x" * 600, "<html>" + "x" * 494),
    ],
)
def test_the_text_of_an_error_is_its_detail_else_its_error_else_its_beginning(
    facade: Facade, caller: Client, body: object, told: str
) -> None:
    facade.answer = answering(500, body)
    assert failure(caller).body_text == told


def test_a_failure_after_the_answer_began_is_an_error(facade: Facade, caller: Client) -> None:
    facade.answer = answering(200, b'\n{"__error__": {"error": "RunTimeout", "message": "over its limit"}}')
    error = failure(caller)
    assert (error.kind, error.status, error.body_text) == ("backend", 200, "over its limit")


def test_an_answer_that_is_not_a_state_is_an_error(facade: Facade, caller: Client) -> None:
    facade.answer = answering(200, b"<html>a proxy's page</html>")
    error = failure(caller)
    assert (error.kind, error.status, error.body_text) == ("backend", 200, "<html>a proxy's page</html>")


def test_a_facade_that_is_not_there_is_a_backend_error_without_a_status() -> None:
    with Client(f"http://127.0.0.1:{free_port()}") as caller:
        error = failure(caller)
    assert (error.kind, error.status) == ("backend", 0)
    assert "cannot be reached" in error.body_text


@pytest.mark.parametrize("url", ["http://[", "ftp://127.0.0.1", "not a url"])
def test_a_url_that_is_none_is_a_backend_error(url: str) -> None:
    with Client(url) as caller:
        assert failure(caller).status == 0


def test_a_connection_that_is_cut_is_a_backend_error_and_nothing_is_sent_again(facade: Facade, caller: Client) -> None:
    facade.answer = lambda handler: handler.connection.shutdown(socket.SHUT_RDWR)
    error = failure(caller)
    assert (error.kind, error.status) == ("backend", 0)
    assert len(facade.requests) == 1


def test_a_busy_fleet_is_not_asked_again(facade: Facade, caller: Client) -> None:
    facade.answer = answering(503, {"detail": "busy"}, {"retry-after": "0"})
    failure(caller)
    assert len(facade.requests) == 1


# --- time and concurrency


def test_the_limit_of_a_call_is_wall_clock_also_when_newlines_arrive(facade: Facade, caller: Client) -> None:
    given_up = threading.Event()

    def keep_alive(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("connection", "close")
        handler.end_headers()
        while not given_up.wait(0.02):
            handler.wfile.write(b"\n")

    facade.answer = keep_alive
    started = time.monotonic()
    error = failure(caller, timeout_s=0.3)
    waited_s = time.monotonic() - started
    given_up.set()
    assert (error.kind, error.status) == ("timeout", 0)
    assert 0.3 <= waited_s < 2


def test_no_more_calls_are_in_flight_than_allowed(facade: Facade) -> None:
    lock, in_flight, most = threading.Lock(), 0, 0
    both_slots_taken = threading.Barrier(2, timeout=10)

    def count(handler: BaseHTTPRequestHandler) -> None:
        nonlocal in_flight, most
        with lock:
            in_flight += 1
            most = max(most, in_flight)
        both_slots_taken.wait()
        with lock:
            in_flight -= 1
        finished()(handler)

    async def six(caller: Client) -> None:
        await asyncio.gather(*(caller.arun("x", {}) for _ in range(6)))

    facade.answer = count
    with Client(facade.url, max_concurrency=2) as caller:
        asyncio.run(six(caller))
    assert most == 2


def test_waiting_for_a_free_slot_counts_as_time(facade: Facade) -> None:
    began, over = threading.Event(), threading.Event()

    def hold_the_first(handler: BaseHTTPRequestHandler) -> None:
        if not began.is_set():
            began.set()
            over.wait(10)
        finished()(handler)

    facade.answer = hold_the_first
    with Client(facade.url, max_concurrency=1) as caller, ThreadPoolExecutor() as threads:
        first = threads.submit(caller.run, "x", {})
        assert began.wait(10)
        assert failure(caller, timeout_s=0.1).kind == "timeout"
        over.set()
        assert first.result().output == {}


async def test_a_cancelled_call_disconnects(facade: Facade, caller: Client) -> None:
    began, gone = threading.Event(), threading.Event()

    def wait_for_the_end(handler: BaseHTTPRequestHandler) -> None:
        began.set()
        if handler.rfile.read(1) == b"":
            gone.set()

    facade.answer = wait_for_the_end
    call = asyncio.create_task(caller.arun("x", {}))
    assert await asyncio.to_thread(began.wait, 10)
    call.cancel()
    assert await asyncio.to_thread(gone.wait, 10)


async def test_closing_cancels_the_calls_in_flight(facade: Facade) -> None:
    began, over = threading.Event(), threading.Event()

    def hold(_: BaseHTTPRequestHandler) -> None:
        began.set()
        over.wait(10)

    facade.answer = hold
    caller = Client(facade.url)
    call = asyncio.create_task(caller.arun("x", {}))
    assert await asyncio.to_thread(began.wait, 10)
    await asyncio.to_thread(caller.close)
    over.set()
    with pytest.raises(asyncio.CancelledError):
        await call


# --- the caller's trace


@pytest.fixture
def active_span() -> Iterator[None]:
    span = NonRecordingSpan(
        SpanContext(TRACE_ID, SPAN_ID, is_remote=False, trace_flags=TraceFlags(1), trace_state=TraceState([("v", "1")]))
    )
    token = context.attach(baggage.set_baggage("tenant", "acme", trace.set_span_in_context(span)))
    yield
    context.detach(token)


@pytest.mark.usefixtures("active_span")
def test_the_active_trace_goes_along(facade: Facade, caller: Client) -> None:
    caller.run("x", {})
    headers = facade.last_headers
    assert (headers["traceparent"], headers["tracestate"], headers["baggage"]) == (TRACEPARENT, "v=1", "tenant=acme")


def test_without_a_trace_no_trace_header_is_sent(facade: Facade, caller: Client) -> None:
    caller.run("x", {})
    assert facade.last_headers.keys().isdisjoint({"traceparent", "tracestate", "baggage", "langsmith-trace"})


def test_the_trace_is_the_one_of_the_call_and_not_of_the_client(facade: Facade, caller: Client) -> None:
    span = NonRecordingSpan(SpanContext(TRACE_ID, SPAN_ID, is_remote=False, trace_flags=TraceFlags(1)))
    with trace.use_span(span):
        caller.run("x", {})
    caller.run("x", {})
    assert ["traceparent" in headers for headers, _ in facade.requests] == [True, False]


@pytest.mark.usefixtures("active_span")
def test_langsmiths_run_goes_along_and_neither_baggage_is_lost(facade: Facade, caller: Client) -> None:
    run_tree = RunTree(name="caller", extra={"metadata": {"lead": "42"}}, tags=["demo"])
    with tracing_context(parent=run_tree, enabled=True):
        caller.run("x", {})
    wanted = run_tree.to_headers()
    assert facade.last_headers["langsmith-trace"] == wanted["langsmith-trace"]
    assert facade.last_headers["baggage"] == f"tenant=acme,{wanted['baggage']}"


def test_of_baggage_with_the_same_key_the_nearest_one_is_sent() -> None:
    assert merged_baggage("a=1,b=2;p=x", "", "a=3") == "a=3,b=2;p=x"


def test_who_does_not_use_langsmith_does_not_load_it() -> None:
    program = "import sys, agentic_sales.client as c; c.trace_headers(); sys.exit('langsmith' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
