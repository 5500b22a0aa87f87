"""The labelled openings: whether the rules tell where their work is done, from where, and whether it is on AI."""

import re
from dataclasses import replace

import pytest

from agentic_sales.rules.ai_roles import role_words
from agentic_sales.rules.place_words import place_words
from agentic_sales.rules.remote_openings import GivenOpening, OpeningWords, classify_opening
from agentic_sales.rules.remote_work import WorkWords, work_words
from agentic_sales.rules.work_regions import RegionWords, region_words
from tests.evals.tally import Tally, cases

SETS = ("remote_classify", "remote_classify.strangers")
"""The second set widened the table: no blind set, and a guard against what a wider table breaks."""
GOAL_RATIO = 0.92
NOTHING = re.compile(r"(?!)")


def run(name: str, work: WorkWords = work_words.own, regions: RegionWords = region_words.own) -> Tally:
    """Read every opening of a set."""
    tally = Tally(name)
    words = OpeningWords(work=work, regions=regions, places=place_words(), roles=role_words.own)
    for case in cases(name):
        opening, expected = GivenOpening(**case["input"]["openings"][0]), case["expected"]
        told = classify_opening(opening, words).model_dump(include=set(expected))
        found = {**told, "regions": sorted(told["regions"])}
        wanted = {**expected, "regions": sorted(expected["regions"])}
        faults = [f"{field} is {found[field]}" for field in wanted if found[field] != wanted[field]]
        tally.count(case["tags"][0], f"{opening.title}, {opening.location}: {opening.description[:80]}", faults)
    return tally


@pytest.mark.parametrize("name", SETS)
def test_the_rules_tell_where_the_work_of_openings_is_done(name: str) -> None:
    tally = run(name)
    print(tally)  # noqa: T201 - the table of the run
    assert tally.ratio() >= GOAL_RATIO


def test_rules_that_know_no_other_meanings_take_remote_sensing_for_remote_work() -> None:
    work = replace(work_words.own, elsewhere=NOTHING)
    assert run("remote_classify", work).ratio("false_friend") < GOAL_RATIO


def test_rules_that_read_no_restriction_in_texts_miss_the_regions() -> None:
    regions = replace(region_words.own, before=NOTHING, after=NOTHING)
    assert run("remote_classify", regions=regions).ratio("text_region") < GOAL_RATIO


def test_rules_that_know_no_denial_miss_the_goal() -> None:
    kinds = {**work_words.own.kinds, "no_remote": NOTHING}
    assert run("remote_classify", replace(work_words.own, kinds=kinds)).ratio("negation") < GOAL_RATIO
