"""The labelled papers: whether the rules tell papers about selling from those that only use its words."""

import re
from dataclasses import replace

import pytest

from agentic_sales.rules.sales_papers import SalesPaperWords, judge_paper, sales_paper_words
from tests.evals.tally import Tally, cases

SETS = ("classify_paper", "classify_paper.strangers")
"""The second set widened the table: no blind set, and a guard against what a wider table breaks."""
GOAL_RATIO = 0.90
NOTHING = re.compile(r"(?!)")


def run(name: str, words: SalesPaperWords) -> Tally:
    """Judge a set."""
    tally = Tally(name)
    for case in cases(name):
        given, expected = case["input"], case["expected"]["is_sales_leadgen"]
        found = judge_paper(given["title"], given.get("abstract", ""), words)
        faults = [] if found.is_sales_leadgen is expected else [f"{found.is_sales_leadgen}: {found.reasons}"]
        tally.count(case["tags"][0], given["title"], faults)
    return tally


@pytest.mark.parametrize("name", SETS)
def test_the_rules_tell_papers_about_selling(name: str) -> None:
    tally = run(name, sales_paper_words.own)
    print(tally)  # noqa: T201 - the table of the run
    assert tally.ratio() >= GOAL_RATIO


def test_rules_that_know_no_other_meanings_take_metals_and_medicines_for_sales() -> None:
    words = replace(sales_paper_words.own, elsewhere=NOTHING, trades=NOTHING, topics=NOTHING)
    assert run("classify_paper", words).ratio("lead") < GOAL_RATIO


def test_rules_that_know_no_word_of_selling_find_no_paper() -> None:
    words = replace(sales_paper_words.own, strong=NOTHING, medium=NOTHING)
    assert run("classify_paper", words).ratio("lead_scoring") == 0
