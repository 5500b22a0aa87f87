"""The bulk rows ask about each chosen company once, within a budget, and write only what they were told to write."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from agentic_sales.contracts import Subject
from agentic_sales.errors import UnknownRecord
from agentic_sales.registry import BY_ID
from agentic_sales.rules.bulk import Allowance, BulkResult
from agentic_sales.store.facts import Fact
from agentic_sales.store.recording import record_facts
from agentic_sales.workers.loader import load_graph
from tests.support.book_runs import BookRuns
from tests.support.model_server import answer, failure

RECRUITMENT, COUNTRY, SALES_TECH = "classify_recruitment_bulk", "country_classify_bulk", "enrich_sales_tech"
RECRUITER = "We are a staffing agency. We place nurses and care workers in hospitals across the country."
MAKER = "We make software that plans the routes of delivery vans."
VERDICT = {"is_recruitment": False, "confidence": 0.9, "reasons": ["It makes software."]}


async def known(book: BookRuns, *companies: tuple[str, dict[str, Any]]) -> list[Subject]:
    """Write companies with facts of a file."""
    found = []
    for name, facts in companies:
        subject = await book.company(name, f"{name.lower()}.example")
        async with book.database.writing() as connection:
            await record_facts(connection, [Fact(subject, f, v, "import", book.now) for f, v in facts.items()])
        found.append(subject)
    return found


def lines_of(final: dict[str, Any]) -> list[dict[str, str]]:
    """Return the lines of the report."""
    with Path(final["csv_path"]).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


async def test_each_company_gets_one_verdict_and_one_line_of_the_report(book: BookRuns) -> None:
    await known(book, ("Northgate", {"description": RECRUITER}), ("Vanplan", {"description": MAKER}))
    final = await book.run(RECRUITMENT, {})
    assert {result["name"]: result["verdict"] for result in final["results"]} == {
        "Northgate": "recruiter",
        "Vanplan": "no_recruiter",
    }
    assert (final["done"], final["failed"], final["is_recruitment_count"], final["stopped"]) == (2, [], 1, "")
    assert sorted((line["name"], line["verdict"]) for line in lines_of(final)) == [
        ("Northgate", "recruiter"),
        ("Vanplan", "no_recruiter"),
    ]


@pytest.mark.parametrize("row", [RECRUITMENT, COUNTRY])
async def test_nothing_is_written_unless_it_is_to_be_applied(book: BookRuns, row: str) -> None:
    await known(book, ("Northgate", {"description": RECRUITER, "city": "Munich", "country": "Germany"}))
    before = await book.everything()
    assert (await book.run(row, {}))["applied"] is False
    assert await book.everything() == before


async def test_a_sure_recruiter_gets_its_category_and_another_company_keeps_its_own(book: BookRuns) -> None:
    recruiter, maker = await known(
        book, ("Northgate", {"description": RECRUITER}), ("Vanplan", {"description": MAKER, "category": "PRODUCT"})
    )
    final = await book.run(RECRUITMENT, {"apply": True})
    assert final["applied"] is True
    facts = await book.facts(recruiter)
    assert (facts["category"].value, facts["is_recruitment"].value) == ("STAFFING", True)
    assert facts["category"].workflow == RECRUITMENT
    others = await book.facts(maker)
    assert (others["category"].value, others["is_recruitment"].value) == ("PRODUCT", False)


async def test_a_verdict_that_has_changed_takes_the_category_back(book: BookRuns) -> None:
    [company] = await known(book, ("Northgate", {"description": RECRUITER}))
    await book.run(RECRUITMENT, {"apply": True})
    async with book.database.writing() as connection:
        await record_facts(connection, [Fact(company, "description", MAKER, "person", book.now)])
    await book.run(RECRUITMENT, {"apply": True, "force_refresh": True})
    facts = await book.facts(company)
    assert "category" not in facts
    assert facts["is_recruitment"].value is False


async def test_a_country_is_told_from_the_places_of_the_book(book: BookRuns) -> None:
    munich, nowhere, vague = await known(
        book, ("Isar", {"city": "Munich", "country": "Germany"}), ("Blank", {}), ("Vague", {"location": "worldwide"})
    )
    final = await book.run(COUNTRY, {"apply": True})
    assert (final["done"], final["skipped_empty"], final["classified_count"]) == (2, 1, 1)
    assert final["counts"] == {"DE": 1, "none": 1}
    verdicts = {fact.value for fact in (await book.facts(munich)).values() if fact.workflow == COUNTRY}
    assert "DE" in verdicts
    assert "country" not in await book.facts(vague)
    assert await book.facts(nowhere) == {}
    assert "does not say where" in next(line for line in lines_of(final) if line["name"] == "Blank")["reasons"]


async def test_a_company_that_was_asked_about_lately_is_passed_over_and_makes_place_for_others(book: BookRuns) -> None:
    places = {"location": "Munich, DE"}
    await known(book, *((f"Firm{number}", places) for number in range(5)))
    first = await book.run(COUNTRY, {"apply": True, "limit": 3})
    again = await book.run(COUNTRY, {"apply": True, "limit": 3})
    assert (first["done"], again["done"], again["skipped_fresh"]) == (3, 2, 3)
    asked = {result["name"] for final in (first, again) for result in final["results"]}
    assert len(asked) == 5
    assert (await book.run(COUNTRY, {"force_refresh": True}))["done"] == 5


async def test_an_answer_that_leaves_the_country_open_also_counts_as_asked(book: BookRuns) -> None:
    await known(book, ("Vague", {"location": "worldwide"}))
    await book.run(COUNTRY, {"apply": True})
    assert (await book.run(COUNTRY, {"apply": True}))["skipped_fresh"] == 1


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({"country": "germany"}, ["Isar", "Spree"]),
        ({"category": "PRODUCT"}, ["Spree"]),
        ({"missing_field": "category"}, ["Isar", "Seine"]),
        ({"country": "Germany", "missing_field": "category"}, ["Isar"]),
    ],
)
async def test_a_filter_names_the_companies(book: BookRuns, wanted: dict[str, str], names: list[str]) -> None:
    await known(
        book,
        ("Isar", {"country": "Germany"}),
        ("Spree", {"country": "Germany", "category": "PRODUCT"}),
        ("Seine", {"country": "France"}),
    )
    final = await book.run(RECRUITMENT, wanted)
    assert sorted(result["name"] for result in final["results"]) == names


async def test_ids_name_the_companies_and_an_unknown_one_is_an_error(book: BookRuns) -> None:
    one, _ = await known(book, ("Isar", {}), ("Spree", {}))
    final = await book.run(RECRUITMENT, {"ids": [one.id, one.id]})
    assert [result["company_id"] for result in final["results"]] == [one.id]
    with pytest.raises(UnknownRecord, match="gone"):
        await book.run(RECRUITMENT, {"ids": [one.id, "gone"]})


async def test_a_company_that_fails_is_told_and_stops_none_of_the_others(
    book: BookRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTIC_SALES_MODEL_FALLBACK", "fail")
    await known(book, ("Isar", {"location": "somewhere near the Isar"}), ("Spree", {"location": "Berlin, Germany"}))
    final = await book.run(COUNTRY, {}, model=lambda _: failure(500))
    by_name = {result["name"]: result for result in final["results"]}
    assert by_name["Spree"]["verdict"] == "DE", "the rules are certain, so no model is asked"
    assert by_name["Isar"]["verdict"] == "none"
    assert "classifier error" in by_name["Isar"]["reasons"][0]
    assert (final["count"], final["left"]) == (2, 0)


async def test_a_site_that_cannot_be_read_is_a_failure_of_its_company_alone(book: BookRuns) -> None:
    quillmark = await book.company("Quillmark", "quillmark.example")
    gone = await book.company("Gone", "no-such-company.example")
    bare = await book.company("Bare")
    final = await book.run(SALES_TECH, {"apply": True, "concurrency": 3})
    assert {result["company_id"]: result["status"] for result in final["results"]} == {
        quillmark.id: "done",
        gone.id: "failed",
        bare.id: "skipped_empty",
    }
    assert any(field.startswith("salestech.") for field in await book.facts(quillmark))
    [failed] = final["failed"]
    assert failed["error_code"]
    assert (await book.run(SALES_TECH, {"apply": True}))["skipped_fresh"] == 1


async def test_cards_are_written_only_if_they_are_to_be_applied(book: BookRuns) -> None:
    quillmark = await book.company("Quillmark", "quillmark.example")
    final = await book.run(SALES_TECH, {})
    assert (final["done"], final["applied"], final["counts"]) == (1, False, {"card": 1})
    assert await book.facts(quillmark) == {}


async def test_a_budget_stops_the_run_within_one_call_of_it(book: BookRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    await known(book, *((f"Firm{number}", {"description": MAKER}) for number in range(20)))
    monkeypatch.setenv("AGENTIC_SALES_MODEL_PRICES", "openai:gpt-test=1000/1000")

    async def run(budget_usd: float | None) -> dict[str, Any]:
        given = {"concurrency": 8, "force_refresh": True, "budget_usd": budget_usd}
        return await book.run(RECRUITMENT, given, model=lambda _: answer(VERDICT))

    whole = await run(None)
    assert len(book.requests) == whole["total_model_calls"] == 20
    each = whole["total_cost_usd"] / 20
    assert each > 0
    for calls in (1, 7, 12):
        final = await run(each * calls)
        assert calls - 1 <= len(book.requests) <= calls + 1
        assert final["left"] == 20 - final["done"]
        assert final["stopped"].startswith("budget: ")


async def test_without_a_price_a_budget_stops_the_run_after_one_company(book: BookRuns) -> None:
    await known(book, *((f"Firm{number}", {"description": MAKER}) for number in range(4)))
    final = await book.run(RECRUITMENT, {"budget_usd": 1.0}, model=lambda _: answer(VERDICT))
    assert (final["done"], final["left"]) == (1, 3)
    assert "AGENTIC_SALES_MODEL_PRICES" in final["stopped"]


def result(cost_usd: float | None) -> BulkResult:
    """Return the result of a company that cost so much."""
    return BulkResult(company_id="a", name="A", cost_usd=cost_usd)


@pytest.mark.parametrize(
    ("paid", "under_way", "expected"),
    [
        ((), 0, True),
        ((), 1, False),
        ((0.0,), 1, False),
        ((0.1,), 3, True),
        ((0.1,), 7, True),
        ((0.1,), 8, False),
        ((0.1,) * 8, 1, True),
        ((0.1,) * 8, 2, False),
        ((0.1,) * 10, 0, False),
    ],
)
def test_companies_are_begun_only_as_far_as_the_budget_can_pay_for_the_dearest(
    paid: Sequence[float], under_way: int, *, expected: bool
) -> None:
    allowance = Allowance(0.95, at_once=8)
    for cost_usd in paid:
        allowance.pay(result(cost_usd))
    assert allowance.has_room(under_way) == expected


def test_a_misspelt_filter_is_refused_by_name() -> None:
    for row in (RECRUITMENT, COUNTRY, SALES_TECH):
        with pytest.raises(ValidationError, match="coutry"):
            load_graph(BY_ID[row]).input_type(coutry="DE")
