"""The labelled histories: an answer's own words, and never ours taken for theirs."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from mailparser_reply import EmailReplyParser  # type: ignore[import-untyped]  # it ships no types
from mailparser_reply.constants import MAIL_LANGUAGES  # type: ignore[import-untyped]

from agentic_sales.campaigns.answers.inbound import parse_mail
from agentic_sales.rules.optouts import opt_out
from agentic_sales.rules.program_lines import program_lines_of
from agentic_sales.rules.quotes import Marks, our_marks, own_words
from agentic_sales.rules.tables import table
from tests.evals.tally import Tally, cases

SETS = ("reply_quotes", "reply_quotes.own")
ALL_SETS = (*SETS, "reply_quotes.strangers", "reply_quotes.languages", "reply_quotes.clients")
"""Sets that were read blind at first: `strangers` 61 of 62, `languages` 76 of 97, `clients` 69 of 74."""
GOAL_RATIO = 0.94
OURS = re.compile(
    r"would a call next week|shall we talk about|any news\?|tell me more about your fleet|answer with stop|just say no",
    re.IGNORECASE,
)


def run(name: str, marks: Marks | None = None) -> tuple[Tally, list[str]]:
    """Cut a set; return how many cases went right, and those in which our words were taken for the writer's."""
    tally, ours = Tally(name), []
    for case in cases(name):
        own = own_words(case["body"], marks)
        expected = case["expected_own_words"]
        tally.count(case["form"].split()[0], f"{case['id']} {case['form']}", [] if own == expected else [repr(own)])
        if OURS.search(own):
            ours.append(case["id"])
    return tally, ours


@pytest.mark.parametrize("name", ALL_SETS)
def test_the_own_words_of_an_answer_are_told_from_the_quoted_mail(name: str) -> None:
    tally, ours = run(name)
    print(tally)  # noqa: T201 - the table of the run
    assert ours == []
    assert tally.ratio() >= GOAL_RATIO


@pytest.mark.parametrize("name", SETS)
def test_without_the_labels_of_header_lines_our_words_are_taken_for_the_writers(name: str) -> None:
    tally, ours = run(name, replace(our_marks(), labels={}))
    assert tally.ratio() < GOAL_RATIO
    assert ours


@pytest.mark.parametrize("name", SETS)
def test_without_the_lines_of_mail_programs_their_words_are_taken_for_the_writers(name: str) -> None:
    nothing: dict[str, list[str]] = {"starts": [], "sent": [], "sent_at_end": [], "get": []}
    programs = program_lines_of({**table("quotes")["programs"], **nothing})
    tally, _ = run(name, replace(our_marks(), programs=programs))
    assert tally.ratio() < 1.0


@pytest.mark.parametrize("name", ALL_SETS)
def test_an_opt_out_in_our_quoted_mail_is_not_the_writers(name: str) -> None:
    for case in cases(name):
        raw = f"From: kim@example.org\nSubject: Re: hi\nContent-Type: text/plain; charset=utf-8\n\n{case['body']}"
        read = parse_mail(raw.encode(), source="imap:a", received_at=datetime(2026, 11, 30, tzinfo=UTC))
        found, meant = opt_out(read.text), opt_out(case["expected_own_words"])
        assert (found is None) == (meant is None), f"{case['id']} {case['form']}: {found}"


@pytest.mark.parametrize("name", ALL_SETS)
def test_the_parser_of_mail_parser_reply_cuts_no_history_that_our_rules_leave(name: str) -> None:
    other = EmailReplyParser(languages=list(MAIL_LANGUAGES))
    longer = [case["id"] for case in cases(name) if _cut_by(other, own_words(case["body"])) != own_words(case["body"])]
    assert longer == []


def _cut_by(other: EmailReplyParser, text: str) -> str:
    return str(other.parse_reply(text) or "").strip()
