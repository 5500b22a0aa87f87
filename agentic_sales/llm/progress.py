"""Tell how far a run is, as custom events of its stream: `{"stage", "done", "of", "note"}`.

A run that finds things one by one tells each of them: `{"event", …}`. While nothing happens it tells that it lives.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from langgraph.config import get_stream_writer

HEARTBEAT_S = 5.0
"""Seconds between two signs of life."""


def tell_progress(stage: str, done: int, of: int, note: str = "") -> None:
    """Send one event to the readers of the run's stream. Without a reader, or outside a run, nothing is sent.

    Args:
        stage: Name of the node or of a part of it.
        done: Parts that are done.
        of: Parts in all. 0: nobody knows yet.
        note: A few words on the last part.
    """
    try:
        write = get_stream_writer()
    except RuntimeError:  # outside a graph, as in a test of one node
        return
    write({"stage": stage, "done": done, "of": of, "note": note})


def tell_event(event: str, **told: object) -> None:
    """Send one event of a name to the readers of the run's stream. Without a reader, or outside a run, nothing is sent.

    Args:
        event: Name of the event, such as `found`.
        **told: Its members, as JSON has them.
    """
    try:
        write = get_stream_writer()
    except RuntimeError:  # as above
        return
    write({"event": event, **told})


@asynccontextmanager
async def beating(stage: str, *, every_s: float = HEARTBEAT_S) -> AsyncIterator[None]:
    """Send the event `heartbeat` every few seconds until the body ends.

    Args:
        stage: Name of the node.
        every_s: Seconds between two events.
    """

    async def beat() -> None:
        begun_s = time.monotonic()
        while True:
            await asyncio.sleep(every_s)
            tell_event("heartbeat", stage=stage, elapsed_s=round(time.monotonic() - begun_s, 1))

    beats = asyncio.create_task(beat())
    try:
        yield
    finally:
        beats.cancel()
