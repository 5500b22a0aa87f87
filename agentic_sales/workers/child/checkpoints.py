"""Keep the state of threads: the checkpointer that all resumable graphs of this deployment share.

SQLite in the state directory, or what `DATABASE_URL` names. One saver per worker child, made after the fork on its
event loop. What a saver does can be done again without harm (it writes by key), so a connection that is lost in the
middle of a run costs the run a moment: the step that was to be stored is stored over the next connection.

A checkpoint is read strictly: only plain data, LangChain's messages and the classes of the graph itself are made again
from it. Whoever can write to the database must not be able to make a worker import and call what he likes.
"""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
import structlog
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from psycopg import AsyncConnection, InterfaceError, OperationalError
from psycopg.errors import UndefinedTable
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import URL

from agentic_sales.errors import StateUnavailable
from agentic_sales.settings import Settings
from agentic_sales.store.database import (
    CONNECT_TIMEOUT_S,
    EMPTY_LOG,
    SQLITE_BUSY_TIMEOUT_S,
    database_url,
    is_kept,
)

log = structlog.get_logger()

T = TypeVar("T")
Pool = AsyncConnectionPool[AsyncConnection[DictRow]]

PATIENCE_S = 45.0
"""How long a step waits for a database that is away or locked, before its run fails."""
PAUSE_S = 0.25
"""Pause between two tries; the first ones come at once, since each connection of a pool tells its loss by a failure."""
MOST_CONNECTIONS = 2
"""Connections of one child, which runs one run at a time: one is in use, one is being replaced."""
FILE_NAME = "checkpoints.sqlite"
_LOST = (OperationalError, InterfaceError, sqlite3.OperationalError)
_SETUP_LOCK = 0x61676E74
"""Key of PostgreSQL's advisory lock under which one process makes the tables."""
_KEEPALIVE = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 15_000}


class _Healing(BaseCheckpointSaver[str]):
    """Does every step again whose connection was lost, until the database is back."""

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return await self._patiently(partial(super().aget_tuple, config))

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - LangGraph's name
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        found = super().alist
        for item in await self._patiently(lambda: _collected(found(config, filter=filter, before=before, limit=limit))):
            yield item

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        return await self._patiently(partial(super().aput, config, checkpoint, metadata, new_versions))

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        await self._patiently(partial(super().aput_writes, config, writes, task_id, task_path))

    async def adelete_thread(self, thread_id: str) -> None:
        await self._patiently(partial(super().adelete_thread, thread_id))

    async def _patiently(self, step: Callable[[], Awaitable[T]]) -> T:
        clock = asyncio.get_running_loop().time
        give_up_at_s = clock() + PATIENCE_S
        lost = 0
        while True:
            try:
                return await step()
            except _LOST as exc:
                if clock() > give_up_at_s:
                    raise StateUnavailable(exc) from exc
                log.warning("checkpoint_step_lost", reason=str(exc))
            lost += 1
            await self._recover()
            await asyncio.sleep(PAUSE_S if lost > MOST_CONNECTIONS else 0.0)

    async def _recover(self) -> None:
        """Do what must be done before a step is done again."""


class SqliteSaver(_Healing, AsyncSqliteSaver):
    """The checkpointer on one SQLite file that several processes share."""

    async def _recover(self) -> None:
        await self.conn.rollback()  # a statement that found the file locked leaves its transaction open

    async def acount(self, thread_id: str) -> int:
        """Count the checkpoints of a thread."""
        return await self._patiently(partial(self._count, thread_id))

    async def _count(self, thread_id: str) -> int:
        await self.setup()
        async with self.lock:
            [(count,)] = await self.conn.execute_fetchall(
                "SELECT count(*) FROM checkpoints WHERE thread_id = ?", (thread_id,)
            )
        return int(count)

    async def adelete_thread(self, thread_id: str) -> None:
        """Remove the checkpoints of a thread, also from the file's log."""
        await self._patiently(self.setup)  # a file that no thread was ever kept in has no tables yet
        await super().adelete_thread(thread_id)
        await self._patiently(self._empty_log)

    async def _empty_log(self) -> None:
        async with self.lock:
            if is_kept(await self.conn.execute_fetchall(EMPTY_LOG)):
                raise sqlite3.OperationalError("others use the log")

    async def adelete_runs(self, thread_id: str, run_ids: Sequence[str]) -> None:
        """Remove the checkpoints that runs made on a thread."""
        await self._patiently(partial(self._delete_runs, thread_id, json.dumps(list(run_ids))))

    async def _delete_runs(self, thread_id: str, run_ids: str) -> None:
        made = (
            "SELECT checkpoint_ns, checkpoint_id FROM checkpoints WHERE thread_id = ?1 "
            "AND json_extract(CAST(metadata AS TEXT), '$.run_id') IN (SELECT value FROM json_each(?2))"
        )
        async with self.lock, self.conn.cursor() as cursor:
            for table in ("writes", "checkpoints"):
                await cursor.execute(
                    f"DELETE FROM {table} WHERE thread_id = ?1 AND (checkpoint_ns, checkpoint_id) IN ({made})",  # noqa: S608 - no caller's text
                    (thread_id, run_ids),
                )
            await self.conn.commit()


