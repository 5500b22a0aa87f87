"""Checkpoints do not grow without end, and nothing that is needed to go on is ever deleted."""

import operator
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import pytest
from langgraph.graph import StateGraph
from langgraph.types import Command, interrupt
from pydantic import BaseModel
from sqlalchemy import text

from agentic_sales.runs.ledger import Ledger
from agentic_sales.settings import Settings
from agentic_sales.store.database import Database, build_engine
from agentic_sales.workers.child.checkpoints import checkpoints_url, open_checkpoints
from agentic_sales.workers.child.retention import Pruned, checkpoint_id_at, prune
from agentic_sales.workers.child.snapshots import thread_config
from tests.support.databases import DatabaseKind
from tests.support.durable_runs import Thread, thread_of

KEEP = 6
RUNS = 8
CHECKPOINTS_OF_A_RUN = 5
PADDING = "x" * 2000
TABLES = {
    "sqlite": ("checkpoints", "writes"),
    "postgresql": ("checkpoints", "checkpoint_writes", "checkpoint_blobs"),
}


@pytest.fixture
def kept(database_kind: DatabaseKind) -> Settings:
    """A configuration that keeps few checkpoints, in a database of each kind."""
    return database_kind.settings.model_copy(update={"checkpoints_per_thread": KEEP})


@pytest.fixture
async def steps(kept: Settings, ledger: Ledger, tmp_path: Path) -> AsyncIterator[Thread]:
    """A thread of `steps`."""
    async with thread_of("steps", ledger, tmp_path, environment_of(kept)) as thread:
        yield thread


@pytest.fixture
async def ask(kept: Settings, ledger: Ledger, tmp_path: Path) -> AsyncIterator[Thread]:
    """A thread of `ask_human`."""
    async with thread_of("ask_human", ledger, tmp_path, environment_of(kept)) as thread:
        yield thread


def environment_of(configuration: Settings) -> dict[str, str]:
    """Return what names the database."""
    return {"DATABASE_URL": configuration.database_url} if configuration.database_url else {}


def later(**difference: float) -> datetime:
    """Return a moment in the future."""
    return datetime.now(UTC) + timedelta(**difference)


async def pruned(configuration: Settings, *, busy: tuple[str, ...] = (), now: datetime | None = None) -> Pruned:
    """Prune, now or at another time."""

    async def is_busy(thread_id: str) -> bool:
        return thread_id in busy

    return await prune(configuration, is_busy=is_busy, now=now or datetime.now(UTC))


async def rows(configuration: Settings) -> dict[str, int]:
    """Count the rows of every table."""
    engine = build_engine(checkpoints_url(configuration))
    async with Database(engine).reading() as connection:
        names = TABLES[connection.dialect.name]
        counts = {name: await connection.scalar(text(f"SELECT count(*) FROM {name}")) for name in names}  # noqa: S608 - names of ours
    await engine.dispose()
    return {name: int(count or 0) for name, count in counts.items()}


async def test_the_rows_of_a_thread_stay_bounded_over_many_runs(kept: Settings, steps: Thread) -> None:
    most: dict[str, int] = {}
    for number in range(RUNS):
        await steps.run(**steps.given(padding=f"{PADDING}{number}"))
        assert (await pruned(kept)).shortened == int(number > 0)
        most = most or {name: 2 * count for name, count in (await rows(kept)).items()}
        assert {name: count for name, count in (await rows(kept)).items() if count > most[name]} == {}
    assert len(await steps.run(kind="history", limit=100)) == KEEP


async def test_the_calls_of_a_subgraph_go_with_the_checkpoints_that_made_them(kept: Settings) -> None:
    inner = StateGraph(State).add_sequence([("ask", ask_once)]).set_entry_point("ask").compile()
    outer = StateGraph(State).add_node("inner", inner).set_entry_point("inner")
    async with open_checkpoints(kept) as saver:
        graph: Any = outer.compile(checkpointer=saver)
        config = thread_config("a-thread")
        for _ in range(RUNS):
            await graph.ainvoke({}, config, durability="sync")
            await graph.ainvoke(Command(resume="yes"), config, durability="sync")
        await graph.ainvoke({}, config, durability="sync")
        before = await rows(kept)
        assert (await pruned(kept)).shortened == 1
        assert (await rows(kept))["checkpoints"] < before["checkpoints"] / 2
        assert (await graph.ainvoke(Command(resume="last"), config, durability="sync"))["answers"][-1] == "last"


class State(BaseModel):
    """State of a graph with a subgraph."""

    answers: Annotated[list[str], operator.add] = []


async def ask_once(state: State) -> dict[str, Any]:
    """Ask, within the subgraph."""
    return {"answers": [interrupt(f"answer {len(state.answers)}?")]}


async def test_a_shortened_thread_goes_on_and_its_history_is_whole(kept: Settings, steps: Thread) -> None:
    for _ in range(3):
        await steps.run(**steps.given())
    before = await steps.run(kind="history", limit=100)
    await pruned(kept)
    history = await steps.run(kind="history", limit=100)
    assert history[:-1] == before[: KEEP - 1]
    assert history[-1]["values"] == before[KEEP - 1]["values"]
    assert len((await steps.run(**steps.given()))["notes"]) == 4 * 3


async def test_a_shortened_thread_can_still_be_resumed(kept: Settings, ask: Thread) -> None:
    for _ in range(3):
        await ask.run(**ask.given(topic="price", questions=0))
    await ask.run(**ask.given(topic="price", questions=1))
    assert (await pruned(kept)).shortened == 1
    assert (await ask.run(command={"resume": "yes"}))["answers"] == ["yes"]


async def test_a_thread_that_a_run_holds_is_left_alone(kept: Settings, steps: Thread) -> None:
    for _ in range(3):
        await steps.run(**steps.given())
    assert await pruned(kept, busy=(steps.thread_id,), now=later(days=365)) == Pruned(0, 0)
    assert len(await steps.run(kind="history", limit=100)) == 3 * CHECKPOINTS_OF_A_RUN


async def test_a_thread_that_is_over_for_long_leaves_nothing(kept: Settings, steps: Thread) -> None:
    await steps.run(**steps.given())
    assert (await pruned(kept, now=later(days=89))).ended == 0
    assert (await pruned(kept, now=later(days=91))).ended == 1
    assert set((await rows(kept)).values()) == {0}


@pytest.mark.parametrize("request_", [{}, {"interrupt_before": ["draft"]}, {"interrupt_before": ["finish"]}])
async def test_a_thread_that_waits_is_kept_however_old_it_is(
    kept: Settings, ask: Thread, request_: dict[str, Any]
) -> None:
    questions = 0 if request_ else 1
    await ask.run(**ask.given(topic="price", questions=questions), **request_)
    assert (await pruned(kept, now=later(days=3650))).ended == 0
    command = {"input": None} if request_ else {"command": {"resume": "yes"}}
    assert (await ask.run(**command))["finished"]


async def test_an_id_of_a_moment_lies_between_those_of_what_was_made_before_and_after(steps: Thread) -> None:
    earlier = checkpoint_id_at(datetime.now(UTC))
    await steps.run(**steps.given())
    made = (await steps.run(kind="state"))["checkpoint_id"]
    assert earlier < made < checkpoint_id_at(later(seconds=1))
