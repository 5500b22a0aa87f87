"""Make the runs, claims and ends that the tests of the ledger speak about."""

import secrets
from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis
from uuid_utils import uuid7

from agentic_sales.contracts import RunFailure, RunId
from agentic_sales.observability.tracing import TraceContext
from agentic_sales.runs.ledger import Claim, Ledger, NewRun, Outcome, alive_key

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACE = TraceContext({"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01", "baggage": "who=us"})
FAILURE = RunFailure(code="bug", message="it\nbroke", is_retryable=False, error="ValueError")
TIMEOUT = RunFailure(code="timeout", message="too long", is_retryable=False, error="RunTimeout")


def new_run(*, queue: str = "core", reply_to: str = "", **request: Any) -> NewRun:
    """Make a run that no other test knows."""
    return NewRun(
        run_id=RunId(str(uuid7())),
        assistant_id="echo",
        queue=queue,
        request=request or {"input": {"x": 1}},
        trace=TRACE,
        reply_to=reply_to,
    )


def new_queue() -> str:
    """Name a queue that no other test knows."""
    return f"queue-{secrets.token_hex(4)}"


async def recorded(ledger: Ledger, run: NewRun | None = None) -> RunId:
    """Record a run and return its id."""
    run = run or new_run()
    assert await ledger.record(run, pool_must_live=False)
    return run.run_id


async def claimed(ledger: Ledger, run_id: RunId, *, worker: str = "host/1", max_attempts: int = 3) -> Claim:
    """Claim a run that can be claimed."""
    claim = await ledger.claim(run_id, worker=worker, max_attempts=max_attempts)
    assert isinstance(claim, Claim)
    return claim


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
    return await redis.hgetall(f"agentic:run:{run_id}")
