"""Hold runs back in the ledger and admit them to their queue when they may go.

Two kinds of runs are recorded and not published at once. The first kind is not due yet (`after_seconds` or a provider's
pause). The second kind is the batch lane. Three processes ask to admit runs. A facade asks after it recorded a batch
run. A worker asks after its batch run has ended. Every worker asks once a second.

The lanes are here and not in the broker for three reasons. RabbitMQ's quorum queues know no priorities before version
4. A second queue per pool would let batch runs take every child. A queued message cannot be held back any more. So a
queue carries few batch runs. An interactive run finds it short however long the lane is.

A pool with N children keeps two promises. Batch runs hold at most three quarters of the children. So a child is free or
soon free for an interactive run. No batch run starts while an interactive run waits for a child. A pool with one child
can keep nothing free. There an interactive run waits only for the one batch run that executes. A worker that consumes
several queues counts with all its children for each queue.
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
"""Hash from a worker's name to how many runs its children execute at once. `workers.presence` writes it."""
MOST_ADMITTED = 100
"""Due runs that one call admits."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A run that is to be published now."""

    run_id: RunId
    """The run."""
    assistant_id: str
    """Its workflow."""
    headers: Mapping[str, str]
    """Headers of its message. A batch run's headers tell the worker's parent that its end makes place in the lane."""


def is_batch(request: Mapping[str, Any]) -> bool:
    """Say whether a request asks for the batch lane."""
    return request.get("priority") == "batch"


def delay_s(request: Mapping[str, Any]) -> float:
    """Return the least delay of a run in seconds."""
    return float(request.get("after_seconds") or 0)


def is_held(request: Mapping[str, Any]) -> bool:
    """Say whether a run goes to its queue later than it is recorded."""
    return is_batch(request) or delay_s(request) > 0


def held_key(queue: str, request: Mapping[str, Any]) -> str:
    """Name the sorted set of a lane's held runs. The score is the earliest time of admission."""
    return f"agentic:batch:{queue}" if is_batch(request) else f"agentic:held:{queue}"


class Lanes:
    """The lanes as one event loop has them."""

    def __init__(self, redis: Redis) -> None:
        self._admit = redis.register_script(scripts.ADMIT)

    async def admit(self, queue: str) -> list[Admitted]:
        """Take the admissible runs out of the lanes of a queue. The caller publishes them."""
        return _admitted(await self._admit(keys=_keys(queue), args=[queue, MOST_ADMITTED]))


class BlockingLanes:
    """The lanes as a worker's parent process has them."""

    def __init__(self, redis: BlockingRedis) -> None:
        self._admit = redis.register_script(scripts.ADMIT)

    def admit(self, queue: str) -> list[Admitted]:
        """Take the admissible runs out of the lanes of a queue. The caller publishes them."""
        return _admitted(self._admit(keys=_keys(queue), args=[queue, MOST_ADMITTED]))


def _keys(queue: str) -> list[str]:
    return [f"agentic:held:{queue}", f"agentic:batch:{queue}", f"agentic:batch_out:{queue}", CHILDREN_KEY]


def _admitted(raw: Iterable[tuple[bytes, bytes, bytes]]) -> list[Admitted]:
    return [
        Admitted(RunId(run_id.decode()), assistant_id.decode(), {LANE_HEADER: "batch"} if lane == b"batch" else {})
        for run_id, assistant_id, lane in raw
    ]
