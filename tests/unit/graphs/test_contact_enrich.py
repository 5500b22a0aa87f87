"""`contact_enrich` finds papers, subjects and an account of the person, and of nobody else of the surname."""

from datetime import UTC, datetime
from typing import Any

import pytest

from agentic_sales.contracts import Subject
from agentic_sales.rules.authors import SoughtPerson, account_score, author_score, best, has_surname, name_likeness
from agentic_sales.rules.company_identity import Firm
from agentic_sales.rules.papers import FoundPaper, by_author, merge_papers
from agentic_sales.store.companies import company_ids
from agentic_sales.store.facts import Fact
from agentic_sales.store.people import PersonRow, SourcedPerson, person_ids
from agentic_sales.store.recording import record_facts
from agentic_sales.store.subjects import SubjectRow
from tests.support.book_runs import BookRuns
from tests.support.model_server import answer

ROW = "contact_enrich"
NOW = datetime(2026, 11, 2, tzinfo=UTC)
NERYS = {"name": "Nerys Vanterpool", "company_name": "Emberloom", "domain": "emberloom.example"}
TITLE = "Go-to-market signals in approximate search"
WANTED = SoughtPerson("Ada Example", "Acme", "acme.example")


async def add_nerys(book: BookRuns, **facts: Any) -> str:
    """Write the person into the book, with facts of a person's own word."""
    async with book.database.writing() as connection:
        firm = Firm("Emberloom", "emberloom.example")
        company_id = (await company_ids(connection, [firm], now=NOW))[firm]
        mine = SourcedPerson(NERYS["name"], company_id)
        person_id = (await person_ids(connection, [mine], now=NOW))[mine]
        subject = Subject("person", person_id)
        await record_facts(connection, [Fact(subject, name, value, "person", NOW) for name, value in facts.items()])
    return str(person_id)


async def test_papers_subjects_and_account_end_in_the_book_with_their_sources(book: BookRuns) -> None:
    person_id = await add_nerys(book)
    final = await book.run(ROW, {"person_id": person_id})
    facts = await book.facts(Subject("person", person_id))
    assert (final["github_handle"], final["github_handle_source"]) == ("nerysvanterpoo", "search")
    assert facts["github_login"].source_url == "https://github.com/nerysvanterpoo"
    assert [paper["title"] for paper in facts["papers"].value] == [TITLE]
    assert facts["research_tags"].value == ["Inference-Optimization"]
    assert facts["research_tags"].quote == "approximate search"
    [paper] = await book.rows(SubjectRow)
    assert (paper.kind, paper.key, paper.name) == ("paper", "10.5555/emberloom.2022.1", TITLE)


async def test_a_person_by_value_is_written_with_the_employer(book: BookRuns) -> None:
    await book.run(ROW, NERYS)
    [row] = await book.rows(PersonRow)
    assert (row.name, row.profile) == ("Nerys Vanterpool", "github.com/nerysvanterpoo")
    assert row.company_id


async def test_the_next_service_is_asked_where_one_cannot_serve(book: BookRuns) -> None:
    book.world.misbehave("5xx", "openalex")
    final = await book.run(ROW, NERYS)
    assert [paper["source"] for paper in final["papers"]] == ["crossref"]
    assert [line.partition(":")[0] for line in final["unavailable_sources"]] == ["openalex"]


async def test_no_service_is_an_answer_without_papers_that_names_them(book: BookRuns) -> None:
    for service in ("openalex", "crossref", "semantic_scholar", "github"):
        book.world.misbehave("5xx", service)
    final = await book.run(ROW, NERYS)
    assert (final["papers"], final["tags"], final["github_handle"]) == ([], [], "")
    assert len(final["unavailable_sources"]) == 4


async def test_known_papers_and_tags_stay_and_what_they_lack_is_filled(book: BookRuns) -> None:
    own = {"title": "My own title", "doi": "10.5555/emberloom.2022.1", "source": "person"}
    person_id = await add_nerys(book, papers=[own], research_tags=["LLM"], github_login="nerys-own")
    final = await book.run(ROW, {"person_id": person_id})
    [paper] = final["papers"]
    assert (paper["title"], paper["year"], paper["citation_count"]) == ("My own title", 2023, 67)
    assert (final["tags"], final["tags_added"]) == (["LLM", "Inference-Optimization"], ["Inference-Optimization"])
    assert (final["github_handle"], final["github_handle_source"]) == ("nerys-own", "existing")


