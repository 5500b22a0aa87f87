"""Serve runs: enqueue, wait, answer.

The wait costs a future: no thread, no polling. An answer that is not there within a while starts with status 200 and
is kept alive by newlines, as LangGraph's is; a failure after that moment is told in the body, as `__error__`.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response, StreamingResponse

from agentic_sales.contracts import ErrorBody, RunId, RunRequest
from agentic_sales.errors import AgenticSalesError, InvalidRequest, WaitTimeout
from agentic_sales.facade.answers import JSON, answer_of_error, answer_of_outcome, error_in_band, failure_of_error
from agentic_sales.facade.state import FacadeState, state_of
from agentic_sales.observability.tracing import parse_inbound
from agentic_sales.runs.ledger import Outcome
from agentic_sales.runs.submit import SubmittedRun

KEEPALIVE_INTERVAL_S = 5.0
CLIENT_GONE = 499
"""Status that is logged when the caller left before the answer; nobody reads it."""

router = APIRouter(tags=["runs"])

_ERRORS: dict[int | str, dict[str, object]] = {
    status: {"model": ErrorBody} for status in (401, 403, 404, 413, 422, 500, 503, 504)
}
_BODY = {
    "requestBody": {"required": True, "content": {JSON: {"schema": RunRequest.model_json_schema()}}},
}


@router.post("/runs/wait", responses=_ERRORS, openapi_extra=_BODY, summary="Run a workflow and return its final state")
async def wait_for_run(request: Request) -> Response:
    """Enqueue a run on the pool that the routing contract gives it, and answer with its final state."""
    state = state_of(request)
    body = _parse(await request.body())
    row = state.control.row(body.assistant_id)
    state.validator.check(row.assistant_id, body.input)
    run = await state.runs.submit(
        row.assistant_id, body.model_dump(exclude={"assistant_id"}), trace=parse_inbound(request.headers)
    )
    return await _answer(request, state, run)


@router.get("/runs/{run_id}/join", responses=_ERRORS, summary="Wait for a run that was started earlier")
async def join_run(request: Request, run_id: str) -> Response:
    """Answer with the final state of a run, waiting for it if it has not ended; for as long as the ledger keeps it."""
    state = state_of(request)
    return await _answer(request, state, await state.runs.join(RunId(run_id)))


def _parse(body: bytes) -> RunRequest:
    try:
        return RunRequest.model_validate_json(body)
    except ValidationError as exc:
        told = "; ".join(f"{'.'.join(map(str, p['loc'])) or 'body'}: {p['msg']}" for p in exc.errors())
        raise InvalidRequest(f"the request body is not a run: {told}") from exc


async def _answer(request: Request, state: FacadeState, run: SubmittedRun) -> Response:
    gone = asyncio.ensure_future(_disconnected(request))
    either: set[asyncio.Future[Any]] = {run.ended, gone}
    keepalive_after_s, wait_timeout_s = state.settings.keepalive_after_s, state.settings.wait_timeout_s
    try:
        await asyncio.wait(either, timeout=min(keepalive_after_s, wait_timeout_s), return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
    headers = _headers(run)
    if run.ended.done():
        return _early_answer(state, run, headers)
    if gone.done() and not gone.cancelled():
        run.ended.cancel()
        return Response(status_code=CLIENT_GONE)
    if wait_timeout_s <= keepalive_after_s:
        run.ended.cancel()
        return answer_of_error(WaitTimeout(run.assistant_id, run.run_id, wait_timeout_s), run_id=run.run_id)
    return StreamingResponse(_kept_alive(state, run), headers=headers, media_type=JSON)


def _early_answer(state: FacadeState, run: SubmittedRun, headers: dict[str, str]) -> Response:
    try:
        outcome = run.ended.result()
    except AgenticSalesError as exc:
        return answer_of_error(exc, run_id=run.run_id)
    return answer_of_outcome(outcome, headers, graph_error_status=state.settings.graph_error_status)


async def _kept_alive(state: FacadeState, run: SubmittedRun) -> AsyncIterator[bytes]:
    waited_s = state.settings.keepalive_after_s
    try:
        while not run.ended.done() and waited_s < state.settings.wait_timeout_s:
            yield b"\n"
            pause_s = min(KEEPALIVE_INTERVAL_S, state.settings.wait_timeout_s - waited_s)
            await asyncio.wait({run.ended}, timeout=pause_s)
            waited_s += pause_s
        yield _late_body(run, waited_s)
    finally:
        run.ended.cancel()


def _late_body(run: SubmittedRun, waited_s: float) -> bytes:
    if not run.ended.done():
        return error_in_band(failure_of_error(WaitTimeout(run.assistant_id, run.run_id, waited_s)))
    try:
        outcome: Outcome = run.ended.result()
    except AgenticSalesError as exc:
        return error_in_band(failure_of_error(exc))
    return outcome.output or b"{}" if outcome.failure is None else error_in_band(outcome.failure)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _headers(run: SubmittedRun) -> dict[str, str]:
    return {"x-run-id": run.run_id, "x-trace-id": run.trace_id, "location": f"/runs/{run.run_id}/join"}
