"""A statement that somebody has typed can only read, ends in time, and leaves nothing behind, on both databases."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from agentic_sales.campaigns.book.questions import rows_of
from agentic_sales.rules.book_questions import book_schema
from agentic_sales.rules.company_identity import Firm
from agentic_sales.rules.sql_guard import guarded
from agentic_sales.settings import Settings
from agentic_sales.store.companies import companies, company_ids
from agentic_sales.store.database import Database, as_current, open_database
from tests.unit.rules.test_sql_guard import QUESTIONS

CHANGES = [
    "UPDATE companies SET name = 'x'",
    "DELETE FROM companies",
    "INSERT INTO subject_keys (kind, key, subject_id) VALUES ('company', 'a', 'b')",
    "CREATE TABLE loot (a int)",
    "DROP TABLE facts",
]
SLOW = {
    "postgresql": "SELECT pg_sleep(30)",
    "sqlite": "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t",
}


@pytest.fixture
async def database(migrated: Settings) -> AsyncIterator[Database]:
    """A database with one company."""
    async with open_database(migrated) as opened, as_current(opened):
        async with opened.writing() as connection:
            await company_ids(connection, [Firm("Isar: Data", "isar.example")], now=datetime.now(UTC))
        yield opened


async def execute(database: Database, statement: str, *, timeout_s: float) -> None:
    """Execute a statement, and keep what it did if it can."""
    async with database.asking(timeout_s=timeout_s) as connection:
        await connection.execute(text(statement))
        await connection.commit()


@pytest.mark.parametrize("statement", CHANGES)
async def test_no_statement_can_change_anything(database: Database, statement: str) -> None:
    with pytest.raises(DBAPIError):
        await execute(database, statement, timeout_s=5.0)
    async with database.writing() as connection:  # Others write as before.
        assert [row.name for row in await companies(connection)] == ["Isar: Data"]
        await company_ids(connection, [Firm("Spree")], now=datetime.now(UTC))


async def test_a_statement_that_takes_too_long_is_stopped(database: Database) -> None:
    begun_s = time.monotonic()
    with pytest.raises(DBAPIError):
        await execute(database, SLOW[database.engine.dialect.name], timeout_s=0.2)
    assert time.monotonic() - begun_s < 5.0
    async with database.reading() as connection:  # The limit was of that statement alone.
        assert len(await companies(connection)) == 1


@pytest.mark.usefixtures("database")
async def test_every_question_that_passes_the_guard_is_answered() -> None:
    for question in QUESTIONS:
        found = await rows_of(guarded(question, book_schema()))
        assert found.columns, question


@pytest.mark.usefixtures("database")
async def test_a_text_with_a_colon_and_a_percent_sign_is_no_parameter() -> None:
    statement = "select name from companies where name = 'Isar: Data' or name like '%:x%'"
    assert [*(await rows_of(guarded(statement, book_schema()))).rows] == [("Isar: Data",)]
