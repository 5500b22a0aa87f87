"""Turn errors and outcomes into HTTP answers by the one table from codes to statuses.

Exceptions and failures know nothing of HTTP. Callers know `detail` and `code` and `kind` and `run_id`.
"""

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from agentic_sales.contracts import ErrorBody, RunFailure, error_kind
from agentic_sales.errors import AgenticSalesError, PermanentError, RequestError, TransientError
from agentic_sales.runs.ledger import Outcome
from agentic_sales.wire import to_wire

STATUS_BY_CODE: Mapping[str, int] = {
    "unauthorized": 401,
    "bad_signature": 401,
    "budget_exceeded": 402,
    "forbidden": 403,
    "model_not_allowed": 403,
    "not_found": 404,
    "unknown_assistant": 404,
    "unknown_flow": 404,
    "unknown_run": 404,
    "unknown_thread": 404,
    "unknown_checkpoint": 404,
    "unknown_record": 404,
    "method_not_allowed": 405,
    "idempotency_conflict": 409,
    "run_not_dead": 409,
    "not_traced": 409,
    "run_not_ended": 409,
    "thread_exists": 409,
    "thread_busy": 409,
    "thread_of_another": 409,
    "nothing_to_resume": 409,
    "state_conflict": 409,
    "not_permitted": 409,
    "cancelled": 409,
    "body_too_large": 413,
    "invalid_request": 422,
    "invalid_input": 422,
    "invalid_update": 422,
    "queue_full": 429,
    "pool_unavailable": 503,
    "too_many_readers": 503,
    "broker_unavailable": 503,
    "state_unavailable": 503,
    "graph_unavailable": 503,
    "timeout": 504,
    "wait_timeout": 504,
}
"""Codes with another status than their branch. A failed graph is 500 for any reason."""
STATUS_BY_BRANCH: Mapping[type[AgenticSalesError], int] = {RequestError: 422, TransientError: 503, PermanentError: 500}
GRAPH_FAILED = 500
JSON = "application/json"


class JsonAnswer(JSONResponse):
    """An answer with a body of JSON."""

    def render(self, content: Any) -> bytes:
        """Write the body."""
        return to_wire(content)


def error_answer(
    status: int,
    code: str,
    detail: str,
    *,
    run_id: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Make the answer of any failure."""
    body = ErrorBody(detail=detail, code=code, kind=error_kind(status), run_id=run_id)
    return JsonAnswer(body.model_dump(), status, headers)


def body_too_large(limit_bytes: int) -> Response:
    """Make the answer of a request with a body over the limit."""
    return error_answer(413, "body_too_large", f"the request body is larger than {limit_bytes} bytes")


def answer_of_error(error: AgenticSalesError, *, run_id: str | None = None) -> Response:
    """Make the answer of an error that was raised on this side of the queue."""
    branch = next(status for kind, status in STATUS_BY_BRANCH.items() if isinstance(error, kind))
    status = STATUS_BY_CODE.get(error.code, branch)
    return error_answer(status, error.code, str(error), run_id=run_id, headers=_retry_after(error))


def answer_of_outcome(outcome: Outcome, headers: Mapping[str, str], *, graph_error_status: int) -> Response:
    """Make the answer of an ended run. It holds the final state or the reason of the failure."""
    if outcome.failure is None:
        return Response(outcome.output, 200, headers, JSON)
    failure = outcome.failure
    status = STATUS_BY_CODE.get(failure.code, GRAPH_FAILED)
    if status == GRAPH_FAILED and graph_error_status != GRAPH_FAILED:
        return Response(error_in_band(failure), graph_error_status, headers, JSON)
    return error_answer(status, failure.code, failure.message, run_id=outcome.run_id, headers=headers)


def error_in_band(failure: RunFailure) -> bytes:
    """Make LangGraph's form of a failure for an answer after its status has been sent. Both SDKs raise on it."""
    return to_wire({"__error__": error_of_langgraph(failure)})


def error_of_langgraph(failure: RunFailure) -> dict[str, str]:
    """Describe a failure in LangGraph's words."""
    return {"error": failure.error, "message": failure.message}


def failure_of_error(error: AgenticSalesError) -> RunFailure:
    """Describe an error of this side as a failure, for an answer after its status has been sent."""
    is_retryable = isinstance(error, TransientError)
    return RunFailure(code=error.code, message=str(error), is_retryable=is_retryable, error=type(error).__name__)


def _retry_after(error: AgenticSalesError) -> dict[str, str] | None:
    if not isinstance(error, TransientError) or error.retry_after_s is None:
        return None
    return {"retry-after": f"{error.retry_after_s:.0f}"}
