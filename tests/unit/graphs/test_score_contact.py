"""`score_contact` adds up a card, and takes the tier of a scoring service where the deployment names one."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from pydantic import ValidationError

from agentic_sales.campaigns.people.lifting import suppress_by_hand
from agentic_sales.contracts import Subject
from agentic_sales.errors import UnknownRecord
from agentic_sales.graphs.score_contact import EXAMPLE, Input, Output, graph
from agentic_sales.rules.contact_scores import MOST_POINTS, tier_of_score
from agentic_sales.settings import settings
from agentic_sales.store.facts import Fact
from agentic_sales.store.recording import record_facts
from tests.support.book_runs import BookRuns
from tests.support.graph_runs import run_by_rules
from tests.support.http_server import QuietHandler, served
from tests.support.pennygale import ADDRESS, know_pennygale

ROW = "score_contact"


class Scorer:
    """A scoring service on loopback. It answers what it is told to."""

    def __init__(self) -> None:
        self.status, self.answer = 200, dict[str, Any]()
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.url = ""


@pytest.fixture
def scorer(book: BookRuns) -> Iterator[Scorer]:
    """The service, named by the settings."""
    told = Scorer()

    class Handler(QuietHandler, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            told.keys.append(self.headers["authorization"])
            self.answer_json(told.status, told.answer)

    with served(Handler) as told.url:
        book.environment.setenv("AGENTIC_SALES_CONTACT_SCORER_URL", told.url)
        book.environment.setenv("AGENTIC_SALES_CONTACT_SCORER_KEY", "hush")
        settings.cache_clear()
        yield told


@pytest.mark.parametrize(
    ("score", "tier"),
    [(1, "A"), (0.75, "A"), (0.74, "B"), (0.55, "B"), (0.54, "C"), (0.35, "C"), (0.34, "D")],
)
def test_a_tier_begins_at_its_score(score: float, tier: str) -> None:
    assert tier_of_score(score) == tier


async def test_the_card_adds_up_to_the_score_and_no_part_exceeds_its_most() -> None:
    final = await run_by_rules(graph, EXAMPLE)
    assert (final["tier"], final["scorer"]) == ("A", "rules")
    assert [line["part"] for line in final["card"]] == list(MOST_POINTS)
    assert sum(line["points"] for line in final["card"]) == pytest.approx(final["score"], abs=0.01)
    assert all(line["points"] <= line["most"] for line in final["card"])
    assert final.keys() >= Output.model_fields.keys()


async def test_what_is_not_known_adds_nothing_and_the_card_says_so() -> None:
    final = await run_by_rules(graph, {"profile": {"name": "Ada Example"}})
    assert (final["tier"], final["score"]) == ("D", 0.0)
    assert all("no" in line["reason"] or "neither" in line["reason"] for line in final["card"])


async def test_a_headline_that_rules_somebody_out_makes_the_tier_d_and_says_why_first() -> None:
    final = await run_by_rules(graph, {**EXAMPLE, "profile": {"title": "VP Engineering", "headline": "Open to work"}})
    assert final["tier"] == "D"
    assert "Open to work" in final["reasons"][0]


async def test_the_vertical_counts_instead_of_the_employers_score() -> None:
    given = {
        "profile": {"title": "CTO"},
        "company": {"description": "Robots that load containers."},
        "company_score": 1,
    }
    plain, vertical = [await run_by_rules(graph, given | {"vertical": slug}) for slug in ("", "ingestible")]
    assert vertical["score"] < plain["score"]


@pytest.mark.parametrize("given", [{}, {"profile": {"name": " "}}, {"profile": {"name": "A"}, "vertical": "gardening"}])
def test_an_input_that_names_nobody_or_an_unknown_vertical_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Input(**given)


@pytest.mark.parametrize("given", [{"contact_id": "nobody"}, {"person_id": "nobody"}])
async def test_a_contact_whom_the_book_does_not_have_is_not_found(book: BookRuns, given: dict[str, str]) -> None:
    with pytest.raises(UnknownRecord, match="`nobody`"):
        await book.run(ROW, given)


async def test_a_contact_of_the_book_is_scored_by_its_title_its_employer_and_its_basis(book: BookRuns) -> None:
    known = await know_pennygale(book.database, "VP Engineering")
    async with book.database.writing() as connection:
        score = Fact(Subject("company", known.company_id), "enrichment_score", 0.8, "rules", book.now)
        await record_facts(connection, [score])
    final = await book.run(ROW, {"person_id": known.person_id})
    assert (final["tier"], final["name"], final["company_name"]) == ("A", "Saoirse Wexcombe", "Pennygale")
    assert {line["part"]: line["points"] for line in final["card"]}["reachability"] == MOST_POINTS["reachability"]
    assert {line["part"]: line["points"] for line in final["card"]}["fit"] == pytest.approx(0.24)


async def test_a_person_who_is_no_contact_is_less_reachable(book: BookRuns) -> None:
    known = await know_pennygale(book.database, "VP Engineering", is_contact=False)
    final = await book.run(ROW, {"person_id": known.person_id})
    assert {line["part"]: line["points"] for line in final["card"]}["reachability"] < MOST_POINTS["reachability"]


async def test_somebody_who_must_not_be_written_to_is_of_tier_d(book: BookRuns) -> None:
    known = await know_pennygale(book.database)
    await suppress_by_hand(book.database, ADDRESS, by="Ada", now=book.now)
    final = await book.run(ROW, {"person_id": known.person_id, "company_score": 1.0})
    assert final["tier"] == "D"
    assert final["disqualifiers"][0]["text"] == "not_to_be_written_to"


async def test_the_service_scores_and_gets_neither_name_nor_address(book: BookRuns, scorer: Scorer) -> None:
    scorer.answer = {"tier": "C", "score": 0.4, "reasons": ["few like this one bought"]}
    final = await book.run(ROW, EXAMPLE)
    assert (final["tier"], final["scorer"], final["reasons"]) == ("C", "http", ["few like this one bought"])
    assert final["card"] == []
    assert scorer.keys == ["Bearer hush"]
    assert "ada" not in json.dumps(scorer.asked).lower()
    assert scorer.asked[0]["profile"]["title"] == "VP Engineering"


async def test_the_service_cannot_lift_somebody_whom_the_headline_rules_out(book: BookRuns, scorer: Scorer) -> None:
    scorer.answer = {"tier": "A", "score": 0.9, "reasons": []}
    final = await book.run(ROW, {"profile": {"title": "PhD Student at TU Wien"}})
    assert (final["tier"], final["scorer"]) == ("D", "http")


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (500, {}),
        (404, {}),
        (400, {"error": "what?"}),
        (401, {}),
        (429, {}),
        (200, {"tier": "Z", "score": 0.4}),
        (200, {"tier": "A", "score": 4}),
        (200, {"score": 0.4}),
    ],
)
async def test_a_service_that_fails_leaves_the_card_and_the_answer_says_so(
    book: BookRuns, scorer: Scorer, status: int, answer: dict[str, Any]
) -> None:
    scorer.status, scorer.answer = status, answer
    final = await book.run(ROW, EXAMPLE)
    assert (final["tier"], final["scorer"]) == ("A", "rules")
    assert final["unavailable_sources"][0].startswith("contact_scorer: ")


async def test_it_reads_and_writes_nothing(book: BookRuns) -> None:
    known = await know_pennygale(book.database)
    before = await book.everything()
    await book.run(ROW, {"person_id": known.person_id})
    assert await book.everything() == before
