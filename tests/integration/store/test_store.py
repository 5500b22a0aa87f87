"""The database: made and brought up to date by whoever starts first, on SQLite and on PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.exc import StatementError

from agentic_sales.errors import ConfigurationError
from agentic_sales.settings import Settings
from agentic_sales.store.database import (
    Database,
    close_current_database,
    current_database,
    database_url,
    open_database,
)
from agentic_sales.store.migrate import current_revision, ensure_migrated, newest_revision, upgrade
from agentic_sales.store.products import products, save_product
from agentic_sales.store.tables import Table
from agentic_sales.store.threads import ThreadRow
from tests.support.databases import DatabaseKind
from tests.support.processes import side_by_side

WRITERS = 4
WRITES_EACH = 25


def test_an_empty_database_is_brought_up_once_and_then_left_alone(database_kind: DatabaseKind) -> None:
    configuration = database_kind.settings
    assert current_revision(configuration) is None
    assert upgrade(configuration)[-1] == newest_revision()
    assert current_revision(configuration) == newest_revision()
    assert upgrade(configuration) == []


def test_of_many_processes_that_start_at_once_one_migrates(database_kind: DatabaseKind) -> None:
    applied = side_by_side(*[partial(upgrade, database_kind.settings)] * WRITERS)
    assert sorted(map(bool, applied)) == [False] * (WRITERS - 1) + [True]


def test_the_schema_of_the_migrations_is_that_of_the_tables(migrated: Settings) -> None:
    async def differences() -> list[object]:
        async with open_database(migrated) as database, database.reading() as connection:
            return await connection.run_sync(_differences)

    assert asyncio.run(differences()) == []


def test_a_moment_comes_back_as_the_same_instant_in_utc(migrated: Settings) -> None:
    noon_in_tokyo = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=9)))

    async def round_trip() -> datetime:
        async with open_database(migrated) as database:
            async with database.writing() as connection:
                await connection.execute(insert(ThreadRow).values(_thread("t", noon_in_tokyo)))
            async with database.reading() as connection:
                return (await connection.execute(select(ThreadRow.created_at))).scalar_one()

    found = asyncio.run(round_trip())
    assert (found, found.utcoffset()) == (noon_in_tokyo, timedelta(0))


def test_a_moment_without_a_time_zone_is_refused(migrated: Settings) -> None:
    async def write() -> None:
        async with open_database(migrated) as database, database.writing() as connection:
            await connection.execute(insert(ThreadRow).values(_thread("t", datetime(2026, 3, 1))))  # noqa: DTZ001 - the point

    with pytest.raises(StatementError, match="has no time zone"):
        asyncio.run(write())


def test_processes_that_read_and_then_write_wait_for_each_other(migrated: Settings) -> None:
    async def prepare() -> None:
        async with open_database(migrated) as database, database.writing() as connection:
            await connection.execute(insert(ThreadRow).values(_thread("counter", datetime.now(UTC))))

    asyncio.run(prepare())
    side_by_side(*[partial(count_up, migrated)] * WRITERS)
    assert count_of(migrated) == WRITERS * WRITES_EACH


def test_a_connection_that_the_server_closed_is_replaced(postgresql_settings: Settings) -> None:
    async def outlive() -> int:
        async with open_database(postgresql_settings) as database:
            pid = await _scalar(database, "SELECT pg_backend_pid()")
            async with open_database(postgresql_settings) as killer:
                await _scalar(killer, f"SELECT pg_terminate_backend({pid})")
            return await _scalar(database, "SELECT 1")

    assert asyncio.run(outlive()) == 1


def test_a_commit_of_sqlite_is_on_the_disk_when_it_returns(tmp_path: Path) -> None:
    async def asked() -> tuple[int, str]:
        async with open_database(Settings(state_dir=tmp_path)) as database, database.writing() as connection:
            synchronous = (await connection.exec_driver_sql("PRAGMA synchronous")).scalar_one()
            return int(synchronous), str((await connection.exec_driver_sql("PRAGMA journal_mode")).scalar_one())

    full = 2
    assert asyncio.run(asked()) == (full, "wal")


def test_an_event_loop_has_one_database_until_it_closes_it(migrated: Settings) -> None:
    async def ask() -> tuple[bool, bool]:
        first = current_database(migrated)
        await _scalar(first, "SELECT 1")
        is_same = current_database(migrated) is first
        await close_current_database()
        is_new = current_database(migrated) is not first
        await close_current_database()
        return is_same, is_new

    assert asyncio.run(ask()) == (True, True)


def test_a_product_keeps_its_number_when_it_is_written_anew(migrated: Settings) -> None:
    async def write_twice() -> tuple[int, int, list[object]]:
        async with open_database(migrated) as database, database.writing() as connection:
            first = await save_product(connection, "Rigbench", {"description": "old"}, now=datetime.now(UTC))
            second = await save_product(connection, "Rigbench", {"description": "new"}, now=datetime.now(UTC))
            return first, second, [row.content for row in await products(connection)]

    first, second, contents = asyncio.run(write_twice())
    assert first == second
    assert contents == [{"description": "new"}]


def test_an_operators_database_is_not_changed_behind_his_back(postgresql_settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match=r"at revision `none`.*agentic-sales db upgrade"):
        ensure_migrated(postgresql_settings)
    upgrade(postgresql_settings)
    ensure_migrated(postgresql_settings)


def test_our_own_database_is_brought_up_by_whoever_needs_it(tmp_path: Path) -> None:
    own = Settings(state_dir=tmp_path / "new")
    ensure_migrated(own)
    assert current_revision(own) == newest_revision()


def test_a_database_of_a_later_release_is_left_alone(migrated: Settings) -> None:
    async def come_from_the_future() -> None:
        async with open_database(migrated) as database, database.writing() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = 'future'"))

    asyncio.run(come_from_the_future())
    with pytest.raises(ConfigurationError, match=r"not of this release or an earlier one.*future"):
        upgrade(migrated)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://localhost/sales", "a `mysql` database; expected postgresql or sqlite"),
        ("localhost:5432", "no database URL"),
    ],
)
def test_a_url_of_another_database_is_refused_with_what_is_expected(url: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        database_url(Settings(database_url=url))


def test_a_database_that_is_away_is_named_without_its_password() -> None:
    away = Settings(database_url="postgresql://sales:geheim@127.0.0.1:1/sales")
    with pytest.raises(ConfigurationError, match=r"sales:\*\*\*@127\.0\.0\.1:1/sales` cannot be used") as caught:
        upgrade(away)
    assert "geheim" not in str(caught.value)


def count_up(configuration: Settings) -> None:
    """Add to a number many times, each time after reading it."""

    async def add() -> None:
        async with open_database(configuration) as database:
            for _ in range(WRITES_EACH):
                async with database.writing() as connection:
                    row = select(ThreadRow.metadata_).where(ThreadRow.thread_id == "counter").with_for_update()
                    number = (await connection.execute(row)).scalar_one().get("number", 0)
                    changed = update(ThreadRow).where(ThreadRow.thread_id == "counter")
                    await connection.execute(changed.values(metadata_={"number": number + 1}))

    asyncio.run(add())


def count_of(configuration: Settings) -> int:
    """Read the number."""

    async def read() -> int:
        async with open_database(configuration) as database, database.reading() as connection:
            found = (await connection.execute(select(ThreadRow.metadata_))).scalar_one()
            return int(found["number"])

    return asyncio.run(read())


def _thread(thread_id: str, moment: datetime) -> dict[str, object]:
    return {"thread_id": thread_id, "status": "idle", "metadata_": {}, "created_at": moment, "updated_at": moment}


async def _scalar(database: Database, statement: str) -> int:
    async with database.reading() as connection:
        return int((await connection.execute(text(statement))).scalar_one())


def _differences(connection: Connection) -> list[object]:
    options = {"include_name": _is_ours}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), Table.metadata))


def _is_ours(name: str | None, kind: str, _: object) -> bool:
    """Leave out the full text indexes, which a migration makes in the language of each database."""
    full_text = {"table": "passage_index", "column": "lexemes", "index": "ix_passages_lexemes"}
    return not (name or "").startswith(full_text.get(kind, "\0"))
