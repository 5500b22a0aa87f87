"""Open the SQL database of durable state.

It is the database of `DATABASE_URL`, or else SQLite in the state directory. There is one `Database` per process and
event loop, made after a fork. It connects at its first use. It replaces a connection that the server closed before the
next statement.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from importlib.util import find_spec
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import URL, event, make_url, text
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from agentic_sales import effects
from agentic_sales.errors import ConfigurationError, ExtraMissing, StateUnavailable
from agentic_sales.settings import Settings
from agentic_sales.wire import to_stored

SQLITE_BUSY_TIMEOUT_S = 10.0
"""Longest wait of a writer for another process's write. Writes are single rows, so this is long."""
CONNECT_TIMEOUT_S = 2
POOL_TIMEOUT_S = 5.0
"""Longest wait of a request for a connection of this process. Then the database counts as unavailable."""
KEEPALIVE: dict[str, Any] = {
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""Settings by which libpq notices the loss of PostgreSQL's machine. Without them it waits for ever."""
EMPTY_LOG = "PRAGMA wal_checkpoint(TRUNCATE)"
"""Moves SQLite's log into the database file and empties it. It waits for others as a writer does."""
_POSTGRESQL = "postgresql+psycopg"
_SQLITE = "sqlite+aiosqlite"
_FILE_NAME = "agentic_sales.sqlite"
_WRITES = "agentic_sales_writes"
_STEPS_BETWEEN_LOOKS = 10_000
"""Steps of SQLite's machine between two looks at the clock, about a millisecond."""


def database_url(configuration: Settings) -> URL:
    """Return the database's URL with our driver.

    Raises:
        ConfigurationError: `DATABASE_URL` is no URL, or names neither SQLite nor PostgreSQL. Or it names PostgreSQL
            without the packages for it.
    """
    if not configuration.database_url:
        return URL.create(_SQLITE, database=str(configuration.state_dir / _FILE_NAME))
    try:
        url = make_url(configuration.database_url)
    except ArgumentError as exc:
        raise ConfigurationError("DATABASE_URL is no database URL; expected postgresql://… or sqlite:///path") from exc
    match url.get_backend_name():
        case "postgresql" | "postgres":
            if find_spec("psycopg") is None:
                raise ExtraMissing("DATABASE_URL", "PostgreSQL", "postgres")
            return url.set(drivername=_POSTGRESQL)
        case "sqlite":
            return url.set(drivername=_SQLITE)
        case other:
            raise ConfigurationError(f"DATABASE_URL names a `{other}` database; expected postgresql or sqlite")


class Database:
    """The database of one event loop."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection for statements that change nothing.

        Raises:
            EffectExceeded: The current run's row is pure.
        """
        effects.require("read", "read the store")
        async with self.engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def asking(self, *, timeout_s: float) -> AsyncIterator[AsyncConnection]:
        """Open a transaction for a statement that somebody has typed. It can read alone, and it ends in time.

        Args:
            timeout_s: Longest time of a statement on PostgreSQL, and of the whole body on SQLite. A later one fails
                with an `OperationalError`.

        Raises:
            EffectExceeded: The current run's row is pure.
        """
        effects.require("read", "read the store")
        async with self.engine.connect() as connection:
            if self.engine.dialect.name != "sqlite":
                await connection.execute(text("SET TRANSACTION READ ONLY"))
                await connection.execute(text(f"SET LOCAL statement_timeout = {timeout_s * 1000:.0f}"))
                yield connection
                return
            raw: Any = (await connection.get_raw_connection()).driver_connection
            await raw.execute_fetchall("PRAGMA query_only = ON")
            until_s = monotonic() + timeout_s
            await raw.set_progress_handler(lambda: monotonic() > until_s, _STEPS_BETWEEN_LOOKS)
            try:
                yield connection
            finally:  # Its settings are no other reader's, so it does not go back to the pool.
                await connection.invalidate()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that writes. It commits at the end of the body.

        On SQLite it takes the write lock at its start. A transaction that reads before it writes would otherwise fail
        at
        once when another process has written in between. The busy timeout would not help.

        Raises:
            EffectExceeded: The effect of the current run's row is neither write nor send.
        """
        effects.require("write", "write to the store")
        async with self.engine.connect() as connection:
            writing = await connection.execution_options(**{_WRITES: True})
            async with writing.begin():
                yield writing

    async def scrub(self) -> None:
        """Remove deleted data from SQLite's files. PostgreSQL does so at its next vacuum.

        `secure_delete` zeroes deleted data in place. It misses the copy that stays behind when a row moves to another
        page.
        So the file is written anew, and its log is emptied. Writers wait for that.

        Raises:
            StateUnavailable: Others used the database for as long as a writer waits.
        """
        if self.engine.dialect.name != "sqlite":
            return
        async with self.engine.connect() as connection:
            raw: Any = (await connection.get_raw_connection()).driver_connection
            try:
                await raw.execute_fetchall("VACUUM")
            except sqlite3.OperationalError as exc:
                raise StateUnavailable(exc) from exc
            if is_kept(await raw.execute_fetchall(EMPTY_LOG)):
                raise StateUnavailable("others use the database, so its log cannot be emptied of what was erased")


def is_kept(rows: Iterable[Sequence[int]]) -> bool:
    """Tell from the answer to `EMPTY_LOG` whether others kept the log from being emptied."""
    return any(is_busy for is_busy, *_ in rows)


@asynccontextmanager
async def open_database(
    configuration: Settings, *, statement_timeout_s: float | None = None
) -> AsyncIterator[Database]:
    """Open the database of a configuration. It connects at its first use.

    Args:
        configuration: Names the database.
        statement_timeout_s: Longest time of PostgreSQL for one statement. None sets no limit.

    Raises:
        ConfigurationError: `DATABASE_URL` is invalid.
    """
    engine = build_engine(database_url(configuration))
    if statement_timeout_s is not None and engine.dialect.name == "postgresql":
        event.listen(engine.sync_engine, "connect", partial(_limit_statements, statement_timeout_s))
    try:
        yield Database(engine)
    finally:
        await engine.dispose()


_current: WeakKeyDictionary[asyncio.AbstractEventLoop, Database] = WeakKeyDictionary()


def current_database(configuration: Settings) -> Database:
    """Return the running event loop's database and make it at the first call. `close_current_database` closes it.

    It is for graphs, which get no database as an argument. A worker child has one loop for all of its runs.

    Raises:
        ConfigurationError: `DATABASE_URL` is invalid.
    """
    loop = asyncio.get_running_loop()
    if loop not in _current:
        _current[loop] = Database(build_engine(database_url(configuration)))
    return _current[loop]


@asynccontextmanager
async def as_current(database: Database) -> AsyncIterator[None]:
    """Use this database in the running event loop until the body ends, instead of the configuration's."""
    loop = asyncio.get_running_loop()
    before = _current.get(loop)
    _current[loop] = database
    try:
        yield
    finally:
        _current.pop(loop)
        if before is not None:
            _current[loop] = before


async def close_current_database() -> None:
    """Close the running event loop's database if it has one."""
    if (database := _current.pop(asyncio.get_running_loop(), None)) is not None:
        await database.engine.dispose()


def build_engine(url: URL) -> AsyncEngine:
    """Make the engine of a URL for several processes that share the database."""
    if url.drivername == _POSTGRESQL:
        options = {"connect_timeout": CONNECT_TIMEOUT_S, **KEEPALIVE}
        return create_async_engine(
            url, pool_pre_ping=True, pool_timeout=POOL_TIMEOUT_S, connect_args=options, json_serializer=to_stored
        )
    engine = create_async_engine(url, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_S}, json_serializer=to_stored)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _limit_statements(timeout_s: float, connection: DBAPIConnection, _: object) -> None:
    """Limit the statements of a connection. The URL cannot, because poolers such as PgBouncer refuse options in it."""
    cursor = connection.cursor()
    cursor.execute(f"SET statement_timeout = {timeout_s * 1000:.0f}")
    cursor.close()
    connection.commit()


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    """Let readers go on beside a writer, zero deleted data, and leave transactions to `_begin_sqlite`.

    A commit is on the disk when it returns (`synchronous = FULL`). With NORMAL a loss of power could roll the last
    commits back, and a mail that has left would be pending again. FULL costs 0.4 ms a transaction: 1.24 instead of
    0.88 ms at the median.
    """
    connection.isolation_level = None
    cursor: Any = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
