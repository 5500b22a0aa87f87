"""A collector of OpenTelemetry on loopback: it takes spans over OTLP as protobuf, and keeps them and their bytes.

with collector() as spans:
    ...  # spans.environment points a process at it; spans.named("process core") is what it was sent
"""

import gzip
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from tests.support.http_server import QuietHandler, served
from tests.support.waiting import eventually

KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
ERROR = 2


@dataclass(frozen=True)
class Sent:
    """A span as the collector received it."""

    name: str
    """Its name."""
    kind: str
    """`INTERNAL`, `SERVER`, `CLIENT`, `PRODUCER` or `CONSUMER`."""
    trace_id: str
    """32 hexadecimal digits."""
    span_id: str
    """16 hexadecimal digits."""
    parent_id: str
    """16 hexadecimal digits; empty: it is a root."""
    attributes: Mapping[str, object]
    """Its attributes, those of its resource among them."""
    is_error: bool
    """Its status is ERROR."""
    message: str
    """Description of its status."""


@dataclass
class Collector:
    """What the server was sent."""

    url: str
    """Its URL, as `OTEL_EXPORTER_OTLP_ENDPOINT` wants it."""
    spans: list[Sent] = field(default_factory=list)
    """Every span so far."""
    bodies: list[bytes] = field(default_factory=list)
    """Every request body, decompressed."""

    @property
    def environment(self) -> dict[str, str]:
        """Variables that let a process send its spans here, soon after they end."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}

    def of(self, trace_id: str) -> list[Sent]:
        """Return the spans of a trace."""
        return [span for span in self.spans if span.trace_id == trace_id]

    def wait_for(self, trace_id: str, *wanted: str, within_s: float = 20.0) -> dict[str, Sent]:
        """Wait until a trace has spans of these names; return its spans by name, of equal ones the last."""
        return eventually(
            f"trace {trace_id} has {', '.join(wanted)}",
            lambda: {span.name: span for span in self.of(trace_id)},
            lambda found: found.keys() >= set(wanted),
            within_s=within_s,
        )

    def take(self, body: bytes) -> None:
        """Keep what one request holds."""
        self.bodies.append(body)
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            common = {a.key: _plain(a.value) for a in of_resource.resource.attributes}
            for scope in of_resource.scope_spans:
                for span in scope.spans:
                    self.spans.append(
                        Sent(
                            name=span.name,
                            kind=KINDS[span.kind],
                            trace_id=span.trace_id.hex(),
                            span_id=span.span_id.hex(),
                            parent_id=span.parent_span_id.hex(),
                            attributes=common | {a.key: _plain(a.value) for a in span.attributes},
                            is_error=span.status.code == ERROR,
                            message=span.status.message,
                        )
                    )


@contextmanager
def collector() -> Iterator[Collector]:
    """Run a collector for as long as the context lasts."""

    class Handler(QuietHandler, BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = body_of(self)
            collected.take(gzip.decompress(body) if self.headers["content-encoding"] == "gzip" else body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

    with served(Handler) as url:
        collected = Collector(url)
        yield collected


def body_of(handler: BaseHTTPRequestHandler) -> bytes:
    """Read the body of a request, also one that comes in chunks, as JavaScript's exporter sends it."""
    if handler.headers["transfer-encoding"] != "chunked":
        return handler.rfile.read(int(handler.headers["content-length"] or 0))
    body = b""
    while size := int(handler.rfile.readline(), 16):
        body += handler.rfile.read(size)
        handler.rfile.readline()
    handler.rfile.readline()
    return body


def _plain(value: AnyValue) -> object:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(member) for member in value.array_value.values]
    return getattr(value, kind) if kind else None
