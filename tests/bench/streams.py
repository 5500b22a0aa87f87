"""How soon a stream begins: from the request to the first event."""

import asyncio
import time

from pydantic_core import to_json

from tests.bench.load import Load, Measured, WrongAnswer, chunks, request
from tests.bench.processes import Target
from tests.bench.works import ECHO


async def first_events(target: Target, *, seconds: float) -> Measured:
    """Stream one echo run after the other over one connection, and read each to its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    latencies_s: list[float] = []
    end_s = time.perf_counter() + seconds
    try:
        while (asked_s := time.perf_counter()) < end_s:
            body = to_json({"assistant_id": ECHO.assistant_id, "input": ECHO.values(len(latencies_s))})
            writer.write(request("/runs/stream", target.key, body))
            head = await reader.readuntil(b"\r\n\r\n")
            frames = chunks(reader)
            first = await anext(frames)
            latencies_s.append(time.perf_counter() - asked_s)
            if b" 200 " not in head or b"event: metadata" not in first:
                raise WrongAnswer(f"a stream began with {head.decode()}{first.decode()}")
            async for _ in frames:
                pass
    finally:
        writer.close()
    return Measured(Load(1, seconds, 0.0), sorted(latencies_s))
