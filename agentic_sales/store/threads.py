"""Keep threads: what a resumable graph's durable state is filed under.

Searching by metadata costs the same at ten threads and at a hundred thousand, on SQLite as on PostgreSQL: every leaf of
a thread's metadata is kept as one label, and labels are indexed. A search has at most two tests, however many values it
names. A test for each value was a join each: 100 of them took PostgreSQL 51 s, nearly all of it for the plan.
"""

import json
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import Any, Literal

import structlog
from sqlalchemy import ForeignKey, Index, Row, Select, delete, func, insert, or_, select, update
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from agentic_sales.contracts import plain_text
from agentic_sales.errors import InvalidRequest, StateUnavailable
from agentic_sales.store.columns import Table
from agentic_sales.store.database import Database

log = structlog.get_logger()

RestStatus = Literal["idle", "interrupted", "error"]
"""How a thread rests; one that a run holds is `busy`, which only the ledger knows."""
ThreadStatus = Literal["idle", "busy", "interrupted", "error"]
SortBy = Literal["thread_id", "status", "created_at", "updated_at", "state_updated_at"]
ON_EVERY_THREAD = ("graph_id", "assistant_id")
"""Members of the metadata that nearly every thread has."""
MOST_SOUGHT = 100
"""Values of metadata that one search may name."""
MOST_KEPT = 1000
"""Values of metadata that a thread may have."""
_LABEL_CHARS = 32


class ThreadRow(Table):
    """One thread."""

    __tablename__ = "threads"
    __table_args__ = (
        Index(None, "status", "created_at"),
        Index(None, "status", "updated_at"),
        Index(None, "created_at"),
        Index(None, "updated_at"),
        Index(None, "state_updated_at"),
    )

    thread_id: Mapped[str] = mapped_column(primary_key=True)
    """Its id: a UUID, or what a caller chose."""
    assistant_id: Mapped[str | None] = mapped_column(default=None)
    """Workflow whose state it holds; None: no resumable workflow has run on it."""
    status: Mapped[str] = mapped_column(default="idle")
    """`idle`, `interrupted` or `error`: how its last run left it. Whether one is at work is the ledger's to say."""
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", default=dict)
    """Free-form, by the caller; searchable."""
    values_: Mapped[dict[str, Any] | None] = mapped_column("values", default=None)
    """What its last successful run answered, or a later change of its state made; None: neither was."""
    pause: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    """Where it waits: `next`, names of nodes, and `interrupts`, by the task; None: nowhere."""
    error: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    """Why its last run failed; None: it did not."""
    created_at: Mapped[datetime]
    """When it was made."""
    updated_at: Mapped[datetime]
    """When the row changed last."""
    state_updated_at: Mapped[datetime | None] = mapped_column(default=None)
    """When a run last changed its state; None: none has."""


class ThreadLabelRow(Table):
    """One leaf of a thread's metadata."""

    __tablename__ = "thread_labels"
    __table_args__ = (Index(None, "thread_id"),)

    label: Mapped[str] = mapped_column(primary_key=True)
    """Digest of the leaf's path and value."""
    thread_id: Mapped[str] = mapped_column(ForeignKey(ThreadRow.thread_id, ondelete="CASCADE"), primary_key=True)
    """The thread."""


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread as the database has it; the fields are those of `ThreadRow`."""

    thread_id: str
    assistant_id: str | None
    status: RestStatus
    metadata: Mapping[str, Any]
    values: Mapping[str, Any] | None
    pause: Mapping[str, Any] | None
    error: Mapping[str, Any] | None
    created_at: datetime
    updated_at: datetime
    state_updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class ThreadState:
    """What a run must know of a thread."""

    assistant_id: str | None
    """Workflow whose state it holds; None: no workflow's."""
    pause: Mapping[str, Any] | None
    """Where it waits; None: nowhere."""
    labelled: str | None = None
    """Workflow that its metadata names as `graph_id`; None: none."""


@dataclass(frozen=True, slots=True)
class ThreadEnd:
    """How a run left its thread."""

    thread_id: str
    """The thread."""
    assistant_id: str | None
    """Workflow whose state it holds by now."""
    status: RestStatus
    """How it rests."""
    pause: Mapping[str, Any] | None
    """Where it waits."""
    error: Mapping[str, Any] | None
    """Why the run failed."""
    values: Mapping[str, Any] | None
    """What the run answered; None: what an earlier one answered still stands."""
    at: datetime
    """When the run ended, by the ledger's clock."""


@dataclass(frozen=True, slots=True)
class ThreadFilter:
    """Which threads are meant; each field narrows them."""

    metadata: Mapping[str, Any] | None = None
    """Leaves that a thread's metadata must have; a list must be equal as a whole."""
    ids: Collection[str] | None = None
    """Ids of which it must have one."""
    status: ThreadStatus | None = None
    """How it must be; None: any."""
    busy: Collection[str] = ()
    """Threads that runs hold now."""


