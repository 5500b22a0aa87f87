"""Show what was measured: a table for people, one JSON document for programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.imports import ImportCost
from tests.bench.load import Measured

IN_PROCESS = "in process"
FLOOR = "FastAPI floor"
FLEET = "fleet"
CAPTION = (
    "Everything shares this machine, the load too. in process: the graph awaited in the benchmark's own process. "
    "FastAPI floor: one process that awaits the graph, nothing durable. fleet: Redis, one facade, one worker parent, "
    "its children. of …: runs/s of the fleet as a share of theirs, at as many callers."
)


@dataclass(frozen=True)
class Result:
    """One line of the table."""

    work: str
    """What was run."""
    where: str
    """In process, on the floor or on a fleet."""
    measured: Measured
    """The load and the latencies."""
    cpu_ms_per_run: dict[str, float]
    """Processor time per run of each role; empty where it was not taken."""
    goal: str = ""
    """What DESIGN.md section 8 asks of the fleet."""

    @property
    def callers(self) -> int:
        """Callers at the same time."""
        return self.measured.load.callers


def show(results: Sequence[Result], imports: Sequence[ImportCost], console: Console) -> None:
    """Print the tables."""
    if results:
        console.print(_load_table(results))
    for result in results:
        if result.cpu_ms_per_run:
            console.print(_cpu_line(result), highlight=False, soft_wrap=True)
    for cost in imports:
        console.print(
            f"registry + routing at {cost.rows} rows: {cost.over_bare_ms:.1f} ms over bare Python "
            f"({cost.bare_ms:.1f} ms), {cost.ratio:.2f} times as long; goal ≤ 20 ms",
            highlight=False,
            soft_wrap=True,
        )


def as_data(results: Sequence[Result], imports: Sequence[ImportCost]) -> dict[str, Any]:
    """Return everything as plain data."""
    return {
        "loads": [_result_as_data(result) for result in results],
        "imports": [
            {"rows": c.rows, "over_bare_ms": c.over_bare_ms, "bare_ms": c.bare_ms, "ratio": c.ratio} for c in imports
        ],
    }


def _load_table(results: Sequence[Result]) -> Table:
    table = Table(title="agentic-sales bench", caption=CAPTION, caption_justify="left")
    for column in ("work", "where"):
        table.add_column(column)
    for column in ("callers", "runs/s", "p50 ms", "p95 ms", "p99 ms", f"of {IN_PROCESS}", f"of {FLOOR}", "goal"):
        table.add_column(column, justify="right")
    for result in results:
        measured = result.measured
        percentiles = [f"{measured.percentile_ms(percent):.1f}" for percent in (50, 95, 99)]
        shares = [_share(result, results, other) for other in (IN_PROCESS, FLOOR)]
        runs = f"{measured.runs_per_s:.0f}"
        table.add_row(result.work, result.where, str(result.callers), runs, *percentiles, *shares, result.goal)
    return table


def _share(result: Result, results: Sequence[Result], where: str) -> str:
    ratio = _ratio(result, results, where)
    return "" if ratio is None else f"{ratio:.2f}"


def _ratio(result: Result, results: Sequence[Result], where: str) -> float | None:
    """Return the fleet's runs/s as a share of another's; None where there is nothing to compare."""
    if result.where != FLEET:
        return None
    others = [r for r in results if (r.work, r.where, r.callers) == (result.work, where, result.callers)]
    return result.measured.runs_per_s / others[0].measured.runs_per_s if others else None


def _cpu_line(result: Result) -> str:
    parts = ", ".join(f"{role} {spent:.2f}" for role, spent in result.cpu_ms_per_run.items())
    total = sum(result.cpu_ms_per_run.values())
    return f"CPU ms per run, {result.work}, {result.where}, {result.callers} callers: {parts}; in all {total:.2f}"


def _result_as_data(result: Result) -> dict[str, Any]:
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
        "goal": result.goal,
    }
