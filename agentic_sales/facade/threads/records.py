"""Answer for threads from the database. The ledger's newer knowledge corrects it.

The step that ends a run tells the ledger first how the run left its thread. Every facade writes that down in the
database soon after. It also does so before it searches there. So a crash of a worker or facade or waiter leaves no
answer wrong.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog

from agentic_sales.contracts import RunId
from agentic_sales.errors import BrokerUnavailable, StateUnavailable, ThreadExists, UnknownThread
from agentic_sales.runs.ledger import RunRecord
from agentic_sales.runs.reaching import reaching_redis
from agentic_sales.runs.threads import ThreadLedger
from agentic_sales.store.threads import SortBy, StoredThread, ThreadEnd, ThreadFilter, Threads, ThreadState

log = structlog.get_logger()

WRITE_INTERVAL_S = 0.5
THREADS_AT_ONCE = 200


class ThreadRecords:
    """The threads for one facade process."""

    def __init__(self, threads: Threads, ledger: ThreadLedger) -> None:
        self.threads = threads
        self.ledger = ledger

    async def create(self, thread_id: str, metadata: Mapping[str, Any], *, may_exist: bool) -> None:
        """Make a thread.

        Raises:
            ThreadExists: There is one of this id already and the request forbids that.
            StateUnavailable: The database does not answer.
        """
        is_new = await self.threads.create(thread_id, metadata, now=datetime.now(UTC))
        if not is_new and not may_exist:
            raise ThreadExists(thread_id)

    async def label(self, thread_id: str, metadata: Mapping[str, Any]) -> bool:
        """Put values into a thread's metadata. Return False when there is no such thread.

        Raises:
            StateUnavailable: The database does not answer.
        """
        return await self.threads.merge_metadata(thread_id, metadata, now=datetime.now(UTC))

    async def revalue(self, thread_id: str, values: Mapping[str, Any]) -> None:
        """Write down the values of a thread after a caller has changed its state.

        Raises:
            StateUnavailable: The database does not answer.
        """
        await self.threads.record_values(thread_id, values, now=datetime.now(UTC))

    async def load(self, thread_id: str) -> StoredThread:
        """Return a thread as its last run left it.

        Raises:
            UnknownThread: There is none of this id.
            StateUnavailable: The database does not answer.
            BrokerUnavailable: Redis does not answer.
        """
        thread = await self.threads.load(thread_id)
        if thread is None:
            raise UnknownThread(thread_id)
        with reaching_redis("reading a thread"):
            ends = await self.ledger.ends([thread_id])
            owner = await self.ledger.assistant_of(thread_id)
        for end in ends:
            thread = _corrected(thread, end)
        return replace(thread, assistant_id=owner or thread.assistant_id)

    async def load_state(self, thread_id: str) -> ThreadState:
        """Return where a thread stands as far as the database knows. The ledger may be ahead.

        Raises:
            UnknownThread: There is none of this id.
            StateUnavailable: The database does not answer.
        """
        state = await self.threads.load_state(thread_id)
        if state is None:
            raise UnknownThread(thread_id)
        return state

    async def holder(self, thread_id: str) -> RunId | None:
        """Return the run that holds a thread. None means a free thread.

        Raises:
            BrokerUnavailable: Redis does not answer.
        """
        with reaching_redis("reading a thread"):
            return await self.ledger.holder(thread_id)

    async def busy(self) -> frozenset[str]:
        """Return the threads that runs hold.

        Raises:
            BrokerUnavailable: Redis does not answer.
        """
        with reaching_redis("reading which threads are busy"):
            return frozenset(await self.ledger.busy())

    async def live_runs(self, thread_id: str) -> list[RunId]:
        """List the runs of a thread that have not ended.

        Raises:
            BrokerUnavailable: Redis does not answer.
        """
        with reaching_redis("listing the runs of a thread"):
            return await self.ledger.live_runs(thread_id)

    async def runs(self, thread_id: str, *, limit: int, offset: int, status: str | None) -> list[RunRecord]:
        """List the runs of a thread that the ledger still has. The latest comes first.

        Raises:
            BrokerUnavailable: Redis does not answer.
        """
        with reaching_redis("listing the runs of a thread"):
            return await self.ledger.runs(thread_id, limit=limit, offset=offset, status=status)

    async def search(
        self, wanted: ThreadFilter, *, limit: int, offset: int, sort_by: SortBy, descending: bool
    ) -> list[StoredThread]:
        """Return the wanted threads in order as their last runs left them.

        Raises:
            StateUnavailable: The database does not answer.
            BrokerUnavailable: Redis does not answer.
        """
        await self.write_down()
        return await self.threads.search(wanted, limit=limit, offset=offset, sort_by=sort_by, descending=descending)

    async def count(self, wanted: ThreadFilter) -> int:
        """Count the wanted threads.

        Raises:
            StateUnavailable: The database does not answer.
            BrokerUnavailable: Redis does not answer.
        """
        await self.write_down()
        return await self.threads.count(wanted)

    async def delete(self, thread_id: str) -> None:
        """Remove a thread. Remove its ledger data too unless a new run on it has begun since.

        Raises:
            StateUnavailable: The database does not answer.
            BrokerUnavailable: Redis does not answer.
        """
        await self.threads.delete(thread_id)
        with reaching_redis("forgetting a thread"):
            await self.ledger.forget(thread_id)

    async def write_down(self) -> None:
        """Write down the thread changes that the database does not know yet.

        Raises:
            StateUnavailable: The database does not answer.
            BrokerUnavailable: Redis does not answer.
        """
        while True:
            with reaching_redis("reading how runs left their threads"):
                changed = await self.ledger.changed(limit=THREADS_AT_ONCE)
                ends = await self.ledger.ends(thread.thread_id for thread in changed)
            if not changed:
                return
            await self.threads.record_ends(ends)
            with reaching_redis("noting what is written down"):
                await self.ledger.settle(changed)
            if len(changed) < THREADS_AT_ONCE:
                return

    async def write_down_forever(self) -> None:
        """Keep writing down through any outage."""
        while True:
            await asyncio.sleep(WRITE_INTERVAL_S)
            try:
                await self.write_down()
            except (BrokerUnavailable, StateUnavailable) as exc:
                log.warning("threads_not_written_down", reason=str(exc))
            except Exception:  # A bug must not end the writing down for all threads.
                log.exception("threads_not_written_down")


def _corrected(thread: StoredThread, end: ThreadEnd) -> StoredThread:
    if thread.state_updated_at is not None and end.at < thread.state_updated_at:
        return thread
    return replace(
        thread,
        status=end.status,
        pause=end.pause,
        error=end.error,
        values=thread.values if end.values is None else end.values,
        state_updated_at=end.at,
        updated_at=max(thread.updated_at, end.at),
    )


@asynccontextmanager
async def writing_down(records: ThreadRecords) -> AsyncIterator[ThreadRecords]:
    """Write down how runs leave their threads for as long as the context lasts."""
    writer = asyncio.create_task(records.write_down_forever())
    try:
        yield records
    finally:
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
