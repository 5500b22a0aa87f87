"""The checkpointer: one for all processes, read strictly, and back after its database was away."""

import asyncio
import sqlite3
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import BaseModel

from agentic_sales.errors import StateUnavailable
from agentic_sales.local.ports import LOOPBACK
from agentic_sales.runs.ledger import Ledger
from agentic_sales.settings import Settings
from agentic_sales.workers.child import checkpoints, postgres_saver
from agentic_sales.workers.child import saver as savers
from agentic_sales.workers.child.checkpoints import FILE_NAME, open_checkpoints
from agentic_sales.workers.child.revive import serializer_for
from agentic_sales.workers.child.snapshots import thread_config
from agentic_sales.workers.state_types import Key, types_of_module
from tests.support.databases import DatabaseKind
from tests.support.durable_runs import Thread, thread_of
from tests.support.ports import free_port
from tests.workflows import steps

AT_ONCE = 8
STEP_S = 0.15


class Foreign(BaseModel):
    """A class that no graph of ours defines."""

    command: str


def checkpoint_with(value: Any) -> Any:
    """Make a checkpoint whose only channel holds a value."""
    return {
        "v": 4,
        "id": "1f1e80eb-69ac-65bd-8001-28f10dbda8be",
        "ts": "2026-11-24T13:55:31.597860+00:00",
        "channel_values": {"value": value},
        "channel_versions": {"value": "1"},
        "versions_seen": {},
        "updated_channels": ["value"],
    }


async def read_back(configuration: Settings, value: Any, *, kinds: Mapping[Key, type] | None = None) -> Any:
    """Store a value in a checkpoint and read it, as the graph does whose classes these are."""
    async with open_checkpoints(configuration) as saver:
        config = thread_config("a-thread")
        await saver.aput(config, checkpoint_with(value), {}, {"value": "1"})
        saver.serde = serializer_for(kinds or {})
        found = await saver.aget_tuple(config)
    assert found is not None
    return found.checkpoint["channel_values"]["value"]


async def test_a_class_of_others_is_not_made_again_from_a_checkpoint(database_kind: DatabaseKind) -> None:
    read = await read_back(database_kind.settings, Foreign(command="rm"), kinds=types_of_module(steps).kinds)
    assert read == {"command": "rm"}
    assert not isinstance(read, Foreign)


async def test_a_class_of_the_graph_itself_is(database_kind: DatabaseKind) -> None:
    value = steps.Input(notes=["a"])
    assert await read_back(database_kind.settings, value, kinds=types_of_module(steps).kinds) == value


def test_the_classes_of_a_graph_are_those_that_its_module_defines() -> None:
    assert set(types_of_module(steps).kinds) == {(steps.__name__, name) for name in ("Input", "Output", "State")}


def store_one(configuration: Settings) -> None:
    """Open the checkpointer on an event loop of its own, as each process does, and store a checkpoint."""
    asyncio.run(read_back(configuration, 1))


def test_many_that_start_at_once_make_the_tables_once(database_kind: DatabaseKind) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(store_one, [database_kind.settings] * AT_ONCE))
    assert asyncio.run(read_back(database_kind.settings, 1)) == 1


async def test_a_sqlite_url_names_the_file(tmp_path: Path) -> None:
    configuration = Settings(database_url=f"sqlite:///{tmp_path}/other.sqlite", state_dir=tmp_path / "unused")
    await read_back(configuration, 1)
    assert [path.name for path in tmp_path.glob("*.sqlite")] == ["other.sqlite"]  # noqa: ASYNC240 - nothing runs beside


async def test_a_run_outlives_the_connections_that_the_server_ends(
    ledger: Ledger, tmp_path: Path, postgresql_settings: Settings
) -> None:
    url = postgresql_settings.database_url or ""
    async with thread_of("steps", ledger, tmp_path, {"DATABASE_URL": url}) as thread:
        run = asyncio.create_task(thread.run(**thread.given(notes=["begun"], step_s=STEP_S)))
        for step in ("first", "second", "third"):
            while step not in thread.taken and not run.done():  # noqa: ASYNC110 - the step leaves its name in a file
                await asyncio.sleep(STEP_S / 5)
            assert await end_connections(url) > 0
        assert (await run)["notes"] == ["begun", "first", "second", "third"]
        assert thread.taken == ["first", "second", "third"]


async def end_connections(url: str) -> int:
    """End every other connection to a database, as its restart does; return how many those were."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        ended = await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return ended.rowcount


async def test_a_step_waits_for_a_file_that_another_process_has_locked(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "SQLITE_BUSY_TIMEOUT_S", 0.01)
    async with thread_of("steps", ledger, tmp_path) as thread:
        await thread.run(**thread.given())
        with sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            run = asyncio.create_task(thread.run(**thread.given()))
            await _until_locked_out(thread)
            other.execute("ROLLBACK")
        assert (await run)["notes"] == ["first", "second", "third"] * 2


async def _until_locked_out(thread: Thread) -> None:
    saver = await thread.durable.saver()
    assert isinstance(saver, checkpoints.SqliteSaver)
    while not saver.conn.in_transaction:  # noqa: ASYNC110 - a statement that was refused leaves its transaction open
        await asyncio.sleep(0.01)


async def test_a_database_that_stays_away_fails_the_run_as_something_to_try_again(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(savers, "PATIENCE_S", 0.2)
    monkeypatch.setattr(postgres_saver, "CONNECT_TIMEOUT_S", 0.2)
    url = f"postgresql://nobody@{LOOPBACK}:{free_port()}/nowhere"
    async with thread_of("steps", ledger, tmp_path, {"DATABASE_URL": url}) as thread:
        failure = await thread.failure(**thread.given())
    assert (failure.code, failure.is_retryable) == (StateUnavailable.code, True)
