"""Execute one run in a worker child: claim, run the graph, finish.

Every way a run can end is recorded in the ledger; nothing a graph raises leaves this module.
"""

import asyncio
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from langgraph.types import StateSnapshot
from structlog.contextvars import bind_contextvars, reset_contextvars

from agentic_sales.contracts import RunFailure, RunId
from agentic_sales.control import ControlPlane
from agentic_sales.effects import acting_as
from agentic_sales.errors import LoopBlocked, Misrouted, RateLimited, RequestError, RunTimeout, StateUnavailable
from agentic_sales.registry import GraphSpec
from agentic_sales.runs.budgets import NO_BUDGETS, Budgets
from agentic_sales.runs.chosen_model import chosen_model_of, current_chosen_model
from agentic_sales.runs.lanes import is_batch
from agentic_sales.runs.ledger import CANCELLED, LEASE_S, Claim, Ledger, Outcome, failure_status
from agentic_sales.runs.memory import remembering
from agentic_sales.runs.patience import patiently
from agentic_sales.runs.pauses import LONGEST_PAUSE_S, Pauses, current_pauses
from agentic_sales.runs.probe import is_probe
from agentic_sales.runs.purse import Purse, current_purse
from agentic_sales.runs.sizes import fitting
from agentic_sales.runs.subruns import SubRunner, current_sub_runner
from agentic_sales.wire import to_wire
from agentic_sales.workers.carried import graph_of
from agentic_sales.workers.child.cancel import RunCancelled, cancellable
from agentic_sales.workers.child.drive import drive, is_run, prepare, refuse_what_needs_a_thread
from agentic_sales.workers.child.durable import DurableGraphs
from agentic_sales.workers.child.failures import EXITS, failure_of
from agentic_sales.workers.child.probe import answer_probe
from agentic_sales.workers.child.questions import answer_question
from agentic_sales.workers.child.resume import Start
from agentic_sales.workers.child.snapshots import NOWHERE, pause_of
from agentic_sales.workers.child.traced import traced
from agentic_sales.workers.current import worker_name
from agentic_sales.workers.loader import LoadedGraph
from agentic_sales.workers.stopping import WorkerStopping

log = structlog.get_logger()

MAX_ATTEMPTS = 3
"""Attempts of a run whose worker dies; then it fails, so that a run that kills its child does not do so for ever."""
MAX_SEND_ATTEMPTS = 1
"""A run that may send is never retried by itself, because it may have sent already."""


