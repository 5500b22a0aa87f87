"""Read the requests of one connection with limits on every byte that is no body.

uvicorn reads a head of any size and waits for it without end. Measured before these limits: 200 MB of small headers
took the facade to 2.9 GB. One header of 200 MB stopped `/health` for 8 s. Neither needed a key. The guard and the
application limit the size of a body.
"""

import asyncio

import httptools
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from agentic_sales.facade.answers import error_answer
from agentic_sales.facade.connections import CallerConnections

LONGEST_TARGET_BYTES = 8 * 1024
"""Longest path and query. An unsubscribe link of ours has under 300."""
LARGEST_HEAD_BYTES = 64 * 1024
"""Largest head. Four trace headers of 8 KiB fit. Frames of chunks and trailers may take this and the body's size."""
MOST_HEADERS = 100
MOST_UNREAD_BYTES = 1024 * 1024
"""Bytes that may still come of a body after its answer. Behind them the connection is closed."""
MOST_PIPELINED = 16
"""Requests that may wait behind the one in work. An answer costs about 1,000 times the 18 bytes of its request."""
PIECE_BYTES = 16 * 1024
"""Bytes that the parser gets at a time. A limit is exceeded by no more than this."""
STALLED_S = 1.0
"""A timer that fires this late shows that the event loop stood still.

The caller then gets as long once more. It gets that only once because a caller can keep the loop busy.
"""


class _RequestRefusedError(Exception):
    """Raised inside a callback of the parser to stop it."""


