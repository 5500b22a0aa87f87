"""Keep the record of every run in Redis: what was asked, who works on it, how it ended.

The ledger is the truth about a run; the queue only carries its id. Every change is one atomic script, so a second
delivery of a finished run does nothing and a late finish by a worker that lost its claim is refused.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

from pydantic_core import from_json, to_json
from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from redis.exceptions import TimeoutError as RedisTimeoutError

from agentic_sales.contracts import RunFailure, RunId, RunStatus
from agentic_sales.observability.tracing import TraceContext
from agentic_sales.runs import scripts

__all__ = [
    "WORKERS_KEY",
    "Claim",
    "Ledger",
    "NewRun",
    "Outcome",
    "RunRecord",
    "alive_key",
    "fail_held_run",
    "parse_reply",
]


@dataclass(frozen=True, slots=True)
class NewRun:
    """What is known of a run when it is submitted."""

    run_id: RunId
    """UUIDv7 of the run."""
    assistant_id: str
    """Workflow to run."""
    queue: str
    """Celery queue that the routing contract decided."""
    request: Mapping[str, Any]
    """`input`, `config`, `metadata` and `context`, as the caller sent them."""
    trace: TraceContext
    """Trace that the run belongs to."""
    reply_to: str
    """Channel on which its end is told; empty: nobody waits."""
    parent_run_id: RunId | None = None
    """Run that asked for this one; None: a caller did."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's hold on one attempt of a run."""

    run_id: RunId
    """The run."""
    attempt: int
    """Which attempt this is, from 1; the fence of every later change."""
    is_exhausted: bool
    """True: the attempts are used up, so the run must be finished as failed."""
    request: Mapping[str, Any]
    """`input`, `config`, `metadata` and `context`."""
    trace: TraceContext
    """Trace that the run belongs to."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    run_id: RunId
    """The run."""
    status: RunStatus
    """`success`, `error`, `timeout` or `interrupted`."""
    output: bytes | None
    """Final state as JSON; None unless the run succeeded."""
    failure: RunFailure | None
    """Why it failed; None when it succeeded."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What the ledger knows of a run, without its payload."""

    run_id: RunId
    """The run."""
    assistant_id: str
    """Its workflow."""
    queue: str
    """Queue that it was published on."""
    status: RunStatus
    """Where it stands."""
    attempt: int
    """Attempts so far; 0: never claimed."""
    worker: str | None
    """`host/pid` of the process that claimed it last."""
    parent_run_id: RunId | None
    """Run that asked for it."""
    trace_id: str
    """W3C trace id."""
    created_at_s: float
    """Epoch seconds of the submission."""
    started_at_s: float | None
    """Epoch seconds of the last claim."""
    ended_at_s: float | None
    """Epoch seconds of the end."""


WORKERS_KEY = "agentic:workers"
"""Hash from a worker's name to what it says of itself, as JSON; `workers.presence` writes it."""


COMMANDS_AT_ONCE = 32
"""Commands of one event loop that Redis sees at the same time, each on a connection; further ones wait."""
ANSWER_TIMEOUT_S = 5.0
"""How long Redis may take to answer, waiting for a connection included, before it counts as away."""


def alive_key(queue: str) -> str:
    """Name the sorted set of workers that consume a queue; a worker's score is when its sign of life expires."""
    return f"agentic:alive:{queue}"


def _run_key(run_id: str) -> str:
    return f"agentic:run:{run_id}"


