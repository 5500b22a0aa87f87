"""Open spans around the fleet's work. Each costs one comparison where tracing is off and imports no SDK.

    with span("send mail", kind=SpanKind.CLIENT, attributes={"agentic.campaign_id": campaign_id}):
        ...

A body that raises ends its span as failed. The span has our code as `error.type`. Attributes hold ids and numbers.
Text
of people is recorded only for the assistants that the operator names. It leaves the process redacted.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context
from opentelemetry.propagate import extract
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    format_span_id,
    format_trace_id,
    get_current_span,
)
from opentelemetry.util.types import AttributeValue
from pydantic import ValidationError

from agentic_sales.contracts import RunFailure, plain_text
from agentic_sales.errors import AgenticSalesError
from agentic_sales.observability import names
from agentic_sales.observability.plane import ObservabilityPlane, plane
from agentic_sales.observability.redaction import redacted
from agentic_sales.observability.tracing import TraceContext, is_kept, parse_inbound, traceparent
from agentic_sales.wire import to_wire

if TYPE_CHECKING:
    from agentic_sales.observability.telemetry import Telemetry

__all__ = [
    "RunIdentity",
    "begin_span",
    "current_trace",
    "end_as",
    "end_span",
    "in_place",
    "invoking",
    "name_message",
    "outgoing_headers",
    "payload",
    "publishing",
    "record_failure",
    "refuse_caller",
    "span",
]

_MESSAGE_CHARS = 500
"""Longest kept message of an error."""
_PAYLOAD_CHARS = 16_384
"""Longest kept input or output of a shown assistant."""


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """Identity of a span's run."""

    assistant_id: str
    """Its workflow."""
    run_id: str
    """The run."""
    thread_id: str
    """The run's thread."""
    queue: str
    """Queue of the run's message."""
    attempt: int = 0
    """Number of the attempt. 0 means that none has begun."""

    @property
    def attributes(self) -> dict[str, AttributeValue]:
        """Return the attributes of every span of the run."""
        return {
            names.ASSISTANT_ID: self.assistant_id,
            names.RUN_ID: self.run_id,
            names.THREAD_ID: self.thread_id,
            names.QUEUE: self.queue,
            names.ATTEMPT: self.attempt,
        }


current_trace: ContextVar[TraceContext | None] = ContextVar("current_trace", default=None)
"""The trace of the current run. A worker sets it. None without a run."""


def outgoing_headers() -> dict[str, str]:
    """Return the four trace headers for the current run's request to an outside service. Empty without a run."""
    trace = current_trace.get()
    return {} if trace is None else in_place(trace).outbound()


@contextmanager
def span(
    name: str,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Mapping[str, AttributeValue] | None = None,
) -> Iterator[Span]:
    """Open a span below the active one until the body ends. It records nothing when tracing is off."""
    opened = plane()
    if opened is None or opened.telemetry is None:
        yield INVALID_SPAN
        return
    with _recorded(opened.telemetry, name, kind=kind, attributes=attributes) as recorded:
        yield recorded


def begin_span(name: str, *, attributes: Mapping[str, AttributeValue], parent: otel_context.Context) -> Span:
    """Begin a span below the active one of a context and leave that one active. `Span.end` or `end_span` ends it."""
    opened = plane()
    if opened is None or opened.telemetry is None:
        return INVALID_SPAN
    return opened.telemetry.tracer.start_span(name, parent, attributes=attributes)


def end_span(recorded: Span, exc: BaseException | None) -> None:
    """End a span that was begun, as failed after an exception."""
    if exc is not None:
        record_failure(recorded, exc)
    recorded.end()


@contextmanager
def publishing(trace: TraceContext, identity: RunIdentity) -> Iterator[TraceContext]:
    """Open the span of a run's submission. Yields the trace for the run and its message.

    The sampling of an action that starts here is decided once. Its trace id and its assistant's share decide it.
    """
    opened = plane()
    if opened is None:
        yield trace
        return
    trace = _below_tree(trace, opened)
    if opened.telemetry is None:
        yield _decided(trace, opened, identity.assistant_id)
        return
    parent = None if _is_active() or not trace.is_decided else extract(trace.headers)
    _mark_request(identity)
    attributes = identity.attributes | _messaging(opened, identity, "publish", "send")
    name, kind = names.publish(identity.queue), SpanKind.PRODUCER
    with _recorded(opened.telemetry, name, kind=kind, attributes=attributes, parent=parent) as recorded:
        yield _below(_decided(_adopted(trace, recorded), opened, identity.assistant_id), recorded, opened.telemetry)


