"""Open the checkpointer that all resumable graphs of this deployment share, for the state of their threads.

SQLite in the state directory, or what `DATABASE_URL` names. One saver per worker child, made after the fork on its
event loop.
"""

import json
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import aiosqlite
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from sqlalchemy import URL

from agentic_sales.settings import Settings
from agentic_sales.store.database import EMPTY_LOG, SQLITE_BUSY_TIMEOUT_S, database_url, is_kept
from agentic_sales.workers.child.saver import Saver, serializer

FILE_NAME = "checkpoints.sqlite"


class SqliteSaver(Saver, AsyncSqliteSaver):
    """The checkpointer on one SQLite file that several processes share."""

    lost = (sqlite3.OperationalError,)

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


def open_checkpoints(configuration: Settings) -> AbstractAsyncContextManager[Saver]:
    """Open the checkpointer of a configuration for the running event loop.

    Raises:
        ConfigurationError: `DATABASE_URL` cannot be one.
    """
    url = checkpoints_url(configuration)
    if url.get_backend_name() == "sqlite":
        return _open_sqlite(Path(url.database or ""))
    from agentic_sales.workers.child.postgres_saver import open_postgres  # noqa: PLC0415 - an extra

    return open_postgres(url.set(drivername="postgresql").render_as_string(hide_password=False))


def load_driver(configuration: Settings) -> None:
    """Import the driver of the configured database before the fork, so that children inherit it.

    Raises:
        ConfigurationError: `DATABASE_URL` cannot be one, or its packages are not installed.
    """
    if checkpoints_url(configuration).get_backend_name() != "sqlite":
        import agentic_sales.workers.child.postgres_saver  # noqa: F401, PLC0415 - an extra


def checkpoints_url(configuration: Settings) -> URL:
    """Return the URL of the database that keeps the checkpoints: a file of its own, unless `DATABASE_URL` names one.

    Raises:
        ConfigurationError: `DATABASE_URL` cannot be one.
    """
    url = database_url(configuration)
    return url if configuration.database_url else url.set(database=str(configuration.state_dir / FILE_NAME))


@asynccontextmanager
async def _open_sqlite(path: Path) -> AsyncIterator[SqliteSaver]:
    path.parent.mkdir(parents=True, exist_ok=True)
    async with aiosqlite.connect(path, timeout=SQLITE_BUSY_TIMEOUT_S) as connection:
        await connection.execute_fetchall("PRAGMA secure_delete = ON")
        yield SqliteSaver(connection, serde=serializer())
