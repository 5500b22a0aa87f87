"""A fleet of shell commands: relayed, watched and ended together."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # psutil ships no types
import pytest

from agentic_sales.local import reaper
from agentic_sales.local.reaper import Reaper, registered_at_end
from agentic_sales.local.supervisor import Supervisor
from agentic_sales.settings import child_environment
from tests.support.ended import process_of, wait_until_ended

DEADLINE_S = 20
IGNORES_TERM = "trap 'echo asked' TERM; echo started; while :; do sleep 300 & wait; done"
DRAINS = "trap 'echo draining; exit 0' TERM; echo started; sleep 300 & wait"

PREFORK = """
import os, signal

reading, writing = os.pipe()
child = os.fork()
if child == 0:
    os.close(writing)
    os.read(reading, 1)
    print("the child has finished its run", flush=True)
else:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    print("started", flush=True)
    signal.sigwait({signal.SIGTERM})
    os.close(writing)
    os.waitpid(child, 0)
"""
KILLED_SUPERVISOR = """
import asyncio, os, signal
from agentic_sales.local.reaper import Reaper
from agentic_sales.local.supervisor import Supervisor
from agentic_sales.settings import child_environment

async def main():
    with Reaper() as guard:
        async with Supervisor(guard, lambda name, line: print(line, flush=True)) as supervisor:
            for name in ("first", "second"):
                await supervisor.start(name, "sh -c 'echo $$; sleep 300'", child_environment({}))
            await asyncio.sleep(300)

asyncio.run(main())
"""


class Printed:
    """What the processes printed, and a way to wait for a line."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self._changed = asyncio.Event()

    def __call__(self, name: str, line: str) -> None:
        self.lines.append((name, line))
        self._changed.set()

    async def line(self) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not self.lines:
                await self._changed.wait()

    async def until(self, line: tuple[str, str]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while line not in self.lines:
                self._changed.clear()
                await self._changed.wait()


@pytest.fixture
def guard() -> Iterator[Reaper]:
    with Reaper() as guard:
        yield guard


@pytest.fixture
def printed() -> Printed:
    return Printed()


@pytest.fixture
async def supervisor(guard: Reaper, printed: Printed) -> AsyncIterator[Supervisor]:
    async with Supervisor(guard, printed) as supervisor:
        yield supervisor


Children = Callable[[], list[psutil.Process]]


@pytest.fixture
def children() -> Children:
    """Return what runs under this test since it began, the reaper not among it."""
    before = set(psutil.Process().children(recursive=True))

    def started() -> list[psutil.Process]:
        now = set(psutil.Process().children(recursive=True)) - before
        return [process for process in now if not _is_reaper(process)]

    return started


def _is_reaper(process: psutil.Process) -> bool:
    try:
        return Path(reaper.__file__).name in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False


async def test_every_line_is_relayed_with_the_name_of_its_process(supervisor: Supervisor, printed: Printed) -> None:
    await supervisor.start("a", "printf 'one\\ntwo, unfinished'", child_environment({}))
    await supervisor.start("b", "sh -c 'echo oops >&2'", child_environment({}))
    await printed.until(("a", "two, unfinished"))
    await printed.until(("b", "oops"))
    assert ("a", "one") in printed.lines


async def test_a_line_longer_than_any_buffer_does_not_stall_the_process(
    supervisor: Supervisor, printed: Printed
) -> None:
    await supervisor.start("a", f"{sys.executable} -c \"print('x' * 500_000)\"", child_environment({}))
    await printed.until(("a", "x" * 500_000))


async def test_the_environment_reaches_the_command(supervisor: Supervisor, printed: Printed) -> None:
    await supervisor.start("a", "echo port ${PORT:-8002}", child_environment({"PORT": "9000"}))
    await printed.until(("a", "port 9000"))


async def test_a_process_that_ends_by_itself_is_named_with_its_status(supervisor: Supervisor) -> None:
    await supervisor.start("web", "sleep 300", child_environment({}))
    await supervisor.start("worker", "sh -c 'exit 3'", child_environment({}))
    async with asyncio.timeout(DEADLINE_S):
        assert str(await supervisor.first_exit()) == "`worker` ended by itself with exit status 3"


async def test_a_killed_process_is_noticed_and_the_child_that_holds_its_pipe_is_killed_too(
    supervisor: Supervisor, printed: Printed
) -> None:
    await supervisor.start("worker", "sh -c 'sleep 300 & echo $!; kill -9 $$'", child_environment({}))
    async with asyncio.timeout(DEADLINE_S):
        assert str(await supervisor.first_exit()) == "`worker` ended by itself with signal 9"
    await printed.line()
    ((_, pid),) = printed.lines
    await asyncio.to_thread(wait_until_ended, process_of(int(pid)))


async def test_a_process_gets_the_time_to_drain(children: Children, supervisor: Supervisor, printed: Printed) -> None:
    await supervisor.start("worker", f'sh -c "{DRAINS}"', child_environment({}))
    await printed.until(("worker", "started"))
    await supervisor.stop()
    assert ("worker", "draining") in printed.lines
    assert children() == []


async def test_a_process_that_will_not_end_is_killed_with_its_children_after_the_grace_period(
    children: Children, supervisor: Supervisor, printed: Printed
) -> None:
    await supervisor.start("worker", f'sh -c "{IGNORES_TERM}"', child_environment({}))
    await printed.until(("worker", "started"))
    await supervisor.stop(grace_s=0.1)
    assert children() == []


async def test_only_the_leader_is_asked_to_end_so_that_its_children_can_finish_their_work(
    supervisor: Supervisor, printed: Printed, tmp_path: Path
) -> None:
    (tmp_path / "prefork.py").write_text(PREFORK)
    await supervisor.start("worker", f"{sys.executable} {tmp_path}/prefork.py", child_environment({}))
    await printed.until(("worker", "started"))
    await supervisor.stop()
    assert ("worker", "the child has finished its run") in printed.lines


async def test_cancelling_the_stop_kills_at_once(children: Children, guard: Reaper, printed: Printed) -> None:
    async def ended_twice() -> None:
        async with Supervisor(guard, printed) as supervisor:
            await supervisor.start("worker", f'sh -c "{IGNORES_TERM}"', child_environment({}))
            await printed.until(("worker", "started"))

    ending = asyncio.create_task(ended_twice())
    await printed.until(("worker", "started"))
    await printed.until(("worker", "asked"))
    ending.cancel()
    await asyncio.wait({ending}, timeout=DEADLINE_S)
    assert ending.cancelled()
    await asyncio.to_thread(wait_until_ended, children())
    left = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.wait(
        left, timeout=DEADLINE_S
    )  # The watches: a transport that is left open is told in any later test.


def test_nothing_is_left_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED_SUPERVISOR], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    ) as owner:
        assert owner.stdout is not None
        left = [psutil.Process(int(owner.stdout.readline())) for _ in range(2)]
        left += [child for process in left for child in process.children()]
        owner.send_signal(signal.SIGKILL)
    wait_until_ended(left)


def test_the_guard_forgets_what_was_released() -> None:
    assert registered_at_end(["+10\n", "+11\n", "+12\n", "-11\n"]) == [10, 12]
