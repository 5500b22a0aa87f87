"""Serve many runs at once. Start several or cancel several or list them."""

from contextlib import suppress
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from agentic_sales.contracts import ENDED, ErrorBody, RunId, RunStatus
from agentic_sales.errors import AgenticSalesError, InvalidRequest, UnknownRun
from agentic_sales.facade.answers import JsonAnswer, answer_of_error
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.callers import Calling, Trace
from agentic_sales.facade.pages import Limit, Offset, page
from agentic_sales.facade.runs.runs import RUN_ERRORS, undo
from agentic_sales.facade.runs.submission import Submission, submit_all
from agentic_sales.facade.state import Facade, FacadeState
from agentic_sales.runs.descriptions import Run, described
from agentic_sales.runs.ledger import RunRecord
from agentic_sales.runs.listing import latest_runs
from agentic_sales.runs.reaching import reaching_redis
from agentic_sales.wire import from_wire

router = APIRouter(tags=["runs"], route_class=JsonRoute)

MOST_CANCELLED = 10_000
"""Runs that one request cancels."""


class CancelRequest(BaseModel):
    """Runs to cancel. A request selects some by their ids or all of a status."""

    thread_id: str | None = Field(default=None, description="Only runs of this thread.")
    run_ids: list[str] | None = Field(default=None, min_length=1, max_length=1000, description="Ids of the runs.")
    status: Literal["pending", "running", "all"] | None = Field(default=None, description="Every run of this status.")

    def is_wanted(self, record: RunRecord) -> bool:
        """Say whether a run is to be cancelled. An ended one is not."""
        if record.status in ENDED or self.thread_id not in {None, record.thread_id}:
            return False
        return self.status in {None, "all", record.status}


@router.post(
    "/runs/batch",
    response_model=list[Run | ErrorBody],
    responses=RUN_ERRORS,
    summary="Run several workflows in the background",
)
async def start_runs(facade: Facade, caller: Calling) -> Response:
    """Enqueue runs in the order given. Answer with each run or the reason against its start.

    A wrong request starts nothing. An `Idempotency-Key` holds for each run by its place in the list.
    """
    started = await submit_all(facade, caller)
    refused = [one for one in started if isinstance(one, AgenticSalesError)]
    if len(refused) == len(started):
        raise refused[0]
    return JsonAnswer([await _told(facade, one) for one in started])


async def _told(facade: FacadeState, started: Submission | AgenticSalesError) -> dict[str, Any]:
    if isinstance(started, AgenticSalesError):
        error: dict[str, Any] = from_wire(bytes(answer_of_error(started).body))
        return error
    started.run.ended.cancel()
    return described(await facade.runs.record(started.run.run_id)).model_dump()


@router.post("/runs/cancel", responses=RUN_ERRORS, status_code=204, summary="Cancel several runs for good")
async def cancel_runs(
    facade: Facade,
    trace: Trace,
    asked: CancelRequest,
    action: Annotated[
        Literal["interrupt", "rollback"],
        Query(description="`rollback`: also undo the changes of the runs to their threads."),
    ] = "interrupt",
) -> Response:
    """Cancel waiting or running runs by their ids or by their status. 404 when there is none."""
    if (asked.run_ids is None) == (asked.status is None):
        raise InvalidRequest("name the runs to cancel by `run_ids` or by `status`, and not by both")
    found = await _found(facade, asked)
    if not found:
        raise UnknownRun(", ".join(asked.run_ids) if asked.run_ids else f"of the status {asked.status}")
    for record in found:
        if action == "rollback" and (undoing := await undo(facade, trace, record)) is not None:
            undoing.ended.cancel()
        with suppress(UnknownRun):  # It has expired since it was found. The runs behind it are cancelled all the same.
            await facade.runs.cancel(record.run_id)
    return Response(status_code=204)


async def _found(state: FacadeState, asked: CancelRequest) -> list[RunRecord]:
    ledger = state.runs.ledger
    with reaching_redis("looking for the runs to cancel"):
        if asked.run_ids is None:
            return await latest_runs(ledger, asked.is_wanted, limit=MOST_CANCELLED)
        return [record for record in await ledger.load_all(map(RunId, asked.run_ids)) if asked.is_wanted(record)]


@router.get("/runs", response_model=list[Run], responses=RUN_ERRORS, summary="List the runs of the fleet")
async def list_runs(
    facade: Facade,
    limit: Limit = 10,
    offset: Offset = 0,
    status: Annotated[RunStatus | None, Query(description="Only runs of this status.")] = None,
    assistant_id: Annotated[str | None, Query(description="Only runs of this workflow, by its name or UUID.")] = None,
) -> Response:
    """List the last runs that the ledger still has with the latest first. `x-pagination-next` is the next offset."""
    wanted = None if assistant_id is None else facade.control.row(assistant_id).assistant_id

    def is_wanted(record: RunRecord) -> bool:
        return status in {None, record.status} and wanted in {None, record.assistant_id}

    with reaching_redis("listing runs"):
        found = await latest_runs(facade.runs.ledger, is_wanted, limit=limit + 1, offset=offset)
    return page([described(record).model_dump() for record in found], limit=limit, offset=offset)
