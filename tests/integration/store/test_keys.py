"""The further keys of subjects, where there are very many."""

from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from agentic_sales.contracts import Subject
from agentic_sales.settings import Settings
from agentic_sales.store.database import open_database
from agentic_sales.store.keys import add_keys, former_id_key, former_ids, keys_of


@pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)
async def test_the_keys_of_a_subject_are_found_by_its_id_and_not_among_all_of_its_kind(migrated: Settings) -> None:
    asked: list[tuple[str, Any]] = []

    def note(*told: Any) -> None:
        if told[2].startswith("SELECT"):
            asked.append((told[2], told[3]))

    async with open_database(migrated) as database:
        async with database.writing() as connection:
            await add_keys(connection, "company", [("b.example", "1"), ("a.example", "1"), (former_id_key("0"), "1")])
            await add_keys(connection, "person", [(former_id_key("2"), "1")])
        async with database.reading() as connection:
            event.listen(Engine, "before_cursor_execute", note)
            try:
                keys = await keys_of(connection, Subject("company", "1"))
                former = await former_ids(connection, "company", ["1", "3"])
            finally:
                event.remove(Engine, "before_cursor_execute", note)
            explained = [await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values) for sql, values in asked]
            plans = [" ".join(str([*row][3]) for row in rows) for rows in explained]
    assert keys == ["a.example", "b.example", former_id_key("0")]
    assert former == {"0": "1"}
    assert len(plans) == 2
    assert all("USING INDEX ix_subject_keys_subject_id" in plan for plan in plans)
