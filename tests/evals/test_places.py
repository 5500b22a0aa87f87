"""The labelled locations: which country the rules read, per class, and whether their confidence is earned."""

from dataclasses import replace

import pytest

from agentic_sales.rules.place_words import PlaceWords, place_words
from agentic_sales.rules.places import judge_place
from tests.evals.tally import Tally, cases

SETS = ("country_classify", "country_classify.own")
ALL_SETS = (*SETS, "country_classify.strangers")
"""The last set is one on which the tables were widened: no blind set, and a guard against what a wider table breaks."""
GOAL_RATIO = 0.97
SURE, SURE_GOAL_RATIO = 0.95, 0.99


def run(name: str, words: PlaceWords | None = None) -> tuple[Tally, Tally]:
    """Judge a set; return how many cases went right, and how many of those that the rules were sure of."""
    tally, sure = Tally(name), Tally(f"{name}, confidence of {SURE} and more")
    for case in cases(name):
        found = judge_place(case["location"], words)
        faults = [] if found.country in case["accept"] else [f"{found.country}, not {case['accept']}"]
        if found.confidence >= SURE:
            sure.count(case["category"], case["location"], faults)
        if found.confidence > case.get("max_confidence", 1.0):
            faults.append(f"confidence {found.confidence} is above {case['max_confidence']}")
        tally.count(case["category"], case["location"], faults)
    return tally, sure


@pytest.mark.parametrize("name", ALL_SETS)
def test_the_rules_read_the_country_of_labelled_locations_and_are_sure_where_they_may_be(name: str) -> None:
    tally, sure = run(name)
    print(tally, sure, sep="\n\n")  # noqa: T201 - the table of the run
    assert tally.ratio() >= GOAL_RATIO
    assert sure.ratio() >= SURE_GOAL_RATIO


@pytest.mark.parametrize("name", SETS)
def test_a_table_without_its_names_and_words_misses_the_goal(name: str) -> None:
    nothing: frozenset[str] = frozenset()
    broken = replace(place_words(), names={}, regions=nothing, plain=nothing, beside=nothing, word_towns=nothing)
    tally, _ = run(name, broken)
    assert tally.ratio() < GOAL_RATIO
