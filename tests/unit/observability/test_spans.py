"""Spans of one process: what they say, whose they are, which of them are sent, and that there are none when off."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import INVALID_SPAN, SpanKind, StatusCode
from pydantic import BaseModel
from starlette.types import Message

from agentic_sales.contracts import RunFailure
from agentic_sales.errors import QueueFull
from agentic_sales.llm import providers
from agentic_sales.llm.ask import ask
from agentic_sales.llm.prompts import Prompt
from agentic_sales.llm.providers import close_models
from agentic_sales.observability import plane as plane_module
from agentic_sales.observability.http_spans import requests_traced
from agentic_sales.observability.plane import ObservabilityPlane, open_plane, plane
from agentic_sales.observability.spans import (
    RunIdentity,
    current_trace,
    end_as,
    in_place,
    invoking,
    outgoing_headers,
    payload,
    publishing,
    refuse_caller,
    span,
)
from agentic_sales.observability.telemetry import Telemetry
from agentic_sales.observability.tracing import TraceContext, is_kept, parse_inbound, traceparent
from agentic_sales.settings import Settings, settings
from agentic_sales.workers.child.node_spans import NodeSpans
from agentic_sales.workers.stopping import WorkerStopping
from tests.support.model_server import answer, failure, model_server

RUN = RunIdentity("echo", "run-1", "thread-1", "core", attempt=1)
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
KEPT = TraceContext({"traceparent": traceparent(TRACE_ID, "12" * 8, is_sampled=True), "baggage": "who=us"})
NOT_KEPT = TraceContext({"traceparent": traceparent(TRACE_ID, "12" * 8, is_sampled=False)})


class Recorded:
    """The spans that left this process."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.telemetry = Telemetry(self._exporter, service_name="test", role="worker")

    def __call__(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self.all()}

    def all(self) -> Sequence[ReadableSpan]:
        self.telemetry.provider.force_flush()
        return self._exporter.get_finished_spans()


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    """A plane that is on in this process, with `echo`'s payloads shown and `rare`'s traces not kept."""
    recorded = Recorded()
    opened = ObservabilityPlane(
        recorded.telemetry, None, sample={"rare": 0.0}, shown=frozenset({"echo"}), broker="redis"
    )
    monkeypatch.setattr(plane_module, "_open", opened)
    yield recorded
    recorded.telemetry.close()


def test_a_span_below_a_run_says_which_run_it_is(recorded: Recorded) -> None:
    with invoking(KEPT, RUN), span("work", kind=SpanKind.CLIENT, attributes={"agentic.queue": "own"}):
        pass
    work, workflow = recorded()["work"], recorded()["invoke_workflow echo"]
    assert work.attributes == {**RUN.attributes, "agentic.queue": "own"}
    assert work.kind is SpanKind.CLIENT
    assert work.parent is not None
    assert workflow.context is not None
    assert work.parent.span_id == workflow.context.span_id
    assert f"{workflow.context.trace_id:032x}" == TRACE_ID


def test_a_body_that_raises_ends_its_span_as_failed_with_our_code(recorded: Recorded) -> None:
    with pytest.raises(QueueFull), invoking(KEPT, RUN):
        raise QueueFull("core", 7)
    with pytest.raises(asyncio.CancelledError), invoking(KEPT, RUN), span("cancelled"):
        raise asyncio.CancelledError
    failed, cancelled, _ = recorded.all()
    assert failed.status.status_code is StatusCode.ERROR
    assert (failed.attributes or {})["error.type"] == "queue_full"
    assert (cancelled.attributes or {})["error.type"] == "cancelled"
    assert cancelled.status.status_code is StatusCode.UNSET
    assert failed.events == ()


class _Unchanged(BaseModel):
    """The state of a graph whose nodes write nothing."""

    x: str