class Ledger:
    """The record of runs, for one event loop."""

    def __init__(self, redis: Redis, *, ttl_s: int) -> None:
        self.redis = redis
        self._ttl_s = ttl_s
        self._slots = asyncio.Semaphore(COMMANDS_AT_ONCE)
        self._record = redis.register_script(scripts.RECORD)
        self._claim = redis.register_script(scripts.CLAIM)
        self._finish = redis.register_script(scripts.FINISH)

    async def record(self, run: NewRun, *, pool_must_live: bool) -> bool:
        """Write a new run; return False, and write nothing, when its pool must be alive and is not."""
        fields: dict[str, str | bytes] = {
            "run_id": run.run_id,
            "assistant_id": run.assistant_id,
            "queue": run.queue,
            "request": to_json(run.request),
            "trace": json.dumps(dict(run.trace.headers)),
            "trace_id": run.trace.trace_id,
            "reply_to": run.reply_to,
            "parent_run_id": run.parent_run_id or "",
        }
        flat = list(chain.from_iterable(fields.items()))
        keys = [_run_key(run.run_id), alive_key(run.queue)]
        async with self._in_time():
            return bool(await self._record(keys=keys, args=[self._ttl_s, int(pool_must_live), *flat]))

    async def claim(self, run_id: RunId, *, worker: str, max_attempts: int) -> Claim | Literal["unknown", "ended"]:
        """Take a run for one attempt, or say why there is nothing to take."""
        async with self._in_time():
            verdict, *rest = await self._claim(keys=[_run_key(run_id)], args=[worker, max_attempts])
        if verdict in {b"unknown", b"ended"}:
            return "unknown" if verdict == b"unknown" else "ended"
        attempt, request, trace = rest
        return Claim(
            run_id=run_id,
            attempt=int(attempt),
            is_exhausted=verdict == b"exhausted",
            request=from_json(request),
            trace=TraceContext(from_json(trace)),
        )

    async def finish(self, claim: Claim, outcome: Outcome) -> bool:
        """End a run and tell its waiter; return False, and change nothing, when the claim was lost meanwhile."""
        args = _finish_args(self._ttl_s, claim.attempt, outcome)
        async with self._in_time():
            return bool(await self._finish(keys=[_run_key(claim.run_id)], args=args))

    async def forget(self, run_id: RunId) -> None:
        """Remove a run whose message could not be published, so that nobody finds a run that will never start."""
        async with self._in_time():
            await self.redis.delete(_run_key(run_id))

    async def outcomes(self, run_ids: list[RunId]) -> list[Outcome | None]:
        """Return how each run ended; None for one that has not, or that the ledger does not know."""
        async with self._in_time(), self.redis.pipeline(transaction=False) as pipe:
            for run_id in run_ids:
                pipe.hmget(_run_key(run_id), "status", "output", "failure")
            rows = await pipe.execute()
        return [_outcome(run_id, *row) for run_id, row in zip(run_ids, rows, strict=True)]

    async def load(self, run_id: RunId) -> RunRecord | None:
        """Return the record of a run; None when the ledger does not know it."""
        async with self._in_time():
            raw = await self.redis.hmget(_run_key(run_id), *_RECORD_FIELDS)
        if raw[0] is None:
            return None
        text = {name: _text(value) for name, value in zip(_RECORD_FIELDS, raw, strict=True)}
        return RunRecord(
            run_id=run_id,
            assistant_id=text["assistant_id"] or "",
            queue=text["queue"] or "",
            status=text["status"],  # type: ignore[arg-type]  # only our scripts write it
            attempt=int(text["attempt"] or 0),
            worker=text["worker"] or None,
            parent_run_id=RunId(text["parent_run_id"]) if text["parent_run_id"] else None,
            trace_id=text["trace_id"] or "",
            created_at_s=float(text["created_at"] or 0),
            started_at_s=float(text["started_at"]) if text["started_at"] else None,
            ended_at_s=float(text["ended_at"]) if text["ended_at"] else None,
        )

    async def live_workers(self, queues: list[str]) -> dict[str, int]:
        """Count the workers that consume each queue and have given a sign of life in time."""
        async with self._in_time():
            seconds, _ = await self.redis.time()
            async with self.redis.pipeline(transaction=False) as pipe:
                for queue in queues:
                    pipe.zcount(alive_key(queue), seconds, "+inf")
                counts = await pipe.execute()
        return dict(zip(queues, counts, strict=True))

    async def worker_notes(self) -> list[bytes | str]:
        """Return what each worker says of itself, as JSON."""
        async with self._in_time():
            return await self.redis.hvals(WORKERS_KEY)

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S), self._slots:
                yield
        except TimeoutError as exc:
            raise RedisTimeoutError(f"no answer within {ANSWER_TIMEOUT_S:g} s") from exc


_RECORD_FIELDS = (
    "status",
    "assistant_id",
    "queue",
    "attempt",
    "worker",
    "parent_run_id",
    "trace_id",
    "created_at",
    "started_at",
    "ended_at",
)


def parse_reply(message: bytes) -> Outcome:
    """Read what `FINISH` publishes: the run id, its status and its body, each on a line."""
    run_id, status, body = message.split(b"\n", 2)
    is_success = status == b"success"
    outcome = _outcome(RunId(run_id.decode()), status, body if is_success else None, None if is_success else body)
    if outcome is None:
        raise ValueError(f"reply of run `{run_id.decode()}` has the status {status!r}, which is no end")
    return outcome


def fail_held_run(redis: BlockingRedis, run_id: RunId, *, worker: str, ttl_s: int, failure: RunFailure) -> bool:
    """End a run from outside the event loop that claimed it: its process was killed, `worker` names it.

    Returns:
        False, and changes nothing, when another process holds the run by now.
    """
    holder, attempt = redis.hmget(_run_key(run_id), "worker", "attempt")
    if holder != worker.encode() or attempt is None:
        return False
    outcome = Outcome(run_id, failure_status(failure), None, failure)
    finish = redis.register_script(scripts.FINISH)
    return bool(finish(keys=[_run_key(run_id)], args=_finish_args(ttl_s, int(attempt), outcome)))


def failure_status(failure: RunFailure) -> RunStatus:
    """Return the status of a run that ended with this failure, in LangGraph's words."""
    return "timeout" if failure.code == "timeout" else "error"


def _finish_args(ttl_s: int, attempt: int, outcome: Outcome) -> list[str | bytes | int]:
    if outcome.failure is None:
        return [ttl_s, attempt, outcome.status, "output", outcome.output or b"{}"]
    return [ttl_s, attempt, outcome.status, "failure", outcome.failure.model_dump_json()]


def _text(value: bytes | str | None) -> str | None:
    return value.decode() if isinstance(value, bytes) else value


def _outcome(run_id: RunId, status: bytes | None, output: bytes | None, failure: bytes | None) -> Outcome | None:
    if status is None or status in {b"pending", b"running"}:
        return None
    return Outcome(
        run_id=run_id,
        status=status.decode(),  # type: ignore[arg-type]  # only our scripts write it
        output=output,
        failure=RunFailure.model_validate_json(failure) if failure else None,
    )
