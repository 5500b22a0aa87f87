"""Keep the record of every run in Redis. It holds the request and the worker and the end of a run.

The ledger is the truth about a run. The queue only carries its id. Every change is one atomic script. A second delivery
of a finished run does nothing. A delivery of a run in the hands of a live worker does nothing. A late finish by a
worker that lost its claim is refused.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal

import structlog
from pydantic import ValidationError
from redis.asyncio import Redis
from redis.exceptions import TimeoutError as RedisTimeoutError

from agentic_sales.contracts import RunFailure, RunId, RunStatus
from agentic_sales.errors import BrokerUnavailable, IdempotencyConflict, PoolUnavailable, QueueFull
from agentic_sales.observability.tracing import TraceContext
from agentic_sales.runs import scripts
from agentic_sales.runs.canary import canary_ages
from agentic_sales.runs.lanes import Admitted, Lanes, delay_s, held_key, is_batch, is_held
from agentic_sales.runs.pauses import MOST_PAUSES
from agentic_sales.runs.turns import NextRun, Turn, next_run, refusal_of
from agentic_sales.wire import from_wire, to_wire

log = structlog.get_logger()

__all__ = [
    "CANCELLED",
    "DEAD_KEY",
    "LEASE_S",
    "RUNNING_KEY",
    "RUNS_KEY",
    "WORKERS_KEY",
    "Claim",
    "Idempotency",
    "Ledger",
    "NewRun",
    "Outcome",
    "RunRecord",
    "alive_key",
    "events_key",
    "failure_status",
    "finish_args",
    "parse_reply",
    "pending_key",
    "run_key",
]

WORKERS_KEY = "agentic:workers"
"""Hash from a worker's name to its own note as JSON. `workers.presence` writes it."""
RUNNING_KEY = "agentic:running"
"""Sorted set of the runs that workers hold. A run's score is the end of its lease."""
RUNS_KEY = "agentic:runs"
"""Sorted set of the last requested runs. A run's score is the time of its request."""
DEAD_KEY = "agentic:dead"
"""Sorted set of the runs whose workers died too often. A run's score is the time of giving up."""
RUN_PREFIX = "agentic:run:"
LEASE_S = 12.0
"""How long a claim holds without a renewal.

It is less than kombu's visibility timeout. So the redelivered message of a dead worker finds the claim ended.
"""
COMMANDS_AT_ONCE = 32
"""Commands of one event loop that Redis sees at the same time. Each has a connection. Further ones wait."""
ANSWER_TIMEOUT_S = 5.0
"""How long Redis may take to answer before it counts as away. The wait for a connection is included."""
IDEMPOTENCY_TTL_S = 86_400
"""How long an idempotency key is remembered. A day is usual for the header."""

PublishNext = Callable[[RunId, str, str], Awaitable[None]]
"""Publishes a run whose turn on its thread has come. It takes the id and the assistant and the queue."""

CANCELLED = RunFailure(code="cancelled", message="the run was cancelled", is_retryable=False, error="RunCancelled")
"""Outcome of a run whose cancellation was asked for."""


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The caller's statement that two requests are one."""

    scope: str
    """Digest of caller and method and path and `Idempotency-Key`. Keys of different callers never meet."""
    digest: str
    """Digest of the request's body. The same key with another body is refused."""


