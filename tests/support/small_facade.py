"""A facade of a few lines on loopback, for the tests of its callers: answers as it is told, keeps what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

END_OF_STREAM = b"event: end\r\ndata: null\r\n\r\n"
"""Stream of a run that tells nothing. Its answer is asked for afterwards."""

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Facade:
    """What the server is told, and what it was asked."""

    url: str
    answer: Answer
    requests: list[tuple[dict[str, str], Any]] = field(default_factory=list)

    @property
    def last_headers(self) -> dict[str, str]:
        return self.requests[-1][0]


def answering(status: int, body: object, headers: dict[str, str] | None = None) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        is_stream = handler.path == "/runs/stream" and status == 200 and not isinstance(body, bytes)
        sent = END_OF_STREAM if is_stream else content
        handler.send_response(status)
        for name, value in {"content-length": str(len(sent)), **(headers or {})}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(sent)

    return answer


def finished(**output: Any) -> Answer:
    return answering(200, output)


@pytest.fixture
def facade() -> Iterator[Facade]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            body = json.loads(raw) if raw else None
            told.requests.append(({k.lower(): v for k, v in self.headers.items()} | {":path": self.path}, body))
            told.answer(self)

        do_PATCH = do_POST  # noqa: N815 - http.server's name

        def do_GET(self) -> None:
            told.requests.append(({k.lower(): v for k, v in self.headers.items()} | {":path": self.path}, None))
            told.answer(self)

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told = Facade(f"http://127.0.0.1:{server.server_port}", finished())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield told
    server.shutdown()
    thread.join()
    server.server_close()
