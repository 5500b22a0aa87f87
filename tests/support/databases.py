"""Give a test a database of its own: a new SQLite file, a new database on this machine's PostgreSQL."""

import asyncio
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from agentic_sales.local.ports import LOOPBACK
from agentic_sales.settings import Settings
from agentic_sales.store.database import Database, database_url
from agentic_sales.store.migrate import upgrade
from tests.support.services import missing

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


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """A configuration that names a database of the newest revision, of each kind."""
    if request.param == "sqlite":
        configuration = Settings(state_dir=tmp_path)
        shutil.copy(request.getfixturevalue("sqlite_template"), _file_of(configuration))
        yield configuration
    else:
        with new_postgresql(request.getfixturevalue("postgresql_template")) as url:
            yield Settings(database_url=url, state_dir=tmp_path)


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
