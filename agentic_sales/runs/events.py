"""Keep what a run says while it runs: an ordered stream of events in Redis, written by its worker, read by anyone.

A reader follows at its own pace and can come back with the id of the last event that it saw; it never slows the run.
Writing is fenced by the attempt, so that a worker that lost its claim cannot stream into another's run.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from redis.asyncio import Redis

from agentic_sales.contracts import RunId
from agentic_sales.runs import scripts
from agentic_sales.runs.ledger import Claim, events_key, run_key
from agentic_sales.runs.patience import patiently

MOST_EVENTS = 10_000
"""Events that are kept of one run, roughly; a reader that is further behind has a gap."""
EVENTS_TTL_S = 3600
"""Seconds that the events of a run are kept after its last one."""
FROM_START = "0"
_PAGE = 200
_ENDS = frozenset({"end", "error"})


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One event of a run."""

    event_id: str
    """Redis' id, `milliseconds-sequence`; ids of one run only grow."""
    event: str
    """Name, such as `values` or `updates|subgraph`."""
    data: bytes
    """JSON."""

    @property
    def is_end(self) -> bool:
        """Say whether nothing follows."""
        return self.event in _ENDS


class EventWriter:
    """Writes the events of one claimed run."""

    def __init__(self, redis: Redis, claim: Claim) -> None:
        self._append = redis.register_script(scripts.APPEND)
        self._claim = claim

    async def write(self, event: str, data: bytes) -> bool:
        """Add an event, waiting for a Redis that is away; False, adding nothing, when the claim was lost meanwhile.

        An event whose answer was lost with Redis may be there twice; none is missing.
        """
        keys = [run_key(self._claim.run_id), events_key(self._claim.run_id)]
        args: list[str | bytes | int] = [self._claim.attempt, EVENTS_TTL_S, MOST_EVENTS, event, data]
        return bool(await patiently(lambda: self._append(keys=keys, args=args), self._claim.run_id))


async def follow(redis: Redis, run_id: RunId, *, after: str, idle_s: float) -> AsyncIterator[RunEvent | None]:
    """Yield the events of a run after the one named, as they come, up to its end.

    Args:
        redis: A client whose connections may block.
        run_id: The run.
        after: Id of the last event seen; `FROM_START` for all.
        idle_s: After so long without an event, None is yielded once, so that the reader can do something else.
    """
    key = events_key(run_id)
    while True:
        answer: Any = await redis.xread({key: after}, count=_PAGE, block=round(1000 * idle_s))
        if not answer:
            yield None
        for event_id, fields in chain.from_iterable(entries for _, entries in answer):
            event = RunEvent(event_id.decode(), fields[b"event"].decode(), fields[b"data"])
            yield event
            if event.is_end:
                return
            after = event.event_id
