"""The labelled diagnoses: which end an address; no living one is ever closed."""

import re
from dataclasses import replace

import pytest

from agentic_sales.rules.bounces import ENDING, BounceSigns, cause_of, ends_address, our_signs
from tests.evals.tally import Tally, cases

SETS = ("bounce_diagnoses", "bounce_diagnoses.own")
ALL_SETS = (*SETS, "bounce_diagnoses.strangers")
"""The last set is one on which the tables were widened: no blind set, and a guard against what a wider table breaks."""
GOAL_RATIO = 0.95


def run(name: str, signs: BounceSigns | None = None) -> tuple[Tally, list[str]]:
    """Judge a set; return how many cases went right, and the living addresses that were closed."""
    tally, closed = Tally(name), []
    for case in cases(name):
        is_right = ends_address(case["told"], signs) == (case["expected"] == "ends")
        found = cause_of(case["told"], signs) or "nothing"
        tally.count(case["expected"], case["id"], [] if is_right else [f"{found}: {case['told']}"])
        if not is_right and case["expected"] == "keeps":
            closed.append(case["told"])
    return tally, closed


@pytest.mark.parametrize("name", ALL_SETS)
def test_the_rules_tell_which_diagnoses_end_an_address_and_close_no_living_one(name: str) -> None:
    tally, closed = run(name)
    print(tally)  # noqa: T201 - the table of the run
    assert closed == []
    assert tally.ratio() >= GOAL_RATIO


@pytest.mark.parametrize("name", SETS)
def test_codes_without_words_miss_the_goal_and_close_living_addresses(name: str) -> None:
    never = re.compile("(?!)")
    tally, closed = run(name, replace(our_signs(), words=dict.fromkeys(our_signs().words, never)))
    assert tally.ratio() < GOAL_RATIO
    assert closed


@pytest.mark.parametrize("name", SETS)
def test_words_that_end_an_address_without_those_that_keep_it_close_living_ones(name: str) -> None:
    never = re.compile("(?!)")
    words = {cause: pattern if cause in ENDING else never for cause, pattern in our_signs().words.items()}
    _, closed = run(name, replace(our_signs(), words=words))
    assert closed
