"""`find_decision_maker` ranks the people of a company, classifies the new ones, and keeps the roles in the book."""

from datetime import UTC, datetime
from typing import Any

import pytest

from agentic_sales.contracts import Subject
from agentic_sales.errors import UnknownRecord
from agentic_sales.rules.company_identity import Firm
from agentic_sales.rules.sales_roles import RankedPerson, ranked
from agentic_sales.store.companies import company_ids
from agentic_sales.store.facts import Fact
from agentic_sales.store.people import SourcedPerson, person_ids
from agentic_sales.store.recording import record_facts
from tests.support.book_runs import BookRuns

ROW = "find_decision_maker"
NOW = datetime(2026, 11, 2, tzinfo=UTC)
TEAM = {"Ada Example": "Head of Sales", "Bo Example": "Head of Engineering", "Cy Example": "Sales Intern"}


async def add_team(book: BookRuns, team: dict[str, str]) -> dict[str, str]:
    """Write a company with its people. Return their ids by name."""
    async with book.database.writing() as connection:
        firm = Firm("Acme", "acme.example")
        company_id = (await company_ids(connection, [firm], now=NOW))[firm]
        people = {name: SourcedPerson(name, company_id) for name in team}
        ids = await person_ids(connection, people.values(), now=NOW)
        found = {name: str(ids[each]) for name, each in people.items()}
        facts = [Fact(Subject("person", found[n]), "position", team[n], "import", NOW) for n in team if team[n]]
        await record_facts(connection, facts)
    return {"": str(company_id), **found}


async def test_people_are_ranked_by_authority_and_technical_ones_rank_higher(book: BookRuns) -> None:
    await add_team(book, TEAM)
    final = await book.run(ROW, {"company_key": "acme.example"})
    assert [each["name"] for each in final["ranked"]] == ["Bo Example", "Ada Example", "Cy Example"]
    assert [each["rank_score"] for each in final["ranked"]] == [0.8, 0.6, 0.0]
    assert [each["first_name"] for each in final["decision_makers"]] == ["Bo", "Ada"]
    assert final["top_decision_maker"]["name"] == "Bo Example"
    assert "Bo Example" in final["summary"]


async def test_roles_that_were_told_stay_in_the_book_and_are_not_told_again(book: BookRuns) -> None:
    ids = await add_team(book, TEAM)
    assert (await book.run(ROW, {"company_id": ids[""]}))["classify_count"] == 3
    assert (await book.facts(Subject("person", ids["Bo Example"])))["department"].value == "Engineering"
    again = await book.run(ROW, {"company_id": ids[""]})
    assert again["classify_count"] == 0
    assert again["top_decision_maker"]["name"] == "Bo Example"


async def test_somebody_without_a_title_is_listed_without_a_role(book: BookRuns) -> None:
    await add_team(book, {**TEAM, "Di Example": ""})
    final = await book.run(ROW, {"company_key": "Acme"})
    [unknown] = [each for each in final["ranked"] if each["name"] == "Di Example"]
    assert (unknown["seniority"], unknown["is_decision_maker"]) == (None, False)


async def test_without_a_decision_maker_the_summary_says_so(book: BookRuns) -> None:
    people = [{"name": "Cy Example", "title": "Sales Manager"}]
    final = await book.run(ROW, {"company_name": "Acme", "people": people})
    assert (final["top_decision_maker"], final["decision_makers"]) == (None, [])
    assert "No decision maker of Acme" in final["summary"]


async def test_an_empty_company_is_no_error(book: BookRuns) -> None:
    await add_team(book, {})
    final = await book.run(ROW, {"company_key": "acme.example"})
    assert (final["ranked"], final["summary"]) == ([], "Nobody of Acme is known.")


async def test_a_dry_run_ranks_and_writes_nothing(book: BookRuns) -> None:
    await add_team(book, TEAM)
    before = await book.everything()
    final = await book.run(ROW, {"company_key": "acme.example", "dry_run": True})
    assert final["top_decision_maker"]["name"] == "Bo Example"
    assert await book.everything() == before


async def test_an_unknown_company_is_an_error_that_names_it(book: BookRuns) -> None:
    with pytest.raises(UnknownRecord, match="nowhere"):
        await book.run(ROW, {"company_key": "nowhere.example"})


@pytest.mark.parametrize(
    ("department", "rank"), [("Engineering", 0.8), ("AI/ML", 0.8), ("Product", 0.8), ("Sales", 0.6), ("Other", 0.6)]
)
def test_the_bonus_is_that_of_technical_departments(department: Any, rank: float) -> None:
    [person] = ranked([RankedPerson(name="Ada Example", department=department, authority_score=0.6)])
    assert person.rank_score == rank
