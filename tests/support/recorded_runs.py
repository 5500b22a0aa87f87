"""Make the runs, claims and ends that the tests of the ledger speak about."""

import secrets
from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis
from uuid_utils import uuid7

from agentic_sales.contracts import RunFailure, RunId
from agentic_sales.observability.tracing import TraceContext
from agentic_sales.runs.holds import Hold
from agentic_sales.runs.ledger import LEASE_S, Claim, Ledger, NewRun, Outcome, alive_key, run_key

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACE = TraceContext({"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01", "baggage": "who=us"})
FAILURE = RunFailure(code="bug", message="it\nbroke", is_retryable=False, error="ValueError")
BRIEF_S = 1e-6
"""A lease that has ended when the next command reaches Redis."""
QUEUE_CAP = 10_000
"""More runs than the tests leave waiting."""
TIMEOUT = RunFailure(code="timeout", message="too long", is_retryable=False, error="RunTimeout")


def new_run(*, queue: str = "core", reply_to: str = "", stream_modes: tuple[str, ...] = (), **request: Any) -> NewRun:
    """Make a run that no other test knows."""
    return NewRun(
        run_id=RunId(str(uuid7())),
        assistant_id="echo",
        queue=queue,
        request=request or {"input": {"x": 1}},
        trace=TRACE,
        reply_to=reply_to,
        stream_modes=stream_modes,
    )


def new_queue() -> str:
    """Name a queue that no other test knows."""
    return f"queue-{secrets.token_hex(4)}"


async def recorded(ledger: Ledger, run: NewRun | None = None) -> RunId:
    """Record a run on a queue that a worker consumes, and return its id."""
    run = run or new_run()
    await sign_of_life(ledger.redis, run.queue, lasts_s=60)
    assert await ledger.record(run, queue_cap=QUEUE_CAP) == run.run_id
    return run.run_id


async def claimed(
    ledger: Ledger, run_id: RunId, *, worker: str = "host/1", max_attempts: int = 3, lease_s: float = LEASE_S
) -> Claim:
    """Claim a run that can be claimed; with `BRIEF_S`, so that the next one who asks takes it over."""
    claim = await ledger.claim(run_id, worker=worker, max_attempts=max_attempts, lease_s=lease_s)
    assert isinstance(claim, Claim)
    return claim


async def hold_of(ledger: Ledger, run_id: RunId) -> Hold:
    """Return the hold of the process that claimed a run last."""
    record = await ledger.load(run_id)
    assert record is not None
    assert record.worker is not None
    return Hold(run_id, record.worker)


async def exhausted(ledger: Ledger, run: NewRun | None = None) -> RunId:
    """Give a run up, because its workers died too often."""
    run_id = await recorded(ledger, run)
    await claimed(ledger, run_id, max_attempts=1, lease_s=BRIEF_S)
    last = await claimed(ledger, run_id, max_attempts=1)
    assert last.is_exhausted
    assert await ledger.finish(last, failed(run_id))
    return run_id


def success(run_id: RunId, output: bytes = b'{"y":1}') -> Outcome:
    """Make a good end."""
    return Outcome(run_id, "success", output, None)


def failed(run_id: RunId, failure: RunFailure = FAILURE) -> Outcome:
    """Make a bad end."""
    return Outcome(run_id, "error", None, failure)


async def sign_of_life(redis: Redis, queue: str, *, lasts_s: float) -> None:
    """Let a worker say that it consumes a queue; a negative time is a sign that has expired."""
    seconds, _ = await redis.time()
    await redis.zadd(alive_key(queue), {"worker@host": seconds + lasts_s})


async def raw_record(redis: Redis, run_id: RunId) -> Mapping[Any, Any]:
    """Return everything that Redis holds of a run."""
    return await redis.hgetall(run_key(run_id))
