"""Labelled small files, a heading and a value each, read without a database: who is taken in, and who never is."""

import io
from collections.abc import Mapping
from typing import Any

import pytest

from agentic_sales.campaigns.people.import_contacts import file_rules
from agentic_sales.campaigns.people.import_lines import ConsentDefaults, JudgedLine, LineJudge
from agentic_sales.rules.contact_files import open_contact_file
from agentic_sales.rules.contact_lines import LineReader
from agentic_sales.rules.wishes import Wishes
from tests.evals.contact_file_cases import DEFAULTS
from tests.evals.tally import Tally, cases
from tests.support.small_campaign import NOW

SET = "contact_lines"
"""Files on which the tables were widened: no blind set, and a guard against what a wider table breaks."""
GOAL_RATIO = 0.95


def judged(text: str, defaults: ConsentDefaults = DEFAULTS) -> list[JudgedLine]:
    """Read the lines of a file."""
    headings, wishes = file_rules()
    opened = open_contact_file(io.BytesIO(text.encode()), headings)
    reader = LineReader(opened, wishes)
    judge = LineJudge(reader.headings(), defaults, NOW)
    return [judge.judge(reader.read(record)) for record in opened.records]


def run() -> tuple[Tally, list[str]]:
    """Read the set; return how many files went right, and the people taken in whom their files say to leave alone."""
    tally, wronged = Tally(SET), []
    for case in cases(SET):
        taken = {line.line.email.lower(): _person(line) for line in judged(case["text"]) if line.values}
        taken = {email: person for email, person in taken.items() if person}
        faults = [f"{one['email']}: {taken.get(one['email'])}" for one in case["people"] if not _is_taken(one, taken)]
        wrong = [email for email in case["must_not_be_written_to"] if email in taken]
        wronged += [f"{case['id']} {case['text']!r}" for _ in wrong]
        tally.count("wishes" if case["must_not_be_written_to"] else "people", repr(case["text"][:60]), faults + wrong)
    return tally, wronged


def _person(line: JudgedLine) -> dict[str, Any]:
    if line.stops or line.refusals:
        return {}
    return {"email": line.line.email.lower(), **line.values, "company": line.firm.name}


def _is_taken(wanted: Mapping[str, str], taken: Mapping[str, Mapping[str, Any]]) -> bool:
    found = taken.get(wanted["email"])
    return found is not None and all(found[name] == value for name, value in wanted.items() if name != "email")


def test_headings_of_thirty_languages_are_read_and_nobody_is_taken_in_against_a_wish() -> None:
    tally, wronged = run()
    print(tally)  # noqa: T201 - the table of the run
    assert wronged == []
    assert tally.ratio() >= GOAL_RATIO


def test_rules_that_read_no_wishes_take_in_people_against_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Wishes, "kind", lambda *_: None)
    assert run()[1]


@pytest.mark.parametrize(("cell", "stops"), [("Hard", "bounced"), ("Soft", ""), ("mailbox full", ""), ("quota", "")])
def test_a_soft_bounce_in_a_file_closes_nobody(cell: str, stops: str) -> None:
    [line] = judged(f"Email,Bounce type\njo@example.com,{cell}\n")
    assert (line.stops or "") == stops
