"""Measure the fleet beside what it is built on: `make bench`, `python -m tests.bench --help`."""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import psutil  # type: ignore[import-untyped]  # psutil ships no types
import uvloop
from rich.console import Console

from agentic_sales.registry import index_rows
from agentic_sales.workers.loader import load_graph
from tests.bench.imports import ImportCost, import_cost
from tests.bench.load import Ask, Load, Measured, OpenCaller, Question, WrongAnswer, http_caller, measure
from tests.bench.processes import Target, core_fleet, cpu_s, floor
from tests.bench.report import FLEET, FLOOR, IN_PROCESS, Result, as_data, show
from tests.workflows.registry import GRAPHS

PARTS = ("echo", "sleepy", "imports")
ECHO_CALLERS = (1, 16, 64)
ECHO_CHILDREN = 2
SLEEPY_CALLERS = 64
SLEEPY_S = 0.2
IMPORT_ROWS = (35, 5000)
IMPORT_ROUNDS = 15
LEAST_WIDTH = 130
"""Columns that the table needs, also where there is no terminal."""
WARM_UP_S = 1.0
MANY_CHILDREN_WARM_UP_S = 3.0
"""Each of many children must have run a few times, or what is measured is the copying of their first pages."""
REFERENCE_SHARE = 0.5
"""In process and on the floor there is less to settle, so they are measured for a part of the time."""

ECHO = Question("echo", lambda n: {"x": n}, lambda n: {"x": n, "y": n})
SLEEPY = Question("sleepy", lambda _: {"wait_s": SLEEPY_S}, lambda _: {"wait_s": SLEEPY_S, "waited_s": SLEEPY_S})
ECHO_GOALS = {1: "p50 ≤ 6 ms", 64: "≥ 500 runs/s"}
SLEEPY_GOAL = "≥ 250 runs/s"


class CpuMeter:
    """Takes the processor time of every role between the end of the warm-up and the end of a load."""

    def __init__(self, roles: dict[str, list[psutil.Process]]) -> None:
        self._roles = {**roles, "load": [psutil.Process()]}
        self._begun_s: dict[str, float] = {}
        self._spent_s: dict[str, float] = {}

    def begin(self) -> None:
        """Take the times before."""
        self._begun_s = {role: cpu_s(processes) for role, processes in self._roles.items()}

    def end(self) -> None:
        """Take the times after."""
        self._spent_s = {role: cpu_s(p) - self._begun_s[role] for role, p in self._roles.items()}

    def ms_per_run(self, measured: Measured) -> dict[str, float]:
        """Share the times among the runs."""
        runs = max(len(measured.latencies_s), 1)
        return {role: 1000 * spent_s / runs for role, spent_s in self._spent_s.items()}


def main() -> int:
    """Measure what was asked for; return the exit status."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every context is left
    console = Console(stderr=options.json)
    console.width = max(console.width, LEAST_WIDTH)
    results: list[Result] = []
    imports: list[ImportCost] = []
    try:
        if "echo" in options.only:
            results += _echo(options.seconds, console)
        if "sleepy" in options.only:
            results += _sleepy(options.seconds, console)
        if "imports" in options.only:
            console.print("importing the control plane …", style="dim")
            imports += [import_cost(rows, rounds=IMPORT_ROUNDS) for rows in IMPORT_ROWS]
    except WrongAnswer as exc:
        console.print(f"the benchmark failed: {exc}", style="bold red", markup=False)
        return 1
    except KeyboardInterrupt:
        return 130
    show(results, imports, console)
    if options.json:
        print(json.dumps(as_data(results, imports), indent=2))  # noqa: T201 - this is the output
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=4.0, help="length of each measurement of the fleet (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document; the tables go to standard error")
    parser.add_argument("--only", action="append", choices=PARTS, help="measure this part alone; can be repeated")
    options = parser.parse_args()
    options.only = options.only or PARTS
    if not 0 < options.seconds <= 600:
        parser.error(f"--seconds is {options.seconds:g}; expected more than 0 and at most 600")
    return options


def _echo(seconds: float, console: Console) -> Iterator[Result]:
    brief = [Load(callers, REFERENCE_SHARE * seconds, WARM_UP_S / 2) for callers in ECHO_CALLERS]
    full = [Load(callers, seconds, WARM_UP_S) for callers in ECHO_CALLERS]
    console.print("echo in process …", style="dim")
    yield from (Result("echo", IN_PROCESS, _measured(in_process, ECHO, load), {}) for load in brief)
    console.print("echo on the FastAPI floor …", style="dim")
    with floor() as target:
        yield from (_result("echo", FLOOR, ECHO, load, target) for load in brief)
    console.print(f"echo on a fleet of {ECHO_CHILDREN} children …", style="dim")
    with core_fleet(children=ECHO_CHILDREN) as target:
        for load in full:
            yield _result("echo", FLEET, ECHO, load, target, goal=ECHO_GOALS.get(load.callers, ""))


def _sleepy(seconds: float, console: Console) -> Iterator[Result]:
    work = f"wait {1000 * SLEEPY_S:.0f} ms"
    console.print("waiting on the FastAPI floor …", style="dim")
    with floor() as target:
        yield _result(work, FLOOR, SLEEPY, Load(SLEEPY_CALLERS, REFERENCE_SHARE * seconds, WARM_UP_S / 2), target)
    console.print(f"waiting on a fleet of {SLEEPY_CALLERS} children …", style="dim")
    with core_fleet(children=SLEEPY_CALLERS) as target:
        load = Load(SLEEPY_CALLERS, seconds, MANY_CHILDREN_WARM_UP_S)
        yield _result(work, FLEET, SLEEPY, load, target, goal=SLEEPY_GOAL)


def _result(work: str, where: str, question: Question, load: Load, target: Target, *, goal: str = "") -> Result:
    meter = CpuMeter(target.roles)
    opener = partial(http_caller, target.port, question.assistant_id, target.key)
    measured = _measured(opener, question, load, on_begin=meter.begin, on_end=meter.end)
    return Result(work, where, measured, meter.ms_per_run(measured), goal)


def _measured(open_caller: OpenCaller, question: Question, load: Load, **hooks: Any) -> Measured:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(measure(open_caller, question, load, **hooks))


@asynccontextmanager
async def in_process() -> AsyncIterator[Ask]:
    """Await the graph in this process."""
    yield load_graph(index_rows(GRAPHS)["echo"]).graph.ainvoke


if __name__ == "__main__":
    sys.exit(main())
