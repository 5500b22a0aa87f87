"""Open a span for every Celery message with OpenTelemetry's instrumentation of Celery.

The instrumentation takes the trace out of a message's headers. It keeps the message's span active while the task runs.
`spans.name_message` gives the span the name and the attributes of today's conventions.

The instrumentation's producer span (`apply_async/run.…`) is not recorded. It would stand beside our `publish {queue}`
under an older name. Only the garbage collector ends it for a task that the sender has not registered. The message's
headers carry our span instead.
"""

from typing import Any

from opentelemetry.context import Context
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.trace import NonRecordingSpan, Span, SpanKind, Tracer, TracerProvider, get_current_span


class MessageTracers(TracerProvider):
    """Gives the instrumentation a tracer that records the processing of messages but not their publishing."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider

    def get_tracer(self, *scope: Any, **options: Any) -> Tracer:
        """Return the tracer of a library."""
        return _MessageTracer(self._provider.get_tracer(*scope, **options))


class _MessageTracer(Tracer):
    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def start_span(
        self,
        name: str,  # noqa: ARG002 - the name is the library's
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        *rest: Any,
        **options: Any,
    ) -> Span:
        if kind is SpanKind.PRODUCER:
            return NonRecordingSpan(get_current_span(context).get_span_context())
        return self._tracer.start_span("process", context, kind, *rest, **options)

    def start_as_current_span(self, *rest: Any, **options: Any) -> Any:
        return self._tracer.start_as_current_span(*rest, **options)


def instrument_celery(provider: TracerProvider) -> None:
    """Open a span for every later message of this process."""
    CeleryInstrumentor().instrument(tracer_provider=MessageTracers(provider))  # type: ignore[no-untyped-call]  # ships none


def release_celery() -> None:
    """Open no more spans."""
    CeleryInstrumentor().uninstrument()  # type: ignore[no-untyped-call]  # as above
