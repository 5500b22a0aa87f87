"""Serve a run's events as they come in the frames of server-sent events that LangGraph's SDKs know.

A reader follows the run's stream in the ledger at its own pace. It never slows the run. It can come back with
`Last-Event-ID`. A stream ends with `end` or `error`. A stream without either was cut by a fault. That says nothing
about the run. The SDKs come back to it.
"""

from collections.abc import AsyncIterator, Collection
from contextlib import ExitStack
from urllib.parse import urlencode

import structlog
from starlette.responses import Response

from agentic_sales.contracts import RunFailure, RunId
from agentic_sales.errors import BrokerUnavailable, UnknownRun
from agentic_sales.facade.answers import error_of_langgraph, failure_of_error
from agentic_sales.facade.callers import Caller
from agentic_sales.facade.runs.parts import PartsAnswer
from agentic_sales.facade.runs.submission import submit
from agentic_sales.facade.runs.waiting import give_up, run_headers
from agentic_sales.facade.state import FacadeState
from agentic_sales.runs.events import FROM_START, RunEvent, follow, start_after
from agentic_sales.runs.ledger import Outcome
from agentic_sales.runs.submit import SubmittedRun
from agentic_sales.wire import to_wire

log = structlog.get_logger()

HEARTBEAT_S = 5.0
HEARTBEAT = b": heartbeat\r\n\r\n"
EVENT_STREAM = "text/event-stream; charset=utf-8"
_LINE_BREAKS = tuple((mark.encode(), rf"\u{ord(mark):04x}".encode()) for mark in "\u0085\u2028\u2029")
"""Escapes of the characters at which some line readers break a line. JSON has them in texts alone."""
_ALWAYS = frozenset({"metadata", "error", "end"})
"""Events that every reader gets."""
_EVENTS_OF_MODE = {"messages-tuple": "messages", "messages": "messages/"}
"""Beginning of the event names of a mode where it is not the mode's own name."""


async def stream_started(facade: FacadeState, caller: Caller, *, thread_id: str | None = None) -> Response:
    """Start the run that a request asks for. Answer with its events. See `submit` for the errors.

    Raises:
        TooManyReaders: This process is at its limit of streams. Nothing was started.
    """
    with ExitStack() as place:
        place.enter_context(facade.readers.place())
        submission = await submit(facade, caller, is_streamed=True, thread_id=thread_id)
        cancel = submission.body.on_disconnect == "cancel"
        return _answer(facade, submission.run, place.pop_all(), cancel_on_disconnect=cancel)


async def stream_joined(
    facade: FacadeState, caller: Caller, run_id: RunId, *, modes: Collection[str], cancel_on_disconnect: bool
) -> Response:
    """Answer with the events of an earlier run from its start or after the caller's `Last-Event-ID`.

    Args:
        facade: The facade.
        caller: The request.
        run_id: The run.
        modes: Wanted stream modes of those that the run keeps. Empty means all.
        cancel_on_disconnect: Cancel the run when the caller leaves before its end.

    Raises:
        InvalidRequest: `Last-Event-ID` is no id of an event.
        UnknownRun: The ledger does not have it (any more).
        TooManyReaders: This process is at its limit of streams.
        BrokerUnavailable: Redis does not answer.
    """
    after = start_after(caller.headers.get("last-event-id", ""))
    with ExitStack() as place:
        place.enter_context(facade.readers.place())
        run = await facade.runs.join(run_id)
        return _answer(
            facade, run, place.pop_all(), after=after, modes=modes, cancel_on_disconnect=cancel_on_disconnect
        )


def _answer(
    facade: FacadeState,
    run: SubmittedRun,
    place: ExitStack,
    *,
    after: str = FROM_START,
    modes: Collection[str] = (),
    cancel_on_disconnect: bool,
) -> Response:
    run.ended.cancel()  # The end is the stream's to tell.
    headers = run_headers(run, found_at=_found_at(modes, cancel_on_disconnect=cancel_on_disconnect))
    return PartsAnswer(
        _frames(facade, run, after, modes),
        when_left=lambda: give_up(facade, run, cancel=cancel_on_disconnect),
        when_over=place.close,
        headers={**headers, "cache-control": "no-store", "x-accel-buffering": "no"},
        media_type=EVENT_STREAM,
    )


def _found_at(modes: Collection[str], *, cancel_on_disconnect: bool) -> str:
    """Return the address of the same stream for a reader with a cut connection."""
    asked = [("stream_mode", mode) for mode in modes]
    asked += [("cancel_on_disconnect", "true")] if cancel_on_disconnect else []
    return f"stream?{urlencode(asked)}" if asked else "stream"


async def _frames(state: FacadeState, run: SubmittedRun, after: str, modes: Collection[str]) -> AsyncIterator[bytes]:
    try:
        async for said in follow(state.runs.ledger, run.run_id, after=after, idle_s=HEARTBEAT_S):
            if part := _part(said, modes):
                yield part
    except UnknownRun as exc:  # Its record has expired or was lost with Redis.
        yield _frame("error", to_wire(error_of_langgraph(failure_of_error(exc))))
    except BrokerUnavailable as exc:
        log.warning("stream_cut", run_id=run.run_id, reason=str(exc))
        raise


def _part(said: RunEvent | Outcome | None, modes: Collection[str]) -> bytes:
    match said:
        case None:
            return HEARTBEAT
        case Outcome():
            return _frames_of_outcome(said, modes)
        case RunEvent():
            return frame(said) if _is_wanted(said.event, modes) else b""


def _is_wanted(event: str, modes: Collection[str]) -> bool:
    name = event.partition("|")[0]
    if not modes or name in _ALWAYS:
        return True
    begins = (_EVENTS_OF_MODE.get(mode, mode) for mode in modes)
    return any(name.startswith(begin) if begin.endswith("/") else name == begin for begin in begins)


def frame(event: RunEvent) -> bytes:
    """Write one event. A failure is told in LangGraph's words."""
    data = event.data
    if event.event == "error":
        data = to_wire(error_of_langgraph(RunFailure.model_validate_json(event.data)))
    return _frame(event.event, data, event.event_id)


def _frames_of_outcome(outcome: Outcome, modes: Collection[str]) -> bytes:
    if outcome.failure is not None:
        return _frame("error", to_wire(error_of_langgraph(outcome.failure)))
    values = _frame("values", outcome.output or b"{}") if _is_wanted("values", modes) else b""
    return values + _frame("end", b"null")


def _frame(name: str, data: bytes, event_id: str = "") -> bytes:
    identity = f"id: {event_id}\r\n".encode() if event_id else b""
    for character, escape in _LINE_BREAKS:
        data = data.replace(character, escape)
    return b"event: " + name.encode() + b"\r\ndata: " + data + b"\r\n" + identity + b"\r\n"
