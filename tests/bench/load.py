"""Load one thing by callers that each ask again as soon as they have their answer, and check every answer."""

import asyncio
import itertools
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json, to_json

Ask = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
"""Runs a workflow with an input and returns its final state."""
OpenCaller = Callable[[], AbstractAsyncContextManager[Ask]]
"""Makes one caller, with a connection of its own where it needs one."""

_MOST_HEAD_BYTES = 65_536


class WrongAnswer(Exception):
    """Raised when an answer is not the one that the input has; a benchmark of wrong answers has no sense."""


@dataclass(frozen=True, slots=True)
class Question:
    """What every caller asks, a little different each time."""

    assistant_id: str
    """Workflow to run."""
    values: Callable[[int], dict[str, Any]]
    """Input of the question with this number."""
    answer: Callable[[int], dict[str, Any]]
    """The one right final state of the question with this number."""


@dataclass(frozen=True, slots=True)
class Load:
    """How hard, and for how long."""

    callers: int
    """Callers that ask at the same time."""
    seconds: float
    """Length of the measured part."""
    warm_up_s: float
    """Length of the part before it, which is not measured."""
    pause_s: float = 0.0
    """Time that a caller waits after an answer."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of a load."""

    load: Load
    """The load."""
    latencies_s: list[float]
    """Time of every measured answer, sorted."""

    @property
    def runs_per_s(self) -> float:
        """Answers per second."""
        return len(self.latencies_s) / self.load.seconds

    def percentile_ms(self, percent: float) -> float:
        """Return the latency that this percentage of the answers did not exceed, in milliseconds."""
        if not self.latencies_s:
            return math.nan
        rank = math.ceil(percent / 100 * len(self.latencies_s)) - 1
        return 1000 * self.latencies_s[max(rank, 0)]


async def measure(
    open_caller: OpenCaller,
    question: Question,
    load: Load,
    *,
    on_begin: Callable[[], None] = lambda: None,
    on_end: Callable[[], None] = lambda: None,
) -> Measured:
    """Put a load on something; an answer that has not come when the time is over is not waited for.

    Args:
        open_caller: Makes each of the callers.
        question: What they ask.
        load: How many they are and how long they ask.
        on_begin: Called when the warm-up is over.
        on_end: Called when the measured time is over.

    Raises:
        WrongAnswer: Any answer was not the right one.
    """
    numbers = itertools.count()
    begin_s = time.perf_counter() + load.warm_up_s
    loop = asyncio.get_running_loop()
    loop.call_later(load.warm_up_s, on_begin)
    loop.call_later(load.warm_up_s + load.seconds, on_end)
    calls = [_call(open_caller, question, numbers, load, begin_s) for _ in range(load.callers)]
    latencies_s = itertools.chain.from_iterable(await asyncio.gather(*calls))
    return Measured(load, sorted(latencies_s))


async def _call(
    open_caller: OpenCaller,
    question: Question,
    numbers: "itertools.count[int]",
    load: Load,
    begin_s: float,
) -> list[float]:
    latencies_s: list[float] = []
    end_s = begin_s + load.seconds
    async with open_caller() as ask:
        with suppress(TimeoutError):
            async with asyncio.timeout(end_s - time.perf_counter()):
                while True:
                    asked_s, number = time.perf_counter(), next(numbers)
                    answer = await ask(question.values(number))
                    answered_s = time.perf_counter()
                    if answer != question.answer(number):
                        raise WrongAnswer(f"question {number} of `{question.assistant_id}` was answered {answer!r}")
                    if begin_s <= answered_s < end_s:
                        latencies_s.append(answered_s - asked_s)
                    if load.pause_s:
                        await asyncio.sleep(load.pause_s)
    return latencies_s


def request(path: str, key: str, body: bytes) -> bytes:
    """Make the bytes of a POST request."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {key}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@asynccontextmanager
async def http_caller(port: int, assistant_id: str, key: str) -> AsyncIterator[Ask]:
    """Call `POST /runs/wait` on loopback over one connection that is kept alive; nothing but sockets and bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=_MOST_HEAD_BYTES)

    async def ask(values: dict[str, Any]) -> dict[str, Any]:
        body = to_json({"assistant_id": assistant_id, "input": values, "on_disconnect": "cancel"})
        writer.write(request("/runs/wait", key, body))
        status, content = await _response(reader)
        if status != b"200":
            raise WrongAnswer(f"`{assistant_id}` was answered with status {status.decode()}: {content.decode()}")
        answer: dict[str, Any] = from_json(content)
        return answer

    try:
        yield ask
    finally:
        writer.close()


async def _response(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, is_sized, rest = head.partition(b"content-length:")
    if is_sized:
        return head[9:12], await reader.readexactly(int(rest[: rest.index(b"\r\n")]))
    return head[9:12], b"".join([chunk async for chunk in chunks(reader)])


async def chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Read the body of an answer whose length is not known beforehand (`Transfer-Encoding: chunked`)."""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        yield (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
