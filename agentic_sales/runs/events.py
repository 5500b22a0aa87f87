"""Keep what a run says while it runs: an ordered stream of events in Redis, written by its worker, read by anyone.

A reader follows at its own pace and can come back with the id of the last event that it saw; it never slows the run.
Writing is fenced by the attempt, so that a worker that lost its claim cannot stream into another's run.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from agentic_sales.contracts import RunId
from agentic_sales.errors import BrokerUnavailable, InvalidRequest, UnknownRun
from agentic_sales.runs import scripts
from agentic_sales.runs.ledger import ANSWER_TIMEOUT_S, Claim, Ledger, Outcome, events_key, run_key
from agentic_sales.runs.patience import LEDGER_PATIENCE_S, patiently
from agentic_sales.runs.sizes import EVENTS_PER_RESULT, fitting, refuse_too_large
from agentic_sales.settings import settings

MOST_EVENTS = 10_000
"""Events that are kept of one run, roughly; a reader that is further behind has a gap."""
EVENTS_TTL_S = 3600
"""Seconds that the events of a run are kept after its last one."""
FROM_START = "0"
_SPELLINGS_OF_START = {"", "-1"}
"""What LangGraph's SDKs send as the last event id to see a stream from its start."""
_EVENT_ID = re.compile(r"([0-9]{1,20})(?:-([0-9]{1,20}))?")
_LARGEST_PART = 2**64 - 1
"""Redis keeps either part of an id in 64 bits."""
_PAGE = 200
_ENDS = frozenset({"end", "error"})
_AWAY_PAUSE_S = 1.0


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
        self._written_bytes = 0

    async def write(self, event: str, data: bytes) -> bool:
        """Add an event, waiting for a Redis that is away; False, adding nothing, when the claim was lost meanwhile.

        An event whose answer was lost with Redis may be there twice; none is missing.

        Raises:
            ResultTooLarge: The event, or all events of the run together, have more bytes than are kept.
        """
        self._written_bytes += len(fitting(data, "an event"))
        limit_bytes = EVENTS_PER_RESULT * settings().max_result_bytes
        refuse_too_large(self._written_bytes, limit_bytes, "the stream of all events")
        keys = [run_key(self._claim.run_id), events_key(self._claim.run_id)]
        args: list[str | bytes | int] = [self._claim.attempt, EVENTS_TTL_S, MOST_EVENTS, event, data]
        return bool(await patiently(lambda: self._append(keys=keys, args=args), self._claim.run_id))


def start_after(last_event_id: str) -> str:
    """Return the id of the event after which a reader goes on, from what the reader says of it.

    Raises:
        InvalidRequest: It is no id of an event.
    """
    if last_event_id in _SPELLINGS_OF_START:
        return FROM_START
    found = _EVENT_ID.fullmatch(last_event_id)
    if found is None or any(int(part) > _LARGEST_PART for part in found.groups() if part):
        raise InvalidRequest(
            f"`Last-Event-ID` is the `id` of an event of this stream, such as `1795227718393-0`, or -1 for its start; "
            f"not `{last_event_id[:100]}`"
        )
    return last_event_id


async def follow(
    ledger: Ledger, run_id: RunId, *, after: str, idle_s: float
) -> AsyncIterator[RunEvent | Outcome | None]:
    """Yield the events of a run after the one named, as they come, up to its end.

    None stands for a silence. An `Outcome` is the last item of a run that has ended and whose stream does not say so.
    A Redis that is away for less than a minute is a silence.

    Args:
        ledger: The record of runs.
        run_id: The run.
        after: Id of the last event seen; `FROM_START` for all.
        idle_s: After so long without an event, None is yielded, so that the reader can do something else.

    Raises:
        UnknownRun: The ledger does not have the run, or no longer.
        BrokerUnavailable: Redis is away for longer.
    """
    clock = asyncio.get_running_loop().time
    block_s, last_answer_at_s = 0.0, clock()  # The first look does not wait: the run may have ended.
    while True:
        try:
            said = await _look(ledger, run_id, after=after, block_s=block_s)
        except RedisError as exc:
            if clock() - last_answer_at_s > LEDGER_PATIENCE_S:
                raise BrokerUnavailable(f"following run `{run_id}`", exc) from exc
            await asyncio.sleep(_AWAY_PAUSE_S)
            yield None
            continue
        block_s, last_answer_at_s = idle_s, clock()
        for item in said:
            yield item
            if isinstance(item, Outcome) or item.is_end:
                return
            after = item.event_id
        if not said:
            yield None


async def _look(ledger: Ledger, run_id: RunId, *, after: str, block_s: float) -> Sequence[RunEvent] | tuple[Outcome]:
    """Return what a run has said since an event; of one that has ended, at least how."""
    if events := await _read(ledger.redis, run_id, after=after, block_s=block_s):
        return events
    [outcome] = await ledger.outcomes([run_id])
    if outcome is not None:  # It may have said more between the two looks.
        return await _read(ledger.redis, run_id, after=after) or await _end(ledger, run_id) or (outcome,)
    if await ledger.load(run_id) is None:
        raise UnknownRun(run_id)
    return ()


async def _read(redis: Redis, run_id: RunId, *, after: str, block_s: float = 0.0) -> list[RunEvent]:
    """Return a page of events; wait for the first one, if a time is given.

    Redis itself says that none has come in that time, so its answer is awaited for longer than that.
    """
    block: Any = {"block": round(1000 * block_s)} if block_s else {}
    try:
        async with asyncio.timeout(block_s + ANSWER_TIMEOUT_S):
            answer: Any = await redis.xread({events_key(run_id): after}, count=_PAGE, **block)
    except TimeoutError as exc:
        raise RedisTimeoutError(f"no answer within {block_s + ANSWER_TIMEOUT_S:g} s") from exc
    return list(map(_event, chain.from_iterable(entries for _, entries in answer or ())))


async def _end(ledger: Ledger, run_id: RunId) -> list[RunEvent]:
    """Return the last event of a run, if it is the end of its stream."""
    async with ledger.in_time():
        last: Any = await ledger.redis.xrevrange(events_key(run_id), count=1)
    return [event for event in map(_event, last) if event.is_end]


def _event(entry: tuple[bytes, Mapping[bytes, bytes]]) -> RunEvent:
    event_id, fields = entry
    return RunEvent(event_id.decode(), fields[b"event"].decode(), fields[b"data"])
