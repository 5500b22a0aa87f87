"""`contact_discovery` finds people of the sample world by itself, and nobody of another company."""

from typing import Any

import pytest

from agentic_sales.contracts import Subject
from agentic_sales.rules.company_people import (
    CompanyPerson,
    guessed_addresses,
    is_generic_name,
    is_this_company,
    merged,
)
from agentic_sales.rules.team_pages import Team, TeamMember, backed, people_in, with_addresses
from agentic_sales.store.people import PersonRow
from tests.support.book_runs import BookRuns
from tests.support.model_server import answer

ROW = "contact_discovery"
EMBERLOOM = {"domain": "emberloom.example", "name": "Emberloom"}
ABOUT = "https://emberloom.example/about"


async def test_people_of_three_sources_end_in_the_book_with_their_sources(book: BookRuns) -> None:
    final = await book.run(ROW, EMBERLOOM)
    rows = {row.name: row for row in await book.rows(PersonRow)}
    assert rows.keys() == {"Nerys Vanterpool", "Ulrike Yarrowby", "Birgitta Ottermoor", "Eskil Thornquist"}
    assert final["candidates_inserted"] == 4
    facts = await book.facts(Subject("person", rows["Nerys Vanterpool"].person_id))
    assert (facts["position"].value, facts["position"].source_url) == ("Chief Executive Officer", ABOUT)
    assert "Nerys Vanterpool (Chief Executive Officer)" in facts["position"].quote
    assert facts["github_login"].value == "nerysvanterpoo"
    assert {"works_there.gh", "works_there.papers", "works_there.team"} <= facts.keys()


async def test_a_second_source_raises_the_confidence_of_a_person(book: BookRuns) -> None:
    final = await book.run(ROW, EMBERLOOM)
    confidence = {each["name"]: (each["confidence"], each["sources"]) for each in final["merged"]}
    assert confidence["Ulrike Yarrowby"] == (0.7, ["team"])
    assert confidence["Nerys Vanterpool"] == (0.8, ["gh", "papers", "team"])


async def test_a_repeated_run_counts_the_known_and_inserts_nobody(book: BookRuns) -> None:
    await book.run(ROW, EMBERLOOM)
    again = await book.run(ROW, EMBERLOOM)
    assert (again["candidates_inserted"], again["candidates"], again["skipped_existing"]) == (0, [], 4)


async def test_a_guessed_address_is_a_candidate_and_never_in_the_book(book: BookRuns) -> None:
    final = await book.run(ROW, EMBERLOOM)
    guesses = {each["name"]: each["email_candidates"] for each in final["merged"]}
    assert guesses["Nerys Vanterpool"][0] == "nerys.vanterpool@emberloom.example"
    assert not [row for row in await book.everything() if "nerys.vanterpool@" in row]


async def test_no_papers_are_looked_for_where_a_company_publishes_none(book: BookRuns) -> None:
    final = await book.run(ROW, {**EMBERLOOM, "category": "AGENCY"})
    assert "AGENCY" in final["skipped_papers"]
    assert not [visit for visit in book.world.visits if visit.service == "openalex"]


async def test_a_model_adds_people_whose_words_stand_on_a_page_and_nobody_else(book: BookRuns) -> None:
    obedient = [
        {"name": "Mallory Example", "title": "CEO", "quote": "Mail everybody: Mallory Example is the CEO"},
        {"name": "Mallory Example", "title": "CEO", "quote": "Ulrike Yarrowby (Head of Sales)"},
        {"name": "Ulrike Yarrowby", "title": "Head of Sales", "quote": "Ulrike Yarrowby (Head of Sales)"},
    ]
    final = await book.run(ROW, EMBERLOOM, model=[answer({"people": obedient})])
    assert "Mallory Example" not in {each["name"] for each in final["merged"]}
    assert final["source"] == "llm"
    assert "Ulrike Yarrowby" in book.requests[0].prompt


async def test_a_site_that_is_gone_is_told_and_the_others_serve(book: BookRuns) -> None:
    final = await book.run(ROW, {"domain": "dunmarrow.example", "name": "Dunmarrow"})
    assert final["team"] == []
    assert any("dunmarrow" in line for line in final["unavailable_sources"])


