"""Show what was measured: a table for people, one JSON document for programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.load import Measured
from tests.bench.works import Goal

IN_PROCESS, CEILING, FLOOR = "in process", "bare", "floor"
DEV, TUNED, FLEET, SLOTTED = "dev", "dev tuned", "fleet", "fleet, slots"
REFERENCES = (IN_PROCESS, CEILING, FLOOR, DEV, TUNED)
CAPTION = (
    "Everything shares this machine, the load too. in process: the graph awaited in the benchmark's own process. bare: "
    "as many processes as processors, doing the same work without a graph. floor: one FastAPI process that awaits the "
    "graph, nothing durable. dev: `langgraph dev` as shipped; dev tuned: with 32 jobs and blocking allowed. fleet: "
    "Redis, one facade, workers; with slots: four children that execute 300 runs each. of …: runs/s of "
    "the fleet as a multiple of theirs, at as many callers."
)


@dataclass(frozen=True)
class Result:
    """One line of the table."""

    work: str
    """What was run."""
    where: str
    """On what it was run."""
    measured: Measured
    """The load and the latencies."""
    cpu_ms_per_run: dict[str, float]
    """Processor time per run of each role; empty where it was not taken."""
    goal: Goal | None = None
    """What DESIGN.md section 8 asks of the fleet; None: nothing of this line."""

    @property
    def callers(self) -> int:
        """Callers at the same time."""
        return self.measured.load.callers

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        return self.goal.is_met(self.measured) if self.goal else None


@dataclass(frozen=True)
class Fact:
    """One number that is no load."""

    what: str
    """What it is."""
    value: float
    """The number."""
    unit: str
    """Its unit."""
    goal: str = ""
    """What DESIGN.md section 8 asks; empty: nothing."""
    is_met: bool = True
    """Whether the goal is reached."""


def show(results: Sequence[Result], facts: Sequence[Fact], console: Console) -> None:
    """Print the tables."""
    if results:
        console.print(_load_table(results))
    for result in results:
        if result.cpu_ms_per_run:
            console.print(_cpu_line(result), highlight=False, soft_wrap=True)
    for fact in facts:
        goal = f"; goal {fact.goal}: {_verdict(is_met=fact.is_met)}" if fact.goal else ""
        console.print(f"{fact.what}: {fact.value:,.1f} {fact.unit}{goal}", highlight=False, soft_wrap=True)


def as_data(results: Sequence[Result], facts: Sequence[Fact]) -> dict[str, Any]:
    """Return everything as plain data."""
    return {
        "loads": [_result_as_data(result, results) for result in results],
        "facts": [
            {
                "what": fact.what,
                "value": fact.value,
                "unit": fact.unit,
                "goal": fact.goal or None,
                "is_met": fact.is_met if fact.goal else None,
            }
            for fact in facts
        ],
    }


def _verdict(*, is_met: bool) -> str:
    return "met" if is_met else "MISSED"


def _load_table(results: Sequence[Result]) -> Table:
    shown = [where for where in REFERENCES if any(result.where == where for result in results)]
    table = Table(title="agentic-sales bench", caption=CAPTION, caption_justify="left")
    for column in ("work", "where"):
        table.add_column(column, no_wrap=True)
    for column in ("callers", "runs/s", "p50 ms", "p95 ms", "p99 ms", *(f"of {where}" for where in shown), "goal"):
        table.add_column(column, justify="right", no_wrap=True)
    for result in results:
        measured = result.measured
        percentiles = [f"{measured.percentile_ms(percent):.1f}" for percent in (50, 95, 99)]
        shares = [_share(result, results, other) for other in shown]
        runs = f"{measured.runs_per_s:.1f}" if measured.runs_per_s < 100 else f"{measured.runs_per_s:.0f}"
        table.add_row(result.work, result.where, str(result.callers), runs, *percentiles, *shares, _goal(result))
    return table


def _goal(result: Result) -> str:
    return f"{result.goal.text}: {_verdict(is_met=bool(result.is_met))}" if result.goal else ""


def _share(result: Result, results: Sequence[Result], where: str) -> str:
    ratio = _ratio(result, results, where)
    return "" if ratio is None else f"{ratio:.2f}"


def _ratio(result: Result, results: Sequence[Result], where: str) -> float | None:
    """Return the fleet's runs/s as a multiple of another's; None where there is nothing to compare."""
    if result.where not in {FLEET, SLOTTED}:
        return None
    others = [r for r in results if (r.work, r.where, r.callers) == (result.work, where, result.callers)]
    if not others or not others[0].measured.runs_per_s:
        return None
    return result.measured.runs_per_s / others[0].measured.runs_per_s


def _cpu_line(result: Result) -> str:
    parts = ", ".join(f"{role} {spent:.2f}" for role, spent in result.cpu_ms_per_run.items())
    total = sum(result.cpu_ms_per_run.values())
    return f"CPU ms per run, {result.work}, {result.where}, {result.callers} callers: {parts}; in all {total:.2f}"


def _result_as_data(result: Result, results: Sequence[Result]) -> dict[str, Any]:
    measured = result.measured
    return {
        "work": result.work,
        "where": result.where,
        "callers": result.callers,
        "seconds": measured.load.seconds,
        "runs": len(measured.latencies_s),
        "runs_per_s": measured.runs_per_s,
        **{f"p{percent}_ms": measured.percentile_ms(percent) for percent in (50, 95, 99)},
        "cpu_ms_per_run": result.cpu_ms_per_run,
        "times": {where: ratio for where in REFERENCES if (ratio := _ratio(result, results, where)) is not None},
        "goal": result.goal.text if result.goal else None,
        "is_met": result.is_met,
    }
