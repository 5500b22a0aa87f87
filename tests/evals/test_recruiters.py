"""The labelled companies: whether the rules tell recruiters from what only sounds like them, per class."""

import re
from dataclasses import replace

import pytest

from agentic_sales.rules.recruiters import Clues, clues, judge_recruiter
from tests.evals.tally import Tally, cases

SETS = ("classify_recruitment", "classify_recruitment.own")
STRANGERS = "classify_recruitment.strangers"
"""Companies on which the table was widened: no blind set, and a guard against what a wider table breaks."""
GOAL_RATIO = 0.92


def run(name: str, known: Clues | None = None) -> Tally:
    """Judge a set."""
    tally = Tally(name)
    for case in cases(name):
        found = judge_recruiter(case["name"], case["website"], case["description"], known)
        faults = [] if found.is_recruitment is case["expected"] else [f"{found.is_recruitment}: {found.reasons}"]
        tally.count(case["category"], f"{case['name']}: {case['description']}", faults)
    return tally


@pytest.mark.parametrize("name", [*SETS, STRANGERS])
def test_the_rules_tell_recruiters_from_what_only_sounds_like_them(name: str) -> None:
    tally = run(name)
    print(tally)  # noqa: T201 - the table of the run
    assert tally.ratio() >= GOAL_RATIO


@pytest.mark.parametrize("name", SETS)
def test_rules_without_signs_for_a_recruiter_miss_the_goal(name: str) -> None:
    assert run(name, replace(clues(), for_it=())).ratio() < GOAL_RATIO


@pytest.mark.parametrize("name", SETS)
def test_rules_without_signs_against_a_recruiter_take_software_for_one(name: str) -> None:
    assert run(name, replace(clues(), against=(), served=re.compile(r"(?!)"))).ratio("not_software") < GOAL_RATIO
