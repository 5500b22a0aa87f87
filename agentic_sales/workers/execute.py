"""Execute one run in a worker child: claim, run the graph, finish.

Every way a run can end is recorded in the ledger; nothing a graph raises leaves this module. Exceptions become a
`RunFailure` here and nowhere else, because they do not survive the broker.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar
from uuid import UUID

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from langgraph.runtime import RunControl
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, to_json
from redis.exceptions import RedisError

from agentic_sales.contracts import RunFailure, RunId
from agentic_sales.control import ControlPlane
from agentic_sales.errors import (
    AgenticSalesError,
    InvalidInput,
    Misrouted,
    RunFailed,
    RunTimeout,
    TransientError,
)
from agentic_sales.registry import GraphSpec
from agentic_sales.runs.events import EventWriter
from agentic_sales.runs.ledger import CANCELLED, LEASE_S, Claim, Ledger, Outcome, failure_status
from agentic_sales.runs.subruns import SubRunner, current_sub_runner
from agentic_sales.workers.cancel import RunCancelled, cancellable
from agentic_sales.workers.carried import graph_of
from agentic_sales.workers.lifecycle import worker_name
from agentic_sales.workers.loader import LoadedGraph
from agentic_sales.workers.streaming import stream_graph

log = structlog.get_logger()

T = TypeVar("T")

LEDGER_PATIENCE_S = 60.0
"""How long a run waits for a Redis that is away: before it begins, and when it has ended."""
_LEDGER_PAUSE_S = 0.5
MAX_ATTEMPTS = 3
"""Attempts of a run whose worker dies; then it fails, so that a run that kills its child does not do so for ever."""
MAX_SEND_ATTEMPTS = 1
"""A run that may send is never tried again by itself: nobody knows whether it has sent."""


def max_attempts(row: GraphSpec) -> int:
    """Return how often a run of this row may be started."""
    return MAX_SEND_ATTEMPTS if row.effect == "send" else MAX_ATTEMPTS


async def execute(
    row: GraphSpec,
    run_id: RunId,
    *,
    control: ControlPlane,
    ledger: Ledger,
    queue: str,
    sub_runner_of: Callable[[Claim], SubRunner],
    in_place: bool = False,
) -> Outcome | None:
    """Run one run to its recorded end.

    Args:
        row: Registry row of the workflow.
        run_id: Run to claim.
        control: This worker's control plane.
        ledger: Record of runs, for the running event loop.
        queue: Queue that delivered the run.
        sub_runner_of: Says how sub-runs of the claimed run are executed.
        in_place: The run is part of its parent's, whose lease covers it.

    Returns:
        How it ended; None when there was nothing to do (the run is unknown, has ended, or was taken over).
    """
    worker, attempts, lease_s = worker_name(os.getpid()), max_attempts(row), 0.0 if in_place else LEASE_S
    claim = await _patiently(
        lambda: ledger.claim(run_id, worker=worker, max_attempts=attempts, lease_s=lease_s), run_id
    )
    if isinstance(claim, str):
        log.info("run_not_claimed", run_id=run_id, assistant_id=row.assistant_id, reason=claim)
        return None
    runner = sub_runner_of(claim)
    try:
        outcome = await _outcome(row, claim, control=control, ledger=ledger, queue=queue, sub_runner=runner)
    except asyncio.CancelledError:
        await ledger.finish(claim, _failed(claim, _cancelled(row)))
        raise
    if not await _patiently(lambda: ledger.finish(claim, outcome), run_id):
        log.warning("run_finish_refused", run_id=run_id, assistant_id=row.assistant_id, attempt=claim.attempt)
        return None
    code = outcome.failure.code if outcome.failure else None
    log.info(
        "run_finished",
        run_id=run_id,
        assistant_id=row.assistant_id,
        queue=queue,
        attempt=claim.attempt,
        status=outcome.status,
        code=code,
        trace_id=claim.trace.trace_id,
    )
    return outcome


async def _patiently(step: Callable[[], Awaitable[T]], run_id: RunId) -> T:
    """Repeat a step of the ledger until Redis takes it: what is done must be neither lost nor done again.

    Also where Redis answers and refuses, as one that is full or was made a replica does.
    """
    clock = asyncio.get_running_loop().time
    give_up_at_s = clock() + LEDGER_PATIENCE_S
    while True:
        try:
            return await step()
        except RedisError as exc:
            if clock() > give_up_at_s:
                raise
            log.warning("ledger_unreachable", run_id=run_id, reason=str(exc))
            await asyncio.sleep(_LEDGER_PAUSE_S)


async def _outcome(
    row: GraphSpec, claim: Claim, *, control: ControlPlane, ledger: Ledger, queue: str, sub_runner: SubRunner
) -> Outcome:
    if claim.is_exhausted:
        tried = max_attempts(row)
        message = (
            f"`{row.assistant_id}` lost its worker {tried} time(s), the most that its effect `{row.effect}` allows"
        )
        return _failed(claim, RunFailure(code="worker_lost", message=message, is_retryable=False, error="WorkerLost"))
    try:
        _refuse_misrouted(row, control, queue)
        state = await _run_graph(row, graph_of(row), claim, ledger, sub_runner)
        return Outcome(claim.run_id, "success", to_json(state), None)
    except RunCancelled:
        return _failed(claim, CANCELLED)
    except Exception as exc:
        failure = failure_of(row, exc)
        if failure.code == "bug":
            log.exception("run_failed", run_id=claim.run_id, assistant_id=row.assistant_id)
        return _failed(claim, failure)


def _refuse_misrouted(row: GraphSpec, control: ControlPlane, queue: str) -> None:
    expected = control.decide(row.assistant_id).queue
    if queue not in {expected, control.default_queue}:
        raise Misrouted(row.assistant_id, queue, expected)


async def _run_graph(row: GraphSpec, loaded: LoadedGraph, claim: Claim, ledger: Ledger, sub_runner: SubRunner) -> Any:
    values = claim.request.get("input")
    try:
        loaded.input_type.model_validate(values)
    except ValidationError as exc:
        raise InvalidInput(row.assistant_id, _problems(exc)) from exc
    token = current_sub_runner.set(sub_runner)
    limit = asyncio.timeout(row.time_limit_s)
    try:
        async with limit, cancellable(ledger, claim.run_id) as control:
            return await _drive(loaded, claim, ledger, control, _config(row, claim))
    except (TimeoutError, SoftTimeLimitExceeded) as exc:
        if limit.expired() or isinstance(exc, SoftTimeLimitExceeded):
            raise RunTimeout(row.assistant_id, row.time_limit_s) from exc
        raise
    finally:
        current_sub_runner.reset(token)


async def _drive(loaded: LoadedGraph, claim: Claim, ledger: Ledger, control: RunControl, config: Any) -> Any:
    values, context = claim.request.get("input"), claim.request.get("context")
    if not claim.stream_modes:
        return await loaded.graph.ainvoke(values, config, context=context, control=control)
    write = EventWriter(ledger.redis, claim).write
    return await stream_graph(loaded.graph, values, config, claim=claim, context=context, control=control, write=write)


def _config(row: GraphSpec, claim: Claim) -> Any:
    config: Mapping[str, Any] = claim.request.get("config") or {}
    metadata = {**(config.get("metadata") or {}), **(claim.request.get("metadata") or {})}
    metadata |= {"assistant_id": row.assistant_id, "run_id": claim.run_id, "attempt": claim.attempt}
    return {**config, "run_id": UUID(claim.run_id), "run_name": row.assistant_id, "metadata": metadata}


def _problems(error: ValidationError) -> list[tuple[str, str]]:
    return [("".join(f"/{part}" for part in problem["loc"]), problem["msg"]) for problem in error.errors()]


def _failed(claim: Claim, failure: RunFailure) -> Outcome:
    return Outcome(claim.run_id, failure_status(failure), None, failure)


def _cancelled(row: GraphSpec) -> RunFailure:
    message = f"`{row.assistant_id}` was cancelled together with the run that asked for it"
    return RunFailure(code="cancelled", message=message, is_retryable=True, error="CancelledError")


def failure_of(row: GraphSpec, exc: Exception) -> RunFailure:
    """Convert what a run raised into the form that crosses the queue."""
    error = type(exc).__name__
    match exc:
        case RunFailed():
            return RunFailure(code=exc.code, message=str(exc), is_retryable=exc.is_retryable, error=error)
        case AgenticSalesError():
            is_retryable = isinstance(exc, TransientError)
            return RunFailure(code=exc.code, message=str(exc), is_retryable=is_retryable, error=error)
        case PydanticSerializationError():
            message = f"the final state of `{row.assistant_id}` is not JSON: {exc}; a node must return plain data"
            return RunFailure(code="bug", message=message, is_retryable=False, error=error)
        case _:
            message = f"`{row.assistant_id}` failed: {error}: {exc}"
            return RunFailure(code="bug", message=message, is_retryable=False, error=error)
