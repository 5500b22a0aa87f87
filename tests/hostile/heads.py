"""Send requests that are none over real connections; a caller without a key must not stop the others."""

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from agentic_sales.facade.connection import BoundedConnection
from agentic_sales.facade.connections import CallerConnections
from agentic_sales.facade.fleet.request_metrics import RequestMetrics
from agentic_sales.local.ports import LOOPBACK
from tests.hostile.kinds import Kind
from tests.support.waiting import eventually

WAIT_S = 0.1
"""What the server waits for bytes."""
PATIENCE_S = 10.0
"""How long a connection may stay open."""
ANSWERS = {200, 400, 404, 405, 408, 413, 414, 431, 503}
_PIECES = (
    *(
        b"GET / HTTP/1.1\r\n",
        b"POST / HTTP/1.1\r\n",
        b"host: facade\r\n",
        b"\r\n",
        b"\r",
        b"\n",
        b" ",
        b":",
        b"\x00",
        b"\xff",
    ),
    *(b"content-length: 5\r\n", b"content-length: -1\r\n", b"content-length: 99999999999999999999\r\n"),
    *(
        b"transfer-encoding: chunked\r\n",
        b"transfer-encoding: chunked, identity\r\n",
        b"0\r\n\r\n",
        b"5\r\nabcde\r\n",
        b"ffffffffffffffff\r\n",
    ),
    *(
        b"connection: upgrade\r\nupgrade: websocket\r\n",
        b"upgrade: h2c\r\n",
        b"expect: 100-continue\r\n",
        b"a: b\r\n",
        b"a" * 5000,
    ),
    *(
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET http://other.example/ HTTP/1.1\r\n",
        b"GET /?\xff HTTP/1.1\r\n",
        b"GET / HTTP/9.9\r\n",
    ),
)
HEADS = st.lists(
    st.tuples(st.one_of(st.sampled_from(_PIECES), st.binary(max_size=12)), st.sampled_from((1, 1, 1, 1, 40, 400))).map(
        lambda pair: pair[0] * pair[1]
    ),
    max_size=14,
).map(b"".join)


@dataclass(frozen=True)
class Door:
    """A server on loopback with the facade's connections."""

    port: int

    def check(self, head: bytes) -> None:
        """Send a head: the connection ends, an answer is one that a caller can be given, and the server lives."""
        told = self._told(head)
        assert not told or int(told.split()[1]) in ANSWERS, told[:200]
        after = self._told(b"GET / HTTP/1.1\r\nhost: facade\r\nconnection: close\r\n\r\n")
        assert after.startswith(b"HTTP/1.1 200"), after[:200]

    def _told(self, raw: bytes) -> bytes:
        with socket.create_connection((LOOPBACK, self.port), timeout=PATIENCE_S) as connection:
            told = b""
            try:
                connection.sendall(raw)
                while part := connection.recv(65_536):
                    told += part
            except ConnectionError:
                return told
            return told


async def _echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


@contextmanager
def heads() -> Iterator[Kind]:
    """Serve for as long as the context lasts; the kind's inputs are sent there."""
    waits: dict[str, Any] = dict.fromkeys(("head_within_s", "body_pause_s", "unread_s", "linger_s"), WAIT_S)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, Any]]:
        yield {"connections": CallerConnections(per_address=100, requests=RequestMetrics(), **waits)}

    app = Starlette(routes=[Route("/", _echo, methods=["GET", "POST"])], lifespan=lifespan)
    config = uvicorn.Config(
        app, host=LOOPBACK, port=0, http=BoundedConnection, ws="none", log_config=None, timeout_keep_alive=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        eventually("the server listens", lambda: server.started)
        yield Kind("heads", HEADS, Door(server.servers[0].sockets[0].getsockname()[1]).check)
    finally:
        server.should_exit = True
        thread.join()
