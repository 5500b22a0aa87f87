"""Forget a person everywhere: in the store, in the threads of the campaigns, in the records of every run that saw one.

Each step can be done again, so a request that was cut off is sent again; the person's own row goes last.
"""

import asyncio

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from agentic_sales.campaigns import clock
from agentic_sales.campaigns.forget import Traces, erase, leave_for_good
from agentic_sales.campaigns.learning import feedback_ids
from agentic_sales.campaigns.tick import CAMPAIGN
from agentic_sales.contracts import RunId
from agentic_sales.errors import RunFailed, ThreadBusy
from agentic_sales.facade.campaigns import ERRORS
from agentic_sales.facade.state import FacadeState, state_of
from agentic_sales.facade.thread_questions import answered
from agentic_sales.runs.feedback import FeedbackQueue
from agentic_sales.store.threads import ThreadState

router = APIRouter(prefix="/campaigns", tags=["campaigns"])

VISIT_ENDS_WITHIN_S = 15.0
"""How long a visit that is at work may take to end, before the request is refused."""
POLL_S = 0.1
MOST_RUNS = 1000
LEFT = "mail that has left (in mailboxes, and in the local maildir), traces, backups, PostgreSQL's dead rows before a \
vacuum, and Redis' append-only file before its next rewrite"


class Forgotten(BaseModel):
    """What was erased."""

    known: bool = Field(description="False: the store did not know the person; nothing will be sent there either way.")
    erased: dict[str, int] = Field(description="How much was erased, by kind.")
    suppressed: bool = Field(
        default=True, description="The digest of the address stays, so that nothing is sent to it."
    )
    left: str = Field(default=LEFT, description="What is beyond our reach.")


class Person(BaseModel):
    """Body of a request that forgets a person."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    email: str = Field(min_length=3, max_length=320, description="The person's address.")


@router.post("/forget", responses=ERRORS, summary="Forget a person")
async def forget(request: Request, body: Person) -> Forgotten:
    """Erase a person everywhere, and keep a digest of the address, so that nobody writes to it again."""
    state = state_of(request)
    traces = await leave_for_good(state.database, body.email, now=clock.now())
    if traces is None:
        return Forgotten(known=False, erased={})
    for thread_id in traces.threads:
        await _wait_for_rest(state, thread_id)
    runs = await _erase_runs(state, traces)
    for thread_id in traces.threads:
        await _erase_thread(request, thread_id)
    erased = {"threads": len(traces.threads), "runs": runs, **await erase(state.database, traces.contact_id)}
    told = [feedback_id for touch_id in traces.touch_ids for feedback_id in feedback_ids(touch_id)]
    await FeedbackQueue(state.runs.ledger).forget(told)
    return Forgotten(known=True, erased=erased)


async def _wait_for_rest(state: FacadeState, thread_id: str) -> None:
    seconds = asyncio.get_running_loop().time
    give_up_at_s = seconds() + VISIT_ENDS_WITHIN_S
    while (holder := await state.threads.holder(thread_id)) is not None:
        if seconds() > give_up_at_s:
            raise ThreadBusy(thread_id, f"run `{holder}` is at work on it")
        await asyncio.sleep(POLL_S)


async def _erase_runs(state: FacadeState, traces: Traces) -> int:
    """Erase the records of the runs that saw the person, whoever was asked before who asked."""
    seen: list[RunId] = list(traces.run_ids)
    for thread_id in traces.threads:
        records = await state.threads.runs(thread_id, limit=MOST_RUNS, offset=0, status=None)
        seen += [record.run_id for record in records]
    gone = 0
    for run_id in reversed(await state.runs.with_sub_runs(seen)):
        verdict = await state.runs.remove(run_id)
        if verdict == "live":
            raise ThreadBusy(traces.threads[0], f"its run `{run_id}` is at work")
        gone += verdict == "gone"
    return gone


async def _erase_thread(request: Request, thread_id: str) -> None:
    """Erase a thread and its checkpoints, by the pool that owns its graph."""
    known = ThreadState(CAMPAIGN, None)
    outcome = await answered(request, thread_id, known, {"kind": "delete"}, changes_it=True)
    if outcome.failure is not None:
        failure = outcome.failure
        raise RunFailed(outcome.run_id, failure.code, failure.message, is_retryable=failure.is_retryable)
    await state_of(request).threads.delete(thread_id)
