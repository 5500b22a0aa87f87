"""Serve a run's events as they come, in the frames of server-sent events that LangGraph's SDKs know.

A reader follows the run's stream in the ledger at its own pace: it never slows the run, and it can come back with
`Last-Event-ID`. A stream ends with `end` or `error`.
"""

import asyncio
from collections.abc import AsyncIterator

from fastapi import Request
from pydantic_core import to_json
from starlette.responses import StreamingResponse

from agentic_sales.contracts import RunFailure, RunId
from agentic_sales.facade.answers import error_of_langgraph
from agentic_sales.facade.runs.waiting import run_headers
from agentic_sales.facade.state import FacadeState, state_of
from agentic_sales.runs.events import FROM_START, RunEvent, follow
from agentic_sales.runs.ledger import Outcome
from agentic_sales.runs.submit import SubmittedRun

HEARTBEAT_S = 5.0
HEARTBEAT = b": heartbeat\r\n\r\n"
EVENT_STREAM = "text/event-stream; charset=utf-8"
_FROM_START = {"", "-1"}
"""What callers send as `Last-Event-ID` to see a stream from its start."""


def stream_answer(request: Request, run: SubmittedRun, *, cancel_on_disconnect: bool = False) -> StreamingResponse:
    """Answer with the events of a run, from its start or after the caller's `Last-Event-ID`."""
    state = state_of(request)
    last = request.headers.get("last-event-id", "")
    after = FROM_START if last in _FROM_START else last
    frames = _frames(state, run, after, cancel_on_disconnect=cancel_on_disconnect)
    headers = {**run_headers(run, found_at="stream"), "cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(frames, headers=headers, media_type=EVENT_STREAM)


async def _frames(
    state: FacadeState, run: SubmittedRun, after: str, *, cancel_on_disconnect: bool
) -> AsyncIterator[bytes]:
    has_ended = False
    try:
        async for event in follow(state.reader, RunId(run.run_id), after=after, idle_s=HEARTBEAT_S):
            if event is not None:
                has_ended = event.is_end
                yield frame(event)
            elif (outcome := await _outcome(state, run)) is not None:
                has_ended = True
                yield _last_frames(outcome)
                return
            else:
                yield HEARTBEAT
    finally:
        run.ended.cancel()
        if cancel_on_disconnect and not has_ended:
            # The caller's leaving cancels whatever is awaited here; the wish must reach the ledger all the same.
            await asyncio.shield(state.runs.cancel(run.run_id))


async def _outcome(state: FacadeState, run: SubmittedRun) -> Outcome | None:
    [outcome] = await state.runs.ledger.outcomes([run.run_id])
    return outcome


def frame(event: RunEvent) -> bytes:
    """Write one event; a failure is told in LangGraph's words."""
    data = event.data
    if event.event == "error":
        data = to_json(error_of_langgraph(RunFailure.model_validate_json(event.data)))
    return _frame(event.event, data, event.event_id)


def _last_frames(outcome: Outcome) -> bytes:
    if outcome.failure is not None:
        return _frame("error", to_json(error_of_langgraph(outcome.failure)))
    return _frame("values", outcome.output or b"{}") + _frame("end", b"null")


def _frame(name: str, data: bytes, event_id: str = "") -> bytes:
    identity = f"id: {event_id}\r\n".encode() if event_id else b""
    return b"event: " + name.encode() + b"\r\ndata: " + data + b"\r\n" + identity + b"\r\n"
