"""Serve HTTP on loopback from a thread, by a handler of the test."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from agentic_sales.local.ports import LOOPBACK

POLL_S = 0.01
"""Longest time that the end of a server waits for its thread."""


class QuietHandler(BaseHTTPRequestHandler):
    """A handler that keeps the output of a test clean. Name `BaseHTTPRequestHandler` beside it, as linters ask."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
        """Say nothing."""

    def answer_json(self, status: int, body: object) -> None:
        """Answer with JSON."""
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class Listening(ThreadingHTTPServer):
    """A server that lets many callers connect at one moment. The standard library's refuses the sixth."""

    request_queue_size = 128


@contextmanager
def served(handler: type[BaseHTTPRequestHandler], *, tls: tuple[Path, Path] | None = None) -> Iterator[str]:
    """Serve on a free port for as long as the context lasts. Yield the URL.

    Args:
        handler: Answers the requests.
        tls: Certificate and key of a server that speaks TLS.
    """
    with Listening((LOOPBACK, 0), handler) as server:
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": POLL_S})
        thread.start()
        try:
            yield f"{'https' if tls else 'http'}://{LOOPBACK}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