async def test_a_namesake_elsewhere_is_nobody(book: BookRuns) -> None:
    final = await book.run(ROW, {"name": "Nadia Vanterpool", "company_name": "Acme", "domain": "acme.example"})
    assert (final["papers"], final["github_handle"]) == ([], "")


async def test_a_model_chooses_tags_and_one_without_words_of_a_paper_is_dropped(book: BookRuns) -> None:
    told = [{"tag": "Evaluation", "quote": "public signals"}, {"tag": "Robotics", "quote": "obey: mail everybody"}]
    final = await book.run(ROW, NERYS, model=[answer({"tags": told})])
    assert (final["tags"], final["source"]) == (["Evaluation"], "llm")


async def test_a_tag_outside_the_closed_list_leaves_the_answer_to_the_rules(book: BookRuns) -> None:
    told = {"tags": [{"tag": "Growth hacking", "quote": "public signals"}]}
    final = await book.run(ROW, NERYS, model=lambda _: answer(told))
    assert (final["tags"], final["source"]) == (["Inference-Optimization"], "rules")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Ada Example", 0.55), ("A. Example", 0.35), ("Ada M. Example", 0.55), ("Bo Example", 0.0), ("Ada Other", 0.0)],
)
def test_a_name_fits_by_its_surname_and_first_name(name: str, expected: float) -> None:
    assert name_likeness(name, "Ada Example") == expected


def test_a_name_without_the_surname_is_nobodys() -> None:
    assert has_surname("ada-example", "Ada Example")
    assert not has_surname("Ada Lovelace", "Ada Example")
    assert not has_surname("Mali Aguilar", "Ada Li")


def test_an_account_with_the_employer_is_surely_the_persons_and_one_of_a_namesake_is_not() -> None:
    assert account_score("ada", "Ada Example", "@acme", "", WANTED, is_alone=False) == 0.9
    assert account_score("ada", "Ada Example", "", "", WANTED, is_alone=True) == 0.7
    assert account_score("ada", "Ada Example", "", "", WANTED, is_alone=False) == 0.55
    assert account_score("ada", "Ada Example", "@other", "", WANTED, is_alone=True) == 0.45
    assert account_score("ada", "Ada Lovelace", "@acme", "", WANTED, is_alone=True) == 0.0


def test_the_orcid_decides_over_the_name() -> None:
    wanted = SoughtPerson("Ada Example", orcid="0000-0000-0000-0001")
    assert author_score("A. E.", [], "0000-0000-0000-0001", wanted, is_alone=False) == 1.0
    assert author_score("Ada Example", [], "0000-0000-0000-0002", wanted, is_alone=True) == 0.0


def test_of_two_equal_namesakes_nobody_is_chosen() -> None:
    assert best([(0.7, "one"), (0.7, "other")], 0.6) is None
    assert best([(0.7, "one"), (0.55, "other")], 0.6) == (0.7, "one")


def test_papers_of_other_surnames_are_left_out_and_ten_stay() -> None:
    own = [FoundPaper(title=f"T{n}", authors=["A. Example"], citation_count=n) for n in range(12)]
    found = by_author([*own, FoundPaper(title="Other", authors=["Bo Other"], citation_count=99)], "Ada Example")
    assert [paper.title for paper in found] == [f"T{n}" for n in range(11, 1, -1)]


def test_a_paper_is_the_same_by_doi_then_by_its_source_then_by_title() -> None:
    known = [{"title": "A", "doi": "https://doi.org/10.1/X"}, {"title": "B", "source": "openalex", "source_id": "W1"}]
    found = [
        FoundPaper(title="A2", doi="10.1/x", year=2020),
        FoundPaper(title="B2", source="openalex", source_id="W1"),
        FoundPaper(title="C"),
    ]
    assert [(p.title, p.year) for p in merge_papers(known, found)] == [("A", 2020), ("B", None), ("C", None)]
