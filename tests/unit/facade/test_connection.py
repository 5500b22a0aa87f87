"""A connection to the facade costs little, however a caller without a key behaves on it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from agentic_sales.facade.connection import (
    LARGEST_HEAD_BYTES,
    LONGEST_TARGET_BYTES,
    MOST_HEADERS,
    MOST_PIPELINED,
    BoundedConnection,
)
from agentic_sales.facade.connections import CallerConnections
from agentic_sales.facade.fleet.request_metrics import RequestMetrics
from agentic_sales.local.ports import LOOPBACK
from tests.support.waiting import eventually

HASTY_S = 0.3
"""What the tests' server waits for bytes."""
PATIENCE_S = 20.0
"""How long a test waits for the server to close a connection."""
GET = b"GET / HTTP/1.1\r\nhost: facade\r\n"


@dataclass
class Served:
    """A server on loopback, and what it counts."""

    port: int
    connections: CallerConnections

    async def opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection."""
        return await asyncio.open_connection(LOOPBACK, self.port)

    async def told(self, *parts: bytes) -> tuple[int, bytes]:
        """Send parts of a request; return the status and the body of what comes until the server closes."""
        reader, writer = await self.opened()
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
        except ConnectionError:
            pass  # refused while it was sent
        answer = await asyncio.wait_for(_all(reader), PATIENCE_S)
        writer.close()
        return answer


async def _all(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    return (int(head.split()[1]) if head else 0), body


async def echo(request: Request) -> PlainTextResponse:
    """Answer with the length of the body and the names of the headers."""
    body = await request.body()
    return PlainTextResponse(f"{len(body)} {sorted(request.headers.keys())}")


async def deaf(_: Request) -> PlainTextResponse:
    """Answer without reading the body."""
    return PlainTextResponse("no")


async def endless(_: Request) -> PlainTextResponse:
    """Answer with more than the buffers of a connection hold."""
    return PlainTextResponse("x" * 50_000_000)


@asynccontextmanager
async def serving(*, per_address: int = 100, **limits: float) -> AsyncIterator[Served]:
    """Serve a small application behind bounded connections for as long as the context lasts."""
    waits: dict[str, Any] = {
        "head_within_s": HASTY_S,
        "body_pause_s": HASTY_S,
        "unread_s": HASTY_S,
        "linger_s": HASTY_S,
        **limits,
    }
    connections = CallerConnections(per_address=per_address, requests=RequestMetrics(), **waits)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, Any]]:
        yield {"connections": connections}

    routes = [Route("/", echo, methods=["GET", "POST"]), Route("/deaf", deaf, methods=["POST"]), Route("/big", endless)]
    app = Starlette(routes=routes, lifespan=lifespan)
    config = uvicorn.Config(app, host=LOOPBACK, port=0, http=BoundedConnection, ws="none", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        await asyncio.to_thread(eventually, "the server listens", lambda: server.started)
        yield Served(server.servers[0].sockets[0].getsockname()[1], connections)
    finally:
        server.should_exit = True
        await serving


def code(body: bytes) -> str:
    """Return the code of a refusal, after checking the form of its body."""
    told: dict[str, str] = json.loads(body)
    assert told.keys() == {"detail", "code", "kind", "run_id"}
    return told["code"]


@pytest.mark.parametrize(
    ("head", "status", "reason"),
    [
        (GET + b"a: " + b"b" * 2 * LARGEST_HEAD_BYTES, 431, "head_too_large"),
        (GET + b"".join(b"a%d: b\r\n" % n for n in range(MOST_HEADERS + 1)), 431, "too_many_headers"),
        (GET + b"a: b\r\n" * 50_000, 431, "too_many_headers"),
        (b"GET /" + b"a" * LONGEST_TARGET_BYTES + b" HTTP/1.1\r\n", 414, "target_too_long"),
        (b"GET /?" + b"a" * 10_000_000, 414, "target_too_long"),
        (b"A" * 1_000_000, 400, "invalid_http"),
        (b"GET / HTTP/1.1\r\n a: b\r\n", 400, "invalid_http"),
        (GET, 408, "request_too_slow"),
        (GET + b"a: b", 408, "request_too_slow"),
        (GET + b"transfer-encoding: chunked\r\n\r\n1;" + b"a" * 2 * LARGEST_HEAD_BYTES, 431, "head_too_large"),
        (GET + b"transfer-encoding: chunked\r\n\r\n0\r\na: " + b"b" * 2 * LARGEST_HEAD_BYTES, 431, "head_too_large"),
        (GET + b"transfer-encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * MOST_HEADERS, 431, "too_many_headers"),
        (GET + b"transfer-encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 50_000, 431, "head_too_large"),
        (GET + b"content-length: 10\r\n\r\nabc", 408, "request_too_slow"),
        (GET + b"content-length: -1\r\n\r\n", 400, "invalid_http"),
    ],
)
async def test_a_request_over_a_limit_is_refused_with_the_limit_named(head: bytes, status: int, reason: str) -> None:
    async with serving() as served:
        told, body = await served.told(head)
    assert (told, code(body)) == (status, reason)
    [counted] = [
        s
        for m in served.connections.requests.registry.collect()
        for s in m.samples
        if s.name.startswith("agentic_http_refused_total")
    ]
    assert (counted.labels, counted.value) == ({"reason": reason}, 1)


async def test_a_request_within_the_limits_is_served_and_the_next_one_on_its_connection() -> None:
    lengthy = b"".join(b"h%d: %s\r\n" % (n, b"v" * 600) for n in range(MOST_HEADERS - 3))
    body = (
        b"transfer-encoding: chunked\r\n\r\n"
        + b"".join(b"10\r\nabcdefghijklmnop\r\n" for _ in range(50_000))
        + b"0\r\n"
    )
    async with serving(head_within_s=5, body_pause_s=5) as served:
        first = b"POST /?" + b"q" * (LONGEST_TARGET_BYTES - 10) + b" HTTP/1.1\r\nhost: facade\r\n" + lengthy
        status, told = await served.told(first + body + b"trailer: t\r\n\r\n", GET + b"connection: close\r\n\r\n")
    assert status == 200
    assert told.startswith(b"800000 ")
    assert b"'trailer'" not in told
    assert told.count(b"HTTP/1.1 200") == 1, "the second request was not answered"


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"G"], ids=["nothing", "an empty line", "one letter"])
async def test_a_connection_that_asks_for_nothing_is_closed(sent: bytes) -> None:
    async with serving() as served:
        await served.told(sent)


async def test_one_byte_after_the_other_keeps_no_connection_open() -> None:
    async with serving() as served:
        reader, writer = await served.opened()
        closed = asyncio.create_task(reader.read())
        for byte in GET * 1000:
            writer.write(bytes([byte]))
            await asyncio.wait([closed], timeout=HASTY_S / 10)
            if closed.done():
                break
        assert closed.done()
        writer.close()


async def test_empty_lines_behind_an_answer_keep_no_connection_open() -> None:
    async with serving() as served:
        reader, writer = await served.opened()
        writer.write(GET + b"\r\n")
        closed = asyncio.create_task(reader.read())
        for _ in range(1000):
            writer.write(b"\r\n")
            await asyncio.wait([closed], timeout=HASTY_S / 10)
            if closed.done():
                break
        assert closed.done()
        writer.close()


async def test_a_body_that_nobody_reads_is_not_waited_for() -> None:
    async with serving() as served:
        status, body = await served.told(b"POST /deaf HTTP/1.1\r\nhost: facade\r\ncontent-length: 1000000\r\n\r\nabc")
    assert (status, body) == (200, b"no")


async def test_a_body_without_end_that_nobody_reads_ends_the_connection() -> None:
    async with serving(linger_s=60) as served:
        reader, writer = await served.opened()
        writer.write(b"POST /deaf HTTP/1.1\r\nhost: facade\r\ncontent-length: 999999999\r\n\r\n" + b"a" * 3_000_000)
        told = await asyncio.wait_for(
            reader.read(), PATIENCE_S
        )  # our side ends, long before the time to linger is over
        writer.close()
    assert told.startswith(b"HTTP/1.1 200")


async def test_a_caller_that_does_not_read_its_answer_is_let_go() -> None:
    async with serving() as served:
        reader, writer = await served.opened()
        writer.write(b"GET /big HTTP/1.1\r\nhost: facade\r\n\r\n")
        assert await reader.read(1) == b"H"
        await asyncio.to_thread(eventually, "the server let go", lambda: not served.connections.held)
        writer.close()


async def test_more_requests_at_once_than_may_wait_on_a_connection_close_it() -> None:
    async with serving() as served:
        reader, writer = await served.opened()
        writer.write((GET + b"\r\n") * (MOST_PIPELINED + 10))
        told = await asyncio.wait_for(reader.read(), PATIENCE_S)
        writer.close()
    assert told.count(b"HTTP/1.1 ") < MOST_PIPELINED + 10
    assert told.count(b"HTTP/1.1 200") == told.count(b"HTTP/1.1 ")


async def test_an_address_holds_so_many_connections_and_a_further_one_when_one_has_ended() -> None:
    async with serving(per_address=2, head_within_s=60) as served:
        held = [await served.opened() for _ in range(2)]
        status, body = await served.told(GET)
        assert (status, code(body)) == (503, "too_many_connections")
        held[0][1].close()
        await held[0][1].wait_closed()
        await asyncio.to_thread(eventually, "one has ended", lambda: served.connections.held == 1)
        assert (await served.told(GET + b"connection: close\r\n\r\n"))[0] == 200
        held[1][1].close()


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
    ],
)
def test_the_addresses_of_one_customer_count_as_one(first: str, second: str, *, is_one: bool) -> None:
    connections = CallerConnections(per_address=1, requests=RequestMetrics())
    assert connections.admit(first)
    assert connections.admit(second) is not is_one
