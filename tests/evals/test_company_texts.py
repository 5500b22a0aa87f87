"""Labelled home pages as plain text, from one sentence to a few: what the company sells, and its industry."""

import pytest

from agentic_sales.rules import company_verdict
from agentic_sales.rules.company_signs import SignFinding
from agentic_sales.rules.company_verdict import judge_company
from tests.evals.tally import Tally, cases

SET = "company_texts"
"""Texts on which the tables were widened: no blind set, and a guard against what a wider table breaks."""
GOAL_RATIO = 0.95
FIELDS = ("category", "industry")


def run() -> Tally:
    """Judge the set; a class is a field."""
    tally = Tally(SET)
    for case in cases(SET):
        found = judge_company(case["text"], "").model_dump()
        for field in FIELDS:
            faults = [] if found[field] in case[field] else [f"{found[field]}, not {case[field]}"]
            tally.count(field, f"{case['id']} {case['text'][:60]!r}", faults)
    return tally


def test_a_few_sentences_tell_what_a_company_sells_and_to_whom() -> None:
    tally = run()
    print(tally)  # noqa: T201 - the table of the run
    assert min(tally.ratio(field) for field in FIELDS) >= GOAL_RATIO


def test_agencies_and_recruiters_are_told_from_their_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    def clients(_: SignFinding[object], read: SignFinding[object]) -> SignFinding[object]:
        return read

    ratio = run().ratio("industry")
    monkeypatch.setattr(company_verdict, "_own_industry", clients)
    assert run().ratio("industry") < ratio
