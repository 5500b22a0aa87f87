"""Keep the state of threads in PostgreSQL.

The packages are those of the extra `postgres`, so this is imported only where `DATABASE_URL` names PostgreSQL.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncConnection, InterfaceError, OperationalError
from psycopg.errors import UndefinedTable
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from agentic_sales.store.database import CONNECT_TIMEOUT_S, KEEPALIVE
from agentic_sales.wire import is_storable
from agentic_sales.workers.child.saver import PAUSE_S, QUICK_TRIES, Saver, serializer

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]

MOST_CONNECTIONS = QUICK_TRIES
"""Connections of one child, which runs one run at a time: one is in use, one is being replaced."""
_SETUP_LOCK = 0x61676E74
"""Key of PostgreSQL's advisory lock under which one process makes the tables."""


@dataclass(frozen=True, slots=True)
class _Blob:
    """A value that is kept as bytes; LangGraph would put it into JSON because it is a text or a number."""

    value: Any


class PostgresSaver(Saver, AsyncPostgresSaver):
    """The checkpointer on PostgreSQL, over a pool that replaces the connections it loses."""

    conn: Pool
    lost = (OperationalError, InterfaceError)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint; a text or a number that JSONB refuses, such as NaN, as SQLite stores it."""
        values = {
            name: value if is_storable(value) else _Blob(value) for name, value in checkpoint["channel_values"].items()
        }
        return await super().aput(config, {**checkpoint, "channel_values": values}, metadata, new_versions)

    def _dump_blobs(
        self, thread_id: str, checkpoint_ns: str, values: dict[str, Any], versions: ChannelVersions
    ) -> list[tuple[str, str, str, str, str, bytes | None]]:
        plain = {name: value.value if isinstance(value, _Blob) else value for name, value in values.items()}
        return super()._dump_blobs(thread_id, checkpoint_ns, plain, versions)

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


@asynccontextmanager
async def open_postgres(url: str) -> AsyncIterator[PostgresSaver]:
    """Open the checkpointer of a URL for the running event loop."""
    options = {"autocommit": True, "row_factory": dict_row, "connect_timeout": CONNECT_TIMEOUT_S, **KEEPALIVE}
    pool: Pool = AsyncConnectionPool(
        url, kwargs=options, min_size=0, max_size=MOST_CONNECTIONS, timeout=CONNECT_TIMEOUT_S, open=False
    )
    async with pool:
        saver = PostgresSaver(pool, serde=serializer())
        await saver.setup()
        yield saver
