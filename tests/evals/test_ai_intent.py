"""The labelled posts: whether the rules tell who hires for, buys or scales artificial intelligence."""

from dataclasses import replace

from agentic_sales.rules.ai_intent import IntentWords, find_intent, intent_words, kind_of
from agentic_sales.rules.signs import compiled
from tests.evals.tally import Tally, cases

GOAL_RATIO = 0.92


def run(words: IntentWords) -> Tally:
    """Judge the set."""
    tally = Tally("classify_ai_intent")
    for case in cases("classify_ai_intent"):
        told, expected = kind_of(find_intent(case["input"]["posts"], words)), case["expected"]["intent_kind"]
        tally.count(expected, case["input"]["posts"][0], [] if told == expected else [told])
    return tally


def test_the_rules_tell_the_kind_of_intent_in_the_labelled_posts() -> None:
    tally = run(intent_words.own)
    print(tally)  # noqa: T201 - the table of the run
    assert tally.ratio() >= GOAL_RATIO


def test_without_the_words_against_it_a_person_who_looks_for_work_counts_as_a_company_that_hires() -> None:
    assert run(replace(intent_words.own, seeker=compiled([]))).ratio("none") < 1.0
