"""Open a span for every HTTP request to the facade, by OpenTelemetry's instrumentation of FastAPI.

It stands before the guard, so a request that the guard refuses has a span too: `spans.refuse_caller` drops it, with
whatever its headers claimed. Health checks have none.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.trace import TracerProvider

from agentic_sales.routing import HEALTH_PATHS, METRICS_PATH

_UNTRACED = ",".join(f"{path}$" for path in (*HEALTH_PATHS, METRICS_PATH))


@contextmanager
def requests_traced(app: FastAPI, provider: TracerProvider) -> Iterator[None]:
    """Open a span for every request to a running application, for as long as the body lasts."""
    FastAPIInstrumentor.instrument_app(
        app, tracer_provider=provider, excluded_urls=_UNTRACED, exclude_spans=["receive", "send"]
    )
    app.middleware_stack = app.build_middleware_stack()  # the lifespan, which this is part of, has built it already
    try:
        yield
    finally:
        FastAPIInstrumentor.uninstrument_app(app)