class Threads:
    """The threads of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, thread_id: str, metadata: Mapping[str, Any], *, now: datetime) -> bool:
        """Make a thread; return False, and change nothing, when there is one of this id.

        Raises:
            StateUnavailable: The database does not answer.
        """
        row = {"thread_id": thread_id, "metadata_": dict(metadata), "created_at": now, "updated_at": now}
        try:
            async with self._writing() as connection:
                await connection.execute(insert(ThreadRow).values(row))
                await _label(connection, thread_id, metadata)
        except IntegrityError:
            return False
        return True

    async def load(self, thread_id: str) -> Thread | None:
        """Return a thread; None when there is none of this id.

        Raises:
            StateUnavailable: The database does not answer.
        """
        async with self._reading() as connection:
            row = (await connection.execute(_THREADS.where(ThreadRow.thread_id == thread_id))).one_or_none()
        return None if row is None else _thread(row)

    async def load_state(self, thread_id: str) -> ThreadState | None:
        """Return what a run must know of a thread; None when there is none of this id.

        Raises:
            StateUnavailable: The database does not answer.
        """
        named = ThreadRow.metadata_["graph_id"].as_string()
        wanted = select(ThreadRow.assistant_id, ThreadRow.pause, named).where(ThreadRow.thread_id == thread_id)
        async with self._reading() as connection:
            row = (await connection.execute(wanted)).one_or_none()
        return None if row is None else ThreadState(*tuple(row))

    async def merge_metadata(self, thread_id: str, metadata: Mapping[str, Any], *, now: datetime) -> bool:
        """Put values into a thread's metadata, leaving its other ones; False when there is no such thread.

        Raises:
            StateUnavailable: The database does not answer.
        """
        is_it = ThreadRow.thread_id == thread_id
        async with self._writing() as connection:
            known = (await connection.execute(select(ThreadRow.metadata_).where(is_it).with_for_update())).one_or_none()
            if known is None:
                return False
            merged = {**known[0], **metadata}
            await connection.execute(update(ThreadRow).where(is_it).values(metadata_=merged, updated_at=now))
            await connection.execute(delete(ThreadLabelRow).where(ThreadLabelRow.thread_id == thread_id))
            await _label(connection, thread_id, merged)
        return True

    async def search(
        self, wanted: ThreadFilter, *, limit: int, offset: int = 0, sort_by: SortBy, descending: bool
    ) -> list[Thread]:
        """Return the threads that are meant, in order.

        Raises:
            StateUnavailable: The database does not answer.
        """
        column = getattr(ThreadRow, sort_by)
        order = [part.desc() if descending else part.asc() for part in (column, ThreadRow.thread_id)]
        async with self._reading() as connection:
            page = _filtered(_THREADS, wanted).order_by(*order).limit(limit).offset(offset)
            return [_thread(row) for row in await connection.execute(page)]

    async def count(self, wanted: ThreadFilter) -> int:
        """Count the threads that are meant.

        Raises:
            StateUnavailable: The database does not answer.
        """
        async with self._reading() as connection:
            counted = _filtered(select(func.count()).select_from(ThreadRow), wanted)
            return int((await connection.execute(counted)).scalar_one())

    async def delete(self, thread_id: str) -> bool:
        """Remove a thread; False when there was none.

        Raises:
            StateUnavailable: The database does not answer.
        """
        async with self._writing() as connection:
            gone = await connection.execute(delete(ThreadRow).where(ThreadRow.thread_id == thread_id))
        return bool(gone.rowcount)

    async def record_ends(self, ends: Iterable[ThreadEnd]) -> None:
        """Write down how runs left their threads; an end that is older than what is known changes nothing.

        One end that the database cannot take does not keep the others out: of that one, only how the thread rests is
        written down, and why not more.

        Raises:
            StateUnavailable: The database does not answer.
        """
        known = sorted(ends, key=lambda end: end.thread_id)  # one order, so that two writers never deadlock
        try:
            await self._record(known)
        except _REFUSALS as exc:
            if len(known) > 1:
                for end in known:
                    await self.record_ends([end])
                return
            reason = plain_text(
                getattr(exc, "orig", None) or exc
            )  # The rest of a statement's error is what was written.
            log.error("thread_end_not_stored", thread_id=known[0].thread_id, reason=reason)  # noqa: TRY400 - as above
            await self._record([_without_its_data(known[0], reason)])

    async def _record(self, ends: Iterable[ThreadEnd]) -> None:
        async with self._writing() as connection:
            for end in ends:
                is_newer = or_(ThreadRow.state_updated_at.is_(None), ThreadRow.state_updated_at <= end.at)
                changed = {
                    "assistant_id": end.assistant_id,
                    "status": end.status,
                    "pause": end.pause,
                    "error": end.error,
                    "state_updated_at": end.at,
                    "updated_at": end.at,
                    **({} if end.values is None else {"values_": end.values}),
                }
                known = update(ThreadRow).where(ThreadRow.thread_id == end.thread_id, is_newer)
                await connection.execute(known.values(changed))

    async def record_values(self, thread_id: str, values: Mapping[str, Any], *, now: datetime) -> None:
        """Write down the values of a thread whose state was changed otherwise than by a run.

        Raises:
            StateUnavailable: The database does not answer.
        """
        async with self._writing() as connection:
            is_it = ThreadRow.thread_id == thread_id
            await connection.execute(update(ThreadRow).where(is_it).values(values_=dict(values), updated_at=now))

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        async with _available(), self._database.reading() as connection:
            yield connection

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        async with _available(), self._database.writing() as connection:
            yield connection


_REFUSALS = (StatementError, ValueError, OverflowError)
"""What is raised for a value that cannot be stored; for a database that is away, `StateUnavailable` is."""


def _without_its_data(end: ThreadEnd, reason: str) -> ThreadEnd:
    error = {"error": "StateUnreadable", "message": f"how the run ended cannot be stored: {reason}"}
    return replace(end, pause=None, values=None, error=error)


@asynccontextmanager
async def _available() -> AsyncIterator[None]:
    try:
        yield
    except (IntegrityError, DataError):
        raise
    except DBAPIError as exc:
        if _is_about_size(exc):
            raise
        raise StateUnavailable(str(exc).splitlines()[0]) from exc
    except (OSError, PoolTimeoutError) as exc:
        raise StateUnavailable(str(exc).splitlines()[0]) from exc


def _is_about_size(exc: DBAPIError) -> bool:
    """Say whether PostgreSQL refuses a value as too large or too deep, which psycopg counts as an operational error."""
    return str(getattr(exc.orig, "sqlstate", "")).startswith("54")


_THREADS = select(
    ThreadRow.thread_id,
    ThreadRow.assistant_id,
    ThreadRow.status,
    ThreadRow.metadata_,
    ThreadRow.values_,
    ThreadRow.pause,
    ThreadRow.error,
    ThreadRow.created_at,
    ThreadRow.updated_at,
    ThreadRow.state_updated_at,
)


def _thread(row: Row[Any]) -> Thread:
    return Thread(*tuple(row))


def _filtered(statement: Select[Any], wanted: ThreadFilter) -> Select[Any]:
    statement = _labelled(statement, wanted.metadata or {})
    if wanted.ids is not None:
        statement = statement.where(ThreadRow.thread_id.in_(wanted.ids))
    is_busy = ThreadRow.thread_id.in_(wanted.busy)
    match wanted.status:
        case None:
            return statement
        case "busy":
            return statement.where(is_busy)
        case rest:
            return statement.where(ThreadRow.status == rest, ~is_busy)


def _labelled(statement: Select[Any], metadata: Mapping[str, Any]) -> Select[Any]:
    """Keep the threads that have all these labels: found by the one that is likely to be rare, then looked at each."""
    common = labels_of({name: metadata[name] for name in ON_EVERY_THREAD if name in metadata}, most=MOST_SOUGHT)
    labels = sorted(labels_of(metadata, most=MOST_SOUGHT), key=common.__contains__)
    if labels:
        has_it = select(ThreadLabelRow.thread_id).where(ThreadLabelRow.label == labels[0])
        statement = statement.where(ThreadRow.thread_id.in_(has_it))
    if rest := labels[1:]:
        held = select(func.count()).where(
            ThreadLabelRow.thread_id == ThreadRow.thread_id, ThreadLabelRow.label.in_(rest)
        )
        statement = statement.where(held.scalar_subquery() == len(rest))
    return statement


async def _label(connection: AsyncConnection, thread_id: str, metadata: Mapping[str, Any]) -> None:
    rows = [{"label": label, "thread_id": thread_id} for label in labels_of(metadata, most=MOST_KEPT)]
    if rows:
        await connection.execute(insert(ThreadLabelRow), rows)


def labels_of(metadata: Mapping[str, Any], *, most: int) -> list[str]:
    """Return a label for every leaf of a metadata object, sorted.

    Raises:
        InvalidRequest: There are more than `most`.
    """
    leaves = [json.dumps(leaf, sort_keys=True) for leaf in islice(_leaves(metadata, ()), most + 1)]
    if len(leaves) > most:
        raise InvalidRequest(f"`metadata` has more than {most} values, the most that are taken here")
    return sorted({sha256(leaf.encode()).hexdigest()[:_LABEL_CHARS] for leaf in leaves})


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not isinstance(value, Mapping):
        yield path, value
        return
    for name, inner in value.items():
        yield from _leaves(inner, (*path, name))
