"""Keep the events of a run in an ordered Redis stream. Its worker writes them and any reader follows.

A reader follows at its own pace and never slows the run. It can come back with the id of its last event. The attempt
fences each write. So a worker that lost its claim cannot stream into the run of another worker.
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
"""Rough number of events that are kept of one run. A reader that is further behind has a gap."""
EVENTS_TTL_S = 3600
"""Seconds that the events of a run are kept after its last one."""
FROM_START = "0"
_SPELLINGS_OF_START = {"", "-1"}
"""Last event ids that LangGraph's SDKs send to see a stream from its start."""
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
    """Redis' id in the form `milliseconds-sequence`. The ids of one run only grow."""
    event: str
    """Name, such as `values` or `updates|subgraph`."""
    data: bytes
    """JSON."""

    @property
    def is_end(self) -> bool:
        """Say whether this is the last event."""
        return self.event in _ENDS


class EventWriter:
    """Writes the events of one claimed run."""

    def __init__(self, redis: Redis, claim: Claim) -> None:
        self._append = redis.register_script(scripts.APPEND)
        self._claim = claim
        self._written_bytes = 0

    async def write(self, event: str, data: bytes) -> bool:
        """Add an event and wait for an absent Redis. Return False without adding when the claim was lost meanwhile.

        An event can be in the stream twice when Redis went away before its answer. No event is missing.

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
    """Return the id of the event after which a reader goes on.

    Raises:
        InvalidRequest: The reader's word is no id of an event.
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
    """Yield the events of a run after the named one. Wait for new events up to its end.

    None stands for a silence. An `Outcome` is the last item of an ended run without an end in its stream. A Redis that
    is away for less than a minute is a silence.

    Args:
        ledger: The record of runs.
        run_id: The run.
        after: Id of the last event seen. `FROM_START` asks for all.
        idle_s: Silence before None is yielded. The reader can then do something else.

    Raises:
        UnknownRun: The ledger does not have the run (any more).
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
    """Return the events of a run since the given one. An ended run has at least its outcome."""
    if events := await _read(ledger.redis, run_id, after=after, block_s=block_s):
        return events
    [outcome] = await ledger.outcomes([run_id])
    if outcome is not None:  # The run may have added events between the two looks.
        return await _read(ledger.redis, run_id, after=after) or await _end(ledger, run_id) or (outcome,)
    if await ledger.load(run_id) is None:
        raise UnknownRun(run_id)
    return ()


async def _read(redis: Redis, run_id: RunId, *, after: str, block_s: float = 0.0) -> list[RunEvent]:
    """Return a page of events. Wait for the first one if a time is given.

    Redis itself reports an empty wait after that time. So the client waits longer for its answer.
    """
    block: Any = {"block": round(1000 * block_s)} if block_s else {}
    try:
        async with asyncio.timeout(block_s + ANSWER_TIMEOUT_S):
            answer: Any = await redis.xread({events_key(run_id): after}, count=_PAGE, **block)
    except TimeoutError as exc:
        raise RedisTimeoutError(f"no answer within {block_s + ANSWER_TIMEOUT_S:g} s") from exc
    return list(map(_event, chain.from_iterable(entries for _, entries in answer or ())))


async def _end(ledger: Ledger, run_id: RunId) -> list[RunEvent]:
    """Return the last event of a run if it is the end of its stream."""
    async with ledger.in_time():
        last: Any = await ledger.redis.xrevrange(events_key(run_id), count=1)
    return [event for event in map(_event, last) if event.is_end]


def _event(entry: tuple[bytes, Mapping[bytes, bytes]]) -> RunEvent:
    event_id, fields = entry
    return RunEvent(event_id.decode(), fields[b"event"].decode(), fields[b"data"])
