"""Keep threads with the durable state of resumable graphs.

A search by metadata costs the same at ten threads and at a hundred thousand. That holds on SQLite and on PostgreSQL.
Every leaf of a thread's metadata is kept as one label, and labels are indexed. A search has at most two tests for
any number of values. One test per value was one join per value. 100 of them took PostgreSQL 51 s, nearly all of it for
the
plan.
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
"""Status of a thread that no run holds. A held thread is `busy`, which only the ledger knows."""
ThreadStatus = Literal["idle", "busy", "interrupted", "error"]
SortBy = Literal["thread_id", "status", "created_at", "updated_at", "state_updated_at"]
ON_EVERY_THREAD = ("graph_id", "assistant_id")
"""Members of nearly every thread's metadata."""
MOST_SOUGHT = 100
"""Most values of metadata in one search."""
MOST_KEPT = 1000
"""Most values of metadata in one thread."""
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
    """Its id, a UUID or a caller's own."""
    assistant_id: Mapped[str | None] = mapped_column(default=None)
    """Workflow of its state. None if no resumable workflow has run on it."""
    status: Mapped[str] = mapped_column(default="idle")
    """`idle`, `interrupted` or `error`, as its last run left it. Only the ledger knows whether a run is at work."""
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", default=dict)
    """The caller's free-form and searchable members."""
    values_: Mapped[dict[str, Any] | None] = mapped_column("values", default=None)
    """Answer of its last successful run, or a later change of its state. None without either."""
    pause: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    """Its pause as `next` (names of nodes) and `interrupts` (by the task). None if it does not wait."""
    error: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    """Error of its last run. None if that did not fail."""
    created_at: Mapped[datetime]
    """Time of its creation."""
    updated_at: Mapped[datetime]
    """When the row changed last."""
    state_updated_at: Mapped[datetime | None] = mapped_column(default=None)
    """Time of a run's last change of its state. None before the first."""


class ThreadLabelRow(Table):
    """One leaf of a thread's metadata."""

    __tablename__ = "thread_labels"
    __table_args__ = (Index(None, "thread_id"),)

    label: Mapped[str] = mapped_column(primary_key=True)
    """Digest of the leaf's path and value."""
    thread_id: Mapped[str] = mapped_column(ForeignKey(ThreadRow.thread_id, ondelete="CASCADE"), primary_key=True)
    """The thread."""


@dataclass(frozen=True, slots=True)
class StoredThread:
    """A thread with the fields of `ThreadRow`."""

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
    """The part of a thread that a run needs."""

    assistant_id: str | None
    """Workflow of its state, or None."""
    pause: Mapping[str, Any] | None
    """Its pause, or None."""
    labelled: str | None = None
    """Workflow that its metadata names as `graph_id`, or None."""


@dataclass(frozen=True, slots=True)
class ThreadEnd:
    """State of a thread at the end of a run."""

    thread_id: str
    """The thread."""
    assistant_id: str | None
    """Workflow of its present state."""
    status: RestStatus
    """Its new status."""
    pause: Mapping[str, Any] | None
    """Its pause."""
    error: Mapping[str, Any] | None
    """The run's error."""
    values: Mapping[str, Any] | None
    """The run's answer. None keeps an earlier answer."""
    at: datetime
    """End of the run by the ledger's clock."""


@dataclass(frozen=True, slots=True)
class ThreadFilter:
    """A filter over threads. Each field narrows it."""

    metadata: Mapping[str, Any] | None = None
    """Leaves that a thread's metadata must have. A list must be equal as a whole."""
    ids: Collection[str] | None = None
    """Ids to choose from."""
    status: ThreadStatus | None = None
    """Required status. None means any."""
    busy: Collection[str] = ()
    """Threads that runs hold now."""


class Threads:
    """The threads of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, thread_id: str, metadata: Mapping[str, Any], *, now: datetime) -> bool:
        """Make a thread. Return False without any change if the id is taken.

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

    async def load(self, thread_id: str) -> StoredThread | None:
        """Return a thread or None.

        Raises:
            StateUnavailable: The database does not answer.
        """
        async with self._reading() as connection:
            row = (await connection.execute(_THREADS.where(ThreadRow.thread_id == thread_id))).one_or_none()
        return None if row is None else _thread(row)

    async def load_state(self, thread_id: str) -> ThreadState | None:
        """Return the part of a thread that a run needs, or None.

        Raises:
            StateUnavailable: The database does not answer.
        """
        named = ThreadRow.metadata_["graph_id"].as_string()
        wanted = select(ThreadRow.assistant_id, ThreadRow.pause, named).where(ThreadRow.thread_id == thread_id)
        async with self._reading() as connection:
            row = (await connection.execute(wanted)).one_or_none()
        return None if row is None else ThreadState(*tuple(row))

    async def merge_metadata(self, thread_id: str, metadata: Mapping[str, Any], *, now: datetime) -> bool:
        """Put values into a thread's metadata and keep its others. False if there is no such thread.

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
    ) -> list[StoredThread]:
        """Return the matching threads in order.

        Raises:
            StateUnavailable: The database does not answer.
        """
        column = getattr(ThreadRow, sort_by)
        order = [part.desc() if descending else part.asc() for part in (column, ThreadRow.thread_id)]
        async with self._reading() as connection:
            page = _filtered(_THREADS, wanted).order_by(*order).limit(limit).offset(offset)
            return [_thread(row) for row in await connection.execute(page)]

    async def count(self, wanted: ThreadFilter) -> int:
        """Count the matching threads.

        Raises:
            StateUnavailable: The database does not answer.
        """
        async with self._reading() as connection:
            counted = _filtered(select(func.count()).select_from(ThreadRow), wanted)
            return int((await connection.execute(counted)).scalar_one())

    async def delete(self, thread_id: str) -> bool:
        """Remove a thread. False if there was none.

        Raises:
            StateUnavailable: The database does not answer.
        """
        async with self._writing() as connection:
            gone = await connection.execute(delete(ThreadRow).where(ThreadRow.thread_id == thread_id))
        return bool(gone.rowcount)

    async def record_ends(self, ends: Iterable[ThreadEnd]) -> None:
        """Write the ends of runs into their threads. An end that is older than the known one changes nothing.

        An end that the database refuses does not block the others. Only its status is written then, with the reason.

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
            )  # The rest of a statement's error is the written value.
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
        """Write the values of a thread after a change outside a run.

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
"""Errors of a value that cannot be stored. A database that is away raises `StateUnavailable` instead."""


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
    """Tell whether PostgreSQL refuses a value as too large or too deep. psycopg counts that as an operational error."""
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


def _thread(row: Row[Any]) -> StoredThread:
    return StoredThread(*tuple(row))


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
    """Keep the threads with all these labels.

    The label that is likely to be rare finds them, and the rest is checked.
    """
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
    """Return a sorted label for every leaf of a metadata object.

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
