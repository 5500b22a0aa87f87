"""Ask the ledger for a thread's holder and for the pause of its last run and for its runs.

The ledger is ahead of the database. The database is told of a run's end a moment later. So a question about one thread
goes to the ledger too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, count
from typing import Any

from redis.asyncio import Redis

from agentic_sales.contracts import RunFailure, RunId
from agentic_sales.runs import scripts
from agentic_sales.runs.ledger import Ledger, RunRecord, run_key
from agentic_sales.store.threads import ThreadEnd
from agentic_sales.wire import from_wire

BUSY_KEY = "agentic:threads:busy"
"""Set of the threads that runs hold."""
CHANGED_KEY = "agentic:threads:changed"
"""Sorted set of the threads whose rest the database does not know yet. The score is the start of that."""
_THREAD_FIELDS = ("status", "pause", "assistant_id", "ended_at", "failed_by", "answered_by")
_LIVE = {b"pending", b"running"}
RUNS_AT_ONCE = 50
"""Records that are read from Redis at a time."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A thread whose rest the database does not know yet."""

    thread_id: str
    """The thread."""
    since_s: float
    """Start of the change in epoch seconds. Another time means that the thread has changed again."""


def thread_key(thread_id: str) -> str:
    """Name the hash of a thread."""
    return f"agentic:thread:{thread_id}"


def runs_key(thread_id: str) -> str:
    """Name the sorted set of a thread's runs. The score is the time of submission."""
    return f"{thread_key(thread_id)}:runs"


class ThreadLedger:
    """The ledger's knowledge of threads for one event loop."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._redis: Redis = ledger.redis
        self._settled = ledger.line.script(scripts.SETTLE_THREADS)
        self._forget = ledger.line.script(scripts.FORGET_THREAD)

    async def holder(self, thread_id: str) -> RunId | None:
        """Return the run that holds a thread. None means a free thread."""
        async with self._ledger.in_time():
            raw = await self._redis.hget(thread_key(thread_id), "holder")
            status = await self._redis.hget(run_key(raw.decode()), "status") if isinstance(raw, bytes) else None
        return RunId(raw.decode()) if isinstance(raw, bytes) and status in _LIVE else None

    async def busy(self) -> list[str]:
        """List the threads that runs hold."""
        async with self._ledger.in_time():
            return [thread_id.decode() for thread_id in await self._redis.smembers(BUSY_KEY)]  # type: ignore[union-attr]  # bytes

    async def assistant_of(self, thread_id: str) -> str | None:
        """Return the workflow whose state a thread holds as far as the ledger remembers."""
        async with self._ledger.in_time():
            raw = await self._redis.hget(thread_key(thread_id), "assistant_id")
        return _text(raw) or None

    async def live_runs(self, thread_id: str) -> list[RunId]:
        """List the unended runs of a thread with the holder first. Questions are no runs."""
        async with self._ledger.in_time():
            waiting = await self._redis.lrange(f"{thread_key(thread_id)}:waiting", 0, -1)
        holder = await self.holder(thread_id)
        found = [*([holder] if holder else []), *(RunId(_text(run_id)) for run_id in waiting)]
        async with self._ledger.in_time(), self._redis.pipeline(transaction=False) as pipe:
            for run_id in found:
                pipe.hget(run_key(run_id), "is_question")
            are_questions = await pipe.execute()
        return [run_id for run_id, is_question in zip(found, are_questions, strict=True) if not is_question]

    async def runs(self, thread_id: str, *, limit: int, offset: int, status: str | None) -> list[RunRecord]:
        """List the runs of a thread that the ledger still has. The latest comes first.

        Args:
            thread_id: The thread.
            limit: Most runs to return.
            offset: Matching runs to pass over.
            status: Only the runs of this status. None means all.
        """
        found: list[RunRecord] = []
        for start in count(0, RUNS_AT_ONCE):
            async with self._ledger.in_time():
                ids = await self._redis.zrevrange(runs_key(thread_id), start, start + RUNS_AT_ONCE - 1)
            records = await self._ledger.load_all(RunId(_text(run_id)) for run_id in ids)
            found += [record for record in records if status in {None, record.status}]
            if not ids or len(found) >= offset + limit:
                break
        return found[offset : offset + limit]

    async def changed(self, *, limit: int) -> list[Changed]:
        """List threads whose rest the database does not know yet. The longest unknown comes first."""
        async with self._ledger.in_time():
            rows: Any = await self._redis.zrange(CHANGED_KEY, 0, limit - 1, withscores=True)
        return [Changed(_text(thread_id), since_s) for thread_id, since_s in rows]

    async def ends(self, thread_ids: Iterable[str]) -> list[ThreadEnd]:
        """Return how the last runs left threads. Forgotten runs are left out."""
        ends = [await self._end(thread_id) for thread_id in thread_ids]
        return [end for end in ends if end is not None]

    async def settle(self, changed: Iterable[Changed]) -> None:
        """Say that the database knows of these changes. A thread that changed again stays unknown."""
        args = list(chain.from_iterable((thread.thread_id, repr(thread.since_s)) for thread in changed))
        if args:
            async with self._ledger.in_time():
                await self._settled(keys=[], args=args)

    async def forget(self, thread_id: str) -> bool:
        """Remove the ledger's data of a thread. Return False without removing when a run holds it."""
        async with self._ledger.in_time():
            return bool(await self._forget(keys=[], args=[thread_id]))

    async def _end(self, thread_id: str) -> ThreadEnd | None:
        async with self._ledger.in_time():
            raw = await self._redis.hmget(thread_key(thread_id), *_THREAD_FIELDS)
        status, pause, assistant_id, ended_at, failed_by, answered_by = map(_text, raw)
        if not ended_at:
            return None
        return ThreadEnd(
            thread_id=thread_id,
            assistant_id=assistant_id or None,
            status=status,  # type: ignore[arg-type]  # only our scripts write it
            pause=from_wire(pause) if pause else None,
            error=await self._error(failed_by),
            values=await self._values(answered_by),
            at=datetime.fromtimestamp(float(ended_at), UTC),
        )

    async def _error(self, run_id: str) -> dict[str, Any] | None:
        failure = await self._field(run_id, "failure")
        if failure is None:
            return None
        read = RunFailure.model_validate_json(failure)
        return {"error": read.error, "message": read.message}

    async def _values(self, run_id: str) -> dict[str, Any] | None:
        output = await self._field(run_id, "output")
        values = None if output is None else from_wire(output)
        return {name: value for name, value in values.items() if name != "__interrupt__"} if values else values

    async def _field(self, run_id: str, name: str) -> bytes | None:
        if not run_id:
            return None
        async with self._ledger.in_time():
            value = await self._redis.hget(run_key(run_id), name)
        return value if isinstance(value, bytes) else None


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else ""
