"""Record spans with OpenTelemetry's SDK and export the kept ones. Imported only where OpenTelemetry is switched on.

Every span is recorded, and its export is decided late. The spans of a sampled trace are sent as they end. All other
spans wait for the end of their local root. A worker's local root is the message, and a facade's the request. The
waiting spans are dropped with their local root. Two events send all of them instead. Either one of them failed, or the
facade chose the trace meanwhile. So a failed run's whole work in one process is kept at any sampling rate. That is
`process`, `invoke_workflow`, every node and every model call. Other processes keep theirs where the failure shows
there
too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

from opentelemetry import context as otel_context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, StaticSampler
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags, Tracer, set_tracer_provider
from opentelemetry.util.types import AttributeValue

from agentic_sales.observability import names
from agentic_sales.observability.redaction import redacted
from agentic_sales.settings import Settings

EXPORT_TIMEOUT_S = 5.0
"""Longest time to send one batch, retries included. A collector that is down must not delay a worker's exit."""
MOST_WAITING = 1000
"""Most spans that wait for the end of one local root. The first spans of an endless graph are enough."""

_IDS = frozenset(
    {
        *(names.ASSISTANT_ID, names.RUN_ID, names.THREAD_ID, names.QUEUE),
        *(names.MESSAGING_MESSAGE_ID, names.GEN_AI_CONVERSATION_ID),
    }
)
_OF_CALLERS = frozenset(
    {
        *("client.address", "client.port", "http.client_ip", "net.peer.ip", "net.peer.port"),
        *("http.user_agent", "user_agent.original", "http.server_name"),
        *("http.target", "http.url", "url.full", "url.path", "url.query"),
        *("http.flavor", "http.host", "http.scheme", "net.host.port"),
    }
)
"""Attributes of the HTTP instrumentation that describe the caller and have no use.

A path can hold an unsubscribe token. The route holds none and is kept.
"""
_TOLD_TWICE = frozenset(
    {
        *("celery.action", "celery.delivery_info", "celery.reply_to", "celery.state", "celery.task_name"),
        *("messaging.destination", "messaging.conversation_id"),
    }
)
"""Attributes of the Celery instrumentation that repeat others under older names. They were half of the span's bytes."""
_LEFT_OUT = _OF_CALLERS | _TOLD_TWICE


class Telemetry:
    """The tracer provider of one process."""

    def __init__(self, exporter: SpanExporter, *, service_name: str, role: str) -> None:
        recorded = StaticSampler(Decision.RECORD_ONLY)
        self._chosen = LateChoice(BatchSpanProcessor(exporter))
        self.provider = TracerProvider(
            sampler=ParentBased(recorded, remote_parent_not_sampled=recorded, local_parent_not_sampled=recorded),
            resource=Resource.create(_resource(service_name, role)),
            shutdown_on_exit=False,  # closed by hand: a worker's child runs no exit handlers
        )
        self.provider.add_span_processor(self._chosen)
        self.tracer: Tracer = self.provider.get_tracer("agentic_sales", version("agentic-sales"))

    @classmethod
    def exporting(cls, configuration: Settings, role: str) -> "Telemetry":
        """Make the provider that exports to the collector and set it for every library of this process."""
        telemetry = cls(_exporter(configuration), service_name=configuration.otel_service_name, role=role)
        set_tracer_provider(telemetry.provider)
        return telemetry

    def keep(self, span: SpanContext) -> None:
        """Choose the trace of a living span. This process then sends all of its spans below its local root."""
        self._chosen.keep(span)

    def refuse(self, span: SpanContext) -> None:
        """Drop the local root of a living span with everything below it. Its caller may not be believed."""
        self._chosen.refuse(span)

    def close(self) -> None:
        """Send the waiting spans within the time limit of an export and end the thread."""
        self.provider.shutdown()


def _exporter(configuration: Settings) -> SpanExporter:
    endpoint = (configuration.otlp_endpoint or "").rstrip("/")
    return OTLPSpanExporter(f"{endpoint}/v1/traces", timeout=EXPORT_TIMEOUT_S)


def _resource(service_name: str, role: str) -> Mapping[str, str]:
    return {"service.name": service_name, "service.version": version("agentic-sales"), "agentic.role": role}


@dataclass(slots=True)
class _Local:
    """State of one trace below one local root in one process."""

    root: int
    is_kept: bool
    is_refused: bool = False
    waiting: list[ReadableSpan] = field(default_factory=list)


class LateChoice(SpanProcessor):
    """Sends spans at once, late or never, as their local root decides. Fills in each span's run."""

    def __init__(self, exporting: SpanProcessor) -> None:
        self._exporting = exporting
        self._locals: dict[int, _Local] = {}

    def on_start(self, span: Span, parent_context: otel_context.Context | None = None) -> None:
        """Stamp a span with its run and find its local root."""
        of_run = otel_context.get_value(names.RUN_ATTRIBUTES, parent_context)
        if isinstance(of_run, Mapping):
            own = span.attributes or {}
            span.set_attributes({name: value for name, value in of_run.items() if name not in own})
        context, parent = span.get_span_context(), span.parent
        local = self._locals.get(parent.span_id) if parent is not None and not parent.is_remote else None
        self._locals[context.span_id] = local or _Local(context.span_id, context.trace_flags.sampled)

    def on_end(self, span: ReadableSpan) -> None:
        """Send a span, keep it waiting, or drop it."""
        span_id = _context(span).span_id
        local = self._locals.pop(span_id)
        local.is_kept |= span.status.status_code is StatusCode.ERROR
        if len(local.waiting) < MOST_WAITING:
            local.waiting.append(span)
        if local.is_kept and not local.is_refused:
            for waiting in local.waiting:
                self._exporting.on_end(exportable(waiting))
        if local.is_kept or local.is_refused or span_id == local.root:
            local.waiting.clear()

    def keep(self, span: SpanContext) -> None:
        """See `Telemetry.keep`."""
        if (local := self._locals.get(span.span_id)) is not None:
            local.is_kept = True

    def refuse(self, span: SpanContext) -> None:
        """See `Telemetry.refuse`."""
        if (local := self._locals.get(span.span_id)) is not None:
            local.is_refused = True

    def shutdown(self) -> None:
        """Send the exporting processor's spans."""
        self._exporting.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send the exporting processor's spans and go on."""
        return self._exporting.force_flush(timeout_millis)


def exportable(span: ReadableSpan) -> ReadableSpan:
    """Return a span without people and secrets, marked as chosen."""
    context = _context(span)
    sampled = TraceFlags(context.trace_flags | TraceFlags.SAMPLED)
    return ReadableSpan(
        name=span.name,
        context=SpanContext(context.trace_id, context.span_id, is_remote=False, trace_flags=sampled),
        parent=span.parent,
        resource=span.resource,
        attributes=_harmless(span.attributes),
        events=[Event(event.name, _harmless(event.attributes), event.timestamp) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code, span.status.description and redacted(span.status.description)),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _context(span: ReadableSpan) -> SpanContext:
    context = span.get_span_context()
    assert context is not None  # noqa: S101 - the SDK's own spans have one
    return context


def _harmless(attributes: Mapping[str, AttributeValue] | None) -> dict[str, AttributeValue]:
    return {
        name: redacted(value) if isinstance(value, str) and name not in _IDS else value
        for name, value in (attributes or {}).items()
        if name not in _LEFT_OUT
    }
