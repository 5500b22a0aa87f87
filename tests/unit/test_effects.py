"""A run does what the effect of its row allows, and is refused before it does more."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agentic_sales.campaigns.sending.door import Door
from agentic_sales.contracts import TouchId
from agentic_sales.effects import acting_as
from agentic_sales.errors import EffectExceeded
from agentic_sales.registry import Effect, GraphSpec
from agentic_sales.runs.subruns import run_assistant
from agentic_sales.settings import Settings
from agentic_sales.sources.web import Fetcher
from agentic_sales.store.database import Database, open_database

Act = Callable[[Database], Awaitable[None]]
READS = ("read", "write", "send")
WRITES = ("write", "send")


def row(effect: Effect) -> GraphSpec:
    return GraphSpec("probe", "nowhere", effect=effect)


async def read(database: Database) -> None:
    async with database.reading():
        pass


async def write(database: Database) -> None:
    async with database.writing():
        pass


async def read_the_web(_: Database) -> None:
    async with Fetcher(Settings()) as fetcher:
        await fetcher.fetch("http://192.0.2.1/")


async def send(database: Database) -> None:
    door: Any = Door(database, None, None)  # type: ignore[arg-type]  # it is refused before it needs them
    await door.send(TouchId("of nobody"), now=datetime.now(UTC))


async def refusal(act: Act, effect: Effect, folder: Path) -> str | None:
    """Return why a run of this effect may not do something; None: it may, whatever it meets then."""
    async with open_database(Settings(state_dir=folder)) as database:
        with acting_as(row(effect)):
            [met] = await asyncio.gather(act(database), return_exceptions=True)
    return str(met) if isinstance(met, EffectExceeded) else None


@pytest.mark.parametrize("effect", ["pure", "read", "write", "send"])
async def test_the_effect_of_a_row_decides_what_its_runs_may_do(effect: Effect, tmp_path: Path) -> None:
    refusals = [await refusal(act, effect, tmp_path) for act in (read, read_the_web, write, send)]
    assert [told is None for told in refusals] == [effect in READS, effect in READS, effect in WRITES, effect == "send"]
    assert all(f'`probe` has the effect "{effect}"' in told for told in refusals if told)


async def test_outside_a_run_nothing_is_refused(tmp_path: Path) -> None:
    async with open_database(Settings(state_dir=tmp_path)) as database:
        await read(database)
        await write(database)


async def test_a_run_asks_no_workflow_of_a_stronger_effect() -> None:
    with acting_as(row("read")), pytest.raises(EffectExceeded, match="may not ask for `campaign`"):
        await run_assistant("campaign", {})


async def test_what_a_run_starts_beside_itself_has_its_effect_too(tmp_path: Path) -> None:
    async with open_database(Settings(state_dir=tmp_path)) as database:
        with acting_as(row("pure")):
            task = asyncio.create_task(read(database))
        with pytest.raises(EffectExceeded):
            await task