@dataclass(frozen=True, slots=True)
class NewRun:
    """The facts of a run at its submission."""

    run_id: RunId
    """UUIDv7 of the run."""
    assistant_id: str
    """Workflow to run."""
    queue: str
    """Celery queue that the routing contract decided."""
    request: Mapping[str, Any]
    """`input` and `config` and `metadata` and `context` as the caller sent them."""
    trace: TraceContext
    """Trace that the run belongs to."""
    reply_to: str
    """Channel that is told of its end. Empty means that nobody waits."""
    thread_id: str = ""
    """Thread that the run belongs to. A run without a thread has an id that no other run has."""
    stream_modes: tuple[str, ...] = ()
    """Stream modes in LangGraph's words. Empty means no stream."""
    parent_run_id: RunId | None = None
    """Run that asked for this one. None means that a caller did."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's hold on one attempt of a run."""

    run_id: RunId
    """The run."""
    attempt: int
    """Number of this attempt from 1. It is the fence of every later change."""
    is_exhausted: bool
    """True means that too many workers died of it. The run must then be finished as failed."""
    request: Mapping[str, Any]
    """`input` and `config` and `metadata` and `context`."""
    trace: TraceContext
    """Trace that the run belongs to."""
    stream_modes: tuple[str, ...] = ()
    """Stream modes. Empty means no stream."""
    thread_id: str = ""
    """Thread that the run belongs to."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    run_id: RunId
    """The run."""
    status: RunStatus
    """`success` or `error` or `timeout` or `interrupted`."""
    output: bytes | None
    """Final state as JSON. None unless the run succeeded."""
    failure: RunFailure | None
    """Reason of its failure. None when it succeeded."""
    pause: bytes | None = None
    """Pause of its thread as `RunRecord.pause` in JSON. None means no pause. After a failure None means unknown."""
    is_refused: bool = field(default=False, compare=False)
    """It was refused before anything ran. So its thread stays as it was."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The ledger's data of a run without its payload."""

    run_id: RunId
    """The run."""
    assistant_id: str
    """Its workflow."""
    queue: str
    """Queue that it was published on."""
    status: RunStatus
    """Where it stands."""
    attempt: int
    """Attempts so far. 0 means never claimed."""
    losses: int
    """Attempts that ended because the worker died."""
    worker: str | None
    """`host/pid` of the process that claimed it last."""
    thread_id: str
    """Thread that it belongs to."""
    metadata: Mapping[str, Any]
    """Metadata that the caller put on it."""
    parent_run_id: RunId | None
    """Run that asked for it."""
    trace_id: str
    """W3C trace id."""
    langsmith_run_id: str | None
    """LangSmith's id of it. None means that LangSmith does not have it."""
    spent_usd: float
    """Cost of its model calls so far in USD at list price. Sub-runs and earlier attempts are included."""
    created_at_s: float
    """Epoch seconds of the submission."""
    started_at_s: float | None
    """Epoch seconds of the last claim."""
    ended_at_s: float | None
    """Epoch seconds of the end."""
    cancelled_at_s: float | None
    """Epoch seconds of the wish to cancel it. None means no such wish."""
    pause: Mapping[str, Any] | None = None
    """Pause of its thread at its end as `next` (names of nodes) and `interrupts` (by the task). None means no pause."""
    multitask_strategy: str = "enqueue"
    """Strategy for the case that another run is at work on its thread."""
    webhook: Mapping[str, Any] | None = None
    """Its webhook with `url` and `status` and `attempts` and last `error`. None means that it has none.

    The status is `pending` or `delivered` or `dead`.
    """


def alive_key(queue: str) -> str:
    """Name the sorted set of workers that consume a queue. A worker's score is the expiry of its sign of life."""
    return f"agentic:alive:{queue}"


def pending_key(queue: str) -> str:
    """Name the sorted set of runs that wait for a worker of a queue. A run's score is the start of its wait."""
    return f"agentic:pending:{queue}"


def events_key(run_id: str) -> str:
    """Name the stream of a run's events."""
    return f"agentic:events:{run_id}"


def once_key(idempotency: Idempotency) -> str:
    """Name the hash of the run that was started under an idempotency key."""
    return f"agentic:once:{idempotency.scope}"


def subruns_key(run_id: str) -> str:
    """Name the set of the runs that a run asked for."""
    return f"agentic:subruns:{run_id}"


def run_key(run_id: str) -> str:
    """Name the hash of a run."""
    return f"{RUN_PREFIX}{run_id}"


