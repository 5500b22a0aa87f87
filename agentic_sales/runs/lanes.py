"""Hold runs back in the ledger, and say which of them may go to their queue now.

Two kinds of runs are recorded and not published at once: those that are not due yet (`after_seconds`, a provider's
pause) and those of the batch lane. Whoever has reason to think that something may go asks to admit: a facade that
recorded a batch run, a worker whose batch run has ended, and every worker once a second.

Why the lanes are here and not in the broker: RabbitMQ's quorum queues know no priorities before version 4, a second
queue per pool would let batch runs take every child, and what is in a queue cannot be held back any more. A queue
therefore carries few batch runs, and an interactive run that comes finds it short, whatever waits in the lane.

What is promised of a pool with N children: batch runs hold at most three quarters of them, so that a child is free or
soon free for an interactive run, and none starts while an interactive run waits for a child. With one child nothing
can be kept free; an interactive run then waits for the one batch run that executes, and for no other. A worker that
consumes several queues counts with all its children for each.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from agentic_sales.contracts import RunId
from agentic_sales.runs import scripts

LANE_HEADER = "lane"
"""Header of a batch run's message."""
CHILDREN_KEY = "agentic:children"
"""Hash from a worker's name to the number of its children; `workers.presence` writes it."""
MOST_ADMITTED = 100
"""Runs that one call admits of what has come due."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A run that is to be published now."""

    run_id: RunId
    """The run."""
    assistant_id: str
    """Its workflow."""
    headers: Mapping[str, str]
    """Headers of its message; a batch run's tell the worker's parent that its end makes place in the lane."""


def is_batch(request: Mapping[str, Any]) -> bool:
    """Say whether a request asks for the batch lane."""
    return request.get("priority") == "batch"


def delay_s(request: Mapping[str, Any]) -> float:
    """Return how long a run is to be held back at least, in seconds."""
    return float(request.get("after_seconds") or 0)


def is_held(request: Mapping[str, Any]) -> bool:
    """Say whether a run goes to its queue later than it is recorded."""
    return is_batch(request) or delay_s(request) > 0


def held_key(queue: str, request: Mapping[str, Any]) -> str:
    """Name the sorted set in which a run is held back; a run's score is when it may go."""
    return f"agentic:batch:{queue}" if is_batch(request) else f"agentic:held:{queue}"


class Lanes:
    """The lanes as one event loop has them."""

    def __init__(self, redis: Redis) -> None:
        self._admit = redis.register_script(scripts.ADMIT)

    async def admit(self, queue: str) -> list[Admitted]:
        """Take what may go now out of the lanes of a queue; the caller publishes it."""
        return _admitted(await self._admit(keys=_keys(queue), args=[queue, MOST_ADMITTED]))


class BlockingLanes:
    """The lanes as a worker's parent process has them."""

    def __init__(self, redis: BlockingRedis) -> None:
        self._admit = redis.register_script(scripts.ADMIT)

    def admit(self, queue: str) -> list[Admitted]:
        """Take what may go now out of the lanes of a queue; the caller publishes it."""
        return _admitted(self._admit(keys=_keys(queue), args=[queue, MOST_ADMITTED]))


def _keys(queue: str) -> list[str]:
    return [f"agentic:held:{queue}", f"agentic:batch:{queue}", f"agentic:batch_out:{queue}", CHILDREN_KEY]


def _admitted(raw: Iterable[tuple[bytes, bytes, bytes]]) -> list[Admitted]:
    return [
        Admitted(RunId(run_id.decode()), assistant_id.decode(), {LANE_HEADER: "batch"} if lane == b"batch" else {})
        for run_id, assistant_id, lane in raw
    ]
