"""The labelled profiles: tier, specialty and remoteness of recruiters and of those who are none."""

from dataclasses import replace

from agentic_sales.rules.recruiter_fit import FitWords, Profile, fit_words, judge_recruiter_fit, tier_of
from agentic_sales.rules.signs import compiled
from tests.evals.tally import Tally, cases

GOAL_RATIO = 0.90


def run(words: FitWords) -> Tally:
    """Judge the set."""
    tally = Tally("score_recruiter_fit")
    for case in cases("score_recruiter_fit"):
        given, expected = case["input"], case["expected"]
        told = {name: given.get(name, "") for name in ("headline", "employer", "about")}
        found = judge_recruiter_fit(Profile(**told, posts=given.get("recent_posts", [])), words)
        answers = {"tier": tier_of(found.fit_score), "specialty": found.specialty, "remote_global": found.remote_global}
        faults = [f"{name} is {answers[name]}" for name in answers if answers[name] != expected[name]]
        tally.count(expected["tier"], str(given), faults)
    return tally


def test_the_rules_rate_the_labelled_profiles() -> None:
    tally = run(fit_words.own)
    print(tally)  # noqa: T201 - the table of the run
    assert tally.ratio() >= GOAL_RATIO


def test_rules_that_know_no_word_of_recruiting_miss_the_goal() -> None:
    assert run(replace(fit_words.own, is_one=compiled([]))).ratio() < GOAL_RATIO
