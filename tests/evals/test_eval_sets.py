"""Every set of a workflow is run in process by the rules, on the sample world, and reaches its thresholds.

Each set must be able to fail: a workflow that says nothing, or the answers of other cases, break its thresholds.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agentic_sales.cli.views.evals import folders
from agentic_sales.effects import acting_as
from agentic_sales.evaluation.evaluate import Ask, SetResult, evaluate
from agentic_sales.evaluation.readme import told_values
from agentic_sales.evaluation.report import faults
from agentic_sales.evaluation.sets import EvalSet, read_set, set_files
from agentic_sales.registry import BY_ID
from agentic_sales.rehearsal.in_process import sub_runs_in_process
from agentic_sales.wire import from_wire, to_wire
from agentic_sales.workers.loader import load_graph

pytestmark = pytest.mark.timeout(240)

SETS = [read_set(name, file) for name in BY_ID for file in set_files(name, folders())]
TELLING_APART = {"exact", "macro_f1", "set_f1", "includes", "with_phrases"}
"""Metrics whose labels tell the cases apart, if they differ from case to case."""
TOLD = told_values((Path(__file__).parents[2] / "README.md").read_text("utf-8"))
"""What the README tells of the sets."""
DRIFT = 0.02
"""How far a value may be from what the README tells."""
each_set = pytest.mark.parametrize("given", SETS, ids=lambda given: given.name)


class ByRules:
    """Runs an assistant in this process and keeps its answers."""

    def __init__(self, assistant_id: str) -> None:
        self.loaded = load_graph(BY_ID[assistant_id])
        self.answers: list[Mapping[str, Any]] = []

    async def __call__(self, _: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answer one case."""
        dry = {"dry_run": True} if "dry_run" in self.loaded.input_type.model_fields else {}
        final = await self.loaded.graph.ainvoke(self.loaded.input_type(**{**values, **dry}).model_dump())
        self.answers.append(from_wire(to_wire(final)))
        return self.answers[-1]


def answering(answers: list[Mapping[str, Any]]) -> Ask:
    """Give these answers, one after the other."""
    left = iter(answers)

    async def ask(_: str, __: Mapping[str, Any]) -> Mapping[str, Any]:
        return next(left)

    return ask


@each_set
@pytest.mark.usefixtures("book")
async def test_the_rules_reach_the_thresholds_of_a_set_and_other_answers_do_not(given: EvalSet) -> None:
    rules = ByRules(given.assistant_id)
    with acting_as(rules.loaded.row), sub_runs_in_process():
        result = await evaluate(given, rules)
    for one in result.measures:
        print(f"{given.name} {one.measure.name} {one.measure.metric} {one.value:.3f} of {one.cases}")  # noqa: T201 - the table of the run
    assert [*faults([result])] == []
    told = TOLD.get(given.name, {})
    drifted = {
        one.measure.name: one.value
        for one in result.measures
        if abs(told.get(one.measure.name, one.value) - one.value) > DRIFT
    }
    assert drifted == {}, "the README tells other values; run `agentic-sales eval --all --readme README.md`"
    assert [case.error for case in result.cases if case.error] == []
    silent = await evaluate(given, answering([{}] * len(given.cases)))
    assert [*faults([silent])], "a workflow that says nothing reaches the thresholds"
    if tells_apart(given):
        half = len(rules.answers) // 2
        shuffled = await evaluate(given, answering(rules.answers[half:] + rules.answers[:half]))
        assert [*faults([shuffled])], "the answers of other cases reach the thresholds"
        for always in (rules.answers[0], rules.answers[half]):
            constant = await evaluate(given, answering([always] * len(given.cases)))
            assert [*faults([constant])], "one answer for every case reaches the thresholds"


def tells_apart(given: EvalSet) -> bool:
    """Tell whether a threshold of a set stands on labels that differ from case to case."""
    own = [one.name for one in given.measures if one.least and one.metric in TELLING_APART]
    return any(len({repr(case.expected[name]) for case in given.cases if name in case.expected}) > 1 for name in own)


@pytest.mark.parametrize("name", ["classify_recruitment", "country_classify", "classify_reply"])
def test_one_answer_for_every_case_breaks_the_thresholds(name: str) -> None:
    given = next(one for one in SETS if one.name == name)
    answer = {"is_recruitment": True, "country": "DE", "confidence": 0.5, "reply_class": "unsubscribe", "until": None}
    result: SetResult = asyncio.run(evaluate(given, answering([answer] * len(given.cases))))
    assert [*faults([result])]
