"""Record a new run: the first act of its life."""

import json
from itertools import chain
from typing import Any

from redis.asyncio import Redis

from agentic_sales.contracts import RunId
from agentic_sales.errors import IdempotencyConflict, PoolUnavailable, QueueFull
from agentic_sales.runs import scripts
from agentic_sales.runs.acts.commands import Commands, PublishNext
from agentic_sales.runs.keys import RUNS_KEY, alive_key, once_key, pending_key, run_key, subruns_key
from agentic_sales.runs.lanes import delay_s, held_key, is_held
from agentic_sales.runs.records import CANCELLED_BODY, Idempotency, NewRun
from agentic_sales.runs.rows import text_of
from agentic_sales.runs.turns import NextRun, Turn, next_run, refusal_of
from agentic_sales.wire import to_wire

IDEMPOTENCY_TTL_S = 86_400
"""How long an idempotency key is remembered. A day is usual for the header."""


class RecordsRuns(Commands):
    """Writes new runs."""

    def __init__(self, redis: Redis, *, ttl_s: int, publish_next: PublishNext | None = None) -> None:
        super().__init__(redis, ttl_s=ttl_s, publish_next=publish_next)
        self._record = self.line.script(scripts.RECORD)
        self._forget = self.line.script(scripts.FORGET)

    async def record(self, run: NewRun, *, queue_cap: int, idempotency: Idempotency | None = None) -> RunId:
        """Write a new run that waits for a worker.

        Args:
            run: The run.
            queue_cap: Runs that may wait on its queue. As many due runs may wait in its batch lane and as many
                undue runs in each lane.
            idempotency: The caller's key. It joins the run that was started under it.

        Returns:
            The run's id or the id of the run that the idempotency key joins.

        Raises:
            PoolUnavailable: No live worker consumes the queue.
            QueueFull: The queue has as many waiting runs as it may have.
            IdempotencyConflict: The key was used for another request.
        """
        return _joined(run, await self._write(run, waits=True, queue_cap=queue_cap, idempotency=idempotency))

    async def record_in_line(
        self, run: NewRun, turn: Turn, *, queue_cap: int, idempotency: Idempotency | None = None
    ) -> tuple[RunId, NextRun | None]:
        """Write a new run that takes its turn on a thread.

        Args:
            run: The run.
            turn: Its turn.
            queue_cap: Runs that may wait on its queue.
            idempotency: The caller's key. It joins the run that was started under it.

        Returns:
            The run's id or the id of the run that the idempotency key joins. Also the run to be published. It is
            this run when no run holds the thread.

        Raises:
            PoolUnavailable: No live worker consumes the queue.
            QueueFull: The queue has as many waiting runs as it may have.
            IdempotencyConflict: The key was used for another request.
            ThreadBusy: A run holds the thread and the strategy is `reject`. Or too many runs wait for it.
            ThreadOfAnother: The thread holds the state of another assistant.
            NothingToResume: The thread does not wait (any more) at the interrupt that the run resumes.
        """
        written = await self._write(run, waits=True, queue_cap=queue_cap, idempotency=idempotency, turn=turn)
        verdict, *rest = written
        if verdict == b"in_line":
            return run.run_id, next_run(rest[0])
        if (refusal := refusal_of(turn, run.assistant_id, verdict, (rest or [b""])[0].decode())) is not None:
            raise refusal
        return _joined(run, written), None

    async def started_by(self, idempotency: Idempotency) -> RunId | None:
        """Return the run that was started under an idempotency key. None means no run."""
        async with self.in_time():
            raw = await self.redis.hget(once_key(idempotency), "run_id")
        return RunId(text_of(raw) or "") if raw else None

    async def record_in_place(self, run: NewRun) -> None:
        """Write a new run that its parent's worker executes itself."""
        await self._write(run, waits=False, queue_cap=0, idempotency=None)

    async def _write(
        self, run: NewRun, *, waits: bool, queue_cap: int, idempotency: Idempotency | None, turn: Turn | None = None
    ) -> list[Any]:
        held_in = held_key(run.queue, run.request) if waits and is_held(run.request) else ""
        delay = f"{delay_s(run.request):g}" if waits else ""
        fields: dict[str, str | bytes] = {
            "assistant_id": run.assistant_id,
            "request": to_wire(run.request),
            "trace": json.dumps(dict(run.trace.headers)),
            "trace_id": run.trace.trace_id,
            "reply_to": run.reply_to,
            "thread_id": run.thread_id,
            "stream_modes": ",".join(run.stream_modes),
            "is_streamed": "1" if run.stream_modes else "",
            "metadata": to_wire(run.request.get("metadata") or {}),
            "parent_run_id": run.parent_run_id or "",
            "held_in": held_in,
        }
        if url := run.request.get("webhook"):
            fields["webhook"] = url
        listed_in = "" if run.request.get("kind") or not waits else RUNS_KEY  # questions about threads are no runs
        digest, once = (idempotency.digest, once_key(idempotency)) if idempotency else ("", "")
        on_thread = turn.as_json(run.assistant_id, cancelled=CANCELLED_BODY) if turn else ""
        limits: list[str | bytes | int] = [self._ttl_s, delay, queue_cap, IDEMPOTENCY_TTL_S]
        args = [run.run_id, run.queue, *limits, digest, on_thread]
        asked_by = subruns_key(run.parent_run_id) if run.parent_run_id else ""
        keys = [run_key(run.run_id), alive_key(run.queue), once, held_in or pending_key(run.queue), listed_in, asked_by]
        async with self.in_time():
            verdict: list[Any] = await self._record(keys=keys, args=[*args, *chain.from_iterable(fields.items())])
        return verdict

    async def forget(self, run: NewRun) -> None:
        """Remove a run whose message could not be published. No reader then finds a run that will never start."""
        async with self.in_time():
            promoted = await self._forget(keys=[run_key(run.run_id)], args=[run.run_id])
        await self._pass_on(next_run(promoted))


def _joined(run: NewRun, written: list[Any]) -> RunId:
    verdict, *rest = written
    match verdict:
        case b"joined":
            return RunId(rest[0].decode())
        case b"conflict":
            raise IdempotencyConflict(rest[0].decode())
        case b"pool_dead":
            raise PoolUnavailable(run.queue, run.assistant_id)
        case b"full":
            raise QueueFull(run.queue, int(rest[0]))
        case _:
            return run.run_id
