"""The labelled words of companies: whether they fit a vertical, and whether they are ruled out."""

import pytest

from agentic_sales.rules.verticals import fit_of, vertical_of
from tests.evals.tally import Tally, cases

GOAL_RATIO = 0.90
TOLERANCE = 0.1


def run(pages_of: dict[str, str] | None = None) -> Tally:
    """Judge every text of the set, or another text in its place."""
    tally = Tally("vertical_fits")
    for case in cases("vertical_fits"):
        given, expected = case["input"], case["expected"]
        found = fit_of(vertical_of(given["vertical"]), pages_of or {"https://acme.example/": given["text"]})
        is_right = found.is_disqualified == expected["is_disqualified"] and found.score == pytest.approx(
            expected["score"], abs=TOLERANCE
        )
        tally.count(given["vertical"], given["text"], [] if is_right else [f"{found.score} {found.disqualifiers}"])
    return tally


def test_the_rules_tell_who_fits_a_vertical_and_who_is_ruled_out() -> None:
    tally = run()
    print(tally)  # noqa: T201 - the table of the run
    assert tally.ratio() >= GOAL_RATIO


def test_an_answer_that_is_always_the_same_misses_the_goal() -> None:
    assert run({"https://acme.example/": "Documents, retrieval, onboarding and audits."}).ratio() < GOAL_RATIO