async def test_each_node_is_a_span_below_the_run_and_holds_what_its_own_work_opens(
    recorded: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(_: BaseModel, config: RunnableConfig) -> dict[str, str]:
        with span(f"work of {config['metadata']['langgraph_node']}"):
            return {}

    inner: Any = StateGraph(_Unchanged)
    inner.add_sequence([("below", work), ("last below", work)]).add_edge(START, "below")
    builder: Any = StateGraph(_Unchanged)
    builder.add_sequence([("first", work), ("second", work), ("subgraph", inner.compile())]).add_edge(START, "first")
    builder.add_node("beside", work).add_edge("first", "beside")
    with invoking(KEPT, RUN):
        await builder.compile().ainvoke({"x": "y"}, {"callbacks": [NodeSpans()]})

    spans = recorded()
    named = {context.span_id: name for name, found in spans.items() if (context := found.get_span_context())}
    parents = {name: named.get(found.parent.span_id) for name, found in spans.items() if found.parent}
    assert parents == {
        "invoke_workflow echo": None,
        **{f"node {name}": "invoke_workflow echo" for name in ("first", "second", "beside", "subgraph")},
        **{f"node {name}": "node subgraph" for name in ("below", "last below")},
        **{f"work of {name}": f"node {name}" for name in ("first", "second", "beside", "below", "last below")},
    }
    assert caplog.messages == []


def test_of_a_trace_that_is_not_kept_nothing_is_sent(recorded: Recorded) -> None:
    with invoking(NOT_KEPT, RUN), span("work"):
        pass
    assert recorded() == {}


async def test_the_span_of_an_open_path_tells_neither_the_token_nor_the_trace_of_its_caller(recorded: Recorded) -> None:
    app = FastAPI()

    @app.get("/unsubscribe/{token}")
    async def fails(token: str) -> None:
        raise QueueFull(token, 7)

    await app({"type": "lifespan"}, _nothing, _nowhere)  # builds the stack, as serving does
    with requests_traced(app, recorded.telemetry.provider):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://facade.example") as http:
            answer = await http.get("/unsubscribe/a-token?x=a-token", headers={**KEPT.headers, "host": "a-token"})
    assert answer.status_code == 500
    [sent] = recorded.all()
    assert sent.name == "GET /unsubscribe/{token}"
    assert sent.parent is None
    assert f"{sent.context.trace_id:032x}" != TRACE_ID if sent.context else False
    assert "a-token" not in str(dict(sent.attributes or {}))


async def _nothing() -> Message:
    return {"type": "lifespan.shutdown"}


async def _nowhere(_: Message) -> None:
    return None


def test_of_a_failed_run_everything_is_sent_whatever_the_sampling(recorded: Recorded) -> None:
    failure = RunFailure(code="bug", message="jane@acme.example broke it", is_retryable=False, error="ValueError")
    with invoking(NOT_KEPT, RUN) as workflow:
        with span("fine"):
            pass
        end_as(workflow, failure)
    assert recorded().keys() == {"fine", "invoke_workflow echo"}
    assert recorded()["invoke_workflow echo"].status.description == "[email] broke it"
    assert all(span.context and span.context.trace_flags.sampled for span in recorded().values())


def test_a_run_that_somebody_cancelled_has_not_failed(recorded: Recorded) -> None:
    with invoking(NOT_KEPT, RUN) as workflow:
        end_as(workflow, RunFailure(code="cancelled", message="", is_retryable=False, error="RunCancelled"))
    assert recorded() == {}


def test_who_is_cancelled_or_gives_a_run_back_has_not_failed(recorded: Recorded) -> None:
    for reason in (asyncio.CancelledError(), WorkerStopping("run-1")):
        with pytest.raises(type(reason)), invoking(NOT_KEPT, RUN), span("node"):
            raise reason
    assert recorded() == {}


def test_a_request_of_somebody_who_is_not_let_in_is_forgotten(recorded: Recorded) -> None:
    with invoking(KEPT, RUN), span("work"):
        refuse_caller()
    assert recorded() == {}


def test_an_action_that_starts_here_is_kept_by_the_share_of_its_assistant(recorded: Recorded) -> None:
    rare = RunIdentity("rare", "run-2", "thread-2", "core")
    with publishing(parse_inbound({}), RUN) as kept, publishing(parse_inbound({}), rare) as nested:
        assert kept.is_sampled
    with publishing(parse_inbound({}), rare) as dropped:
        assert not dropped.is_sampled
    published = recorded()["publish core"]
    assert published.context is not None
    assert f"{published.context.trace_id:032x}" == kept.trace_id
    assert nested.trace_id == kept.trace_id
    assert dropped.is_decided


def test_an_action_that_goes_on_keeps_the_decision_and_gets_a_new_parent(recorded: Recorded) -> None:
    with publishing(KEPT, RUN) as goes_on:
        pass
    published = recorded()["publish core"]
    assert published.context is not None
    span_id = f"{published.context.span_id:016x}"
    assert goes_on.headers == {"traceparent": f"00-{TRACE_ID}-{span_id}-01", "baggage": "who=us"}


@pytest.mark.parametrize(("ratio", "least", "most"), [(0.0, 0, 0), (0.25, 180, 320), (1.0, 1000, 1000)])
def test_the_same_trace_is_always_decided_the_same_and_the_share_is_met(ratio: float, least: int, most: int) -> None:
    traces = [parse_inbound({}).trace_id for _ in range(1000)]
    kept = [trace_id for trace_id in traces if is_kept(trace_id, ratio)]
    assert kept == [trace_id for trace_id in traces if is_kept(trace_id, ratio)]
    assert least <= len(kept) <= most


def test_payloads_are_shown_redacted_for_the_named_assistants_alone(recorded: Recorded) -> None:
    other = RunIdentity("boom", "run-3", "thread-3", "core")
    with invoking(KEPT, RUN):
        assert payload("in", {"to": "jane@acme.example"}) == {"in": '{"to":"[email]"}'}
    with invoking(KEPT, other):
        assert payload("in", {"to": "jane@acme.example"}) == {}
    assert recorded()


def test_a_request_to_the_outside_goes_below_the_active_span(recorded: Recorded) -> None:
    token = current_trace.set(KEPT)
    try:
        with invoking(KEPT, RUN), span("call") as call:
            headers = outgoing_headers()
            span_id = f"{call.get_span_context().span_id:016x}"
    finally:
        current_trace.reset(token)
    assert headers == {"traceparent": f"00-{TRACE_ID}-{span_id}-01", "baggage": "who=us"}
    assert recorded()


def test_when_off_the_trace_goes_on_as_it_came_and_nothing_is_recorded() -> None:
    assert open_plane(Settings(), "worker") is None
    assert plane() is None
    begun = parse_inbound({})
    with publishing(begun, RUN) as goes_on, invoking(KEPT, RUN) as workflow, span("work") as work:
        assert goes_on is begun
        assert workflow is INVALID_SPAN
        assert work is INVALID_SPAN
        assert in_place(KEPT) is KEPT
        assert payload("in", {}) == {}


class Draft(BaseModel):
    subject: str


async def test_a_model_call_is_a_span_that_says_what_it_used_and_its_trace_goes_along(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    with model_server([failure(503), answer({"subject": "hello"}, input_tokens=7, output_tokens=3)]) as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(providers, "BACKOFF_BASE_S", 0.001)
        settings.cache_clear()
        token = current_trace.set(KEPT)
        with invoking(KEPT, RUN), span("node"):
            await ask(Prompt("echo", "draft", "Write to $name."), Draft, name="jane@acme.example")
        current_trace.reset(token)
        await close_models()
    chats = [chat for chat in recorded.all() if chat.name == "chat gpt-test"]
    failed, chat = chats
    assert (failed.attributes or {})["error.type"] == "provider_unavailable"
    assert dict(chat.attributes or {}) == RUN.attributes | {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-test",
        "gen_ai.request.temperature": 0.2,
        "gen_ai.response.model": "gpt-test",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 3,
        "agentic.prompt": "echo.draft",
        "agentic.prompt_sha256": Prompt("echo", "draft", "Write to $name.").sha256,
        "gen_ai.input.messages": (chat.attributes or {})["gen_ai.input.messages"],
        "gen_ai.output.messages": (chat.attributes or {})["gen_ai.output.messages"],
    }
    assert "[email]" in str((chat.attributes or {})["gen_ai.input.messages"])
    assert chat.context is not None
    sent = server.requests[-1].headers
    assert sent["traceparent"] == f"00-{TRACE_ID}-{chat.context.span_id:016x}-01"
    assert "baggage" not in sent