def max_attempts(row: GraphSpec) -> int:
    """Return how often a run of this row may be started."""
    return MAX_SEND_ATTEMPTS if row.effect == "send" else MAX_ATTEMPTS


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an attempt of a run is executed."""

    control: ControlPlane
    ledger: Ledger
    durable: DurableGraphs
    queue: str
    sub_runner: SubRunner
    in_place: bool


class _RefusedError(Exception):
    """Raised when the caller of a run is wrong, before anything of it has run."""

    def __init__(self, reason: RequestError) -> None:
        super().__init__(str(reason))
        self.reason = reason


async def execute(
    row: GraphSpec,
    run_id: RunId,
    *,
    control: ControlPlane,
    ledger: Ledger,
    durable: DurableGraphs,
    queue: str,
    sub_runner_of: Callable[[Claim], SubRunner],
    budgets: Budgets = NO_BUDGETS,
    in_place: bool = False,
) -> Outcome | None:
    """Run one run to its recorded end.

    Args:
        row: Registry row of the workflow.
        run_id: Run to claim.
        control: This worker's control plane.
        ledger: Record of runs, for the running event loop.
        durable: The graphs that keep their state, for the running event loop.
        queue: Queue that delivered the run.
        sub_runner_of: Says how sub-runs of the claimed run are executed.
        budgets: Money that models may cost.
        in_place: The run is part of its parent's, whose lease covers it.

    Returns:
        How it ended; None when there was nothing to do (the run is unknown, has ended, or was taken over), and when it
        was put back until a provider's pause is over.

    Raises:
        WorkerStopping: This worker is being stopped, and the run was given back for another to go on with.
    """
    may_wait = row.effect != "send" and not in_place  # nobody knows what a run that sends has done by then
    worker, attempts, lease_s = worker_name(os.getpid()), max_attempts(row), 0.0 if in_place else LEASE_S
    claim = await patiently(lambda: ledger.claim(run_id, worker=worker, max_attempts=attempts, lease_s=lease_s), run_id)
    if isinstance(claim, str):
        log.info("run_not_claimed", run_id=run_id, assistant_id=row.assistant_id, reason=claim)
        return None
    purse = Purse(ledger, run_id, row.assistant_id, budgets)
    place = _Place(control, ledger, durable, queue, sub_runner_of(claim), in_place)
    token = current_purse.set(purse)
    model_token = current_chosen_model.set(chosen_model_of(claim.request))
    outer = current_pauses.get() if in_place else None
    pauses = Pauses(ledger.redis, is_patient=outer.is_patient if outer else is_batch(claim.request) and may_wait)
    pauses_token = current_pauses.set(pauses)
    ids = bind_contextvars(run_id=run_id, assistant_id=row.assistant_id, trace_id=claim.trace.trace_id)
    try:
        with acting_as(row), remembering(), traced(row, claim, queue=queue) as trace:
            outcome = await _outcome(row, claim, place)
            trace.end(outcome)
        if (langsmith_run_id := trace.langsmith_run_id) is not None and is_run(claim.request):
            await patiently(lambda: ledger.keep_langsmith_run_id(run_id, langsmith_run_id), run_id)
    except asyncio.CancelledError:
        await ledger.finish(claim, _failed(claim, _cancelled(row)), purse.counts)
        raise
    except WorkerStopping:
        await patiently(lambda: ledger.release(claim, worker=worker), run_id)
        raise
    finally:
        current_purse.reset(token)
        current_chosen_model.reset(model_token)
        current_pauses.reset(pauses_token)
        pauses.pass_to(outer)
        reset_contextvars(**ids)
    if may_wait and await _is_put_back(claim, outcome, ledger, pauses):
        log.info("run_put_back", run_id=run_id, assistant_id=row.assistant_id, queue=queue, pause_s=pauses.met_s)
        return None
    if not await patiently(lambda: ledger.finish(claim, outcome, purse.counts), run_id):
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
    if row.resumable and claim.request.get("on_completion") == "delete":
        await _delete_state(durable, claim)
    return outcome


async def _is_put_back(claim: Claim, outcome: Outcome, ledger: Ledger, pauses: Pauses) -> bool:
    """Put a run back that a provider's pause kept from its end, if that is so and the pause can be waited for."""
    is_limited = outcome.failure is not None and outcome.failure.code == RateLimited.code
    if not (is_limited or pauses.has_declined_rules) or not 0 < pauses.met_s <= LONGEST_PAUSE_S:
        return False
    return await patiently(lambda: ledger.defer(claim, pauses.met_s), claim.run_id)


async def _delete_state(durable: DurableGraphs, claim: Claim) -> None:
    try:
        await (await durable.saver()).adelete_thread(claim.thread_id)
    except StateUnavailable as exc:  # the run has ended; what it left is pruned by its age
        log.warning("state_not_deleted", run_id=claim.run_id, thread_id=claim.thread_id, reason=str(exc))


async def _outcome(row: GraphSpec, claim: Claim, place: _Place) -> Outcome:
    outcome = await _outcome_of_graph(row, claim, place)
    if outcome.failure is None or outcome.is_refused or not row.resumable:
        return outcome
    return replace(outcome, pause=await _pause_of_thread(row, claim, place.durable))


