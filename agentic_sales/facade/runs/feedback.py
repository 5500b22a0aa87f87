"""Take feedback on runs. It is answered as soon as Redis has it. `langsmith_door` brings it on."""

import time
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response
from uuid_utils import uuid7

from agentic_sales.contracts import ErrorBody, FeedbackRequest, RunId
from agentic_sales.errors import NotTraced
from agentic_sales.facade.answers import JsonAnswer
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.state import Facade
from agentic_sales.observability.redaction import redacted
from agentic_sales.runs.feedback import Feedback, FeedbackQueue

router = APIRouter(tags=["runs"], route_class=JsonRoute)

_ERRORS: dict[int | str, dict[str, Any]] = {status: {"model": ErrorBody} for status in (401, 404, 409, 422, 503)}


@router.post("/runs/{run_id}/feedback", status_code=202, responses=_ERRORS, summary="Say how good a run was")
async def give_feedback(facade: Facade, run_id: str, given: FeedbackRequest) -> Response:
    """Keep feedback on a run for LangSmith. It is delivered once. That is now or after LangSmith's return."""
    runs = facade.runs
    record = await runs.record(RunId(run_id))
    if record.langsmith_run_id is None:
        raise NotTraced(run_id)
    feedback = Feedback(
        feedback_id=str(uuid7()),
        run_id=record.run_id,
        assistant_id=record.assistant_id,
        langsmith_run_id=record.langsmith_run_id,
        key=given.key,
        score=float(given.score),
        comment=None if given.comment is None else redacted(given.comment),
        given_at_s=time.time(),
    )
    await FeedbackQueue(runs.ledger).put(feedback)
    told = {"feedback_id": feedback.feedback_id, "run_id": run_id, "langsmith_run_id": feedback.langsmith_run_id}
    return JsonAnswer(told, 202)
