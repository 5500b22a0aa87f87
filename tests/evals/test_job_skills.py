"""The labelled job descriptions: whether the rules find the skills, and which of them are required or nice to have."""

import re
from dataclasses import replace

import pytest

from agentic_sales.evaluation.metrics import set_f1
from agentic_sales.rules.job_skills import skills_of
from agentic_sales.rules.skill_mentions import mentions_in
from agentic_sales.rules.skill_words import SkillWords, skill_words
from tests.evals.tally import cases

SETS = ("extract_stack", "extract_stack.strangers")
"""The second set widened the table: no blind set, and a guard against what a wider table breaks."""
GOAL_RATIO = 0.80
NOTHING = re.compile(r"(?!)")


def run(name: str, words: SkillWords, *tags: str) -> dict[str, float]:
    """Return the mean set-F1 of all skills, of the required ones, and of those that are nice to have."""
    total = {"tags": 0.0, "required": 0.0, "nice_to_have": 0.0}
    chosen = [case for case in cases(name) if not tags or case["tags"][0] in tags]
    for case in chosen:
        given = case["input"]
        skills = skills_of(mentions_in(given["raw_jd"], words, given["title"]), words)
        found = {
            "tags": [one.tag for one in skills],
            "required": [one.tag for one in skills if one.level == "required"],
            "nice_to_have": [one.tag for one in skills if one.level == "nice_to_have"],
        }
        scores = {field: set_f1(found[field], case["expected"][field]) for field in total}
        if min(scores.values()) < 1:
            print(case["id"], given["title"], found)  # noqa: T201 - the table of the run
        total = {field: total[field] + scores[field] for field in total}
    return {field: total[field] / len(chosen) for field in total}


@pytest.mark.parametrize("name", SETS)
def test_the_rules_find_the_skills_and_what_is_required(name: str) -> None:
    scores = run(name, skill_words.own)
    print(name, scores)  # noqa: T201 - the table of the run
    assert min(scores.values()) >= GOAL_RATIO


def test_rules_that_count_every_ordinary_word_find_skills_in_kitchens() -> None:
    words = replace(skill_words.own, before=re.compile(""))
    told = {one.tag for one in mentions_in("Spark joy. React fast. Go home in Spring. Ask the Chef.", words)}
    assert told == {"spark", "react", "go", "spring", "chef"}
    assert run("extract_stack", words, "ambiguous")["tags"] < run("extract_stack", skill_words.own, "ambiguous")["tags"]


def test_rules_that_know_no_wish_take_everything_for_required() -> None:
    own = skill_words.own.headings
    headings = replace(
        own, whole={**own.whole, "nice_to_have": NOTHING}, telling={**own.telling, "nice_to_have": NOTHING}
    )
    words = replace(skill_words.own, nice_after=NOTHING, nice_before=NOTHING, headings=headings)
    assert run("extract_stack", words)["nice_to_have"] < GOAL_RATIO
