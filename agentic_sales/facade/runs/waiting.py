"""Wait for a run and answer with its end.

The wait costs a future. It needs no thread and no polling. A late answer starts with status 200. Newlines keep it alive
as LangGraph's do. A failure after that moment is told in the body as `__error__`.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from starlette.responses import Response

from agentic_sales.errors import AgenticSalesError, WaitTimeout
from agentic_sales.facade.answers import JSON, answer_of_error, answer_of_outcome, error_in_band, failure_of_error
from agentic_sales.facade.callers import Caller
from agentic_sales.facade.runs.parts import PartsAnswer
from agentic_sales.facade.state import FacadeState
from agentic_sales.observability.plane import langsmith_url
from agentic_sales.runs.ledger import Outcome
from agentic_sales.runs.patience import patiently
from agentic_sales.runs.submit import SubmittedRun

KEEPALIVE_INTERVAL_S = 5.0
CLIENT_GONE = 499
"""Status that is logged when the caller left before the answer. Nobody reads it."""


async def answer_when_ended(
    facade: FacadeState, caller: Caller, run: SubmittedRun, *, cancel_on_disconnect: bool = False
) -> Response:
    """Answer with the final state of an ended run or with the reason of its failure."""
    gone = asyncio.ensure_future(caller.leaves())
    either: set[asyncio.Future[Any]] = {run.ended, gone}
    keepalive_after_s, wait_timeout_s = facade.settings.keepalive_after_s, facade.settings.wait_timeout_s
    try:
        await asyncio.wait(either, timeout=min(keepalive_after_s, wait_timeout_s), return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
    if run.ended.done():
        return _early_answer(facade, await _as_ended(facade, run))
    if gone.done() and not gone.cancelled():
        await give_up(facade, run, cancel=cancel_on_disconnect)
        return Response(status_code=CLIENT_GONE)
    if wait_timeout_s <= keepalive_after_s:
        run.ended.cancel()
        return answer_of_error(WaitTimeout(run.assistant_id, run.run_id, wait_timeout_s), run_id=run.run_id)
    return PartsAnswer(
        _kept_alive(facade, run),
        when_left=lambda: give_up(facade, run, cancel=cancel_on_disconnect),
        when_over=run.ended.cancel,
        headers=run_headers(run),
        media_type=JSON,
    )


def run_headers(run: SubmittedRun, *, found_at: str = "join") -> dict[str, str]:
    """Name a run in the headers of an answer. They give its id and its trace and its address."""
    thread_run = f"/threads/{run.thread_id}/runs/{run.run_id}"
    return {
        "x-run-id": run.run_id,
        "x-trace-id": run.trace_id,
        "location": f"{thread_run}/{found_at}",
        "content-location": thread_run,
        **_langsmith_headers(run),
    }


def _langsmith_headers(run: SubmittedRun) -> dict[str, str]:
    if run.langsmith_run_id is None:
        return {}
    url = langsmith_url(run.assistant_id, run.langsmith_run_id)
    return {"x-langsmith-run-id": run.langsmith_run_id} | ({"x-langsmith-run-url": url} if url else {})


async def _as_ended(state: FacadeState, run: SubmittedRun) -> SubmittedRun:
    """Return a run as LangSmith has it at its end. A failed one is kept late. Each attempt has an id of its own."""
    if not state.settings.langsmith_tracing:
        return run
    try:
        record = await state.runs.record(run.run_id)
    except AgenticSalesError:
        return run  # Its end is known and matters more than its address in LangSmith.
    return replace(run, langsmith_run_id=record.langsmith_run_id)


async def give_up(state: FacadeState, run: SubmittedRun, *, cancel: bool) -> None:
    """Stop waiting for a run after its caller has left. Cancel it if its caller wants that."""
    run.ended.cancel()
    if cancel:
        await patiently(lambda: state.runs.ledger.cancel(run.run_id), run.run_id)


def _early_answer(state: FacadeState, run: SubmittedRun) -> Response:
    try:
        outcome = run.ended.result()
    except AgenticSalesError as exc:
        return answer_of_error(exc, run_id=run.run_id)
    return answer_of_outcome(outcome, run_headers(run), graph_error_status=state.settings.graph_error_status)


async def _kept_alive(state: FacadeState, run: SubmittedRun) -> AsyncIterator[bytes]:
    waited_s = state.settings.keepalive_after_s
    while not run.ended.done() and waited_s < state.settings.wait_timeout_s:
        yield b"\n"
        pause_s = min(KEEPALIVE_INTERVAL_S, state.settings.wait_timeout_s - waited_s)
        await asyncio.wait({run.ended}, timeout=pause_s)
        waited_s += pause_s
    yield _late_body(run, waited_s)


def _late_body(run: SubmittedRun, waited_s: float) -> bytes:
    if not run.ended.done():
        return error_in_band(failure_of_error(WaitTimeout(run.assistant_id, run.run_id, waited_s)))
    try:
        outcome: Outcome = run.ended.result()
    except AgenticSalesError as exc:
        return error_in_band(failure_of_error(exc))
    return outcome.output or b"{}" if outcome.failure is None else error_in_band(outcome.failure)
