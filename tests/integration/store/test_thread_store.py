"""Threads in the database: found by metadata, status and id, in order, at the same cost however many there are."""

import asyncio
import math
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import OperationalError, StatementError

from agentic_sales.errors import InvalidRequest, StateUnavailable
from agentic_sales.settings import Settings
from agentic_sales.store import database as database_module
from agentic_sales.store.database import open_database
from agentic_sales.store.migrate import upgrade
from agentic_sales.store.threads import (
    MOST_SOUGHT,
    StoredThread,
    ThreadEnd,
    ThreadFilter,
    ThreadLabelRow,
    ThreadRow,
    Threads,
    labels_of,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MANY = 100_000


@asynccontextmanager
async def threads_of(settings: Settings, *made: tuple[str, dict[str, Any]]) -> AsyncIterator[Threads]:
    """Open the threads of a database and make some, a second apart."""
    async with open_database(settings) as database:
        threads = Threads(database)
        for age_s, (thread_id, metadata) in enumerate(made):
            assert await threads.create(thread_id, metadata, now=NOON + timedelta(seconds=age_s))
        yield threads


def end(thread_id: str, *, after_s: float, **fields: Any) -> ThreadEnd:
    """Say how a run left a thread."""
    usual = {"assistant_id": "echo", "status": "idle", "pause": None, "error": None, "values": None}
    return ThreadEnd(thread_id=thread_id, at=NOON + timedelta(seconds=after_s), **{**usual, **fields})


def nested(levels: int) -> Any:
    """Return an object in an object, and so on."""
    return {"a": nested(levels - 1)} if levels else 1


async def found(threads: Threads, wanted: ThreadFilter, **options: Any) -> list[str]:
    """Search, and return the ids; they must be as many as are counted."""
    order = {"limit": 10, "sort_by": "created_at", "descending": False, **options}
    ids = [thread.thread_id for thread in await threads.search(wanted, **order)]
    assert options or len(ids) == await threads.count(wanted)
    return ids


HOSTILE = {"nan": math.nan, "nul": "a\x00b", "half": "\ud800", "huge": 10**400, "fine": "x"}
"""Values that one of the two databases refuses, or gives back as something else."""


def test_values_that_one_database_refuses_are_kept_alike_by_both(migrated: Settings) -> None:
    async def check() -> tuple[StoredThread | None, StoredThread | None]:
        async with threads_of(migrated, ("a\x00b", {"mark": "a\x00"}), ("other", {})) as threads:
            told = {
                "values": HOSTILE,
                "error": {"message": "a\x00"},
                "pause": {"next": [], "interrupts": {"t": HOSTILE}},
            }
            await threads.record_ends([end("other", after_s=60, **told)])
            return await threads.load("a\x00b"), await threads.load("other")

    odd, other = asyncio.run(check())
    assert odd is not None
    assert (odd.thread_id, odd.metadata) == ("a\ufffdb", {"mark": "a\ufffd"})
    assert other is not None
    kept = {"nan": None, "nul": "a\ufffdb", "half": "\ufffd", "huge": 10**400, "fine": "x"}
    assert (other.values, other.error) == (kept, {"message": "a\ufffd"})
    assert (other.pause or {})["interrupts"] == {"t": kept}


@pytest.mark.parametrize("bad", [{"bytes": b"\xff"}, {"deep": nested(300)}])
def test_an_end_that_cannot_be_stored_keeps_no_other_out(migrated: Settings, bad: dict[str, Any]) -> None:
    async def check() -> list[StoredThread | None]:
        async with threads_of(migrated, *((name, {}) for name in "abc")) as threads:
            values: dict[str, Any] = {"a": {"x": 1}, "b": bad, "c": {"x": 3}}
            ends = [end(name, after_s=60, status="error", values=values[name]) for name in "abc"]
            await threads.record_ends(ends)
            return [await threads.load(name) for name in "abc"]

    first, second, third = asyncio.run(check())
    assert first is not None
    assert second is not None
    assert third is not None
    assert (first.values, third.values) == ({"x": 1}, {"x": 3})
    assert (second.status, second.values) == ("error", None)
    assert "cannot be stored" in (second.error or {})["message"]


def test_a_process_whose_connections_are_all_in_use_is_told_so_in_time(
    postgresql_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "POOL_TIMEOUT_S", 0.05)

    async def check() -> None:
        async with open_database(postgresql_settings) as database, AsyncExitStack() as held:
            for _ in range(15):  # the pool's five, and its overflow
                await held.enter_async_context(database.reading())
            with pytest.raises(StateUnavailable):
                await Threads(database).load("a")

    asyncio.run(check())


def test_a_value_that_the_database_refuses_is_no_outage(migrated: Settings) -> None:
    async def check() -> None:
        async with threads_of(migrated, ("a", {})) as threads:
            with pytest.raises((OverflowError, StatementError)):
                await threads.search(ThreadFilter(), limit=1, offset=2**63, sort_by="created_at", descending=False)

    asyncio.run(check())


def test_a_thread_is_made_once_and_comes_back_as_it_was_made(migrated: Settings) -> None:
    async def check() -> StoredThread | None:
        async with threads_of(migrated, ("deal-7", {"deal": 7})) as threads:
            assert not await threads.create("deal-7", {}, now=NOON)
            assert await threads.load("deal-8") is None
            return await threads.load("deal-7")

    assert asyncio.run(check()) == StoredThread("deal-7", None, "idle", {"deal": 7}, None, None, None, NOON, NOON, None)


def test_threads_are_found_by_every_leaf_of_their_metadata(migrated: Settings) -> None:
    made: list[tuple[str, dict[str, Any]]] = [
        ("a", {"who": {"team": "north", "id": 1}, "tags": ["x", "y"]}),
        ("b", {"who": {"team": "north", "id": 2}, "tags": ["x"]}),
        ("c", {"who": {"team": "south"}, "vip": True}),
    ]

    async def check() -> None:
        async with threads_of(migrated, *made) as threads:
            assert await found(threads, ThreadFilter({"who": {"team": "north"}})) == ["a", "b"]
            assert await found(threads, ThreadFilter({"who": {"team": "north", "id": 2}})) == ["b"]
            assert await found(threads, ThreadFilter({"tags": ["x"]})) == ["b"]
            assert await found(threads, ThreadFilter({"vip": True})) == ["c"]
            assert await found(threads, ThreadFilter({"vip": "True"})) == []
            assert await found(threads, ThreadFilter({}, ids=["c", "a", "z"])) == ["a", "c"]

    asyncio.run(check())


def test_a_search_for_a_hundred_values_costs_what_a_search_for_one_costs_and_more_are_refused(
    migrated: Settings,
) -> None:
    metadata = {f"key-{number}": number for number in range(MOST_SOUGHT)}
    made = [(f"t{number}", {**metadata, "key-0": number}) for number in range(20)]

    async def check() -> None:
        async with threads_of(migrated, *made) as threads:
            assert await found(threads, ThreadFilter({**metadata, "key-0": 7})) == ["t7"]
            assert await found(threads, ThreadFilter({**metadata, "key-0": 7, "key-9": 7})) == []
            one_s = await _took_s(threads, ThreadFilter({"key-0": 7}))
            assert await _took_s(threads, ThreadFilter({**metadata, "key-0": 7})) < 10 * one_s
            with pytest.raises(InvalidRequest, match="`metadata` has more than 100 values"):
                await threads.search(ThreadFilter({**metadata, "more": 1}), limit=1, sort_by="status", descending=True)
            with pytest.raises(InvalidRequest, match="more than 1000 values"):
                await threads.create("big", {str(number): number for number in range(1001)}, now=NOON)
            assert await threads.load("big") is None

    asyncio.run(check())


async def _took_s(threads: Threads, wanted: ThreadFilter) -> float:
    """Return how long a search takes, the shortest of three."""
    times = []
    for _ in range(3):
        began = perf_counter()
        await threads.search(wanted, limit=10, sort_by="created_at", descending=True)
        times.append(perf_counter() - began)
    return min(times)


def test_a_statement_of_postgresql_ends_at_its_time_limit(migrated: Settings) -> None:
    async def check() -> None:
        async with open_database(migrated, statement_timeout_s=0.2) as database:
            if database.engine.dialect.name != "postgresql":
                return
            for _ in range(2):  # the limit holds for the connection, not for its first statement
                async with database.reading() as connection:
                    with pytest.raises(OperationalError, match="statement timeout"):
                        await connection.execute(text("SELECT pg_sleep(30)"))

    asyncio.run(check())


def test_metadata_is_merged_and_found_by_what_it_is_then(migrated: Settings) -> None:
    async def check() -> None:
        async with threads_of(migrated, ("a", {"stage": "new", "owner": "kim"})) as threads:
            assert await threads.merge_metadata("a", {"stage": "won"}, now=NOON + timedelta(hours=1))
            assert not await threads.merge_metadata("z", {}, now=NOON)
            thread = await threads.load("a")
            assert thread is not None
            assert (thread.metadata, thread.updated_at) == (
                {"stage": "won", "owner": "kim"},
                NOON + timedelta(hours=1),
            )
            assert await found(threads, ThreadFilter({"stage": "new"})) == []
            assert await found(threads, ThreadFilter({"stage": "won", "owner": "kim"})) == ["a"]

    asyncio.run(check())


def test_a_thread_that_a_run_holds_is_busy_and_nothing_else(migrated: Settings) -> None:
    async def check() -> None:
        async with threads_of(migrated, ("a", {}), ("b", {}), ("c", {})) as threads:
            await threads.record_ends([end("b", after_s=9, status="interrupted", pause={"next": ["ask"]})])
            busy = ["b", "c"]
            assert await found(threads, ThreadFilter(status="busy", busy=busy)) == ["b", "c"]
            assert await found(threads, ThreadFilter(status="idle", busy=busy)) == ["a"]
            assert await found(threads, ThreadFilter(status="interrupted", busy=busy)) == []
            assert await found(threads, ThreadFilter(status="interrupted")) == ["b"]
            assert await found(threads, ThreadFilter(status="busy")) == []

    asyncio.run(check())


def test_the_pages_of_a_search_follow_each_other(migrated: Settings) -> None:
    made: list[tuple[str, dict[str, Any]]] = [(name, {}) for name in "cabd"]

    async def check() -> None:
        async with threads_of(migrated, *made) as threads:
            assert await found(threads, ThreadFilter(), limit=3) == ["c", "a", "b"]
            assert await found(threads, ThreadFilter(), limit=3, offset=3) == ["d"]
            assert await found(threads, ThreadFilter(), descending=True) == ["d", "b", "a", "c"]
            assert await found(threads, ThreadFilter(), sort_by="thread_id") == ["a", "b", "c", "d"]

    asyncio.run(check())


def test_an_end_is_written_down_unless_a_later_one_is_known(migrated: Settings) -> None:
    async def check() -> None:
        async with threads_of(migrated, ("a", {})) as threads:
            await threads.record_ends([end("a", after_s=5, values={"y": 1}), end("gone", after_s=5)])
            await threads.record_ends([end("a", after_s=9, status="error", error={"error": "ValueError"})])
            await threads.record_ends([end("a", after_s=7, status="interrupted", values={"y": 0})])
            thread = await threads.load("a")
            assert thread is not None
            assert (thread.status, thread.values, thread.assistant_id) == ("error", {"y": 1}, "echo")
            assert thread.state_updated_at == NOON + timedelta(seconds=9)

    asyncio.run(check())


def test_a_thread_that_is_deleted_leaves_nothing(migrated: Settings) -> None:
    async def check() -> None:
        async with threads_of(migrated, ("a", {"deal": 7})) as threads:
            assert await threads.delete("a")
            assert not await threads.delete("a")
            assert await threads.count(ThreadFilter({"deal": 7})) == 0
            assert await threads.create("a", {"deal": 7}, now=NOON)

    asyncio.run(check())


def test_a_database_that_is_not_there_is_named_as_the_reason(tmp_path: Path) -> None:
    async def check() -> None:
        async with open_database(Settings(state_dir=tmp_path / "nowhere")) as database:
            with pytest.raises(StateUnavailable, match="database"):
                await Threads(database).load("a")
        await asyncio.to_thread(_join_drivers)

    asyncio.run(check())


def _join_drivers() -> None:
    """Wait for the threads of aiosqlite: one whose connection failed still answers to its loop, after it has failed."""
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            thread.join()


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A hundred thousand threads on SQLite, each of its own lead."""
    settings = Settings(state_dir=tmp_path_factory.mktemp("crowd"))
    upgrade(settings)

    async def fill() -> None:
        async with open_database(settings) as database, database.writing() as connection:
            rows = [_row(number) for number in range(MANY)]
            await connection.execute(insert(ThreadRow), rows)
            labels = [(label, row["thread_id"]) for row in rows for label in labels_of(row["metadata_"], most=9)]
            await connection.execute(insert(ThreadLabelRow), [{"label": a, "thread_id": b} for a, b in labels])
            await connection.execute(text("ANALYZE"))

    asyncio.run(fill())
    return settings


def _row(number: int) -> dict[str, Any]:
    moment = NOON + timedelta(seconds=number)
    metadata = {"lead": number, "graph_id": "echo", "assistant_id": "e", "half": number % 2}
    return {"thread_id": f"t{number}", "metadata_": metadata, "created_at": moment, "updated_at": moment}


@pytest.mark.parametrize(
    "wanted",
    [
        ThreadFilter({"lead": 77_777}),
        ThreadFilter({"lead": 77_777, "graph_id": "echo", "half": 1}),
        ThreadFilter(status="idle"),
        ThreadFilter(status="interrupted"),
        ThreadFilter(ids=["t5", "t99999"]),
        ThreadFilter(status="idle", busy=[f"t{number}" for number in range(500)]),
        ThreadFilter(),
    ],
    ids=[
        "metadata",
        "rare and common metadata",
        "common status",
        "rare status",
        "ids",
        "beside busy ones",
        "all",
    ],
)
def test_a_page_of_a_hundred_thousand_threads_costs_what_a_page_of_few_costs(
    crowd: Settings, wanted: ThreadFilter
) -> None:
    async def took_s() -> float:
        async with open_database(crowd) as database:
            return await _took_s(Threads(database), wanted)

    assert asyncio.run(took_s()) < 0.02


def test_no_search_reads_every_thread(crowd: Settings) -> None:
    async def plans() -> list[str]:
        async with open_database(crowd) as database, database.reading() as connection:
            explained = [await connection.execute(text(f"EXPLAIN QUERY PLAN {query}")) for query in _QUERIES]
            return [" ".join(row[3] for row in rows) for rows in explained]

    by_label, by_status, beside_busy = asyncio.run(plans())
    assert "SCAN threads" not in by_label
    for plan in (by_status, beside_busy):
        assert "ix_threads_status_created_at" in plan
        assert "TEMP B-TREE FOR ORDER BY" not in plan


_QUERIES = (
    "SELECT * FROM threads WHERE thread_id IN (SELECT thread_id FROM thread_labels WHERE label = 'x') LIMIT 10",
    "SELECT * FROM threads WHERE status = 'idle' ORDER BY created_at DESC LIMIT 10",
    "SELECT * FROM threads WHERE status = 'idle' AND thread_id NOT IN ('a') ORDER BY created_at DESC LIMIT 10",
)
