"""Tell results as tables for people and as data for programs, and compare two results."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Column, Table
from rich.text import Text

from agentic_sales.errors import ConfigurationError
from agentic_sales.evaluation.evaluate import CaseResult, MeasureResult, SetResult
from agentic_sales.evaluation.noise import MOST_BY_CHANCE, by_chance, changes

MEASURE_CHARS = 30
"""Width of the column of measures. It is the same for all sets, so their columns stand below each other."""


def as_table(results: Iterable[SetResult]) -> Group:
    """Return one table of all measures below a line for each set. It is readable at 80 columns."""
    return Group(_columns(header=True), *(part for result in results for part in (_head_of(result), _rows_of(result))))


def _head_of(result: SetResult) -> Text:
    sources = ", ".join(f"{name} {count}" for name, count in result.sources.most_common())
    p50, p95 = (f"{1000 * result.latency_s(percent):.0f} ms" for percent in (50, 95))
    return Text.assemble((result.set_name, "bold"), f": {sources}, p50 {p50}, p95 {p95}, ${result.cost_usd:.4f}")


def _columns(*, header: bool) -> Table:
    widths = {"measure": MEASURE_CHARS, "value": 5, "95 % interval": 14, "cases": 5, "least": 5, "metric": None}
    columns = (Column(name, width=width, no_wrap=True) for name, width in widths.items())
    return Table(*columns, box=None, header_style="bold", padding=(0, 0, 0, 1), pad_edge=False, show_header=header)


def _rows_of(result: SetResult) -> Table:
    table = _columns(header=False)
    for one in result.measures:
        least = "" if one.measure.least is None else f"{one.measure.least:g}"
        interval = f"{one.low:.3f} to {one.high:.3f}"
        row = (f"  {one.measure.name}", f"{one.value:.3f}", interval, str(one.cases), least, one.measure.metric)
        table.add_row(*row, style=None if one.is_met else "red")
    return table


def faults(results: Iterable[SetResult]) -> Iterator[str]:
    """Tell the thresholds that are not reached, each in a line."""
    for result in results:
        for one in result.measures:
            name = f"`{result.set_name}`: {one.measure.name}"
            if one.measure.least is not None and one.value < one.measure.least:
                yield f"{name} is {one.value:.3f}; at least {one.measure.least:g} is wanted"
            for missed, recall in one.missed_recalls.items():
                yield f"{name}: recall of `{missed}` is {recall:.3f}; at least {one.measure.recall[missed]:g} is wanted"


def confusion_table(result: MeasureResult) -> Table:
    """Return the confusion matrix of a measure: a row for each label, a column for each class that was found."""
    found = sorted({name for row in result.confusion.values() for name in row})
    table = Table(f"{result.measure.name}, by label", *found, box=None, header_style="bold")
    for label in sorted(result.confusion):
        table.add_row(label, *(str(result.confusion[label].get(name, "")) for name in found))
    return table


def as_data(results: Iterable[SetResult]) -> dict[str, Any]:
    """Return results as plain data, which `--baseline` reads again."""
    return {"sets": [_set_as_data(result) for result in results]}


def _set_as_data(result: SetResult) -> dict[str, Any]:
    return {
        "assistant_id": result.assistant_id,
        "set": result.set_name,
        "is_met": result.is_met,
        "sources": dict(result.sources),
        "cost_usd": result.cost_usd,
        **{f"p{percent}_ms": 1000 * result.latency_s(percent) for percent in (50, 95)},
        "measures": [
            {
                "name": one.measure.name,
                "metric": one.measure.metric,
                "value": one.value,
                "interval": [one.low, one.high],
                "cases": one.cases,
                "least": one.measure.least,
                "is_met": one.is_met,
                "confusion": {label: dict(row) for label, row in one.confusion.items()},
            }
            for one in result.measures
        ],
        "cases": [_case_as_data(case) for case in result.cases],
    }


def _case_as_data(case: CaseResult) -> dict[str, Any]:
    told: dict[str, Any] = {"id": case.case_id, "scores": dict(case.scores), "source": case.source}
    if case.error:
        return told | {"error": case.error}
    wrong = {name: case.found[name] for name, score in case.scores.items() if score < 1}
    return told | ({"found": wrong, "expected": {name: case.expected[name] for name in wrong}} if wrong else {})


@dataclass(frozen=True, slots=True)
class MeasureChange:
    """How one measure changed from one result to another."""

    set_name: str
    """The set."""
    measure: str
    """The measure."""
    before: float
    """Its value before."""
    after: float
    """Its value now."""
    better: int
    """Cases that score higher."""
    worse: int
    """Cases that score lower."""

    @property
    def is_more_than_noise(self) -> bool:
        """Tell whether chance would make such a difference less than once in twenty times."""
        return by_chance(self.better, self.worse) < MOST_BY_CHANCE

    def __str__(self) -> str:
        """Tell it in one line."""
        told = "more than noise" if self.is_more_than_noise else "within noise"
        counts = f"{self.better} cases better, {self.worse} worse"
        return f"`{self.set_name}`: {self.measure} {self.before:.3f} → {self.after:.3f} ({counts}; {told})"


def read_baseline(file: Path) -> Mapping[str, Any]:
    """Read an earlier output of `--json`.

    Raises:
        ConfigurationError: It is something else.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {one["set"]: one for one in found["sets"]}
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ConfigurationError(f"`{file}` is no result of `agentic-sales eval --json`: {exc}") from exc


def differences(baseline: Mapping[str, Any], results: Sequence[SetResult]) -> list[MeasureChange]:
    """Compare results with earlier ones, case by case. Measures that one of them lacks are left out."""
    found = []
    for result in results:
        before = baseline.get(result.set_name, {"measures": [], "cases": []})
        values = {one["name"]: one["value"] for one in before["measures"]}
        for one in result.measures:
            if (name := one.measure.name) in values:
                old = {case["id"]: case["scores"][name] for case in before["cases"] if name in case["scores"]}
                new = {case.case_id: case.scores[name] for case in result.cases if name in case.scores}
                found.append(MeasureChange(result.set_name, name, values[name], one.value, *changes(old, new)))
    return found