async def _pause_of_thread(row: GraphSpec, claim: Claim, durable: DurableGraphs) -> bytes | None:
    """Say where the thread of a run that failed stands, as far as that can be said.

    Nothing that is wrong with the thread may keep the failure from being recorded: the run would be delivered for ever.
    """
    try:
        loaded = await durable.graph_of(row)
        return to_wire(await pause_of(loaded.graph, claim.thread_id) or NOWHERE)
    except Exception:
        log.exception("pause_not_read", thread_id=claim.thread_id)
        return None


async def _outcome_of_graph(row: GraphSpec, claim: Claim, place: _Place) -> Outcome:
    if claim.is_exhausted:
        tried = max_attempts(row)
        message = (
            f"`{row.assistant_id}` lost its worker {tried} time(s), the most that its effect `{row.effect}` allows"
        )
        return _failed(claim, RunFailure(code="worker_lost", message=message, is_retryable=False, error="WorkerLost"))
    try:
        _refuse_misrouted(row, place.control, place.queue)
        if is_probe(claim.request):
            return Outcome(claim.run_id, "success", to_wire(answer_probe(row, place.control)), None)
        return await _answer(row, claim, place)
    except RunCancelled:
        return _failed(claim, CANCELLED)
    except WorkerStopping:
        raise
    except _RefusedError as exc:
        return replace(_failed(claim, failure_of(row, exc.reason)), is_refused=True)
    except (Exception, *EXITS) as exc:
        failure = failure_of(row, exc)
        if failure.code == "bug":
            log.exception("run_failed")
        return _failed(claim, failure)


def _refuse_misrouted(row: GraphSpec, control: ControlPlane, queue: str) -> None:
    expected = control.decide(row.assistant_id).queue
    if queue not in {expected, control.default_queue}:
        raise Misrouted(row.assistant_id, queue, expected)


async def _answer(row: GraphSpec, claim: Claim, place: _Place) -> Outcome:
    refuse_what_needs_a_thread(row, claim.request)
    can_move = row.resumable and not place.in_place
    token = current_sub_runner.set(place.sub_runner)
    limit = asyncio.timeout(row.time_limit_s)
    try:
        async with limit, cancellable(place.ledger, claim.run_id, can_move=can_move) as control:
            loaded = await place.durable.graph_of(row) if row.resumable else graph_of(row)
            if is_run(claim.request):
                start = await _prepared(loaded, claim, place.ledger)
                end = await drive(loaded, claim, place.ledger, control, start)
            else:
                end = await answer_question(loaded, await place.durable.saver(), claim)
            return Outcome(
                claim.run_id,
                "success",
                fitting(to_wire(end.state), "the final state"),
                None,
                pause=_json_or_none(end.pause),
            )
    except (TimeoutError, SoftTimeLimitExceeded, LoopBlocked) as exc:
        was_too_late = isinstance(exc, LoopBlocked) and asyncio.get_running_loop().time() > (limit.when() or math.inf)
        if limit.expired() or was_too_late or isinstance(exc, SoftTimeLimitExceeded):
            raise RunTimeout(row.assistant_id, row.time_limit_s) from exc
        raise
    finally:
        current_sub_runner.reset(token)


async def _prepared(loaded: LoadedGraph, claim: Claim, ledger: Ledger) -> Start | StateSnapshot:
    try:
        return await prepare(loaded, claim, ledger)
    except RequestError as exc:
        raise _RefusedError(exc) from exc


def _json_or_none(value: Mapping[str, Any] | None) -> bytes | None:
    return None if value is None else to_wire(value)


def _failed(claim: Claim, failure: RunFailure) -> Outcome:
    return Outcome(claim.run_id, failure_status(failure), None, failure)


def _cancelled(row: GraphSpec) -> RunFailure:
    message = f"`{row.assistant_id}` was cancelled together with the run that asked for it"
    return RunFailure(code="cancelled", message=message, is_retryable=True, error="CancelledError")
