"""Serve runs on threads. Start them in turn and list them and remove their records."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from agentic_sales.contracts import RunId, RunStatus
from agentic_sales.errors import RunNotEnded, UnknownRun
from agentic_sales.facade.answers import JsonAnswer
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.callers import Calling
from agentic_sales.facade.pages import Offset
from agentic_sales.facade.runs.runs import RUN_ERRORS, record_of
from agentic_sales.facade.runs.streams import stream_started
from agentic_sales.facade.runs.submission import REQUEST_BODY, submit
from agentic_sales.facade.runs.waiting import answer_when_ended, run_headers
from agentic_sales.facade.state import Facade
from agentic_sales.facade.threads.threads import THREAD_ERRORS, checked_thread_id
from agentic_sales.runs.descriptions import Run, described

router = APIRouter(tags=["thread runs"], route_class=JsonRoute)


@router.post(
    "/threads/{thread_id}/runs/wait",
    responses=RUN_ERRORS,
    openapi_extra=REQUEST_BODY,
    summary="Run a workflow on a thread and wait for its end",
)
async def wait_for_run_on_thread(facade: Facade, caller: Calling, thread_id: str) -> Response:
    """Run a workflow when its turn on the thread comes. Answer with its final state or its interrupts."""
    submission = await submit(facade, caller, thread_id=checked_thread_id(thread_id))
    cancel = submission.body.on_disconnect == "cancel"
    return await answer_when_ended(facade, caller, submission.run, cancel_on_disconnect=cancel)


@router.post(
    "/threads/{thread_id}/runs/stream",
    responses=RUN_ERRORS,
    openapi_extra=REQUEST_BODY,
    summary="Run a workflow on a thread and stream it",
)
async def stream_run_on_thread(facade: Facade, caller: Calling, thread_id: str) -> Response:
    """Run a workflow when its turn on the thread comes. Answer with its events."""
    return await stream_started(facade, caller, thread_id=checked_thread_id(thread_id))


@router.post(
    "/threads/{thread_id}/runs",
    response_model=Run,
    responses=RUN_ERRORS,
    openapi_extra=REQUEST_BODY,
    summary="Run a workflow on a thread in the background",
)
async def start_run_on_thread(facade: Facade, caller: Calling, thread_id: str) -> Response:
    """Record a run on a thread and answer at once. It runs when its turn comes."""
    submission = await submit(facade, caller, is_streamed=True, thread_id=checked_thread_id(thread_id))
    submission.run.ended.cancel()
    record = await facade.runs.record(submission.run.run_id)
    return JsonAnswer(described(record).model_dump(), headers=run_headers(submission.run))


@router.get("/threads/{thread_id}/runs", responses=THREAD_ERRORS, summary="List the runs of a thread")
async def list_runs(
    facade: Facade,
    thread_id: str,
    limit: Annotated[int, Query(ge=1, le=1000)] = 10,
    offset: Offset = 0,
    status: Annotated[RunStatus | None, Query(description="Only runs of this status.")] = None,
) -> list[Run]:
    """List the runs of a thread that the ledger still has. The latest comes first."""
    records = facade.threads
    await records.load(checked_thread_id(thread_id))
    return [described(run) for run in await records.runs(thread_id, limit=limit, offset=offset, status=status)]


@router.delete(
    "/threads/{thread_id}/runs/{run_id}", responses=RUN_ERRORS, status_code=204, summary="Remove the record of a run"
)
async def delete_run(facade: Facade, thread_id: str, run_id: str) -> Response:
    """Remove the record of an ended run. Its effects on its thread stay."""
    await record_of(facade, run_id, thread_id)
    match await facade.runs.remove(RunId(run_id)):
        case "live":
            raise RunNotEnded(run_id)
        case "unknown":
            raise UnknownRun(run_id)
        case "gone":
            return Response(status_code=204)
