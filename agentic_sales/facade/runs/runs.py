"""Serve runs. Start them and wait or stream or leave. Look at them and join them and cancel them.

A run without a thread has a thread id that no other run has. LangGraph's SDKs ask for runs by both ids.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from agentic_sales.contracts import ErrorBody, RunId, StreamMode
from agentic_sales.errors import UnknownRun, UnknownThread, WaitTimeout
from agentic_sales.facade.answers import JsonAnswer, answer_of_outcome
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.callers import Calling, Trace
from agentic_sales.facade.pages import Offset
from agentic_sales.facade.runs.streams import stream_joined, stream_started
from agentic_sales.facade.runs.submission import REQUEST_BODY, submit
from agentic_sales.facade.runs.waiting import answer_when_ended, run_headers
from agentic_sales.facade.state import Facade, FacadeState
from agentic_sales.facade.threads.turns import undo_runs
from agentic_sales.observability.tracing import TraceContext
from agentic_sales.runs.descriptions import Run, described
from agentic_sales.runs.ledger import RunRecord
from agentic_sales.runs.submit import SubmittedRun

router = APIRouter(tags=["runs"], route_class=JsonRoute)

CancelOnDisconnect = Annotated[bool, Query(description="Cancel the run when the caller leaves before its end.")]
RUN_ERRORS: dict[int | str, dict[str, object]] = {
    status: {"model": ErrorBody} for status in (401, 403, 404, 409, 413, 422, 429, 500, 503, 504)
}


@router.post(
    "/runs/wait", responses=RUN_ERRORS, openapi_extra=REQUEST_BODY, summary="Run a workflow and wait for its end"
)
async def wait_for_run(facade: Facade, caller: Calling) -> Response:
    """Enqueue a run on the pool that the routing contract gives it. Answer with its final state."""
    submission = await submit(facade, caller)
    cancel = submission.body.on_disconnect == "cancel"
    return await answer_when_ended(facade, caller, submission.run, cancel_on_disconnect=cancel)


@router.post("/runs/stream", responses=RUN_ERRORS, openapi_extra=REQUEST_BODY, summary="Run a workflow and stream it")
async def stream_run(facade: Facade, caller: Calling) -> Response:
    """Enqueue a run and answer with its events as they come."""
    return await stream_started(facade, caller)


@router.post(
    "/runs",
    response_model=Run,
    responses=RUN_ERRORS,
    openapi_extra=REQUEST_BODY,
    summary="Run a workflow in the background",
)
async def start_run(facade: Facade, caller: Calling) -> Response:
    """Enqueue a run and answer at once. Join or stream or look at it later."""
    submission = await submit(facade, caller, is_streamed=True)
    submission.run.ended.cancel()
    record = await facade.runs.record(submission.run.run_id)
    return JsonAnswer(described(record).model_dump(), headers=run_headers(submission.run))


@router.get("/runs/dead", responses=RUN_ERRORS, summary="List the runs that lost their workers too often")
async def list_dead_runs(
    facade: Facade, limit: Annotated[int, Query(ge=1, le=1000)] = 100, offset: Offset = 0
) -> list[Run]:
    """List the dead runs with the latest first. Each can be retried or discarded."""
    return [described(record) for record in await facade.runs.dead(limit=limit, offset=offset)]


@router.get("/runs/{run_id}", responses=RUN_ERRORS, summary="Describe a run")
@router.get("/threads/{thread_id}/runs/{run_id}", responses=RUN_ERRORS, summary="Describe a run")
async def describe_run(facade: Facade, run_id: str, thread_id: str | None = None) -> Run:
    """Say where a run stands for as long as the ledger keeps it."""
    return described(await record_of(facade, run_id, thread_id))


@router.get("/runs/{run_id}/join", responses=RUN_ERRORS, summary="Wait for a run that was started earlier")
@router.get("/threads/{thread_id}/runs/{run_id}/join", responses=RUN_ERRORS, summary="Wait for a run")
async def join_run(
    facade: Facade,
    caller: Calling,
    run_id: str,
    thread_id: str | None = None,
    *,
    cancel_on_disconnect: CancelOnDisconnect = False,
) -> Response:
    """Answer with the final state of a run. Wait for it if it has not ended."""
    await record_of(facade, run_id, thread_id)
    run = await facade.runs.join(RunId(run_id))
    return await answer_when_ended(facade, caller, run, cancel_on_disconnect=cancel_on_disconnect)


@router.get("/runs/{run_id}/stream", responses=RUN_ERRORS, summary="Follow a run that was started earlier")
@router.get("/threads/{thread_id}/runs/{run_id}/stream", responses=RUN_ERRORS, summary="Follow a run")
async def follow_run(
    facade: Facade,
    caller: Calling,
    run_id: str,
    thread_id: str | None = None,
    *,
    stream_mode: Annotated[
        list[StreamMode | Literal[""]], Query(description="Stream modes that are wanted, of those that the run keeps.")
    ] = [],  # noqa: B006 - FastAPI copies it
    cancel_on_disconnect: CancelOnDisconnect = False,
) -> Response:
    """Answer with the events of a run from its start or after `Last-Event-ID`."""
    await record_of(facade, run_id, thread_id)
    modes = [mode for mode in stream_mode if mode]  # An SDK that wants all sends an empty one.
    return await stream_joined(facade, caller, RunId(run_id), modes=modes, cancel_on_disconnect=cancel_on_disconnect)


@router.post("/runs/{run_id}/cancel", response_model=Run, responses=RUN_ERRORS, summary="Cancel a run for good")
@router.post(
    "/threads/{thread_id}/runs/{run_id}/cancel",
    response_model=Run,
    responses=RUN_ERRORS,
    summary="Cancel a run for good",
)
async def cancel_run(
    facade: Facade,
    trace: Trace,
    run_id: str,
    thread_id: str | None = None,
    *,
    wait: Annotated[bool, Query(description="Answer when the run has ended.")] = False,
    action: Annotated[
        Literal["interrupt", "rollback"],
        Query(description="`rollback`: also undo the changes of the run to its thread."),
    ] = "interrupt",
) -> Response:
    """Cancel a run. A waiting run has ended when this answers. A running one is stopped at its next node edge."""
    found = await record_of(facade, run_id, thread_id)
    runs = facade.runs
    joined = await runs.join(RunId(run_id))
    undoing = await undo(facade, trace, found) if action == "rollback" else None
    waited_for = [run for run in (joined, undoing) if run is not None]
    try:
        record = await runs.cancel(RunId(run_id))
        if not wait:
            return JsonAnswer(described(record).model_dump(), 202)
        return await _when_cancelled(facade, record, waited_for)
    finally:
        for run in waited_for:
            run.ended.cancel()


async def _when_cancelled(facade: FacadeState, record: RunRecord, waited_for: Sequence[SubmittedRun]) -> Response:
    """Answer with a cancelled run after its end and its wanted undoing.

    Raises:
        PoolUnavailable: Its pool's last worker died.
        WaitTimeout: It has not ended in time. It will end later.
    """
    _, late = await asyncio.wait({run.ended for run in waited_for}, timeout=facade.settings.wait_timeout_s)
    if late:
        raise WaitTimeout(record.assistant_id, record.run_id, facade.settings.wait_timeout_s)
    _, *undone = [run.ended.result() for run in waited_for]
    for outcome in undone:
        if outcome.failure is not None:
            return answer_of_outcome(outcome, {}, graph_error_status=500)
    # An undone run has no record any more.
    ended = await facade.runs.ledger.load(record.run_id) or replace(record, status="interrupted")
    return JsonAnswer(described(ended).model_dump())


async def undo(facade: FacadeState, trace: TraceContext, record: RunRecord) -> SubmittedRun | None:
    """Let a live run be undone as soon as it has ended. One without a thread of its own leaves nothing to undo."""
    with suppress(UnknownThread):
        return await undo_runs(facade, trace, record.thread_id, only=record.run_id)
    return None


@router.post("/runs/{run_id}/retry", responses=RUN_ERRORS, summary="Put a dead run on its queue again")
async def retry_run(facade: Facade, run_id: str) -> Run:
    """Start a run of the dead list once more under its old id and forgive its losses."""
    return described(await facade.runs.retry_dead(RunId(run_id)))


@router.post("/runs/{run_id}/discard", responses=RUN_ERRORS, summary="Take a run off the dead list")
async def discard_run(facade: Facade, run_id: str) -> Run:
    """Take a run off the dead list for good. It can still be looked at until its record expires."""
    record = await record_of(facade, run_id, None)
    await facade.runs.discard_dead(RunId(run_id))
    return described(record)


async def record_of(facade: FacadeState, run_id: str, thread_id: str | None) -> RunRecord:
    """Return the record of a run.

    Raises:
        UnknownRun: The ledger does not have it or has it under another thread.
        BrokerUnavailable: Redis did not answer.
    """
    record = await facade.runs.record(RunId(run_id))
    if thread_id is not None and thread_id != record.thread_id:
        raise UnknownRun(run_id)
    return record
