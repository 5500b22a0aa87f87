"""Labelled reports in words alone: what mail servers gave up, what they still try, and what was only opened."""

from dataclasses import replace
from typing import Any

from agentic_sales.rules.reports import ReportSigns, is_receipt, our_signs, worded_report
from tests.evals.tally import Tally, cases

SET = "mail_reports"
"""Reports on which the tables were widened: no blind set, and a guard against what a wider table breaks."""
GOAL_RATIO = 0.95
STATES = {"failed": "bounced", "delayed": "delayed"}


def run(signs: ReportSigns | None = None) -> tuple[Tally, list[str]]:
    """Read the set; return how many went right, and the people's own mails that were taken for a program's."""
    tally, lost = Tally(SET), []
    for case in cases(SET):
        found = _kind(case, signs)
        tally.count(case["expected"], f"{case['id']} {case['subject']}", [] if found == case["expected"] else [found])
        lost += [case["id"]] if case["expected"] == "none" != found else []
    return tally, lost


def _kind(case: dict[str, Any], signs: ReportSigns | None) -> str:
    if is_receipt(case["subject"], case["text"], signs):
        return "receipt"
    told = worded_report(sender=case["sender"], subject=case["subject"], text=case["text"], signs=signs)
    return "none" if told is None else STATES[told.state]


def test_what_mail_servers_tell_in_words_is_read_in_twenty_languages() -> None:
    tally, lost = run()
    print(tally)  # noqa: T201 - the table of the run
    assert lost == []
    assert tally.ratio() >= GOAL_RATIO


def test_without_the_words_of_failures_bounces_are_taken_for_answers() -> None:
    signs = our_signs()
    tally, _ = run(replace(signs, failure=signs.late))
    assert tally.ratio("bounced") < GOAL_RATIO
