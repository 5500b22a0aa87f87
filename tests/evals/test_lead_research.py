"""The labelled pages of owners: whether the rules read their signals and what disqualifies them."""

import re
from dataclasses import replace

from agentic_sales.rules.lead_research import LeadWords, checked_dossier, claims_of, disqualifier_of, lead_words
from tests.evals.tally import Tally, cases

GOAL_RATIO = 0.90


def run(words: LeadWords | None = None) -> Tally:
    """Read every page of the set."""
    tally = Tally("gh_lead_research")
    for case in cases("gh_lead_research"):
        pages, expected = case["input"]["given_pages"], case["expected"]
        own = claims_of(pages, words)
        dossier = checked_dossier(own, own, pages, [])
        found = {"signals": {one.field for one in dossier.evidence}, "icp_disqualifier": disqualifier_of(dossier)}
        is_right = found == {**expected, "signals": set(expected["signals"])}
        tally.count(case["tags"][0], str(pages), [] if is_right else [str(found)])
    return tally


def test_the_rules_read_signals_and_what_disqualifies() -> None:
    tally = run()
    print(tally)  # noqa: T201 - the table of the run
    assert tally.ratio() >= GOAL_RATIO


def test_rules_that_take_nothing_back_disqualify_those_that_deny() -> None:
    nothing = re.compile(r"(?!)")
    assert run(replace(lead_words.own, denied=nothing, others=nothing)).ratio("open") < GOAL_RATIO