class PostgresSaver(_Healing, AsyncPostgresSaver):
    """The checkpointer on PostgreSQL, over a pool that replaces the connections it loses."""

    conn: Pool

    async def setup(self) -> None:
        """Make or migrate the tables, if no other process has done so."""
        await self._patiently(self._set_up)

    async def _set_up(self) -> None:
        """Make or migrate the tables under a lock.

        The lock is tried, not waited for: a session that waits for one holds a snapshot, and `CREATE INDEX
        CONCURRENTLY` in the session that has the lock would wait for that.
        """
        while not await self._is_set_up():
            async with self.conn.connection() as session:
                if await _is_true(session, "SELECT pg_try_advisory_lock(%s)"):
                    try:
                        await super().setup()
                    finally:
                        await session.execute("SELECT pg_advisory_unlock(%s)", (_SETUP_LOCK,))
                    continue
            await asyncio.sleep(PAUSE_S)

    async def acount(self, thread_id: str) -> int:
        """Count the checkpoints of a thread."""
        return await self._patiently(partial(self._count, thread_id))

    async def _count(self, thread_id: str) -> int:
        async with self.conn.connection() as session:
            found = await session.execute(
                "SELECT count(*) AS count FROM checkpoints WHERE thread_id = %s", (thread_id,)
            )
            row = await found.fetchone()
        return 0 if row is None else int(row["count"])

    async def adelete_runs(self, thread_id: str, run_ids: Sequence[str]) -> None:
        """Remove the checkpoints that runs made on a thread."""
        await self._patiently(partial(self._delete_runs, thread_id, list(run_ids)))

    async def _delete_runs(self, thread_id: str, run_ids: list[str]) -> None:
        made = (
            "SELECT checkpoint_ns, checkpoint_id FROM checkpoints "
            "WHERE thread_id = %(thread_id)s AND metadata ->> 'run_id' = ANY(%(run_ids)s)"
        )
        async with self.conn.connection() as session, session.transaction():
            for table in ("checkpoint_writes", "checkpoints"):
                statement = (
                    f"DELETE FROM {table} WHERE thread_id = %(thread_id)s "  # noqa: S608 - no caller's text
                    f"AND (checkpoint_ns, checkpoint_id) IN ({made})"
                )
                await session.execute(statement.encode(), {"thread_id": thread_id, "run_ids": run_ids})

    async def _is_set_up(self) -> bool:
        async with self.conn.connection() as session:
            try:
                found = await session.execute("SELECT max(v) AS v FROM checkpoint_migrations")
            except UndefinedTable:
                return False
            row = await found.fetchone()
        return row is not None and row["v"] == len(self.MIGRATIONS) - 1


async def _is_true(session: AsyncConnection[DictRow], question: str) -> bool:
    answer = await (await session.execute(question.encode(), (_SETUP_LOCK,))).fetchone()
    return answer is not None and any(answer.values())


async def _collected(items: AsyncIterator[T]) -> list[T]:
    return [item async for item in items]


Saver = SqliteSaver | PostgresSaver


def open_checkpoints(configuration: Settings) -> AbstractAsyncContextManager[Saver]:
    """Open the checkpointer of a configuration for the running event loop.

    Raises:
        ConfigurationError: `DATABASE_URL` cannot be one.
    """
    url = checkpoints_url(configuration)
    if url.get_backend_name() == "sqlite":
        return _open_sqlite(Path(url.database or ""))
    return _open_postgres(url.set(drivername="postgresql").render_as_string(hide_password=False))


def checkpoints_url(configuration: Settings) -> URL:
    """Return the URL of the database that keeps the checkpoints: a file of its own, unless `DATABASE_URL` names one.

    Raises:
        ConfigurationError: `DATABASE_URL` cannot be one.
    """
    url = database_url(configuration)
    return url if configuration.database_url else url.set(database=str(configuration.state_dir / FILE_NAME))


def _serializer() -> JsonPlusSerializer:
    return JsonPlusSerializer(allowed_msgpack_modules=None)


@asynccontextmanager
async def _open_sqlite(path: Path) -> AsyncIterator[SqliteSaver]:
    path.parent.mkdir(parents=True, exist_ok=True)
    async with aiosqlite.connect(path, timeout=SQLITE_BUSY_TIMEOUT_S) as connection:
        await connection.execute_fetchall("PRAGMA secure_delete = ON")
        yield SqliteSaver(connection, serde=_serializer())


@asynccontextmanager
async def _open_postgres(url: str) -> AsyncIterator[PostgresSaver]:
    options = {"autocommit": True, "row_factory": dict_row, "connect_timeout": CONNECT_TIMEOUT_S, **_KEEPALIVE}
    pool: Pool = AsyncConnectionPool(
        url, kwargs=options, min_size=0, max_size=MOST_CONNECTIONS, timeout=CONNECT_TIMEOUT_S, open=False
    )
    async with pool:
        saver = PostgresSaver(pool, serde=_serializer())
        await saver.setup()
        yield saver