class Ledger:
    """The record of runs, for one event loop."""

    def __init__(self, redis: Redis, *, ttl_s: int, publish_next: PublishNext | None = None) -> None:
        self.redis = redis
        self._ttl_s = ttl_s
        self._publish_next = publish_next
        self._slots = asyncio.Semaphore(COMMANDS_AT_ONCE)
        self._record = redis.register_script(scripts.RECORD)
        self._claim = redis.register_script(scripts.CLAIM)
        self._finish = redis.register_script(scripts.FINISH)
        self._release = redis.register_script(scripts.RELEASE)
        self._cancel = redis.register_script(scripts.CANCEL)
        self._lanes = Lanes(redis)
        self._defer = redis.register_script(scripts.DEFER)
        self._revive = redis.register_script(scripts.REVIVE)
        self._forget = redis.register_script(scripts.FORGET)
        self._discard_run = redis.register_script(scripts.DISCARD_RUN)

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
        return RunId(_text(raw) or "") if raw else None

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
        on_thread = turn.as_json(run.assistant_id, cancelled=CANCELLED.model_dump_json()) if turn else ""
        limits: list[str | bytes | int] = [self._ttl_s, delay, queue_cap, IDEMPOTENCY_TTL_S]
        args = [run.run_id, run.queue, *limits, digest, on_thread]
        asked_by = subruns_key(run.parent_run_id) if run.parent_run_id else ""
        keys = [run_key(run.run_id), alive_key(run.queue), once, held_in or pending_key(run.queue), listed_in, asked_by]
        async with self.in_time():
            verdict: list[Any] = await self._record(keys=keys, args=[*args, *chain.from_iterable(fields.items())])
        return verdict

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
            thread_id=_text(thread_id) or "",
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

    async def release(self, claim: Claim, *, worker: str) -> bool:
        """Give a run back unfinished without counting a loss. Return False when another process holds it by now."""
        async with self.in_time():
            return bool(await self._release(keys=[run_key(claim.run_id), RUNNING_KEY], args=[claim.run_id, worker]))

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

    async def keep_langsmith_run_id(self, run_id: RunId, langsmith_run_id: str) -> None:
        """Keep LangSmith's id of a run that this process holds."""
        async with self.in_time():
            await self.redis.hset(run_key(run_id), "langsmith_run_id", langsmith_run_id)

    async def cancel(self, run_id: RunId) -> Literal["cancelled", "asked", "ended", "unknown"]:
        """Cancel a run for good. A waiting run has ended when this returns. A running one is asked to end."""
        body = CANCELLED.model_dump_json()
        async with self.in_time():
            verdict, *told = await self._cancel(keys=[run_key(run_id)], args=[run_id, self._ttl_s, body])
        await self._pass_on(next_run(told[0] if told else None))
        answer: Literal["cancelled", "asked", "ended", "unknown"] = verdict.decode()
        return answer

    async def defer(self, claim: Claim, pause_s: float) -> bool:
        """Put a claimed run back for a while. Return False without a change when it must end instead."""
        lane = int(is_batch(claim.request))
        args: list[str | int] = [claim.run_id, claim.attempt, f"{pause_s:g}", lane, MOST_PAUSES]
        async with self.in_time():
            return bool(await self._defer(keys=[run_key(claim.run_id), RUNNING_KEY], args=args))

    async def admit(self, queue: str) -> list[Admitted]:
        """Take the admissible runs out of the lanes of a queue. The caller publishes them."""
        async with self.in_time():
            return await self._lanes.admit(queue)

    async def is_cancelled(self, run_id: RunId) -> bool:
        """Say whether a cancellation of the run was asked for."""
        async with self.in_time():
            return bool(await self.redis.hexists(run_key(run_id), "cancelled_at"))

    async def revive(self, run_id: RunId) -> bool:
        """Take a run off the dead list for a new publish. Return False when it is not on it."""
        async with self.in_time():
            return bool(await self._revive(keys=[run_key(run_id), DEAD_KEY], args=[run_id]))

    async def discard(self, run_id: RunId) -> bool:
        """Discard a run from the dead list for good. Return False when it is not on it."""
        async with self.in_time():
            return bool(await self.redis.zrem(DEAD_KEY, run_id))

    async def dead(self, *, limit: int, offset: int = 0) -> list[RunRecord]:
        """List the runs whose workers died too often. The latest comes first."""
        async with self.in_time():
            raw: list[bytes] = await self.redis.zrange(  # type: ignore[assignment]  # without scores, members only
                DEAD_KEY, offset, offset + limit - 1, desc=True
            )
        records = [await self.load(RunId(_text(run_id) or "")) for run_id in raw]
        return [record for record in records if record is not None]

    async def forget(self, run: NewRun) -> None:
        """Remove a run whose message could not be published. No reader then finds a run that will never start."""
        async with self.in_time():
            promoted = await self._forget(keys=[run_key(run.run_id)], args=[run.run_id])
        await self._pass_on(next_run(promoted))

    async def remove(self, run_id: RunId) -> Literal["gone", "live", "unknown"]:
        """Remove the record of an ended run. An unended run stays and the answer says so."""
        async with self.in_time():
            verdict: bytes = await self._discard_run(keys=[run_key(run_id)], args=[run_id])
        answer: Literal["gone", "live", "unknown"] = verdict.decode()  # type: ignore[assignment]  # ours
        return answer

    async def with_sub_runs(self, run_ids: Iterable[RunId]) -> list[RunId]:
        """Return runs and all their sub-runs. Each parent stands before its sub-runs."""
        found = list(dict.fromkeys(run_ids))
        for run_id in found:  # It grows meanwhile.
            async with self.in_time():
                raw: Any = await self.redis.smembers(subruns_key(run_id))
            asked = (RunId(_text(member) or "") for member in raw)
            found += [child for child in asked if child not in found]
        return found

    async def _pass_on(self, run: NextRun | None) -> None:
        """Publish the run whose turn has come. After a failure the sweeper finds it without a message."""
        if run is None or self._publish_next is None:
            return
        try:
            await self._publish_next(run.run_id, run.assistant_id, run.queue)
        except BrokerUnavailable as exc:
            log.warning("next_run_not_published", run_id=run.run_id, queue=run.queue, reason=str(exc))

    async def outcomes(self, run_ids: Iterable[RunId]) -> list[Outcome | None]:
        """Return the outcome of each run. None stands for an unended or unknown run."""
        asked = list(run_ids)
        async with self.in_time(), self.redis.pipeline(transaction=False) as pipe:
            for run_id in asked:
                pipe.hmget(run_key(run_id), "status", "output", "failure")
            rows = await pipe.execute()
        return [_outcome(run_id, *row) for run_id, row in zip(asked, rows, strict=True)]

    async def load(self, run_id: RunId) -> RunRecord | None:
        """Return the record of a run. None means that the ledger does not know it."""
        async with self.in_time():
            raw = await self.redis.hmget(run_key(run_id), *_RECORD_FIELDS)
        return _record_of(run_id, raw)

    async def load_all(self, run_ids: Iterable[RunId]) -> list[RunRecord]:
        """Return the records of runs in this order. Unknown runs are left out."""
        asked = list(run_ids)
        async with self.in_time(), self.redis.pipeline(transaction=False) as pipe:
            for run_id in asked:
                pipe.hmget(run_key(run_id), *_RECORD_FIELDS)
            rows = await pipe.execute()
        records = (_record_of(run_id, raw) for run_id, raw in zip(asked, rows, strict=True))
        return [record for record in records if record is not None]

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

    @asynccontextmanager
    async def in_time(self) -> AsyncIterator[None]:
        """Bound the time and the number of simultaneous commands of a body that asks Redis.

        Raises:
            redis.exceptions.TimeoutError: Redis did not answer in time.
        """
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S), self._slots:
                yield
        except TimeoutError as exc:
            raise RedisTimeoutError(f"no answer within {ANSWER_TIMEOUT_S:g} s") from exc


