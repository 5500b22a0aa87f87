"""Whose step an event loop executes, and what becomes of a step that takes too long."""

import asyncio
import contextvars
import signal
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from agentic_sales.errors import LoopBlocked
from agentic_sales.workers.child.steps import Owner, Steps, current_owner
from agentic_sales.workers.child.watch import Watch
from agentic_sales.workers.mark import Mark, entry_of

FIRST = Owner("first", entry_of("01890000-0000-7000-8000-000000000001"))
SECOND = Owner("second", entry_of("01890000-0000-7000-8000-000000000002"))


class Loop:
    """An event loop whose steps are noted."""

    def __init__(self) -> None:
        self.mark = Mark()
        self.steps = Steps(self.mark)
        self._loop = asyncio.new_event_loop()
        self._loop.set_task_factory(self.steps.task)

    def run(self, *jobs: tuple[Owner | None, Coroutine[Any, Any, Any]]) -> list[Any]:
        """Run jobs at once, each as the run of its owner; return what each returned or raised."""

        async def gathered() -> list[Any]:
            tasks = []
            for owner, job in jobs:
                context = contextvars.copy_context()
                context.run(current_owner.set, owner)
                tasks.append(self._loop.create_task(job, context=context))
            return await asyncio.gather(*tasks, return_exceptions=True)

        return self._loop.run_until_complete(gathered())

    def close(self) -> None:
        """Close it."""
        self._loop.close()


@pytest.fixture
def loop() -> Iterator[Loop]:
    """An event loop whose steps are noted."""
    opened = Loop()
    yield opened
    opened.close()


@contextmanager
def watched(steps: Steps, tell: Callable[[Owner, str], None], *, interrupted_after_s: float) -> Iterator[None]:
    """Watch over the loop of this thread."""
    before = signal.getsignal(signal.SIGUSR1)
    watch = Watch(steps, tell, interrupted_after_s=interrupted_after_s)
    watch.start()
    try:
        yield
    finally:
        watch.stop()
        signal.signal(signal.SIGUSR1, before)


def block(seconds: float) -> None:
    """Keep the thread."""
    time.sleep(seconds)


def test_every_step_of_a_run_is_noted_also_those_of_the_tasks_that_it_makes(loop: Loop) -> None:
    seen: list[tuple[str, str | None]] = []

    async def note(name: str) -> None:
        for _ in range(2):
            seen.append((name, loop.mark.culprit))
            await asyncio.sleep(0)

    async def with_tasks(name: str) -> None:
        await asyncio.gather(note(name), note(name))

    loop.run((FIRST, with_tasks("first")), (SECOND, with_tasks("second")), (None, note("none")))
    named = {"first": FIRST.entry[1:].decode(), "second": SECOND.entry[1:].decode(), "none": None}
    assert len(seen) == 10
    assert all(culprit == named[name] for name, culprit in seen)
    assert (loop.steps.owner, loop.mark.culprit) == (None, None)


def test_a_noted_coroutine_returns_raises_and_is_cancelled_like_any_other(loop: Loop) -> None:
    async def answer() -> int:
        await asyncio.sleep(0)
        return 7

    async def fail() -> None:
        await asyncio.sleep(0)
        raise KeyError("x")

    async def late() -> None:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(5)

    seven, error, timeout = loop.run((FIRST, answer()), (FIRST, fail()), (SECOND, late()))
    assert (seven, type(error), type(timeout)) == (7, KeyError, TimeoutError)


def test_a_step_that_blocks_is_told_with_its_run_and_the_line_that_blocks(loop: Loop) -> None:
    told: list[tuple[Owner, str]] = []

    async def blocking() -> None:
        block(0.4)

    with capture_logs() as logs, watched(loop.steps, lambda *what: told.append(what), interrupted_after_s=60):
        loop.run((FIRST, blocking()), (SECOND, asyncio.sleep(0.01)))
    [entry] = logs
    assert told == [(FIRST, entry["calls"][-1])]
    assert (entry["event"], entry["assistant_id"], entry["run_id"]) == (
        "loop_blocked",
        "first",
        FIRST.entry[1:].decode(),
    )
    assert entry["calls"][-1].endswith(" block")


def test_a_run_that_only_waits_is_not_told(loop: Loop) -> None:
    told: list[tuple[Owner, str]] = []
    with watched(loop.steps, lambda *what: told.append(what), interrupted_after_s=60):
        loop.run((FIRST, asyncio.sleep(0.3)))
    assert told == []


def test_a_step_that_lasts_too_long_is_interrupted_and_the_other_runs_go_on(loop: Loop) -> None:
    async def blocking() -> None:
        block(30)

    async def waiting() -> str:
        await asyncio.sleep(0.01)
        return "waited"

    begun_s = time.monotonic()
    with watched(loop.steps, lambda *_: None, interrupted_after_s=0.2):
        error, waited = loop.run((FIRST, blocking()), (SECOND, waiting()))
    assert isinstance(error, LoopBlocked)
    assert "`first` kept the event loop of its child from going on" in str(error)
    assert waited == "waited"
    assert time.monotonic() - begun_s < 10
