"""The labelled texts: which kinds of problems a company shows, and which are only those of its customers."""

from dataclasses import replace

from agentic_sales.rules.company_problems import ProblemWords, judge_problems, problem_words, proven
from agentic_sales.rules.signs import compiled
from tests.evals.tally import Tally, cases

GOAL_RATIO = 0.80


def run(words: ProblemWords) -> Tally:
    """Judge the set."""
    tally = Tally("company_problems")
    for case in cases("company_problems"):
        pages = {"": case["input"]["text"]}
        found = sorted(each.slug for each in proven(judge_problems(pages, words).problems, pages, words))
        faults = [] if found == case["expected"]["problems"] else [f"found {found}"]
        tally.count(case["tags"][0], f"{case['id']} {case['input']['text'][:60]!r}", faults)
    return tally


def test_the_rules_find_the_problems_of_the_labelled_companies() -> None:
    tally = run(problem_words.own)
    print(tally)  # noqa: T201 - the table of the run
    assert tally.ratio() >= GOAL_RATIO
    assert tally.ratio("vendor") == 1.0, "a problem of customers is taken for the vendor's own"


def test_rules_that_know_no_jobs_miss_the_goal() -> None:
    without = tuple(replace(kind, jobs=compiled([])) for kind in problem_words.own.kinds)
    assert run(replace(problem_words.own, kinds=without)).ratio() < GOAL_RATIO
