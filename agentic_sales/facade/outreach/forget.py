"""Forget a person in the store and in the threads of campaigns and in the records of every run that saw the person.

Each step can be done again. So an aborted request can be sent again. Two at once both come to the end. The person's own
row goes last.
"""

import asyncio
from collections.abc import Collection, Iterable
from contextlib import suppress

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from agentic_sales.campaigns.book.privacy import Whom, erase_from_book, meant
from agentic_sales.campaigns.people.forget import Leaving, erase, leave_for_good, written_to
from agentic_sales.campaigns.sending.transports.chosen import local_maildir
from agentic_sales.campaigns.visits import clock
from agentic_sales.campaigns.visits.tick import CAMPAIGN
from agentic_sales.contracts import RunId, RunStatus
from agentic_sales.errors import PoolUnavailable, RunFailed, RunNotEnded, ThreadBusy, UnknownRun
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.callers import Trace
from agentic_sales.facade.outreach.step_runs import step_runs_naming
from agentic_sales.facade.state import Facade, FacadeState
from agentic_sales.facade.store_errors import ERRORS
from agentic_sales.facade.threads.questions import answered
from agentic_sales.observability.tracing import TraceContext
from agentic_sales.outbound.answer_cache import SharedCache
from agentic_sales.runs.feedback import FeedbackQueue
from agentic_sales.runs.reaching import reaching_redis
from agentic_sales.store.threads import ThreadState
from agentic_sales.wire import from_wire

router = APIRouter(prefix="/campaigns", tags=["campaigns"], route_class=JsonRoute)

RESTS_WITHIN_S = 15.0
"""How long all work on the person may take to end before the request is refused."""
POLL_S = 0.1
RUNS_AT_ONCE = 200
LEFT = "mail that has left (in mailboxes, and in the maildir of another machine), traces, runs that callers asked for \
themselves, backups, PostgreSQL's dead rows before a vacuum, and Redis' append-only file before its next rewrite"


class Forgotten(BaseModel):
    """Counts of the erased data."""

    known: bool = Field(description="False: the store did not know the person; nothing will be sent there either way.")
    erased: dict[str, int] = Field(description="How much this request erased, by kind.")
    suppressed: bool = Field(
        default=True, description="The digest of the address stays, so that nothing is sent to it."
    )
    left: str = Field(default=LEFT, description="Places beyond our reach.")