@pytest.mark.parametrize(
    ("name", "is_generic"),
    [
        ("Durlston Partners", False),
        ("Partners Group", True),
        ("Data Solutions GmbH", True),
        ("AI Labs", True),
        ("Emberloom", False),
        ("Xy", True),
    ],
)
def test_a_company_of_everyday_words_is_not_found_by_its_name(name: str, is_generic: bool) -> None:  # noqa: FBT001
    assert is_generic_name(name) is is_generic


@pytest.mark.parametrize(
    ("name", "homepage", "expected"),
    [
        ("Durlston Partners", "https://durlston.example/", True),
        ("Durlston Partners", "https://durlston-museum.example/", False),
        ("Durlston Castle", None, False),
        ("Durlston Partners Ltd", None, True),
    ],
)
def test_an_institution_is_the_company_by_its_site_or_by_the_same_name(
    name: str,
    homepage: str | None,
    expected: bool,  # noqa: FBT001
) -> None:
    found = is_this_company(name, homepage, wanted="Durlston Partners", domain="durlston.example")
    assert found is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Ada Example (Head of Sales), Bo van Example (CTO)",
            {"Ada Example": "Head of Sales", "Bo van Example": "CTO"},
        ),
        (
            "Ada Example\nVP Engineering\nBo Example\nAccount Executive",
            {"Ada Example": "VP Engineering", "Bo Example": "Account Executive"},
        ),
        (
            "Geschäftsführer: Ada Example, Bo Example",
            {"Ada Example": "Geschäftsführer", "Bo Example": "Geschäftsführer"},
        ),
        ("Dr. Ada Example, Directrice commerciale", {"Dr. Ada Example": "Directrice commerciale"}),
        ("Ada Example \u2013 Co-Founder & CEO", {"Ada Example": "Co-Founder & CEO"}),
        ("New York (Head office)\nCase Studies\nOur Customers", {}),
        ("Machine Learning Engineer\nHead of Sales", {}),
        ("Sales Team: Monday to Friday", {}),
        ("Northgate Talent\nWe recruit sales managers.", {}),
        ("Visit us in San Francisco, California", {}),
    ],
)
def test_a_person_is_a_name_beside_a_post(text: str, expected: dict[str, str]) -> None:
    assert {each.name: each.title for each in people_in({ABOUT: text})} == expected


def test_a_name_that_does_not_stand_in_the_quote_is_dropped() -> None:
    team = Team(people=[TeamMember(name="Ada Example", title="CEO", quote="Bo Example, CEO")])
    assert backed(team, {ABOUT: "Bo Example, CEO"}) == []


def test_an_address_is_kept_where_the_site_prints_it_for_the_person() -> None:
    ada = CompanyPerson(name="Ada Example", source="team", url=ABOUT)
    emails = {"info@acme.example": ABOUT, "ada.example@other.example": ABOUT, "a.example@acme.example": ABOUT}
    [found] = with_addresses([ada], emails, "acme.example")
    assert found.email == "a.example@acme.example"
    [candidate] = merged([found], "acme.example")
    assert (candidate.email, candidate.email_candidates) == ("a.example@acme.example", [])
    assert {fact.field: fact.quote for fact in candidate.findings}["email"] == "a.example@acme.example"


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("Ada Example", "ada.example@acme.example"),
        ("Dr. Ada M. Example", "ada.example@acme.example"),
        ("Jürgen Größe", "juergen.groesse@acme.example"),
        ("Søren Ørsted", "soren.orsted@acme.example"),
        ("Anne-Marie O'Example", "anne-marie.oexample@acme.example"),
        ("Ada van Example", "ada.vanexample@acme.example"),
    ],
)
def test_guessed_addresses_are_valid_and_the_usual_form_comes_first(name: str, first: str) -> None:
    guesses = guessed_addresses(name, "acme.example")
    assert guesses[0] == first
    assert not [guess for guess in guesses if " " in guess or ".." in guess or not guess.isascii()]


def test_the_same_person_in_two_spellings_is_one_candidate() -> None:
    told: list[Any] = [("Dr. Ada Example", "team"), ("Ada M. Example", "gh")]
    [found] = merged([CompanyPerson(name=name, source=source) for name, source in told], "acme.example")
    assert (found.sources, found.confidence) == (["gh", "team"], 0.8)
