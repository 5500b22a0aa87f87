"""End a run, ask for its end, and forgive or forget what has ended."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Literal

import structlog
from redis.asyncio import Redis

from agentic_sales.contracts import RunId
from agentic_sales.runs import scripts
from agentic_sales.runs.acts.commands import Commands, PublishNext
from agentic_sales.runs.keys import DEAD_KEY, RUNNING_KEY, run_key
from agentic_sales.runs.records import CANCELLED_BODY, Claim, Outcome
from agentic_sales.runs.turns import next_run

log = structlog.get_logger()


class EndsRuns(Commands):
    """Ends runs, and what may follow an end."""

    def __init__(self, redis: Redis, *, ttl_s: int, publish_next: PublishNext | None = None) -> None:
        super().__init__(redis, ttl_s=ttl_s, publish_next=publish_next)
        self._finish = self.line.script(scripts.FINISH)
        self._cancel = self.line.script(scripts.CANCEL)
        self._revive = self.line.script(scripts.REVIVE)
        self._discard_run = self.line.script(scripts.DISCARD_RUN)

    async def finish(self, claim: Claim, outcome: Outcome, counts: Mapping[str, int] | None = None) -> bool:
        """End a run and tell its waiter. Return False without a change when the claim was lost meanwhile.

        Args:
            claim: The hold on the run.
            outcome: Its end.
            counts: Further counts to add with its end by the fields of `observability.metrics`.
        """
        args = finish_args(self._ttl_s, claim.attempt, outcome, is_dead=claim.is_exhausted)
        args += chain.from_iterable((counts or {}).items())
        async with self.in_time():
            answer = await self._finish(keys=[run_key(claim.run_id), RUNNING_KEY, DEAD_KEY], args=args)
        await self._pass_on(next_run(answer))
        return bool(answer)

    async def cancel(self, run_id: RunId) -> Literal["cancelled", "asked", "ended", "unknown"]:
        """Cancel a run for good. A waiting run has ended when this returns. A running one is asked to end."""
        async with self.in_time():
            verdict, *told = await self._cancel(keys=[run_key(run_id)], args=[run_id, self._ttl_s, CANCELLED_BODY])
        await self._pass_on(next_run(told[0] if told else None))
        answer: Literal["cancelled", "asked", "ended", "unknown"] = verdict.decode()
        return answer

    async def cancelled(self, run_ids: Sequence[RunId]) -> set[RunId]:
        """Return those of some runs whose cancellation was asked for. A run that Redis cannot read is logged."""
        async with self.in_time(), self.redis.pipeline(transaction=False) as pipe:
            for run_id in run_ids:
                pipe.hexists(run_key(run_id), "cancelled_at")
            answers = await pipe.execute(raise_on_error=False)
        for run_id, answer in zip(run_ids, answers, strict=True):
            if isinstance(answer, Exception):
                log.warning("cancellation_not_read", run_id=run_id, reason=str(answer))
        return {run_id for run_id, answer in zip(run_ids, answers, strict=True) if answer is True}

    async def revive(self, run_id: RunId) -> bool:
        """Take a run off the dead list for a new publish. Return False when it is not on it."""
        async with self.in_time():
            return bool(await self._revive(keys=[run_key(run_id), DEAD_KEY], args=[run_id]))

    async def discard(self, run_id: RunId) -> bool:
        """Discard a run from the dead list for good. Return False when it is not on it."""
        async with self.in_time():
            return bool(await self.redis.zrem(DEAD_KEY, run_id))

    async def remove(self, run_id: RunId) -> Literal["gone", "live", "unknown"]:
        """Remove the record of an ended run. An unended run stays and the answer says so."""
        async with self.in_time():
            verdict: bytes = await self._discard_run(keys=[run_key(run_id)], args=[run_id])
        answer: Literal["gone", "live", "unknown"] = verdict.decode()  # type: ignore[assignment]  # ours
        return answer


def finish_args(ttl_s: int, attempt: int, outcome: Outcome, *, is_dead: bool) -> list[str | bytes | int]:
    """Return the arguments of `scripts.FINISH`."""
    field, body = ("output", outcome.output or b"{}")
    if outcome.failure is not None:
        field, body = ("failure", outcome.failure.model_dump_json().encode())
    code = outcome.failure.code if outcome.failure else ""
    told: list[str | bytes | int] = [
        field,
        body,
        CANCELLED_BODY,
        int(is_dead),
        code,
        outcome.pause or b"",
        int(outcome.is_refused),
    ]
    return [outcome.run_id, ttl_s, attempt, outcome.status, *told]
