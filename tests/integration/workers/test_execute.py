"""A worker child executes a run: every way it can end is recorded, and nothing a graph raises gets out."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import PydanticSerializationError, from_json
from redis.asyncio import Redis
from structlog.testing import capture_logs

from agentic_sales.contracts import LONGEST_TEXT_CHARS, RunId
from agentic_sales.control import ControlPlane, build_control_plane
from agentic_sales.errors import (
    InvalidInput,
    ModelRefused,
    ProviderUnavailable,
    RunFailed,
    RunTimeout,
)
from agentic_sales.registry import GraphSpec
from agentic_sales.rehearsal.in_process import InProcessSubRunner
from agentic_sales.runs.events import FROM_START, RunEvent, follow
from agentic_sales.runs.holds import Holds
from agentic_sales.runs.ledger import CANCELLED, DEAD_KEY, Ledger, Outcome, events_key, run_key
from agentic_sales.settings import Settings, settings
from agentic_sales.workers.child import cancel as cancel_module
from agentic_sales.workers.child.durable import DurableGraphs
from agentic_sales.workers.child.execute import MAX_ATTEMPTS, MAX_SEND_ATTEMPTS, execute, max_attempts
from agentic_sales.workers.child.failures import failure_of
from agentic_sales.workers.child.process import Child
from tests.support.recorded_runs import BRIEF_S, TRACE_ID, claimed, hold_of, new_run, recorded, success

ROW = GraphSpec("echo", "tests.workflows.echo", effect="pure")
UNKNOWN = RunId("01890000-0000-7000-8000-000000000000")
GRAPH = """
from typing import Any
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph
from pydantic import BaseModel

class Input(BaseModel):
    pass

class Output(BaseModel):
    config: Any = None

async def node(state: Output, config: RunnableConfig) -> dict[str, Any]:
    return {"config": $answer}

builder = StateGraph(Output, input_schema=Input)
builder.add_node(node)
builder.add_edge(START, "node")
graph = builder.compile()
"""
"""Source of a graph that answers with an expression."""


@pytest.fixture(scope="module")
def control() -> ControlPlane:
    """A control plane with the tests' workflows, `echo` of which belongs to the email pool."""
    environment = {"AGENTIC_SALES_EXTRA_REGISTRIES": "tests.workflows.registry", "EMAIL_WORKER_ASSISTANTS": "+echo"}
    return build_control_plane(Settings.model_validate(environment))


@pytest.fixture
def not_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GraphSpec]:
    """A row whose graph leaves an object in its state."""
    yield from _row_of("not_json", "object()", tmp_path, monkeypatch)


@pytest.fixture
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GraphSpec]:
    """A row whose graph answers with the config that it was given."""
    answer = """{
        "run_id": str(config["metadata"]["run_id"]),
        "tags": config["tags"],
        "configurable": {"depth": config["configurable"]["depth"]},
        "metadata": dict(config["metadata"]),
    }"""
    yield from _row_of("seen", answer, tmp_path, monkeypatch)


def _row_of(name: str, answer: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GraphSpec]:
    module = f"acme_{name}"
    (folder / f"{module}.py").write_text(GRAPH.replace("$answer", answer))
    monkeypatch.syspath_prepend(str(folder))
    yield GraphSpec(name, module, builder_attr=None)
    del sys.modules[module]


async def run(
    row: GraphSpec | str, run_id: RunId, *, control: ControlPlane, ledger: Ledger, queue: str = "core"
) -> Outcome | None:
    """Execute a run as a worker's child does."""
    return await execute(
        control.row(row) if isinstance(row, str) else row,
        run_id,
        control=control,
        ledger=ledger,
        durable=DurableGraphs(Settings()),
        queue=queue,
        sub_runner_of=lambda _: InProcessSubRunner(),
    )


async def failure_code(
    row: GraphSpec | str, values: Any, *, control: ControlPlane, ledger: Ledger, queue: str = "core"
) -> str:
    """Execute a run that fails, and return the code that the ledger keeps."""
    run_id = await recorded(ledger, new_run(input=values))
    outcome = await run(row, run_id, control=control, ledger=ledger, queue=queue)
    assert outcome is not None
    assert outcome.failure is not None
    assert await ledger.outcomes([run_id]) == [outcome]
    return outcome.failure.code


async def test_a_run_ends_with_the_final_state_of_its_graph(control: ControlPlane, ledger: Ledger) -> None:
    run_id = await recorded(ledger, new_run(input={"x": 3, "text": "Grüße"}))
    outcome = await run("echo", run_id, control=control, ledger=ledger)
    assert outcome is not None
    assert from_json(outcome.output or b"") == {"x": 3, "text": "Grüße", "y": 3}
    assert await ledger.outcomes([run_id]) == [outcome]


