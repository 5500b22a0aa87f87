"""Count the requests of one facade process. It keeps rate and errors and duration by route."""

from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, PlatformCollector, ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agentic_sales.observability.metrics import BUCKETS_S

UNROUTED = "(none)"
"""The route of a request that was refused before one was found."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestMetrics:
    """Counts this facade's requests."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self._total = Counter(
            "agentic_http_requests", "Answers begun.", ("route", "method", "status"), registry=self.registry
        )
        self._duration = Histogram(
            "agentic_http_request_duration_seconds",
            "From a request to the first byte of its answer.",
            ("route", "method"),
            registry=self.registry,
            buckets=BUCKETS_S,
        )

        self._refused = Counter(
            "agentic_http_refused",
            "Requests and connections refused before a route was looked for: too large, too slow, too many.",
            ("reason",),
            registry=self.registry,
        )

    def count_refusal(self, reason: str) -> None:
        """Count a request or a connection that was refused while it was read."""
        self._refused.labels(reason).inc()

    def count(self, route: str, method: str, status: int, duration_s: float) -> None:
        """Count one answer."""
        self._total.labels(route, method, str(status)).inc()
        self._duration.labels(route, method).observe(duration_s)


class Counted:
    """ASGI middleware that counts every answer under its route's template. A path is no label because it holds ids."""

    def __init__(self, app: ASGIApp, *, requests: RequestMetrics) -> None:
        self._app = app
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", UNROUTED)
                self._requests.count(route, _method(scope), message["status"], perf_counter() - began)
            await send(message)

        await self._app(scope, receive, send_counted)


def _method(scope: Scope) -> str:
    """Return a method that HTTP knows. A caller's invented method must not make a new series."""
    method: str = scope["method"]
    return method if method in _METHODS else "OTHER"


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
