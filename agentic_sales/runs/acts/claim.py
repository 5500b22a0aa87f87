"""Claim a run for one attempt, and give it back unfinished."""

from collections.abc import Mapping
from typing import Any, Literal

from redis.asyncio import Redis

from agentic_sales.contracts import RunId
from agentic_sales.observability.tracing import TraceContext
from agentic_sales.runs import scripts
from agentic_sales.runs.acts.commands import Commands, PublishNext
from agentic_sales.runs.keys import RUNNING_KEY, run_key
from agentic_sales.runs.lanes import Admitted, Lanes, is_batch
from agentic_sales.runs.pauses import MOST_PAUSES
from agentic_sales.runs.records import Claim
from agentic_sales.runs.rows import text_of
from agentic_sales.wire import from_wire, to_wire

LEASE_S = 12.0
"""How long a claim holds without a renewal.

It is less than kombu's visibility timeout. So the redelivered message of a dead worker finds the claim ended.
"""


class ClaimsRuns(Commands):
    """Takes runs and gives them back."""

    def __init__(self, redis: Redis, *, ttl_s: int, publish_next: PublishNext | None = None) -> None:
        super().__init__(redis, ttl_s=ttl_s, publish_next=publish_next)
        self._claim = self.line.script(scripts.CLAIM)
        self._release = self.line.script(scripts.RELEASE)
        self._defer = self.line.script(scripts.DEFER)
        self._lanes = Lanes(redis)

    async def admit(self, queue: str) -> list[Admitted]:
        """Take the admissible runs out of the lanes of a queue. The caller publishes them."""
        async with self.in_time():
            return await self._lanes.admit(queue)

    async def claim(
        self, run_id: RunId, *, worker: str, max_attempts: int, lease_s: float = LEASE_S
    ) -> Claim | Literal["unknown", "ended", "held"]:
        """Take a run for one attempt or give the reason why it cannot be taken.

        Args:
            run_id: The run.
            worker: `host/pid` of the process that takes it.
            max_attempts: Number of workers that may die of it.
            lease_s: How long the claim holds without renewal. 0 means that the run is part of its parent's claim.
        """
        args: list[str | int] = [run_id, worker, max_attempts, f"{lease_s:g}"]
        async with self.in_time():
            verdict, *rest = await self._claim(keys=[run_key(run_id), RUNNING_KEY], args=args)
        if verdict in {b"unknown", b"ended", b"held"}:
            refused: Literal["unknown", "ended", "held"] = verdict.decode()
            return refused
        attempt, request, trace, modes, thread_id = rest
        return Claim(
            run_id=run_id,
            attempt=int(attempt),
            is_exhausted=verdict == b"exhausted",
            request=from_wire(request),
            trace=TraceContext(from_wire(trace)),
            stream_modes=tuple(modes.decode().split(",")) if modes else (),
            thread_id=text_of(thread_id) or "",
        )

    async def note_once(self, run_id: RunId, name: str, value: Mapping[str, Any]) -> dict[str, Any]:
        """Keep a note with a run for its later attempts. Return the first note that was kept."""
        async with self.in_time():
            await self.redis.hsetnx(run_key(run_id), f"note:{name}", to_wire(value).decode())
        return await self.note(run_id, name) or dict(value)

    async def note(self, run_id: RunId, name: str) -> dict[str, Any] | None:
        """Return the note that an attempt has kept with a run. None means no note."""
        async with self.in_time():
            kept = await self.redis.hget(run_key(run_id), f"note:{name}")
        return None if kept is None else from_wire(kept)

    async def keep_langsmith_run_id(self, run_id: RunId, langsmith_run_id: str) -> None:
        """Keep LangSmith's id of a run that this process holds."""
        async with self.in_time():
            await self.redis.hset(run_key(run_id), "langsmith_run_id", langsmith_run_id)

    async def release(self, claim: Claim, *, worker: str) -> bool:
        """Give a run back unfinished without counting a loss. Return False when another process holds it by now."""
        async with self.in_time():
            return bool(await self._release(keys=[run_key(claim.run_id), RUNNING_KEY], args=[claim.run_id, worker]))

    async def defer(self, claim: Claim, pause_s: float) -> bool:
        """Put a claimed run back for a while. Return False without a change when it must end instead."""
        lane = int(is_batch(claim.request))
        args: list[str | int] = [claim.run_id, claim.attempt, f"{pause_s:g}", lane, MOST_PAUSES]
        async with self.in_time():
            return bool(await self._defer(keys=[run_key(claim.run_id), RUNNING_KEY], args=args))
