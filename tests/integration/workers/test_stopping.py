"""A worker that is being stopped leaves its runs to others: those that keep their state at once, behind a node."""

import asyncio
import mmap
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from celery.exceptions import Reject

from agentic_sales.celery import app
from agentic_sales.runs.ledger import Ledger
from agentic_sales.workers import stopping
from agentic_sales.workers.child import cancel
from agentic_sales.workers.stopping import WorkerStopping, ask_to_stop, is_stopping
from agentic_sales.workers.task import RunTask
from tests.support.durable_runs import Thread, thread_of

STEP_S = 0.1


@pytest.fixture(autouse=True)
def own_byte(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep what a test asks for to itself."""
    with mmap.mmap(-1, 1) as byte:
        monkeypatch.setattr(stopping, "_byte", byte)
        monkeypatch.setattr(cancel, "LOOK_INTERVAL_S", STEP_S / 10)
        yield


@pytest.fixture
async def steps(ledger: Ledger, tmp_path: Path) -> AsyncIterator[Thread]:
    """A thread of `steps`."""
    async with thread_of("steps", ledger, tmp_path) as thread:
        yield thread


async def test_a_resumable_run_stops_behind_its_node_and_goes_on_elsewhere_without_a_loss(
    steps: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = await steps.submit(**steps.given(step_s=STEP_S))
    run = asyncio.create_task(steps.execute(run_id))
    while "first" not in steps.taken:  # noqa: ASYNC110 - the step leaves its name in a file
        await asyncio.sleep(STEP_S / 10)
    ask_to_stop()
    with pytest.raises(WorkerStopping):
        await run
    given_back = await steps.record(run_id)
    assert (given_back.status, given_back.losses, given_back.worker) == ("pending", 0, None)
    monkeypatch.setattr(stopping, "_byte", mmap.mmap(-1, 1))
    assert (await steps.execute(run_id))["notes"] == ["first", "second", "third"]
    assert steps.taken == ["first", "second", "third"]
    assert (await steps.record(run_id)).losses == 0


async def test_a_run_that_keeps_no_state_is_left_to_end(ledger: Ledger, tmp_path: Path) -> None:
    async with thread_of("sleepy", ledger, tmp_path) as thread:
        run = asyncio.create_task(thread.run(input={"wait_s": STEP_S}))
        ask_to_stop()
        assert (await run)["waited_s"] == STEP_S


def test_a_run_that_arrives_too_late_goes_back_to_its_queue() -> None:
    ask_to_stop()
    task = app.tasks["run.email_compose"]
    assert isinstance(task, RunTask)
    with pytest.raises(Reject) as given_back:
        task.run("01890000-0000-7000-8000-000000000000")
    _, requeue = given_back.value.args
    assert requeue


def test_nobody_stops_a_worker_unasked() -> None:
    assert not is_stopping()
