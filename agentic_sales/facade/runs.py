"""Serve runs: enqueue, wait, answer.

The wait costs a future: no thread, no polling. An answer that is not there within a while starts with status 200 and
is kept alive by newlines, as LangGraph's is; a failure after that moment is told in the body, as `__error__`.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict
from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import ValidationError
from starlette.responses import Response, StreamingResponse

from agentic_sales.contracts import ErrorBody, RunId, RunRequest
from agentic_sales.errors import AgenticSalesError, InvalidRequest, WaitTimeout
from agentic_sales.facade.answers import JSON, answer_of_error, answer_of_outcome, error_in_band, failure_of_error
from agentic_sales.facade.guard import caller_of
from agentic_sales.facade.state import FacadeState, state_of
from agentic_sales.observability.tracing import parse_inbound
from agentic_sales.runs.ledger import Idempotency, Outcome
from agentic_sales.runs.submit import SubmittedRun

KEEPALIVE_INTERVAL_S = 5.0
LONGEST_IDEMPOTENCY_KEY_CHARS = 255
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
    raw = await request.body()
    body = _parse(raw)
    row = state.control.row(body.assistant_id)
    state.validator.check(row.assistant_id, body.input)
    run = await state.runs.submit(
        row.assistant_id,
        body.model_dump(include={"input", "config", "metadata", "context"}),
        trace=parse_inbound(request.headers),
        idempotency=idempotency_of(request, raw),
    )
    return await _answer(request, state, run, cancel_on_disconnect=body.on_disconnect == "cancel")


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


@router.get("/runs/dead", responses=_ERRORS, summary="List the runs whose workers died too often")
async def list_dead_runs(
    request: Request, limit: Annotated[int, Query(ge=1, le=1000)] = 100, offset: Annotated[int, Query(ge=0)] = 0
) -> list[dict[str, Any]]:
    """List the dead runs, the latest first; `agentic-sales runs retry` puts one on its queue again."""
    return [asdict(record) for record in await state_of(request).runs.dead(limit=limit, offset=offset)]


@router.post("/runs/{run_id}/cancel", responses=_ERRORS, summary="Cancel a run for good")
async def cancel_run(request: Request, run_id: str) -> dict[str, Any]:
    """Cancel a run: one that waits has ended when this answers, one that runs is stopped at its next node edge."""
    return asdict(await state_of(request).runs.cancel(RunId(run_id)))


def idempotency_of(request: Request, body: bytes) -> Idempotency | None:
    """Return what the caller's `Idempotency-Key` stands for; None without one.

    Raises:
        InvalidRequest: The key is empty or too long.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 0 < len(key) <= LONGEST_IDEMPOTENCY_KEY_CHARS:
        raise InvalidRequest(f"an Idempotency-Key has 1 to {LONGEST_IDEMPOTENCY_KEY_CHARS} characters, not {len(key)}")
    scope = "\n".join((caller_of(request.headers), request.method, request.url.path, key))
    return Idempotency(scope=sha256(scope.encode()).hexdigest(), digest=sha256(body).hexdigest())


async def _answer(
    request: Request, state: FacadeState, run: SubmittedRun, *, cancel_on_disconnect: bool = False
) -> Response:
    gone = asyncio.ensure_future(_disconnected(request))
    either: set[asyncio.Future[Any]] = {run.ended, gone}
    try:
        await asyncio.wait(either, timeout=state.settings.keepalive_after_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
    headers = _headers(run)
    if run.ended.done():
        return _early_answer(state, run, headers)
    if gone.done() and not gone.cancelled():
        run.ended.cancel()
        if cancel_on_disconnect:
            await state.runs.cancel(run.run_id)
        return Response(status_code=CLIENT_GONE)
    kept_alive = _kept_alive(state, run, cancel_on_disconnect=cancel_on_disconnect)
    return StreamingResponse(kept_alive, headers=headers, media_type=JSON)


def _early_answer(state: FacadeState, run: SubmittedRun, headers: dict[str, str]) -> Response:
    try:
        outcome = run.ended.result()
    except AgenticSalesError as exc:
        return answer_of_error(exc, run_id=run.run_id)
    return answer_of_outcome(outcome, headers, graph_error_status=state.settings.graph_error_status)


async def _kept_alive(state: FacadeState, run: SubmittedRun, *, cancel_on_disconnect: bool) -> AsyncIterator[bytes]:
    waited_s = state.settings.keepalive_after_s
    try:
        while not run.ended.done() and waited_s < state.settings.wait_timeout_s:
            yield b"\n"
            await asyncio.wait({run.ended}, timeout=KEEPALIVE_INTERVAL_S)
            waited_s += KEEPALIVE_INTERVAL_S
        yield _late_body(run, waited_s)
    except (asyncio.CancelledError, GeneratorExit):
        if cancel_on_disconnect:
            await asyncio.shield(state.runs.cancel(run.run_id))
        raise
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
