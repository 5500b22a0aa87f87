"""A facade of a few lines on loopback, for the tests of its callers: answers as it is told, keeps what it was asked."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from tests.support.http_server import QuietHandler, served

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
    class Handler(QuietHandler, BaseHTTPRequestHandler):
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

    with served(Handler) as url:
        told = Facade(url, finished())
        yield told