@pytest.mark.parametrize("queue", ["email", "core"])
async def test_a_run_is_executed_by_its_own_pool_and_by_core(control: ControlPlane, ledger: Ledger, queue: str) -> None:
    run_id = await recorded(ledger, new_run(input={"x": 3}))
    outcome = await run("echo", run_id, control=control, ledger=ledger, queue=queue)
    assert outcome is not None
    assert outcome.status == "success"


async def test_a_run_that_reached_the_pool_of_others_is_refused(control: ControlPlane, ledger: Ledger) -> None:
    assert await failure_code("echo", {"x": 3}, control=control, ledger=ledger, queue="discovery") == "misrouted"


async def test_a_run_that_nobody_recorded_is_left_alone(control: ControlPlane, ledger: Ledger) -> None:
    assert await run("echo", UNKNOWN, control=control, ledger=ledger) is None


async def test_a_run_that_has_ended_is_not_run_again(control: ControlPlane, ledger: Ledger) -> None:
    run_id = await recorded(ledger, new_run(input={"x": 3}))
    first = await run("echo", run_id, control=control, ledger=ledger)
    assert await run("echo", run_id, control=control, ledger=ledger) is None
    assert await ledger.outcomes([run_id]) == [first]


async def test_what_a_graph_raises_is_recorded_as_a_bug_with_its_name(control: ControlPlane, ledger: Ledger) -> None:
    run_id = await recorded(ledger, new_run(input={"message": "no such luck"}))
    outcome = await run("boom", run_id, control=control, ledger=ledger)
    assert outcome is not None
    assert outcome.failure is not None
    assert outcome.failure.model_dump() == {
        "code": "bug",
        "message": "`boom` failed: ExplosionError: no such luck",
        "is_retryable": False,
        "error": "ExplosionError",
    }


@pytest.mark.parametrize(
    ("assistant_id", "values", "code"),
    [
        ("echo", {}, "invalid_input"),
        ("echo", {"x": 1, "y": 2}, "invalid_input"),
        ("echo", None, "invalid_input"),
        ("broken_import", {}, "graph_unavailable"),
    ],
)
async def test_a_run_that_cannot_start_is_recorded_with_the_reason(
    control: ControlPlane, ledger: Ledger, assistant_id: str, values: Any, code: str
) -> None:
    assert await failure_code(assistant_id, values, control=control, ledger=ledger) == code


async def test_a_final_state_that_is_no_json_is_a_bug_of_its_graph(
    control: ControlPlane, ledger: Ledger, not_json: GraphSpec
) -> None:
    plane = replace(control, rows={**control.rows, not_json.assistant_id: not_json})
    assert await failure_code(not_json, {}, control=plane, ledger=ledger) == "bug"


ODD_ENDS = {
    "half": "`leave` failed: OddError: half \\ud800 a pair, and a NUL \\x00",
    "dumb": "`leave` failed: DumbError: a DumbError whose text raises RuntimeError",
    "long": "x … (shortened)",
    "exit": "`leave` failed: SystemExit: 3",
    "interrupt": "`leave` failed: KeyboardInterrupt: ",
    "generator": "`leave` failed: RuntimeError: coroutine ignored GeneratorExit",
}
"""How a graph fails or leaves, and the end of what is told of it."""


@pytest.mark.parametrize("how", ODD_ENDS)
@pytest.mark.parametrize("assistant_id", ["leave", "leave_resumable"])
def test_a_failure_that_is_hard_to_tell_is_recorded_once_and_bounded(
    control: ControlPlane, redis_url: str, tmp_path: Path, assistant_id: str, how: str
) -> None:
    """Two nodes run beside each other, so each is a task, and asyncio lets a task's exit stop its loop."""
    names = {"REDIS_URL": redis_url, "AGENTIC_SALES_STATE_DIR": str(tmp_path)}
    with capture_logs(), closing(Child(Settings.model_validate(names), control)) as child:
        run_id = child.do(recorded(child.ledger, new_run(input={"how": how, "log": str(tmp_path / "log")})))
        outcome = child.run(control.row(assistant_id), run_id, queue="core")
        kept = child.do(child.ledger.outcomes([run_id]))
    assert outcome is not None
    assert outcome.failure is not None
    assert [end.failure for end in kept if end is not None] == [outcome.failure]
    assert outcome.failure.message.replace(assistant_id, "leave").endswith(ODD_ENDS[how])
    assert len(outcome.failure.message) <= LONGEST_TEXT_CHARS
    assert (tmp_path / "log").read_text() == "left\n"


