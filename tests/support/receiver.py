"""A webhook receiver on loopback, over real HTTP: it answers what a test says, and remembers what it was told."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from tests.support.http_server import QuietHandler, served

OK = 204


@dataclass(frozen=True)
class Told:
    """One request that came in."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    status: int
    """What it was answered."""


@dataclass
class Receiver:
    """A running receiver."""

    port: int
    statuses: list[int] = field(default_factory=list)
    """What the next requests are answered, in order; 204 when there is none left."""
    told: list[Told] = field(default_factory=list)

    @property
    def netloc(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.netloc}/ended"

    def accepted(self, message_id: str) -> list[Told]:
        """Return what was accepted under an id."""
        return [told for told in self.told if told.status == OK and told.headers["webhook-id"] == message_id]


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Receive on a free port for as long as the context lasts."""

    class Handler(QuietHandler, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = here.statuses.pop(0) if here.statuses else OK
            headers = {name.lower(): value for name, value in self.headers.items()}
            here.told.append(Told(self.path, headers, body, status))
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

    with served(Handler) as url:
        here = Receiver(urlsplit(url).port or 0)
        yield here
