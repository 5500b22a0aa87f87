"""Serve the sample world on loopback: every service below a path of its own, every site by its host name.

Its DNS server listens on the same number by UDP.

    with serve_world() as world:
        environment = world.environment()

`environment` names the settings that lead the product's clients here. Nothing leaves this machine.
"""

import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseServer
from threading import Thread
from urllib.parse import unquote, urlsplit

from agentic_sales.local.world.companies import FILES, Companies, load_companies
from agentic_sales.local.world.exchange import Asked, WorldAnswer, as_json, query_of
from agentic_sales.local.world.mail import MailDns
from agentic_sales.local.world.meters import Meters
from agentic_sales.local.world.misbehaviour import Kind, Misbehaviours, misbehave
from agentic_sales.local.world.services import SERVICES, SITES

_LOOPBACK = "127.0.0.1"
_WIDE = "*=100000/1"
_OK, _NOT_MODIFIED = 200, 304
_ANY_KEY = "sample-world"
_CONTACT = "ops@sample-world.example"
_KEYS = (
    *("GITHUB_TOKEN", "BRAVE_API_KEY", "TAVILY_API_KEY", "SERPER_API_KEY", "YOUTUBE_API_KEY"),
    *("OPENALEX_API_KEY", "SEMANTIC_SCHOLAR_API_KEY", "HF_TOKEN"),
)


@dataclass(frozen=True)
class Visit:
    """One request that came in."""

    service: str
    method: str
    target: str
    """Path below the base URL with the query."""
    headers: Mapping[str, str]
    status: int
    at_s: float
    """Monotonic clock when it was read."""


@dataclass
class WorldServer:
    """A running world."""

    companies: Companies
    meters: Meters
    base_url: str = ""
    failures: Misbehaviours = field(default_factory=Misbehaviours)
    visits: list[Visit] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        """Return the settings that lead here, by their environment names."""
        urls = {service.setting: f"{self.base_url}/{name}" for name, service in SERVICES.items()}
        limits = {} if self.meters.are_real else {"AGENTIC_SALES_SOURCE_LIMITS": _WIDE}
        keys = dict.fromkeys(_KEYS, _ANY_KEY)
        here = {
            "AGENTIC_SALES_EXAMPLE_SITES_URL": self.base_url,
            "AGENTIC_SALES_DNS": self.base_url.removeprefix("http://"),
            "AGENTIC_SALES_CONTACT_EMAIL": _CONTACT,
        }
        return {**urls, **here, **limits, **keys}

    def misbehave(self, kind: Kind, service: str | None = None, times: int | None = None) -> None:
        """Let services fail from now on, see `Misbehaviour`."""
        self.failures.add(kind, service, times)


class _Server(ThreadingHTTPServer):
    """A server that knows its world."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, world: WorldServer) -> None:
        super().__init__((_LOOPBACK, port), _WorldConnection)
        self.world = world
        world.base_url = f"http://{_LOOPBACK}:{self.server_port}"


class _WorldConnection(BaseHTTPRequestHandler):
    """The requests of one connection."""

    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:  # http.server finds it by this name
        """Answer a GET."""
        self._answer()

    def do_POST(self) -> None:  # as above
        """Answer a POST."""
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server names it so
        """Say nothing. The terminal belongs to the caller."""

    def _answer(self) -> None:
        at_s, world = time.monotonic(), self.server.world
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        host = headers.get("host", "").partition(":")[0]
        url = urlsplit(self.path)
        if host.endswith(".example"):
            name, path, base_url, respond = "sites", url.path, f"https://{host}", SITES
        else:
            name, _, rest = url.path.lstrip("/").partition("/")
            path, base_url = f"/{rest}", f"{world.base_url}/{name}"
            respond = SERVICES[name].respond if name in SERVICES else _nothing_here
        asked = Asked(
            self.command, unquote(path), query_of(url.query), headers, body, base_url, world.companies, world.meters
        )
        kind = world.failures.kind_for(name)
        answer = respond(asked) if kind is None else misbehave(kind, name, asked, respond)
        answer = _conditional(asked, answer)
        target = f"{path}?{url.query}" if url.query else path
        world.visits.append(Visit(name, self.command, target, headers, answer.status, at_s))
        self._send(answer, is_cut=kind == "cut-off")

    def _send(self, answer: WorldAnswer, *, is_cut: bool) -> None:
        if answer.status == 0:  # A site whose server is gone.
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        try:
            self.wfile.write(answer.body[: len(answer.body) // 2] if is_cut else answer.body)
            self.wfile.flush()
        except OSError:  # The visitor left.
            self.close_connection = True
        self.close_connection = self.close_connection or is_cut


def _conditional(asked: Asked, answer: WorldAnswer) -> WorldAnswer:
    """Give an answer of JSON an ETag, and answer 304 to who has it."""
    if asked.method != "GET" or answer.status != _OK or not answer.body.startswith((b"{", b"[")):
        return answer
    etag = f'"{sha256(answer.body).hexdigest()[:32]}"'
    if asked.headers.get("if-none-match") == etag:
        return WorldAnswer(_NOT_MODIFIED, {**answer.headers, "ETag": etag})
    return answer.with_headers({"ETag": etag})


def _nothing_here(asked: Asked) -> WorldAnswer:
    return as_json({"message": f"the sample world has no service at {asked.base_url}"}, 404)


@contextmanager
def serve_world(port: int = 0, *, folder: Path = FILES, has_real_limits: bool = False) -> Iterator[WorldServer]:
    """Serve a world while the context lasts.

    Args:
        port: Port on loopback. 0: a free one.
        folder: Directory of its companies.
        has_real_limits: The services count by their real limits, and the clients keep to them. Else both are wide.
    """
    world = WorldServer(load_companies(folder), Meters(are_real=has_real_limits))
    with (
        _Server(port, world) as server,
        MailDns((_LOOPBACK, server.server_port), world.companies, world.failures.kind_for) as dns,
        _serving(server),
        _serving(dns),
    ):
        yield world


@contextmanager
def _serving(server: BaseServer) -> Iterator[None]:
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="sample-world", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