def in_place(trace: TraceContext) -> TraceContext:
    """Return the trace of a run that is part of the active one. It begins below the active span."""
    opened = plane()
    if opened is None:
        return trace
    trace = _below_tree(trace, opened)
    if opened.telemetry is None or not _is_active():
        return trace
    return _below(trace, get_current_span(), opened.telemetry)


def lasting_headers(assistant_id: str, trace: TraceContext | None = None) -> dict[str, str]:
    """Return the headers of a trace that later runs of an action continue, each from a process of its own.

    The sampling is decided here once. So either all of these runs are kept or none.

    Args:
        assistant_id: Workflow whose share decides, if nobody has decided yet.
        trace: Trace of the caller. None: that of the current run, else a new one.
    """
    trace, opened = trace or current_trace.get() or parse_inbound({}), plane()
    if opened is not None:
        if opened.telemetry is not None and _is_active():
            trace = _adopted(trace, get_current_span())
        trace = _decided(trace, opened, assistant_id)
    return trace.outbound()


def name_message(queue: str, run_id: str) -> None:
    """Give our name and attributes to the active span of a message. Celery's instrumentation opened the span."""
    opened = plane()
    if opened is not None:
        active = get_current_span()
        active.update_name(names.process(queue))
        active.set_attributes(_messaging(opened, RunIdentity("", run_id, "", queue), "process", "process"))


@contextmanager
def invoking(trace: TraceContext, identity: RunIdentity) -> Iterator[Span]:
    """Open the span of one attempt of a workflow. Every span below it carries the run's ids."""
    opened = plane()
    if opened is None or opened.telemetry is None:
        yield INVALID_SPAN
        return
    active, links = get_current_span(), []
    token = otel_context.attach(_run_context(trace, identity))
    try:
        if get_current_span() is active:
            active.set_attributes(identity.attributes)
        elif active.get_span_context().is_valid:
            links = [Link(active.get_span_context())]  # no trace in the message: it was published by hand or again
        name, attributes = names.invoke_workflow(identity.assistant_id), _workflow(identity)
        with _recorded(opened.telemetry, name, kind=SpanKind.INTERNAL, attributes=attributes, links=links) as recorded:
            yield recorded
    finally:
        otel_context.detach(token)


def refuse_caller() -> None:
    """Forget the active request. Its caller is refused, so its trace headers are not believed either."""
    opened = plane()
    if opened is not None and opened.telemetry is not None:
        opened.telemetry.refuse(get_current_span().get_span_context())


def end_as(recorded: Span, failure: RunFailure | None) -> None:
    """Record how a run ended."""
    if failure is not None:
        recorded.set_attribute(names.ERROR_TYPE, failure.code)
        if failure.code != "cancelled":
            recorded.set_status(StatusCode.ERROR, redacted(failure.message)[:_MESSAGE_CHARS])


def record_failure(recorded: Span, exc: BaseException) -> None:
    """Record the failure of a span's work. A cancelled or released run has not failed."""
    if not getattr(exc, "is_failure", True):
        return
    recorded.set_attribute(names.ERROR_TYPE, _code(exc))
    if not isinstance(exc, asyncio.CancelledError):
        recorded.set_status(StatusCode.ERROR, redacted(f"{type(exc).__name__}: {_message(exc)}")[:_MESSAGE_CHARS])


def payload(name: str, value: Any) -> dict[str, AttributeValue]:
    """Return an input or output of the active run as an attribute. Empty if its assistant is not shown."""
    opened, of_run = plane(), otel_context.get_value(names.RUN_ATTRIBUTES)
    if opened is None or not isinstance(of_run, Mapping) or of_run[names.ASSISTANT_ID] not in opened.shown:
        return {}
    return {name: redacted(_json_text(value))[:_PAYLOAD_CHARS]}


