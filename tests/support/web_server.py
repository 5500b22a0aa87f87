"""Serve web pages on loopback over real HTTP, and remember what was asked."""

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic

HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Answer:
    """What the server says to one path."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    """Seconds before anything is sent; cut short when the server ends."""
    drip_s: float = 0.0
    """Seconds between two bytes of the body; 0.0: it is sent at once."""
    drips_for_ever: bool = False
    """True: the body begins again when it is over."""


@dataclass(frozen=True)
class Visit:
    """One request that came in."""

    path: str
    headers: Mapping[str, str]
    started_s: float
    """Monotonic clock when the request was read, in seconds."""
    answered_s: float
    """The same when the answer began."""


@dataclass
class WebServer:
    """A running server."""

    port: int
    answers: dict[str, Answer] = field(default_factory=dict)
    visits: list[Visit] = field(default_factory=list)
    is_closing: threading.Event = field(default_factory=threading.Event)

    @property
    def netloc(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.netloc}"

    @property
    def paths(self) -> list[str]:
        return [visit.path for visit in self.visits]


def html(body: str, status: int = 200) -> Answer:
    return Answer(body.encode(), status, {"Content-Type": HTML})


def text(body: str, status: int = 200, content_type: str = "text/plain") -> Answer:
    return Answer(body.encode(), status, {"Content-Type": content_type})


def redirect(location: str, status: int = 302) -> Answer:
    return Answer(status=status, headers={"Location": location})


def links(*hrefs: str) -> Answer:
    return html("".join(f'<p><a href="{href}">{href}</a></p>' for href in hrefs))


@contextmanager
def web_server(answers: Mapping[str, Answer], tls: ssl.SSLContext | None = None) -> Iterator[WebServer]:
    """Serve the answers by path; every other path is a 404."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as http:
        if tls:
            http.socket = tls.wrap_socket(http.socket, server_side=True)
        server = WebServer(http.server_port, dict(answers))
        http.RequestHandlerClass = _handler(server)
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.is_closing.set()
            http.shutdown()
            thread.join()


def _handler(server: WebServer) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.do_GET()

        def do_GET(self) -> None:
            started_s = monotonic()
            answer = server.answers.get(self.path, Answer(b"not here", 404, {"Content-Type": "text/plain"}))
            server.is_closing.wait(answer.delay_s)
            server.visits.append(Visit(self.path, dict(self.headers), started_s, monotonic()))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            try:
                self.end_headers()
                _send(answer, self.wfile.write, server.is_closing)
            except OSError:
                self.close_connection = True  # The visitor left, which some tests are about.

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server names it so
            pass

    return Handler


def _send(answer: Answer, write: Callable[[bytes], object], is_closing: threading.Event) -> None:
    if not answer.drip_s:
        write(answer.body)
        return
    while not is_closing.is_set():
        for byte in answer.body:
            write(bytes([byte]))
            if is_closing.wait(answer.drip_s):
                return
        if not answer.drips_for_ever:
            return
