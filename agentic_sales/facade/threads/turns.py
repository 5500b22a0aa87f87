"""Choose the turn of a request's run on its thread. Refuse work beyond its thread or its assistant.

An assistant that is not resumable keeps no state. It may run on a thread. The thread then only files its runs. A
request that needs state is refused. A resumable assistant makes the thread its own because another graph could not read
its state. LangGraph allows that and lets the second graph fail or misread.
"""

import re

import structlog

from agentic_sales.contracts import RunCommand, RunRequest
from agentic_sales.control import assistant_uuid
from agentic_sales.errors import InvalidRequest, NotResumable, StateUnavailable
from agentic_sales.facade.state import FacadeState
from agentic_sales.facade.threads.threads import make_thread
from agentic_sales.observability.tracing import TraceContext
from agentic_sales.registry import GraphSpec
from agentic_sales.runs.ledger import Idempotency
from agentic_sales.runs.submit import SubmittedRun
from agentic_sales.runs.turns import Turn
from agentic_sales.store.threads import ThreadState

log = structlog.get_logger()

_INTERRUPT_ID = re.compile(r"[0-9a-f]{32}")
_OF_A_THREAD = ("command", "checkpoint", "checkpoint_id")
_OF_STATE = (*_OF_A_THREAD, "interrupt_before", "interrupt_after")


def check_request(state: FacadeState, row: GraphSpec, body: RunRequest, *, is_on_thread: bool) -> None:
    """Check that the assistant can do the work of a request.

    Raises:
        InvalidRequest: It needs a thread and has none. Or it gives a command and an input.
        NotResumable: It needs state and the assistant keeps none.
        InvalidInput: The input does not fit the assistant's schema.
    """
    if not row.resumable and (asked := _first_given(body, _OF_STATE)):
        raise NotResumable(row.assistant_id, asked)
    if not is_on_thread and (asked := _first_given(body, _OF_A_THREAD)):
        raise InvalidRequest(f"`{asked}` needs a thread: send it to /threads/{{thread_id}}/runs")
    if body.command is not None and body.input is not None:
        raise InvalidRequest("a run has an `input` or a `command`, not both")
    if body.input is not None or not (row.resumable and is_on_thread):
        state.validator.check(row.assistant_id, body.input)


async def turn_on(
    facade: FacadeState,
    trace: TraceContext,
    row: GraphSpec,
    body: RunRequest,
    *,
    thread_id: str,
    idempotency: Idempotency | None,
) -> Turn:
    """Return the turn of a run on a thread. The thread is made if the request says so.

    Raises:
        UnknownThread: There is no such thread and none is to be made.
        InvalidRequest: One is to be made under an id of campaigns.
        StateUnavailable: The database does not answer.
        BrokerUnavailable: Redis does not answer.
    """
    records = facade.threads
    if body.if_not_exists == "create":
        await make_thread(records, thread_id, {}, may_exist=True)
    known = await records.load_state(thread_id)
    if body.multitask_strategy == "rollback" and not await _is_known(facade, idempotency):
        undoing = await undo_runs(facade, trace, thread_id)
        if undoing is not None:
            undoing.ended.cancel()
    return Turn(
        thread_id,
        strategy=body.multitask_strategy,
        keeps_state=row.resumable,
        resumes=resumed_interrupts(body.command),
        known=known,
    )


async def undo_runs(
    facade: FacadeState, trace: TraceContext, thread_id: str, *, only: str | None = None
) -> SubmittedRun | None:
    """Have a thread taken back to its state before its live runs. None when there is nothing to undo.

    The undoing is a question. It takes its turn after the end of the run at work and before any waiting run.

    Args:
        facade: The facade.
        trace: Trace of the request that wants it.
        thread_id: The thread.
        only: Undo this run alone. None means every live one.

    Raises:
        UnknownThread: There is no such thread.
        PoolUnavailable: No live worker consumes the queue of the thread's assistant.
        StateUnavailable: The database does not answer.
        BrokerUnavailable: Redis or the broker did not answer.
    """
    thread = await facade.threads.load(thread_id)
    live = [run_id for run_id in await facade.threads.live_runs(thread_id) if only in {None, run_id}]
    if not live or thread.assistant_id is None:
        return None
    known = ThreadState(thread.assistant_id, thread.pause)
    turn = Turn(thread_id, keeps_state=True, is_question=True, undoes=tuple(live), known=known)
    question = {"kind": "rollback", "run_ids": live}
    return await facade.runs.submit(thread.assistant_id, question, trace=trace, turn=turn)


async def label(facade: FacadeState, row: GraphSpec, turn: Turn) -> None:
    """Label a thread with the assistant of its new run as LangGraph's server does. Inboxes find it by that.

    The run is recorded by then. So an absent database is no failure of the request. The next run labels it.
    """
    if turn.known.labelled == row.assistant_id:
        return
    labels = {"graph_id": row.assistant_id, "assistant_id": assistant_uuid(row.assistant_id)}
    try:
        await facade.threads.label(turn.thread_id, labels)
    except StateUnavailable as exc:
        log.warning("thread_not_labelled", thread_id=turn.thread_id, reason=str(exc))


async def _is_known(facade: FacadeState, idempotency: Idempotency | None) -> bool:
    """Say whether a run was started under a key. A request that only joins it must not undo it."""
    return idempotency is not None and await facade.runs.started_by(idempotency) is not None


def resumed_interrupts(command: RunCommand | None) -> tuple[str, ...] | None:
    """Return the ids of the interrupts that a command answers. Empty means the standing one. None means no answer."""
    if command is None or command.resume is None:
        return None
    resume = command.resume
    if isinstance(resume, dict) and resume and all(_INTERRUPT_ID.fullmatch(key) for key in resume):
        return tuple(resume)
    return ()


def _first_given(body: RunRequest, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if getattr(body, name)), None)
