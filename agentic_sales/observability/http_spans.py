"""Open a span for every HTTP request to the facade with OpenTelemetry's instrumentation of FastAPI.

The instrumentation stands before the guard. A request that the guard refuses thus has a span too.
`spans.refuse_caller` drops that span and the trace that its headers claimed. Health checks have no span. Open paths
take requests without a key. Their trace headers are removed before any other code reads them.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.trace import TracerProvider
from starlette.types import ASGIApp, Receive, Scope, Send

from agentic_sales.contracts import TRACE_HEADERS
from agentic_sales.routing import HEALTH_PATHS, METRICS_PATH, OPEN_PREFIXES

_OF_A_TRACE = frozenset(name.encode() for name in TRACE_HEADERS)
_UNTRACED = ",".join(f"{path}$" for path in (*HEALTH_PATHS, METRICS_PATH))


@contextmanager
def requests_traced(app: FastAPI, provider: TracerProvider) -> Iterator[None]:
    """Open a span for every request to a running application until the body ends."""
    FastAPIInstrumentor.instrument_app(
        app, tracer_provider=provider, excluded_urls=_UNTRACED, exclude_spans=["receive", "send"]
    )
    # This runs inside the lifespan. The lifespan has already built the stack.
    app.middleware_stack = Disbelieving(app.build_middleware_stack())
    try:
        yield
    finally:
        FastAPIInstrumentor.uninstrument_app(app)


class Disbelieving:
    """ASGI application that takes the trace headers off a request to an open path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http" and scope["path"].startswith(OPEN_PREFIXES):
            headers = [(name, value) for name, value in scope["headers"] if name not in _OF_A_TRACE]
            scope = {**scope, "headers": headers}
        await self._app(scope, receive, send)