class BoundedConnection(HttpToolsProtocol):
    """One HTTP connection of the facade."""

    _limits: CallerConnections
    _address: str | None = None
    _due_at: float | None = None
    _spared_at: float | None = None
    _timer: asyncio.TimerHandle | None = None
    _refusal: tuple[int, str, str] | None = None
    _has_ended = False
    _is_reading = False
    _has_head = False
    _header_count = 0
    _overhead_bytes = 0
    _body_bytes = 0
    _body_began_at = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Take a connection. Answer 503 where its address holds too many."""
        super().connection_made(transport)
        self._limits = self.app_state["connections"]
        if self.client is not None and not self._limits.admit(self.client[0]):
            detail = f"this address holds {self._limits.per_address} connections, the most that it may"
            self._answer_and_close(503, "too_many_connections", detail)
            return
        self._address = self.client[0] if self.client is not None else None
        self._wait(self._limits.head_within_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self._timer is not None:
            self._timer.cancel()
        if self._address is not None:
            self._limits.release(self._address)
            self._address = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the received bytes in pieces. Drop them where the request has been refused."""
        self._unset_keepalive_if_required()
        for start in range(0, len(data), PIECE_BYTES):
            if self._has_ended or self.transport.is_closing():
                return
            self._parse(data[start : start + PIECE_BYTES])
        if self._due_at is None and not self._is_reading and self._is_idle():
            self._wait(self._limits.head_within_s)  # bytes that begin no request keep nothing open

    def _parse(self, piece: bytes) -> None:
        self._overhead_bytes += len(piece)
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            return  # the request was served as plain HTTP/1.1 because this server speaks nothing else
        except httptools.HttpParserError:
            self._refused(*(self._refusal or (400, "invalid_http", "this is not an HTTP/1.1 request")))
            return
        if self._overhead_bytes > LARGEST_HEAD_BYTES + self._body_bytes:
            self._refused(431, "head_too_large", f"head, trailer or frames are larger than {LARGEST_HEAD_BYTES} bytes")
        elif self._is_answered() and self._body_bytes > MOST_UNREAD_BYTES:
            self._end()

    def on_message_begin(self) -> None:
        """Start to count."""
        super().on_message_begin()
        self._is_reading, self._has_head = True, False
        self._header_count = self._overhead_bytes = self._body_bytes = 0
        self._wait(self._limits.head_within_s)

    def on_url(self, url: bytes) -> None:
        """Keep a part of the target."""
        super().on_url(url)
        if len(self.url) > LONGEST_TARGET_BYTES:
            self._stop(414, "target_too_long", f"path and query are longer than {LONGEST_TARGET_BYTES} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header. A trailer is dropped because the application has seen the head already."""
        self._header_count += 1
        if self._header_count > MOST_HEADERS:
            self._stop(431, "too_many_headers", f"there are more than {MOST_HEADERS} headers and trailers")
        if not self._has_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the request."""
        if len(self.pipeline) >= MOST_PIPELINED:
            self._stop(400, "too_many_requests_at_once", f"more than {MOST_PIPELINED} requests wait on a connection")
        self._has_head, self._overhead_bytes, self._body_began_at = True, 0, self.loop.time()
        self._wait(self._limits.body_pause_s)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass a part of the body on."""
        self._overhead_bytes -= len(body)
        self._body_bytes += len(body)
        if not self.cycle.response_complete:
            self._wait_for_body()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for nothing more of this request."""
        self._is_reading, self._due_at = False, None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on to the next request. The rest of an unread body may come for a moment."""
        super().on_response_complete()
        if self._is_answered():
            self._wait(self._limits.linger_s)

    def pause_writing(self) -> None:
        """Wait until the caller reads its answer, but not for ever."""
        super().pause_writing()
        self._wait(self._limits.unread_s)

    def resume_writing(self) -> None:
        """Go on to write."""
        super().resume_writing()
        if not self._has_ended:
            self._due_at = None

    def _is_idle(self) -> bool:
        return (cycle := self._latest()) is None or cycle.response_complete

    def _is_answered(self) -> bool:
        """Tell whether the request that is being read has its answer already."""
        return self._is_reading and self._has_head and self._is_idle()

    def _latest(self) -> RequestResponseCycle | None:
        return self.cycle  # uvicorn's annotation leaves out that there is none before the first head

    def _wait_for_body(self) -> None:
        limits = self._limits
        slowest_s = limits.body_pause_s + self._body_bytes / limits.slowest_body_bytes_per_s
        self._wait(min(limits.body_pause_s, self._body_began_at + slowest_s - self.loop.time()))

    def _wait(self, within_s: float) -> None:
        """Close the connection unless it gets on within a time. The timer is moved only when it must fire earlier."""
        self._due_at = self.loop.time() + within_s
        if self._timer is not None and self._timer.when() > self._due_at:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self.loop.call_at(self._due_at, self._look, self._due_at)

    def _look(self, expected_at: float) -> None:
        self._timer = None
        now = self.loop.time()
        if self._due_at is None or self.transport.is_closing():
            return
        if self.flow.read_paused:
            self._wait(STALLED_S)
        elif now - expected_at > STALLED_S and self._spared_at != self._due_at:
            self._spared_at = self._due_at
            self._timer = self.loop.call_at(now + STALLED_S, self._look, now + STALLED_S)
        elif now < self._due_at:
            self._wait(self._due_at - now)
        else:
            self._give_up()

    def _give_up(self) -> None:
        if self._has_ended or self.flow.write_paused or not self._is_reading or not self._is_first_unanswered():
            self.transport.abort()
            return
        self._refused(408, "request_too_slow", "the request did not arrive in time")

    def _is_first_unanswered(self) -> bool:
        """Tell whether an answer written now belongs to the request that is being read and not to an earlier one."""
        if self.pipeline:
            return False
        if self._is_idle():
            return not self._is_answered()
        return self._has_head and self.cycle.more_body and not self.cycle.response_started

    def _stop(self, status: int, code: str, detail: str) -> None:
        self._refusal = (status, code, detail)
        raise _RequestRefusedError(code)

    def _refused(self, status: int, code: str, detail: str) -> None:
        if self._is_first_unanswered():
            self._answer_and_close(status, code, detail)
        else:
            self.transport.close()

    def _answer_and_close(self, status: int, code: str, detail: str) -> None:
        """Answer instead of the application."""
        if (cycle := self._latest()) is not None:
            cycle.disconnected = True  # its application may not write behind this answer
            cycle.message_event.set()
        self._limits.requests.count_refusal(code)
        self.transport.write(written(error_answer(status, code, detail, headers={"connection": "close"})))
        self._end()

    def _end(self) -> None:
        """Send no more. Drop the bytes that still come for a moment."""
        self._has_ended = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._wait(self._limits.linger_s)


def written(answer: Response) -> bytes:
    """Return an answer as its bytes in HTTP/1.1."""
    head = b"".join(name + b": " + value + b"\r\n" for name, value in answer.raw_headers)
    return STATUS_LINE[answer.status_code] + head + b"\r\n" + bytes(answer.body)