async def test_a_final_state_that_is_too_large_to_keep_fails_and_is_not_kept(
    control: ControlPlane, ledger: Ledger, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTIC_SALES_MAX_RESULT_BYTES", "2000")
    settings.cache_clear()
    run_id = await recorded(ledger, new_run(input={"x": 1, "text": "x" * 3000}))
    outcome = await run("echo", run_id, control=control, ledger=ledger)
    assert outcome is not None
    assert outcome.failure is not None
    assert outcome.failure.code == "result_too_large"
    assert "AGENTIC_SALES_MAX_RESULT_BYTES" in outcome.failure.message
    assert await redis.hstrlen(run_key(run_id), "output") == 0


async def test_a_run_over_its_limit_ends_as_a_timeout(control: ControlPlane, ledger: Ledger) -> None:
    run_id = await recorded(ledger, new_run(input={"wait_s": 60}))
    brief = replace(control.row("sleepy"), time_limit_s=0.05)
    outcome = await run(brief, run_id, control=control, ledger=ledger)
    assert outcome is not None
    assert outcome.status == "timeout"
    assert outcome.failure is not None
    assert outcome.failure.message == "`sleepy` was still running after its time limit of 0.05 s"


async def test_a_run_that_keeps_killing_its_worker_is_given_up(control: ControlPlane, ledger: Ledger) -> None:
    run_id = await recorded(ledger, new_run(input={"x": 3}))
    for _ in range(MAX_ATTEMPTS):
        await claimed(ledger, run_id, lease_s=BRIEF_S)
    outcome = await run("echo", run_id, control=control, ledger=ledger)
    assert outcome is not None
    assert outcome.failure is not None
    assert (outcome.failure.code, outcome.failure.is_retryable) == ("worker_lost", False)


async def test_a_run_that_may_have_sent_is_never_tried_again(control: ControlPlane, ledger: Ledger) -> None:
    run_id = await recorded(ledger, new_run(input={"lethal": False}))
    await claimed(ledger, run_id, lease_s=BRIEF_S)
    outcome = await run("poison_send", run_id, control=control, ledger=ledger)
    assert outcome is not None
    assert outcome.failure is not None
    assert outcome.failure.code == "worker_lost"


async def test_a_run_that_was_taken_over_meanwhile_keeps_the_end_of_its_heir(
    control: ControlPlane, ledger: Ledger, holds: Holds
) -> None:
    run_id = await recorded(ledger, new_run(input={"wait_s": 0.2}))
    frozen = asyncio.create_task(run("sleepy", run_id, control=control, ledger=ledger))
    await _until_running(ledger, run_id)
    assert holds.lose(await hold_of(ledger, run_id))
    heir = await claimed(ledger, run_id)
    await ledger.finish(heir, success(run_id, b'"of the heir"'))
    assert await frozen is None
    assert await ledger.outcomes([run_id]) == [success(run_id, b'"of the heir"')]


async def test_a_cancelled_run_is_recorded_and_stays_cancelled(control: ControlPlane, ledger: Ledger) -> None:
    run_id = await recorded(ledger, new_run(input={"wait_s": 60}))
    task = asyncio.create_task(run("sleepy", run_id, control=control, ledger=ledger))
    await _until_running(ledger, run_id)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    [outcome] = await ledger.outcomes([run_id])
    assert outcome is not None
    assert outcome.failure is not None
    assert outcome.failure.code == "cancelled"


async def test_a_run_that_somebody_alive_holds_is_left_alone(control: ControlPlane, ledger: Ledger) -> None:
    run_id = await recorded(ledger, new_run(input={"x": 3}))
    holder = await claimed(ledger, run_id)
    assert await run("echo", run_id, control=control, ledger=ledger) is None
    assert await ledger.finish(holder, success(run_id))


async def test_a_run_that_was_given_up_is_on_the_dead_list(control: ControlPlane, ledger: Ledger, redis: Redis) -> None:
    run_id = await recorded(ledger, new_run(input={"x": 3}))
    for _ in range(MAX_ATTEMPTS):
        await claimed(ledger, run_id, lease_s=BRIEF_S)
    await run("echo", run_id, control=control, ledger=ledger)
    assert await redis.zscore(DEAD_KEY, run_id) is not None


async def test_a_run_that_was_given_up_names_its_losses_and_not_the_times_it_was_given_back(
    control: ControlPlane, ledger: Ledger, holds: Holds
) -> None:
    run_id = await recorded(ledger, new_run(input={"lethal": False}))
    await claimed(ledger, run_id)
    assert holds.release(await hold_of(ledger, run_id))
    await claimed(ledger, run_id, lease_s=BRIEF_S)
    outcome = await run("poison_send", run_id, control=control, ledger=ledger)
    assert outcome is not None
    assert outcome.failure is not None
    assert "lost its worker 1 time(s)" in outcome.failure.message


async def test_a_run_that_is_cancelled_while_it_runs_is_stopped_and_ends_interrupted(
    control: ControlPlane, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancel_module, "LOOK_INTERVAL_S", 0.01)
    monkeypatch.setattr(cancel_module, "GRACE_S", 0.01)
    run_id = await recorded(ledger, new_run(input={"wait_s": 60}))
    task = asyncio.create_task(run("sleepy", run_id, control=control, ledger=ledger))
    await _until_running(ledger, run_id)
    await ledger.cancel(run_id)
    outcome = await asyncio.wait_for(task, 10)
    assert outcome == Outcome(run_id, "interrupted", None, CANCELLED)
    assert await ledger.outcomes([run_id]) == [outcome]


async def test_a_streamed_run_tells_what_happens_and_ends_like_any_other(control: ControlPlane, ledger: Ledger) -> None:
    run_id = await recorded(ledger, new_run(stream_modes=("values", "updates"), input={"x": 3}))
    outcome = await run("echo", run_id, control=control, ledger=ledger)
    assert outcome is not None
    seen = [e async for e in follow(ledger, run_id, after=FROM_START, idle_s=5.0) if isinstance(e, RunEvent)]
    assert seen[0].event == "metadata"
    assert from_json(seen[0].data) == {"run_id": run_id, "attempt": 1}
    assert {event.event for event in seen[1:-1]} == {"values", "updates"}
    assert [e.data for e in seen if e.event == "values"][-1] == outcome.output
    assert seen[-1].event == "end"


async def test_a_streamed_run_that_was_taken_over_meanwhile_streams_no_more(
    control: ControlPlane, ledger: Ledger, redis: Redis, holds: Holds
) -> None:
    run_id = await recorded(ledger, new_run(stream_modes=("values",), input={"wait_s": 0.2}))
    frozen = asyncio.create_task(run("sleepy", run_id, control=control, ledger=ledger))
    await _until_running(ledger, run_id)
    assert holds.lose(await hold_of(ledger, run_id))
    heir = await claimed(ledger, run_id)
    length = await redis.xlen(events_key(run_id))
    assert await frozen is None
    assert await redis.xlen(events_key(run_id)) == length
    assert await ledger.finish(heir, success(run_id))


async def _until_running(ledger: Ledger, run_id: RunId) -> None:
    async with asyncio.timeout(10):
        while (record := await ledger.load(run_id)) is None or record.status != "running":
            pass
    await ledger.load(run_id)  # The claim's own answer was sent before this one, so by now the run has it.


async def test_a_graph_sees_the_callers_config_and_the_ids_of_its_run(
    control: ControlPlane, ledger: Ledger, seen: GraphSpec
) -> None:
    plane = replace(control, rows={**control.rows, seen.assistant_id: seen})
    config = {"tags": ["a"], "configurable": {"depth": 2}, "metadata": {"team": "sales", "run_id": "forged"}}
    run_id = await recorded(ledger, new_run(input={}, config=config, metadata={"team": "research"}))
    outcome = await run(seen, run_id, control=plane, ledger=ledger)
    assert outcome is not None
    config = from_json(outcome.output or b"")["config"]
    assert (config["run_id"], config["tags"], config["configurable"]["depth"]) == (run_id, ["a"], 2)
    expected = {"team": "research", "assistant_id": "seen", "run_id": run_id, "attempt": 1}
    assert expected.items() <= config["metadata"].items()


@pytest.mark.parametrize(
    ("exc", "code", "is_retryable"),
    [
        (ValueError("x"), "bug", False),
        (ModelRefused("echo.draft", "openai:gpt", "no JSON"), "model_refused", False),
        (ProviderUnavailable("openai", "down"), "provider_unavailable", True),
        (InvalidInput("echo", [("/x", "missing")]), "invalid_input", False),
        (RunTimeout("echo", 1.0), "timeout", False),
        (RunFailed(UNKNOWN, "rate_limited", "slow down", is_retryable=True), "rate_limited", True),
        (RunFailed(UNKNOWN, "bug", "broke", is_retryable=False), "bug", False),
        (PydanticSerializationError("Unable to serialize"), "bug", False),
    ],
)
def test_a_failure_keeps_its_code_its_class_and_whether_trying_again_can_help(
    exc: Exception, code: str, *, is_retryable: bool
) -> None:
    failure = failure_of(ROW, exc)
    assert (failure.code, failure.is_retryable, failure.error) == (code, is_retryable, type(exc).__name__)
    assert failure.message


def test_a_run_that_may_send_has_one_attempt_and_any_other_three() -> None:
    attempts = {effect: max_attempts(replace(ROW, effect=effect)) for effect in ("pure", "read", "write", "send")}
    assert attempts == {"pure": 3, "read": 3, "write": 3, "send": 1}
    assert (MAX_ATTEMPTS, MAX_SEND_ATTEMPTS) == (3, 1)


async def test_a_trace_survives_the_way_to_the_worker(ledger: Ledger) -> None:
    run_id = await recorded(ledger)
    assert (await claimed(ledger, run_id)).trace.trace_id == TRACE_ID