_WEBHOOK_FIELDS = ("webhook", "webhook_status", "webhook_attempts", "webhook_error")
_RECORD_FIELDS = (
    "status",
    "assistant_id",
    "queue",
    "attempt",
    "losses",
    "worker",
    "thread_id",
    "metadata",
    "multitask_strategy",
    "parent_run_id",
    "trace_id",
    "langsmith_run_id",
    "spent_usd",
    "created_at",
    "started_at",
    "ended_at",
    "cancelled_at",
    "pause",
    *_WEBHOOK_FIELDS,
)


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


def _record_of(run_id: RunId, raw: Sequence[bytes | str | None]) -> RunRecord | None:
    if raw[0] is None:
        return None
    text = {name: _text(value) for name, value in zip(_RECORD_FIELDS, raw, strict=True)}
    return RunRecord(
        run_id=run_id,
        assistant_id=text["assistant_id"] or "",
        queue=text["queue"] or "",
        status=text["status"],  # type: ignore[arg-type]  # only our scripts write it
        attempt=int(text["attempt"] or 0),
        losses=int(text["losses"] or 0),
        worker=text["worker"] or None,
        thread_id=text["thread_id"] or "",
        metadata=from_wire(text["metadata"] or "{}"),
        multitask_strategy=text["multitask_strategy"] or "enqueue",
        parent_run_id=RunId(text["parent_run_id"]) if text["parent_run_id"] else None,
        trace_id=text["trace_id"] or "",
        langsmith_run_id=text["langsmith_run_id"],
        spent_usd=float(text["spent_usd"] or 0),
        created_at_s=float(text["created_at"] or 0),
        started_at_s=_seconds(text["started_at"]),
        ended_at_s=_seconds(text["ended_at"]),
        cancelled_at_s=_seconds(text["cancelled_at"]),
        pause=from_wire(text["pause"]) if text["pause"] else None,
        webhook=_webhook(*(text[name] for name in _WEBHOOK_FIELDS)),
    )


