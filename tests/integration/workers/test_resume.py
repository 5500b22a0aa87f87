"""A run on a thread goes on where its state stands: nothing that is done is done again, and an answer counts once."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.types import Command

from agentic_sales.runs.ledger import Ledger
from agentic_sales.workers.child.snapshots import thread_config
from tests.support.durable_runs import Thread, thread_of

DRAFT = {"topic": "price", "draft": "About price."}


@pytest.fixture
async def steps(ledger: Ledger, tmp_path: Path) -> AsyncIterator[Thread]:
    """A thread of `steps`."""
    async with thread_of("steps", ledger, tmp_path) as thread:
        yield thread


@pytest.fixture
async def ask(ledger: Ledger, tmp_path: Path) -> AsyncIterator[Thread]:
    """A thread of `ask_human`."""
    async with thread_of("ask_human", ledger, tmp_path) as thread:
        yield thread


async def half_done(thread: Thread, run_id: str, given: Any, *, until: str) -> None:
    """Do a part of a run as its killed worker did: up to the node before which it was killed."""
    graph = (await thread.durable.graph_of(thread.control.row(thread.assistant_id))).graph
    config = thread_config(thread.thread_id) | {"metadata": {"run_id": run_id}}
    await graph.ainvoke(given, config, durability="sync", interrupt_before=[until])


class TestRun:
    async def test_ends_with_the_state_of_its_graph_and_waits_nowhere(self, steps: Thread) -> None:
        run_id = await steps.submit(**steps.given(notes=["begun"]))
        output = await steps.execute(run_id)
        assert output["notes"] == ["begun", "first", "second", "third"]
        assert (await steps.record(run_id)).pause is None

    async def test_on_a_thread_continues_its_state(self, steps: Thread) -> None:
        await steps.run(**steps.given(notes=["a"]))
        assert (await steps.run(**steps.given(notes=["b"])))["notes"] == [
            *("a", "first", "second", "third"),
            *("b", "first", "second", "third"),
        ]

    async def test_leaves_nothing_where_that_is_asked_for(self, steps: Thread) -> None:
        await steps.run(**steps.given(), on_completion="delete")
        assert (await steps.run(kind="state"))["values"] == {}

    async def test_stops_at_a_breakpoint_and_goes_on_without_an_input(self, steps: Thread) -> None:
        run_id = await steps.submit(**steps.given(), interrupt_before=["second"])
        assert (await steps.execute(run_id))["notes"] == ["first"]
        assert (await steps.record(run_id)).pause == {"next": ["second"], "interrupts": {}}
        assert (await steps.run(input=None))["notes"] == ["first", "second", "third"]

    async def test_without_an_input_on_a_thread_without_a_state_has_nothing_to_go_on_with(self, steps: Thread) -> None:
        assert (await steps.failure(input=None)).code == "invalid_input"

    async def test_can_start_from_an_older_checkpoint(self, steps: Thread) -> None:
        await steps.run(**steps.given())
        older = next(state for state in await steps.run(kind="history") if state["next"] == ["third"])
        forked = await steps.run(input=None, checkpoint_id=older["checkpoint_id"])
        assert forked["notes"] == ["first", "second", "third"]
        assert steps.taken == ["first", "second", "third", "third"]

    async def test_from_a_checkpoint_that_is_not_there_is_refused(self, steps: Thread) -> None:
        assert (await steps.failure(**steps.given(), checkpoint_id="1f1e80eb-0000-6000-8000-000000000000")).code == (
            "unknown_checkpoint"
        )


class TestWaking:
    async def test_begins_on_a_thread_without_a_state(self, ask: Thread) -> None:
        assert (await ask.run(kind="wake", **ask.given(topic="price")))["draft"] == "About price."

    async def test_answers_the_interrupt_at_which_the_thread_waits(self, ask: Thread) -> None:
        await ask.run(**ask.given(topic="price"))
        woken = await ask.run(kind="wake", resume="yes", **ask.given(topic="other"))
        assert (woken["answers"], woken["topic"], woken["finished"]) == (["yes"], "price", True)

    async def test_does_what_a_dead_worker_left(self, steps: Thread) -> None:
        await half_done(steps, "01a1fda2-1197-71ec-8481-4e806fc8af31", steps.given()["input"], until="second")
        assert (await steps.run(kind="wake", **steps.given()))["notes"] == ["first", "second", "third"]
        assert steps.taken == ["first", "second", "third"]

    async def test_begins_again_where_the_next_node_is_no_more(self, steps: Thread) -> None:
        graph = (await steps.durable.graph_of(steps.control.row("steps"))).graph
        await graph.aupdate_state(thread_config(steps.thread_id), {"notes": ["of an older graph"]}, as_node="third")
        woken = await steps.run(kind="wake", **steps.given())
        assert woken["notes"] == ["of an older graph", "first", "second", "third"]

    @pytest.mark.parametrize("last", ["draft", "finish"], ids=["before a node", "at its end"])
    async def test_refuses_a_state_that_the_graph_cannot_read_and_names_the_field(self, ask: Thread, last: str) -> None:
        graph = (await ask.durable.graph_of(ask.control.row("ask_human"))).graph
        await graph.aupdate_state(thread_config(ask.thread_id), {"draft": 7, "topic": "price"}, as_node=last)
        run_id = await ask.submit(kind="wake", **ask.given(topic="price"))
        failure = await ask.execute(run_id)
        assert (failure.code, failure.is_retryable) == ("state_unreadable", False)
        assert "the graph of `ask_human`: `draft`: Input should be a valid string; deploy" in failure.message
        assert (await ask.record(run_id)).status == "error"
        assert ask.taken == []


@pytest.mark.parametrize("odd", ["bytes", "half", "object"])
async def test_a_run_whose_question_is_no_json_ends_and_leaves_its_thread_free(ask: Thread, odd: str) -> None:
    run_id = await ask.submit(**ask.given(topic="price", odd=odd))
    await ask.execute(run_id)
    assert (await ask.record(run_id)).status != "running"
    assert "values" in await ask.run(kind="state")


async def test_a_question_with_bytes_is_shown_and_can_be_answered(ask: Thread) -> None:
    asked = await ask.run(**ask.given(topic="price", odd="bytes"))
    assert asked["__interrupt__"][0]["value"] == {"question": "About price. Question 0?", "odd": "_w=="}
    assert (await ask.run(command={"resume": "yes"}))["answers"] == ["yes"]


@pytest.mark.parametrize("answers", ["by its value", "by the id that was shown"])
async def test_a_subgraph_whose_state_was_changed_while_it_waited_goes_on_with_the_change(
    ledger: Ledger, tmp_path: Path, answers: str
) -> None:
    async with thread_of("ask_below", ledger, tmp_path) as thread:
        asked = await thread.run(**thread.given(topic="price", questions=2))
        below = (await thread.run(kind="state", subgraphs=True))["tasks"][0]["state"]["checkpoint"]
        await thread.run(kind="update_state", values={"draft": "Changed."}, checkpoint=below)
        resume: Any = "yes" if answers == "by its value" else {asked["__interrupt__"][0]["id"]: "yes"}
        again = await thread.run(command={"resume": resume})
        assert again["__interrupt__"][0]["value"] == {"question": "Changed. Question 1?"}
        ended = await thread.run(command={"resume": "no"})
    assert (ended["draft"], ended["answers"], ended["finished"]) == ("Changed.", ["yes", "no"], True)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"command": {"resume": {"0" * 32: "yes"}}}, "nothing_to_resume"),
        ({"command": {"goto": "nowhere"}}, "invalid_request"),
        ({"command": {"goto": [{"node": "nowhere", "input": {}}]}}, "invalid_request"),
        ({"command": {"goto": [["draft"]]}}, "invalid_request"),
        ({"command": {"update": 7}}, "invalid_request"),
        ({"command": {}}, "invalid_request"),
        ({"input": None, "checkpoint_id": "1f1e80eb-0000-6000-8000-000000000000"}, "unknown_checkpoint"),
        ({"input": {"topic": 7}}, "invalid_input"),
    ],
)
async def test_a_refused_request_says_so_and_has_run_nothing(ask: Thread, request_: dict[str, Any], code: str) -> None:
    await ask.run(**ask.given(topic="price"))
    taken = ask.taken
    assert (await ask.failure(**request_)).code == code
    assert ask.taken == taken
    assert (await ask.run(command={"resume": "yes"}))["answers"] == ["yes"]


class TestRedelivery:
    async def test_before_the_first_checkpoint_begins_with_the_input(self, steps: Thread) -> None:
        run_id = await steps.submit(**steps.given(notes=["begun"]))
        await steps.lose_worker(run_id)
        assert (await steps.execute(run_id))["notes"] == ["begun", "first", "second", "third"]

    async def test_in_the_middle_runs_no_finished_node_again_and_takes_the_input_once(self, steps: Thread) -> None:
        given = steps.given(notes=["begun"])
        run_id = await steps.submit(**given)
        await steps.lose_worker(run_id)
        await half_done(steps, run_id, given["input"], until="third")
        assert (await steps.execute(run_id))["notes"] == ["begun", "first", "second", "third"]
        assert steps.taken == ["first", "second", "third"]

    async def test_after_the_end_answers_what_the_graph_had_returned(self, steps: Thread) -> None:
        given = steps.given(notes=["begun"])
        run_id = await steps.submit(**given)
        await steps.lose_worker(run_id)
        await half_done(steps, run_id, given["input"], until="none")
        assert await steps.execute(run_id) == await steps.run(**given) | {
            "notes": ["begun", "first", "second", "third"]
        }
        assert steps.taken == ["first", "second", "third"] * 2

    @pytest.mark.parametrize("breakpoints", [{"interrupt_before": ["third"]}, {"interrupt_after": ["second"]}])
    async def test_at_a_breakpoint_stays_there(self, steps: Thread, breakpoints: dict[str, Any]) -> None:
        given = steps.given()
        run_id = await steps.submit(**given, **breakpoints)
        await steps.lose_worker(run_id)
        await half_done(steps, run_id, given["input"], until="third")
        assert (await steps.execute(run_id))["notes"] == ["first", "second"]
        assert steps.taken == ["first", "second"]

    async def test_at_an_interrupt_answers_it_again_and_does_not_ask_twice(self, ask: Thread) -> None:
        given = ask.given(topic="price")
        run_id = await ask.submit(**given)
        await ask.lose_worker(run_id)
        await half_done(ask, run_id, given["input"], until="finish")
        output = await ask.execute(run_id)
        assert output["__interrupt__"][0]["value"] == {"question": "About price. Question 0?"}
        assert ask.taken == ["draft", "ask"]
        pause = (await ask.record(run_id)).pause
        assert pause is not None
        assert pause["next"] == ["ask"]
        assert list(pause["interrupts"].values()) == [output["__interrupt__"]]


class TestResume:
    async def test_a_value_answers_the_interrupt(self, ask: Thread) -> None:
        asked = await ask.run(**ask.given(topic="price"))
        assert set(asked["__interrupt__"][0]) == {"value", "id"}
        answered = await ask.run(command={"resume": {"discount": 5}})
        assert (answered["answers"], answered["finished"]) == ([{"discount": 5}], True)
        assert "__interrupt__" not in answered

    async def test_an_interrupt_can_be_named(self, ask: Thread) -> None:
        [interrupt] = (await ask.run(**ask.given(topic="price")))["__interrupt__"]
        assert (await ask.run(command={"resume": {interrupt["id"]: "yes"}}))["answers"] == ["yes"]

    async def test_a_command_can_update_the_state_and_go_elsewhere(self, ask: Thread) -> None:
        await ask.run(**ask.given(topic="price"))
        moved = await ask.run(command={"goto": "finish", "update": {"draft": "Another."}})
        assert (moved["draft"], moved["finished"], moved.get("answers", [])) == (
            "Another.",
            True,
            [],
        )

    async def test_each_answer_answers_one_question(self, ask: Thread) -> None:
        await ask.run(**ask.given(topic="price", questions=2))
        second = await ask.run(command={"resume": "a"})
        assert second["__interrupt__"][0]["value"] == {"question": "About price. Question 1?"}
        assert (await ask.run(command={"resume": "b"}))["answers"] == ["a", "b"]

    @pytest.mark.parametrize("resume", ["yes", {"0" * 32: "yes"}])
    async def test_where_nothing_waits_there_is_nothing_to_resume(self, ask: Thread, resume: Any) -> None:
        await ask.run(**ask.given(topic="price", questions=0))
        assert (await ask.failure(command={"resume": resume})).code == "nothing_to_resume"

    async def test_an_interrupt_that_does_not_wait_cannot_be_answered(self, ask: Thread) -> None:
        await ask.run(**ask.given(topic="price"))
        failure = await ask.failure(command={"resume": {"0" * 32: "yes"}})
        assert (failure.code, "`000" in failure.message) == ("nothing_to_resume", True)

    async def test_the_second_of_two_answers_finds_nothing_to_resume(self, ask: Thread) -> None:
        await ask.run(**ask.given(topic="price"))
        first, second = await ask.submit(command={"resume": "yes"}), await ask.submit(command={"resume": "no"})
        assert (await ask.execute(first))["answers"] == ["yes"]
        assert (await ask.execute(second)).code == "nothing_to_resume"

    @pytest.mark.parametrize("command", [{}, {"resume": None}, "yes", {"goto": 3}, {"update": ["no pair"]}])
    async def test_what_is_no_command_is_refused(self, ask: Thread, command: Any) -> None:
        await ask.run(**ask.given(topic="price"))
        assert (await ask.failure(command=command or {"else": 1})).code == "invalid_request"


class TestRedeliveredResume:
    async def test_that_was_killed_before_it_began_uses_its_answer(self, ask: Thread) -> None:
        await ask.run(**ask.given(topic="price"))
        run_id = await ask.submit(command={"resume": "yes"})
        await ask.lose_worker(run_id)
        assert (await ask.execute(run_id))["answers"] == ["yes"]

    async def test_whose_answer_was_used_up_to_the_next_question_asks_that_again(self, ask: Thread) -> None:
        [first] = (await ask.run(**ask.given(topic="price", questions=3)))["__interrupt__"]
        run_id = await ask.submit(command={"resume": "yes"})
        await ask.lose_worker(run_id)
        await ask.ledger.note_once(run_id, "command", {"resume": [first["id"]], "written": 0})
        await half_done(ask, run_id, Command(resume={first["id"]: "yes"}), until="finish")
        again = await ask.execute(run_id)
        assert again["__interrupt__"][0]["value"] == {"question": "About price. Question 1?"}
        assert ask.taken == ["draft", "ask", "ask"]

    async def test_that_had_written_its_update_does_not_write_it_again(self, steps: Thread) -> None:
        await steps.run(**steps.given(), interrupt_before=["third"])
        run_id = await steps.submit(command={"update": {"notes": ["updated"]}})
        await steps.lose_worker(run_id)
        await steps.ledger.note_once(run_id, "command", {"resume": [], "written": 0})
        graph = (await steps.durable.graph_of(steps.control.row("steps"))).graph
        head = (await graph.aget_state(thread_config(steps.thread_id))).config
        saver = await steps.durable.saver()
        await saver.aput_writes(head, [("notes", ["updated"])], "00000000-0000-0000-0000-000000000000")
        assert (await steps.execute(run_id))["notes"] == ["first", "second", "updated", "third"]


@pytest.mark.parametrize(
    "request_",
    [
        {"command": {"resume": "yes"}},
        {"input": {"x": 1}, "checkpoint_id": "an-id"},
        {"input": {"x": 1}, "interrupt_before": "*"},
        {"kind": "state"},
        {"kind": "delete"},
    ],
)
async def test_a_row_that_keeps_no_state_refuses_what_needs_one(
    ledger: Ledger, tmp_path: Path, request_: dict[str, Any]
) -> None:
    async with thread_of("echo", ledger, tmp_path) as thread:
        failure = await thread.failure(**request_)
    assert failure.code == "not_resumable"
    assert "`echo`" in failure.message
    assert list(tmp_path.iterdir()) == [], "no database is opened"  # noqa: ASYNC240 - nothing else runs meanwhile