class Person(BaseModel):
    """Body of a request that forgets a person."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    email: str = Field(min_length=3, max_length=320, description="The person's address.")


@router.post("/forget", responses=ERRORS, summary="Forget a person")
async def forget(facade: Facade, trace: Trace, body: Person) -> Forgotten:
    """Erase a person everywhere. Keep a digest of the address so that no message goes to it again."""
    return await forgotten(facade, trace, body.email)


async def forgotten(facade: FacadeState, trace: TraceContext, email: str) -> Forgotten:
    """Erase the person of an address from campaigns, runs, the book and the kept answers of sources."""
    database = facade.database
    await drop_kept_answers(facade)
    async with database.reading() as connection:
        words = (await meant(connection, Whom(email=email))).words
    leaving = await leave_for_good(database, email, now=clock.now())
    # Before the contact's own row: it leads to the person of the book.
    in_book, _ = await erase_from_book(database, Whom(email=email), now=clock.now())
    in_steps = await erase_step_runs(facade, trace, words)
    if leaving is None:
        await database.scrub()  # Its file may hold data that an aborted request erased.
        return Forgotten(known=bool(in_book), erased={**in_book, **in_steps})
    told = await _Erasure(facade, trace).of(leaving)
    return told.model_copy(update={"erased": {**told.erased, **in_book, **in_steps}})


async def erase_step_runs(facade: FacadeState, trace: TraceContext, words: Collection[str]) -> dict[str, int]:
    """Erase the records of flows' runs that name a person. Return their number, with their sub-runs.

    Their visits stay, since these name nobody.

    Args:
        facade: The facade.
        trace: Trace of the request.
        words: Addresses, whole names and profiles of the person.

    Raises:
        RunNotEnded: One did not end in time after its cancellation.
        BrokerUnavailable: Redis did not answer.
    """
    count = await _Erasure(facade, trace).of_runs(await step_runs_naming(facade, words))
    return {"step_runs": count} if count else {}


async def drop_kept_answers(facade: FacadeState) -> None:
    """Drop the answers of outside services of the last day. Nobody can look for a person in it, so all of it goes.

    Raises:
        BrokerUnavailable: Redis did not answer.
    """
    with reaching_redis("dropping the kept answers of outside services"):
        await SharedCache(facade.runs.ledger.redis).clear()


class _Erasure:
    """Erases one person in all places that a facade reaches."""

    def __init__(self, facade: FacadeState, trace: TraceContext) -> None:
        self._state, self._trace = facade, trace
        self._seconds = asyncio.get_running_loop().time
        self._give_up_at_s = self._seconds() + RESTS_WITHIN_S
        self._runs: set[RunId] = set()
        self._erased_runs = 0

    async def of(self, leaving: Leaving) -> Forgotten:
        """Erase a person after all messages have been stopped for good.

        Raises:
            PoolUnavailable: No live worker can erase a thread. Nothing is sent meanwhile.
            ThreadBusy: A visit did not end in time.
            RunNotEnded: A run that saw the person did not end in time after its cancellation.
            RunFailed: The state of a thread could not be erased.
            BrokerUnavailable: Redis did not answer.
            StateUnavailable: The database did not answer or its file could not be written anew.
        """
        for thread_id in leaving.threads:
            await self._rest(thread_id)
        # Not before, because a visit at work has written until now.
        database = self._state.database
        wrote = await written_to(database, leaving.contact_id)
        await self._erase_runs(wrote.run_ids)
        checkpoints = [await self._erase_thread(thread_id) for thread_id in leaving.threads]
        erased = {
            "threads": sum(count > 0 for count in checkpoints),
            "checkpoints": sum(checkpoints),
            "runs": self._erased_runs,
            "feedback": await FeedbackQueue(self._state.runs.ledger).forget(self._runs),
            "local_mails": await local_maildir(self._state.settings).remove(wrote.touch_ids),
        }
        return Forgotten(known=True, erased={**erased, **await erase(database, leaving.contact_id)})

    async def of_runs(self, run_ids: Iterable[RunId]) -> int:
        """Erase the records of runs and of their sub-runs. Return how many there were."""
        await self._erase_runs(run_ids)
        return self._erased_runs

    async def _rest(self, thread_id: str) -> None:
        """Wait until no run is at work on a thread. A run that was to begin does not begin."""
        records = self._state.threads
        while True:
            await self._check_pool()
            holder = await records.holder(thread_id)
            if holder is None:
                return
            if self._seconds() > self._give_up_at_s:
                raise ThreadBusy(thread_id, f"run `{holder}` is at work on it")
            for run_id in await records.live_runs(thread_id):
                await self._cancel(run_id, only="pending")
            await asyncio.sleep(POLL_S)

    async def _check_pool(self) -> None:
        """Refuse at once a request that would wait for a pool without a live worker."""
        queue = self._state.control.decide(CAMPAIGN).queue
        with reaching_redis("looking for workers"):
            workers = await self._state.runs.ledger.live_workers([queue])
        if not workers[queue]:
            raise PoolUnavailable(queue, CAMPAIGN)

    async def _cancel(self, run_id: RunId, *, only: RunStatus | None = None) -> None:
        with suppress(UnknownRun):
            if only is None or (await self._state.runs.record(run_id)).status == only:
                await self._state.runs.cancel(run_id)

    async def _erase_thread(self, thread_id: str) -> int:
        """Erase a thread with its runs. Return the number of its checkpoints."""
        while True:
            await self._rest(thread_id)
            while records := await self._state.threads.runs(thread_id, limit=RUNS_AT_ONCE, offset=0, status=None):
                await self._erase_runs(record.run_id for record in records)
            with suppress(ThreadBusy):  # A visit that was claimed before has begun, or another request erases it.
                return await self._erase_state(thread_id)

    async def _erase_runs(self, run_ids: Iterable[RunId]) -> None:
        """Erase the records of runs and of their sub-runs. Each sub-run goes before its parent."""
        for run_id in reversed(await self._state.runs.with_sub_runs(run_ids)):
            self._runs.add(run_id)
            while (verdict := await self._state.runs.remove(run_id)) == "live":
                if self._seconds() > self._give_up_at_s:
                    raise RunNotEnded(run_id)
                await self._cancel(run_id)
                await asyncio.sleep(POLL_S)
            self._erased_runs += verdict == "gone"

    async def _erase_state(self, thread_id: str) -> int:
        """Erase the state of a thread in the pool that owns its graph."""
        known = ThreadState(CAMPAIGN, None)
        outcome = await answered(self._state, self._trace, thread_id, known, {"kind": "delete"}, changes_it=True)
        if (failure := outcome.failure) is not None:
            raise RunFailed(outcome.run_id, failure.code, failure.message, is_retryable=failure.is_retryable)
        await self._state.threads.delete(thread_id)
        await self._state.runs.remove(outcome.run_id)  # Its record names the thread and so the person's id.
        return int(from_wire(outcome.output or b"{}")["checkpoints"])
