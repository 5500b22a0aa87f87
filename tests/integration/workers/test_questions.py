"""The worker that owns a graph answers what is asked of its threads, in the JSON that LangGraph's callers know."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agentic_sales.runs.ledger import Ledger
from tests.support.databases import DatabaseKind
from tests.support.durable_runs import Thread, thread_of

UNKNOWN = "1f1e80eb-0000-6000-8000-000000000000"


@pytest.fixture
async def ask(ledger: Ledger, tmp_path: Path) -> AsyncIterator[Thread]:
    """A thread of `ask_human` that waits for its answer."""
    async with thread_of("ask_human", ledger, tmp_path) as thread:
        await thread.run(**thread.given(topic="price"), metadata={"who": "us"})
        yield thread


@pytest.fixture
async def fresh(ledger: Ledger, tmp_path: Path) -> AsyncIterator[Thread]:
    """A thread of `steps` that has no state."""
    async with thread_of("steps", ledger, tmp_path) as thread:
        yield thread


class TestState:
    async def test_of_a_thread_that_waits_says_where_and_at_what(self, ask: Thread) -> None:
        state = await ask.run(kind="state")
        assert set(state) == {
            *("values", "next", "tasks", "metadata", "created_at", "checkpoint", "parent_checkpoint", "interrupts"),
            *("checkpoint_id", "parent_checkpoint_id"),
        }
        assert (state["values"]["draft"], state["next"]) == ("About price.", ["ask"])
        [task] = state["tasks"]
        assert set(task) == {"id", "name", "path", "error", "interrupts", "checkpoint", "state", "result"}
        assert (task["name"], task["interrupts"]) == ("ask", state["interrupts"])
        assert state["checkpoint"] == {
            "thread_id": ask.thread_id,
            "checkpoint_ns": "",
            "checkpoint_id": state["checkpoint_id"],
        }
        assert state["parent_checkpoint"]["checkpoint_id"] == state["parent_checkpoint_id"]
        assert state["metadata"]["who"] == "us"

    async def test_of_one_checkpoint_is_what_it_was_then(self, ask: Thread) -> None:
        waiting = await ask.run(kind="state")
        await ask.run(command={"resume": "yes"})
        for named in ({"checkpoint_id": waiting["checkpoint_id"]}, {"checkpoint": waiting["checkpoint"]}):
            then = await ask.run(kind="state", **named)
            assert (then["values"], then["tasks"][0]["name"]) == (waiting["values"], "ask")

    async def test_of_a_thread_without_checkpoints_is_empty(self, fresh: Thread) -> None:
        state = await fresh.run(kind="state")
        assert (state["values"], state["next"], state["tasks"], state["checkpoint_id"]) == ({}, [], [], None)

    async def test_of_an_unknown_checkpoint_is_an_error(self, ask: Thread) -> None:
        assert (await ask.failure(kind="state", checkpoint_id=UNKNOWN)).code == "unknown_checkpoint"


class TestUpdate:
    async def test_is_a_new_checkpoint_from_which_the_thread_goes_on(self, ask: Thread) -> None:
        made = await ask.run(kind="update_state", values={"answers": ["by hand"]}, as_node="ask")
        state = await ask.run(kind="state")
        assert made["checkpoint"] == made["configurable"] == state["checkpoint"]
        assert made["checkpoint_id"] == state["checkpoint_id"]
        assert (state["next"], state["metadata"]["source"]) == (["finish"], "update")
        assert (await ask.run(input=None))["answers"] == ["by hand"]
        assert ask.taken == ["draft", "ask", "finish"]

    async def test_that_is_delivered_again_is_made_once(self, fresh: Thread) -> None:
        await fresh.run(**fresh.given(), interrupt_before=["third"])
        update: dict[str, Any] = {"kind": "update_state", "values": {"notes": ["x"]}, "as_node": "second"}
        run_id = await fresh.submit(**update)
        await fresh.lose_worker(run_id)
        graph = (await fresh.durable.graph_of(fresh.control.row("steps"))).graph
        config: Any = {"configurable": {"thread_id": fresh.thread_id}, "metadata": {"run_id": run_id}}
        made = await graph.aupdate_state(config, update["values"], as_node="second")
        answer = await fresh.execute(run_id)
        assert answer["checkpoint_id"] == made["configurable"]["checkpoint_id"]
        assert (await fresh.run(input=None))["notes"] == ["first", "second", "x", "third"]

    @pytest.mark.parametrize("wrong", [{"as_node": "nobody"}, {"values": 3, "as_node": "ask"}])
    async def test_that_the_graph_does_not_take_is_refused_with_its_reason(
        self, ask: Thread, wrong: dict[str, Any]
    ) -> None:
        failure = await ask.failure(**{"kind": "update_state", "values": {"draft": "x"}, **wrong})
        assert failure.code == "invalid_update"


class TestHistory:
    async def test_begins_with_the_newest_state_and_ends_with_the_input(self, ask: Thread) -> None:
        await ask.run(command={"resume": "yes"})
        states = await ask.run(kind="history")
        assert [state["next"] for state in states] == [[], ["finish"], ["ask"], ["draft"], ["__start__"]]
        assert states[0]["parent_checkpoint"] == states[1]["checkpoint"]

    async def test_is_read_page_by_page_in_every_form_that_the_sdks_write(self, ask: Thread) -> None:
        states = await ask.run(kind="history")
        newest = await ask.run(kind="history", limit=1)
        assert newest == states[:1]
        checkpoint = newest[0]["checkpoint"]
        for before in (checkpoint["checkpoint_id"], checkpoint, {"configurable": checkpoint}):
            assert await ask.run(kind="history", before=before) == states[1:]

    async def test_can_be_of_one_run_alone(self, ask: Thread) -> None:
        run_id = await ask.submit(command={"resume": "yes"})
        await ask.execute(run_id)
        states = await ask.run(kind="history", metadata={"run_id": run_id})
        assert [state["next"] for state in states] == [[], ["finish"]]

    @pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": "all"}, {"before": 3}])
    async def test_refuses_what_it_cannot_read(self, ask: Thread, wrong: dict[str, Any]) -> None:
        assert (await ask.failure(kind="history", **wrong)).code == "invalid_request"


async def test_a_deleted_thread_has_no_state_and_no_history_and_its_checkpoints_were_counted(
    ledger: Ledger, tmp_path: Path, database_kind: DatabaseKind
) -> None:
    url = database_kind.settings.database_url
    async with thread_of("ask_human", ledger, tmp_path, {"DATABASE_URL": url} if url else None) as thread:
        await thread.run(**thread.given(topic="price"))
        states = await thread.run(kind="history")
        assert await thread.run(kind="delete") == {"checkpoints": len(states)}
        assert await thread.run(kind="delete") == {"checkpoints": 0}
        assert (await thread.run(kind="state"))["values"] == {}
        assert await thread.run(kind="history") == []


async def test_an_unknown_question_is_refused(ask: Thread) -> None:
    assert (await ask.failure(kind="riddle")).code == "invalid_request"


class TestRollback:
    async def test_takes_a_thread_back_to_what_it_was_before_the_runs_that_are_undone(
        self, ledger: Ledger, tmp_path: Path, database_kind: DatabaseKind
    ) -> None:
        url = database_kind.settings.database_url
        async with thread_of("ask_human", ledger, tmp_path, {"DATABASE_URL": url} if url else None) as thread:
            await thread.run(**thread.given(topic="price"))
            before = await thread.run(kind="state")
            undone = [await thread.submit(**thread.given(topic=topic)) for topic in ("fee", "rebate")]
            for run_id in undone:
                await thread.execute(run_id)
            assert await thread.run(kind="state") != before
            question = await thread.submit(kind="rollback", run_ids=undone)
            assert await thread.execute(question) == {}
            assert await thread.run(kind="state") == before
            pause = (await thread.record(question)).pause
            assert pause is not None
            assert [each["id"] for [each] in pause["interrupts"].values()] == [i["id"] for i in before["interrupts"]]
            assert (await thread.run(command={"resume": "yes"}))["answers"] == ["yes"]

    @pytest.mark.parametrize("run_ids", [None, "one", [1]])
    async def test_says_what_is_wrong_with_it(self, fresh: Thread, run_ids: Any) -> None:
        failure = await fresh.failure(kind="rollback", run_ids=run_ids)
        assert (failure.code, "run_ids" in failure.message) == ("invalid_request", True)
