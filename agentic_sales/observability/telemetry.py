"""Record spans with OpenTelemetry's SDK, and send those that are kept. Imported only where it is switched on.

Every span is recorded, and whether it leaves the process is decided late. A trace that its root has chosen is sent as
its spans end. Of all others the spans wait for the end of their local root (in a worker: the message; in the facade:
the request) and are dropped with it, unless something in it failed or the facade chose it meanwhile: then all of them
are sent. So the whole work of a process on a failed run is kept, whatever the sampling: `process`, `invoke_workflow`,
every node and every model call; and of the other processes theirs, where the failure shows there too.
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
"""How long one batch may take to send, retries included: a collector that is away must not hold a worker's exit."""
MOST_WAITING = 1000
"""Spans that wait for the end of one local root; of a graph that loops without end the first ones are enough."""

_IDS = frozenset({names.ASSISTANT_ID, names.RUN_ID, names.THREAD_ID, names.QUEUE, names.MESSAGING_MESSAGE_ID})
_OF_CALLERS = frozenset(
    {
        *("client.address", "client.port", "http.client_ip", "net.peer.ip", "net.peer.port"),
        *("http.user_agent", "user_agent.original", "http.server_name"),
        *("http.target", "http.url", "url.full", "url.path", "url.query"),
    }
)
"""What the HTTP instrumentation records of the caller and nobody needs.

A path can hold an unsubscribe token. The route is kept, and holds none.
"""


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
        """Make the provider that exports to the collector, and give it to every library of this process."""
        telemetry = cls(_exporter(configuration), service_name=configuration.otel_service_name, role=role)
        set_tracer_provider(telemetry.provider)
        return telemetry

    def keep(self, span: SpanContext) -> None:
        """Choose the trace of a living span: all that this process records of it below its local root is sent."""
        self._chosen.keep(span)

    def refuse(self, span: SpanContext) -> None:
        """Drop the local root of a living span, with everything below it: its caller may not be believed."""
        self._chosen.refuse(span)

    def close(self) -> None:
        """Send what waits, within the time limit of an export, and end the thread."""
        self.provider.shutdown()


def _exporter(configuration: Settings) -> SpanExporter:
    endpoint = (configuration.otlp_endpoint or "").rstrip("/")
    return OTLPSpanExporter(f"{endpoint}/v1/traces", timeout=EXPORT_TIMEOUT_S)


def _resource(service_name: str, role: str) -> Mapping[str, str]:
    return {"service.name": service_name, "service.version": version("agentic-sales"), "agentic.role": role}


@dataclass(slots=True)
class _Local:
    """What one process knows of one trace below one local root."""

    root: int
    is_kept: bool
    is_refused: bool = False
    waiting: list[ReadableSpan] = field(default_factory=list)


class LateChoice(SpanProcessor):
    """Passes spans on, at once or never, as their local root decides; fills in which run they belong to."""

    def __init__(self, exporting: SpanProcessor) -> None:
        self._exporting = exporting
        self._locals: dict[int, _Local] = {}

    def on_start(self, span: Span, parent_context: otel_context.Context | None = None) -> None:
        """Stamp a span with its run, and find its local root."""
        of_run = otel_context.get_value(names.RUN_ATTRIBUTES, parent_context)
        if isinstance(of_run, Mapping):
            own = span.attributes or {}
            span.set_attributes({name: value for name, value in of_run.items() if name not in own})
        context, parent = span.get_span_context(), span.parent
        local = self._locals.get(parent.span_id) if parent is not None and not parent.is_remote else None
        self._locals[context.span_id] = local or _Local(context.span_id, context.trace_flags.sampled)

    def on_end(self, span: ReadableSpan) -> None:
        """Send a span, let it wait, or drop it."""
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
        """Send what the exporting processor holds."""
        self._exporting.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what the exporting processor holds, and go on."""
        return self._exporting.force_flush(timeout_millis)


def exportable(span: ReadableSpan) -> ReadableSpan:
    """Return a span as it may leave the process: chosen, and without people and secrets."""
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
        if name not in _OF_CALLERS
    }
