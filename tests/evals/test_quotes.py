"""The labelled histories: an answer's own words, and never ours taken for theirs."""

import re
from dataclasses import replace

import pytest

from agentic_sales.rules.quotes import Marks, our_marks, own_words
from tests.evals.tally import Tally, cases

SETS = ("reply_quotes", "reply_quotes.own")
ALL_SETS = (*SETS, "reply_quotes.strangers")
"""The last set was read once, blind: 61 of 62."""
GOAL_RATIO = 0.94
OURS = re.compile(r"would a call next week|shall we talk about|any news\?|tell me more about your fleet", re.IGNORECASE)


def run(name: str, marks: Marks | None = None) -> tuple[Tally, list[str]]:
    """Cut a set; return how many cases went right, and those in which our words were taken for the writer's."""
    tally, ours = Tally(name), []
    for case in cases(name):
        own = own_words(case["body"], marks)
        expected = case["expected_own_words"]
        tally.count(case["form"].split()[0], f"{case['id']} {case['form']}", [] if own == expected else [repr(own)])
        if OURS.search(own):
            ours.append(case["id"])
    return tally, ours


@pytest.mark.parametrize("name", ALL_SETS)
def test_the_own_words_of_an_answer_are_told_from_the_quoted_mail(name: str) -> None:
    tally, ours = run(name)
    print(tally)  # noqa: T201 - the table of the run
    assert ours == []
    assert tally.ratio() >= GOAL_RATIO


@pytest.mark.parametrize("name", SETS)
def test_without_the_labels_of_header_lines_our_words_are_taken_for_the_writers(name: str) -> None:
    tally, ours = run(name, replace(our_marks(), labels={}))
    assert tally.ratio() < GOAL_RATIO
    assert ours


@pytest.mark.parametrize("name", SETS)
def test_without_the_lines_of_mail_programs_their_words_are_taken_for_the_writers(name: str) -> None:
    tally, _ = run(name, replace(our_marks(), programs=("\0",)))
    assert tally.ratio() < 1.0