def parse_reply(message: bytes) -> Outcome:
    """Read the scripts' message of a run's end. Its lines are the id and the status and the body."""
    run_id, status, body = message.split(b"\n", 2)
    is_success = status == b"success"
    outcome = _outcome(RunId(run_id.decode()), status, body if is_success else None, None if is_success else body)
    if outcome is None:
        raise ValueError(f"reply of run `{run_id.decode()}` has the status {status!r}, which is no end")
    return outcome


def failure_status(failure: RunFailure) -> RunStatus:
    """Return the status of a run with this failure in LangGraph's words."""
    match failure.code:
        case "timeout":
            return "timeout"
        case CANCELLED.code:
            return "interrupted"
        case _:
            return "error"


def finish_args(ttl_s: int, attempt: int, outcome: Outcome, *, is_dead: bool) -> list[str | bytes | int]:
    """Return the arguments of `scripts.FINISH`."""
    field, body = ("output", outcome.output or b"{}")
    if outcome.failure is not None:
        field, body = ("failure", outcome.failure.model_dump_json().encode())
    cancelled, code = CANCELLED.model_dump_json(), outcome.failure.code if outcome.failure else ""
    told: list[str | bytes | int] = [
        field,
        body,
        cancelled,
        int(is_dead),
        code,
        outcome.pause or b"",
        int(outcome.is_refused),
    ]
    return [outcome.run_id, ttl_s, attempt, outcome.status, *told]


def _webhook(url: str | None, status: str | None, attempts: str | None, error: str | None) -> dict[str, Any] | None:
    if url is None:
        return None
    return {"url": url, "status": status or "pending", "attempts": int(attempts or 0), "error": error}


def _text(value: bytes | str | None) -> str | None:
    return value.decode() if isinstance(value, bytes) else value


def _seconds(value: str | None) -> float | None:
    return float(value) if value else None


def _outcome(run_id: RunId, status: bytes | None, output: bytes | None, failure: bytes | None) -> Outcome | None:
    if status is None or status in {b"pending", b"running"}:
        return None
    return Outcome(
        run_id=run_id,
        status=status.decode(),  # type: ignore[arg-type]  # only our scripts write it
        output=output,
        failure=_failure(failure) if failure else None,
    )


def _failure(raw: bytes) -> RunFailure:
    """Read a failure. An unreadable one is told as such. So it keeps back no other run's end."""
    try:
        return RunFailure.model_validate_json(raw)
    except ValidationError as exc:
        message = f"its failure cannot be read: {exc.error_count()} problems"
        return RunFailure(code="bug", message=message, is_retryable=False, error=type(exc).__name__)
