"""Run the cases of a set and score the answers. A run that fails is wrong in everything."""

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from statistics import fmean, quantiles
from typing import Any

from agentic_sales.evaluation.metrics import METRICS, confusion, macro_f1, recalls
from agentic_sales.evaluation.sets import Case, EvalSet, Measure
from agentic_sales.rules.shares import wilson
from agentic_sales.side_by_side import ask_each

Ask = Callable[[str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Runs an assistant and returns its output. It raises `RunFailedError` for a run without one."""


class RunFailedError(Exception):
    """Raised by an `Ask` for a run that has no output."""


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How one case went."""

    case_id: str
    """The case."""
    scores: Mapping[str, float]
    """Score of each labelled measure, 0 to 1."""
    found: Mapping[str, Any]
    """The output for each of them."""
    expected: Mapping[str, Any]
    """Its labels."""
    latency_s: float
    """Time from the request to the answer, with the wait in the queue."""
    cost_usd: float
    """Known cost of the models. 0 without a model."""
    source: str
    """`llm`, `rules`, or empty if the assistant does not tell."""
    error: str = ""
    """Why there is no answer. Empty if there is one."""
    output: Mapping[str, Any] = field(default_factory=dict)
    """The answer. Empty without one."""

    @property
    def model(self) -> str:
        """Return the model that answered. Empty if none did."""
        return str(self.output.get("graph_meta", {}).get("model") or "")


@dataclass(frozen=True, slots=True)
class MeasureResult:
    """One measure over a set."""

    measure: Measure
    """The measured value."""
    value: float
    """From 0 to 1."""
    low: float
    """Lower end of the interval of 95 %. Macro-F1 has that of a share of the same size."""
    high: float
    """Upper end."""
    cases: int
    """Cases that have the label."""
    confusion: Mapping[str, Mapping[str, int]]
    """Counts by labelled class and by found class. Empty for other metrics than macro-F1."""
    missed_recalls: Mapping[str, float]
    """Recall of the classes that are below their least one."""

    @property
    def is_met(self) -> bool:
        """Tell whether the thresholds are reached."""
        least = self.measure.least
        return not self.missed_recalls and (least is None or self.value >= least)


@dataclass(frozen=True, slots=True)
class SetResult:
    """How a set went."""

    assistant_id: str
    """The assistant."""
    set_name: str
    """The set."""
    cases: tuple[CaseResult, ...]
    """Its cases."""
    measures: tuple[MeasureResult, ...]
    """Its measures."""

    @property
    def is_met(self) -> bool:
        """Tell whether every threshold is reached."""
        return all(measure.is_met for measure in self.measures)

    @property
    def sources(self) -> Counter[str]:
        """Count the sources of the answers."""
        return Counter(case.source for case in self.cases if case.source)

    @property
    def models(self) -> frozenset[str]:
        """Return the models that answered."""
        return frozenset(case.model for case in self.cases if case.model)

    @property
    def cost_usd(self) -> float:
        """Known cost of the models."""
        return sum(case.cost_usd for case in self.cases)

    def latency_s(self, percent: int) -> float:
        """Return a percentile of the latencies, of 1 to 99."""
        times = [case.latency_s for case in self.cases]
        return quantiles(times, n=100, method="inclusive")[percent - 1] if len(times) > 1 else times[0]


async def evaluate(given: EvalSet, ask: Ask, *, at_once: int = 1) -> SetResult:
    """Run a set.

    Args:
        given: The set.
        ask: Runs the assistant.
        at_once: Most cases that run side by side.
    """
    cases = tuple(await ask_each(given.cases, lambda case: _run(given, case, ask), at_once=at_once))
    return SetResult(given.assistant_id, given.name, cases, tuple(measured(one, cases) for one in given.measures))


def measured(measure: Measure, cases: tuple[CaseResult, ...]) -> MeasureResult:
    """Add up the scores of a measure."""
    mine = [case for case in cases if measure.name in case.scores]
    value = fmean(case.scores[measure.name] for case in mine)
    counts: dict[str, dict[str, int]] = {}
    if measure.metric == "macro_f1" or measure.recall:
        told = ((case.expected[measure.name], "(failed)" if case.error else case.found[measure.name]) for case in mine)
        counts = confusion(told)
        value = macro_f1(counts) if measure.metric == "macro_f1" else value
    recall = recalls(counts)
    missed = {name: recall[name] for name, least in measure.recall.items() if name in recall and recall[name] < least}
    return MeasureResult(measure, value, *wilson(value, len(mine)), len(mine), counts, missed)


async def _run(given: EvalSet, case: Case, ask: Ask) -> CaseResult:
    began_s, error, output = time.monotonic(), "", dict[str, Any]()
    try:
        output = dict(await ask(given.assistant_id, case.input))
    except RunFailedError as exc:
        error = str(exc) or type(exc).__name__
    mine = [measure for measure in given.measures if measure.name in case.expected]
    found = {} if error else {measure.name: measure.found_in(output) for measure in mine}
    scores = {
        measure.name: 0.0 if error else METRICS[measure.metric](found[measure.name], case.expected[measure.name])
        for measure in mine
    }
    totals = output.get("graph_meta", {}).get("totals", {})
    return CaseResult(
        case.case_id,
        scores,
        found,
        dict(case.expected),
        time.monotonic() - began_s,
        totals.get("total_cost_usd") or 0.0,
        str(output.get("source") or ""),
        error,
        output,
    )
