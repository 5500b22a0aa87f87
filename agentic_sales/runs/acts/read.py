"""Read the records of runs, and which workers live. Nothing here changes the ledger."""

from collections.abc import Iterable
from typing import Any

from agentic_sales.contracts import RunId
from agentic_sales.runs.acts.commands import Commands
from agentic_sales.runs.canary import canary_ages
from agentic_sales.runs.keys import DEAD_KEY, WORKERS_KEY, alive_key, run_key, subruns_key
from agentic_sales.runs.records import Outcome, RunRecord
from agentic_sales.runs.rows import RECORD_FIELDS, outcome_of, record_of, text_of
from agentic_sales.wire import from_wire


class ReadsRuns(Commands):
    """Reads runs."""

    async def load(self, run_id: RunId) -> RunRecord | None:
        """Return the record of a run. None means that the ledger does not know it."""
        async with self.in_time():
            raw = await self.redis.hmget(run_key(run_id), *RECORD_FIELDS)
        return record_of(run_id, raw)

    async def load_all(self, run_ids: Iterable[RunId]) -> list[RunRecord]:
        """Return the records of runs in this order. Unknown runs are left out."""
        asked = list(run_ids)
        async with self.in_time(), self.redis.pipeline(transaction=False) as pipe:
            for run_id in asked:
                pipe.hmget(run_key(run_id), *RECORD_FIELDS)
            rows = await pipe.execute()
        records = (record_of(run_id, raw) for run_id, raw in zip(asked, rows, strict=True))
        return [record for record in records if record is not None]

    async def payloads(self, run_ids: Iterable[RunId]) -> list[tuple[RunId, list[Any]]]:
        """Return inputs and answers of runs, as plain values. Unknown runs have none."""
        asked = list(run_ids)
        async with self.in_time(), self.redis.pipeline(transaction=False) as pipe:
            for run_id in asked:
                pipe.hmget(run_key(run_id), "request", "output", "failure")
            rows = await pipe.execute()
        return [(run_id, [from_wire(raw) for raw in row if raw]) for run_id, row in zip(asked, rows, strict=True)]

    async def outcomes(self, run_ids: Iterable[RunId]) -> list[Outcome | None]:
        """Return the outcome of each run. None stands for an unended or unknown run."""
        asked = list(run_ids)
        async with self.in_time(), self.redis.pipeline(transaction=False) as pipe:
            for run_id in asked:
                pipe.hmget(run_key(run_id), "status", "output", "failure")
            rows = await pipe.execute()
        return [outcome_of(run_id, *row) for run_id, row in zip(asked, rows, strict=True)]

    async def dead(self, *, limit: int, offset: int = 0) -> list[RunRecord]:
        """List the runs that lost their workers too often. The latest comes first."""
        async with self.in_time():
            raw: list[bytes] = await self.redis.zrange(  # type: ignore[assignment]  # without scores, members only
                DEAD_KEY, offset, offset + limit - 1, desc=True
            )
        records = [await self.load(RunId(text_of(run_id) or "")) for run_id in raw]
        return [record for record in records if record is not None]

    async def with_sub_runs(self, run_ids: Iterable[RunId]) -> list[RunId]:
        """Return runs and all their sub-runs. Each parent stands before its sub-runs."""
        found = list(dict.fromkeys(run_ids))
        for run_id in found:  # It grows meanwhile.
            async with self.in_time():
                raw: Any = await self.redis.smembers(subruns_key(run_id))
            asked = (RunId(text_of(member) or "") for member in raw)
            found += [child for child in asked if child not in found]
        return found

    async def live_workers(self, queues: list[str]) -> dict[str, int]:
        """Count the workers of each queue with a timely sign of life."""
        async with self.in_time():
            seconds, _ = await self.redis.time()
            async with self.redis.pipeline(transaction=False) as pipe:
                for queue in queues:
                    pipe.zcount(alive_key(queue), seconds, "+inf")
                counts = await pipe.execute()
        return dict(zip(queues, counts, strict=True))

    async def canary_ages(self, queues: list[str]) -> dict[str, float | None]:
        """Return the seconds since a message was last taken off each queue. None means not for a day."""
        async with self.in_time():
            return await canary_ages(self.redis, queues)

    async def worker_notes(self) -> list[bytes | str]:
        """Return each worker's own note as JSON."""
        async with self.in_time():
            return await self.redis.hvals(WORKERS_KEY)