def _json_text(value: Any) -> str:
    """Write a value as JSON. A value outside JSON must not fail the run."""
    try:
        return value.decode() if isinstance(value, bytes) else to_wire(value, fallback=str).decode()
    except ValueError:
        return plain_text(value, repr)


@contextmanager
def _recorded(
    telemetry: "Telemetry",
    name: str,
    *,
    kind: SpanKind,
    attributes: Mapping[str, AttributeValue] | None,
    parent: otel_context.Context | None = None,
    links: list[Link] | None = None,
) -> Iterator[Span]:
    with telemetry.tracer.start_as_current_span(
        name,
        parent,
        kind,
        attributes,
        links,
        record_exception=False,  # its text and its traceback quote people
        set_status_on_exception=False,
    ) as recorded:
        try:
            yield recorded
        except BaseException as exc:
            record_failure(recorded, exc)
            raise


def _decided(trace: TraceContext, opened: ObservabilityPlane, assistant_id: str) -> TraceContext:
    if trace.is_decided:
        return trace
    keeps = is_kept(trace.trace_id, opened.ratio(assistant_id))
    header = traceparent(trace.trace_id, trace.headers["traceparent"][36:52], is_sampled=keeps)
    return TraceContext({**trace.headers, "traceparent": header})


def _adopted(trace: TraceContext, recorded: Span) -> TraceContext:
    """Give the first span's trace id to an action that starts here."""
    if trace.is_decided:
        return trace
    context = recorded.get_span_context()
    header = traceparent(format_trace_id(context.trace_id), format_span_id(context.span_id), is_sampled=False)
    return replace(trace, headers={**trace.headers, "traceparent": header})


def _below_tree(trace: TraceContext, opened: ObservabilityPlane) -> TraceContext:
    own = opened.run_trees.headers() if opened.run_trees else None
    return replace(trace, headers={**trace.headers, **own}) if own else trace


def _below(trace: TraceContext, recorded: Span, telemetry: "Telemetry") -> TraceContext:
    context = recorded.get_span_context()
    if trace.is_sampled:
        telemetry.keep(context)
    ids = format_trace_id(context.trace_id), format_span_id(context.span_id)
    return TraceContext({**trace.headers, "traceparent": traceparent(*ids, is_sampled=trace.is_sampled)})


def _run_context(trace: TraceContext, identity: RunIdentity) -> otel_context.Context:
    is_ours = _trace_id(get_current_span().get_span_context()) == trace.trace_id
    parent = otel_context.get_current() if is_ours else extract(trace.headers)
    return otel_context.set_value(names.RUN_ATTRIBUTES, identity.attributes, parent)


def _mark_request(identity: RunIdentity) -> None:
    """Mark the active span of the HTTP request with the run that it started."""
    active = get_current_span()
    if getattr(active, "kind", None) is SpanKind.SERVER:
        active.set_attributes(identity.attributes)


def _is_active() -> bool:
    return get_current_span().get_span_context().is_valid


def _trace_id(context: SpanContext) -> str:
    return format_trace_id(context.trace_id)


def _messaging(
    opened: ObservabilityPlane, identity: RunIdentity, operation: str, kind: str
) -> dict[str, AttributeValue]:
    return {
        names.MESSAGING_SYSTEM: opened.broker,
        names.MESSAGING_OPERATION_NAME: operation,
        names.MESSAGING_OPERATION_TYPE: kind,
        names.MESSAGING_DESTINATION: identity.queue,
        names.MESSAGING_MESSAGE_ID: identity.run_id,
    }


def _workflow(identity: RunIdentity) -> dict[str, AttributeValue]:
    return {
        names.GEN_AI_OPERATION: "invoke_workflow",
        names.GEN_AI_WORKFLOW: identity.assistant_id,
        names.GEN_AI_CONVERSATION_ID: identity.thread_id,
    }


def _code(exc: BaseException) -> str:
    if isinstance(exc, AgenticSalesError):
        return exc.code
    return "cancelled" if isinstance(exc, asyncio.CancelledError) else "bug"


def _message(exc: BaseException) -> str:
    """Return an error's message without the values that it quotes."""
    if isinstance(exc, ValidationError):
        return "; ".join(f"{'.'.join(map(str, p['loc'])) or 'input'}: {p['type']}" for p in exc.errors())
    return plain_text(exc)
