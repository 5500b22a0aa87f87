"""The labelled repositories: whether the rules read intent, stage, buyer and pains from their own words."""

import re
from dataclasses import replace

from agentic_sales.rules.repositories import RepositoryFacts, RepositoryWords, brief_of, repository_words
from tests.evals.tally import Tally, cases

GOAL_RATIO = 0.90


def run(words: RepositoryWords | None = None) -> Tally:
    """Read every repository of the set."""
    tally = Tally("gh_ai_repos")
    for case in cases("gh_ai_repos"):
        repository = RepositoryFacts(**case["input"]["repositories"][0])
        found = brief_of(repository, words).model_dump(include=set(case["expected"]))
        for field, expected in case["expected"].items():
            is_right = sorted(found[field]) == sorted(expected)
            tally.count(field, repository.full_name, [] if is_right else [f"{field}: {found[field]}"])
    return tally


def test_the_rules_read_intent_stage_buyer_and_pains() -> None:
    tally = run()
    print(tally)  # noqa: T201 - the table of the run
    assert tally.ratio() >= GOAL_RATIO


def test_rules_without_signs_of_money_miss_the_stages() -> None:
    nothing = {stage: re.compile(r"(?!)") for stage in repository_words.own.monetization_stage}
    assert run(replace(repository_words.own, monetization_stage=nothing)).ratio("monetization_stage") < GOAL_RATIO
