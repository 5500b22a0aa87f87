"""Ask the pool that owns a thread's graph about the thread. This process has no graph and opens no checkpoint.

A question is a run that no caller sees. It takes the way of every run. So a pool without a worker answers 503 here too.
"""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from agentic_sales.facade.answers import answer_of_outcome
from agentic_sales.facade.state import FacadeState
from agentic_sales.observability.tracing import TraceContext
from agentic_sales.runs.ledger import Outcome
from agentic_sales.runs.turns import Turn
from agentic_sales.store.threads import StoredThread, ThreadState

QUESTION_TIMEOUT_S = 60.0
"""How long a question may wait for its answer. The time in the queue is included."""


async def ask_about(
    facade: FacadeState,
    trace: TraceContext,
    thread: StoredThread,
    question: Mapping[str, Any],
    *,
    changes_it: bool = False,
) -> Response:
    """Return the pool's answer as an HTTP answer or its refusal.

    Args:
        facade: The facade.
        trace: Trace of the request that wants to know.
        thread: A thread that holds the state of an assistant.
        question: Its `kind` and the fields of that kind.
        changes_it: The question changes the thread. So no run may hold it meanwhile.

    Raises:
        ThreadBusy: A run holds the thread that the question would change.
        PoolUnavailable: No live worker consumes the queue of the thread's assistant.
        QueueFull: That queue has as many waiting runs as it may have.
        WaitTimeout: There was no answer in time.
        BrokerUnavailable: Redis or the broker did not answer.
    """
    assert thread.assistant_id is not None  # noqa: S101 - the caller's promise
    known = ThreadState(thread.assistant_id, thread.pause)
    outcome = await answered(facade, trace, thread.thread_id, known, question, changes_it=changes_it)
    return answer_of_outcome(outcome, {}, graph_error_status=500)


async def answered(
    facade: FacadeState,
    trace: TraceContext,
    thread_id: str,
    known: ThreadState,
    question: Mapping[str, Any],
    *,
    changes_it: bool,
) -> Outcome:
    """Return the pool's answer. `ask_about` lists the errors."""
    assert known.assistant_id is not None  # noqa: S101 - the caller's promise
    turn = Turn(thread_id, strategy="reject", keeps_state=True, is_question=True, known=known)
    run = await facade.runs.submit(
        known.assistant_id,
        question,
        trace=trace,
        thread_id=thread_id,
        turn=turn if changes_it else None,
    )
    return await facade.runs.wait(run, timeout_s=QUESTION_TIMEOUT_S)
