"""The labelled openings: whether the rules tell roles in artificial intelligence and remote work, per class."""

import re
from dataclasses import replace

from agentic_sales.rules.ai_roles import RoleWords, read_role, role_words
from tests.evals.tally import Tally, cases

GOAL_RATIO = 0.92


def run(words: RoleWords | None = None) -> Tally:
    """Read every opening of the set."""
    tally = Tally("ai_roles")
    for case in cases("ai_roles"):
        given, expected = case["input"], case["expected"]
        role = read_role(
            given["title"], given["text"], workplace=given["workplace"], locations=given["locations"], words=words
        )
        found = {"is_ai": role.is_ai, "is_remote": role.is_remote}
        tally.count(case["tags"][0], given["title"], [] if found == expected else [str(found)])
    return tally


def test_the_rules_tell_roles_in_artificial_intelligence_and_remote_work() -> None:
    tally = run()
    print(tally)  # noqa: T201 - the table of the run
    assert tally.ratio() >= GOAL_RATIO


def test_rules_that_know_no_other_trade_take_sellers_for_engineers() -> None:
    assert run(replace(role_words.own, other=re.compile(r"(?!)"))).ratio("sells") < GOAL_RATIO


def test_rules_that_read_titles_alone_miss_the_roles_that_a_text_tells() -> None:
    nothing = re.compile(r"(?!)")
    assert run(replace(role_words.own, models=nothing, work=nothing)).ratio("software") < GOAL_RATIO
