"""Give a test a database of its own: a new SQLite file, a new database on this machine's PostgreSQL."""

import asyncio
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from agentic_sales.local.ports import LOOPBACK
from agentic_sales.settings import Settings
from agentic_sales.store.database import Database, database_url
from agentic_sales.store.migrate import upgrade
from tests.support.services import missing

MOST_DELETED = 5_000
"""So many deleted rows may be left in the pages of a database that goes on."""
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
_OTHER_CONNECTIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_SERVER = f"postgresql://postgres@{LOOPBACK}:5432"


@dataclass(frozen=True)
class DatabaseKind:
    """An empty database."""

    name: str
    """`sqlite` or `postgresql`."""
    settings: Settings
    """A configuration that names it."""


@contextmanager
def new_postgresql(template: str = "template1") -> Iterator[str]:
    """Make a database on this machine's PostgreSQL for as long as the context lasts; yield its URL.

    Args:
        template: Name of the database that it is a copy of.
    """
    name = f"agentic_sales_test_{secrets.token_hex(6)}"
    _on_server(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield f"{_SERVER}/{name}"
    finally:
        _on_server(f"DROP DATABASE {name} WITH (FORCE)")


def _on_server(statement: str) -> None:
    try:
        with psycopg.connect(f"{_SERVER}/postgres", autocommit=True, connect_timeout=2) as connection:
            connection.execute(statement.encode())
    except psycopg.OperationalError as exc:
        missing(f"no PostgreSQL answers on {LOOPBACK}:5432 to the user postgres without a password ({exc})")


@pytest.fixture
def postgresql_settings(tmp_path: Path) -> Iterator[Settings]:
    """A configuration that names an empty PostgreSQL database."""
    with new_postgresql() as url:
        yield Settings(database_url=url, state_dir=tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest, tmp_path: Path) -> DatabaseKind:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return DatabaseKind("sqlite", Settings(state_dir=tmp_path))
    settings: Settings = request.getfixturevalue("postgresql_settings")
    return DatabaseKind("postgresql", settings)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file of the newest revision, to be copied: migrating one takes many times as long."""
    configuration = Settings(state_dir=tmp_path_factory.mktemp("template"))
    upgrade(configuration)
    return _file_of(configuration)


@pytest.fixture(scope="session")
def postgresql_template() -> Iterator[str]:
    """Name of a PostgreSQL database of the newest revision, to be copied as well."""
    with new_postgresql() as url:
        upgrade(Settings(database_url=url))
        yield url.rpartition("/")[2]


@dataclass
class Emptied:
    """A PostgreSQL database of the newest revision that one test after the other uses, each an empty one.

    A database of its own for each test would cost a second: before one is dropped, the server writes all pages of all
    databases down.
    """

    template: str
    """Name of the database that it is a copy of."""
    _stack: ExitStack = field(default_factory=ExitStack)
    _url: str | None = None

    def url(self) -> str:
        """Return the URL of the database. Make it if there is none."""
        if self._url is None:
            self._url = self._stack.enter_context(new_postgresql(self.template))
        return self._url

    def empty(self) -> None:
        """End the connections to the database, and delete all rows. Drop it instead if there are many."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(_OTHER_CONNECTIONS)
            connection.execute("SET session_replication_role = replica")  # No order of deletes is asked for.
            tables = [name for (name,) in connection.execute(_TABLES) if name != "alembic_version"]
            emptying = [SQL("DELETE FROM {}").format(Identifier(name)) for name in tables]
            deleted = sum(connection.execute(statement).rowcount for statement in emptying)
        if deleted > MOST_DELETED:
            self.close()

    def close(self) -> None:
        """Drop the database."""
        self._stack.close()
        self._url = None


@pytest.fixture(scope="session")
def emptied_postgresql(postgresql_template: str) -> Iterator[Emptied]:
    """A database that each test finds empty."""
    emptied = Emptied(postgresql_template)
    try:
        yield emptied
    finally:
        emptied.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """A configuration that names a database of the newest revision, of each kind."""
    if request.param == "sqlite":
        configuration = Settings(state_dir=tmp_path)
        shutil.copy(request.getfixturevalue("sqlite_template"), _file_of(configuration))
        yield configuration
    else:
        emptied: Emptied = request.getfixturevalue("emptied_postgresql")
        yield Settings(database_url=emptied.url(), state_dir=tmp_path)
        emptied.empty()


def _file_of(configuration: Settings) -> Path:
    return Path(database_url(configuration).database or "")


async def until_blocked(database: Database) -> None:
    """Wait until somebody in a PostgreSQL database waits for a lock."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(10):
        while True:
            async with database.reading() as connection:
                if (await connection.exec_driver_sql(waiting)).first() is not None:
                    return
            await asyncio.sleep(0.01)
