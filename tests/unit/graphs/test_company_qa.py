"""`company_qa` audits rows of the book, and every finding rests on a fact, or on one that is missing."""

from typing import Any

import pytest
from pydantic import ValidationError

from agentic_sales.contracts import CompanyId, Subject
from agentic_sales.errors import UnknownRecord
from agentic_sales.graphs.company_qa import EXAMPLE, Input, Output, graph
from agentic_sales.rules.company_audit import EXPECTED
from agentic_sales.store.companies import block_company
from agentic_sales.store.facts import Fact
from agentic_sales.store.recording import record_facts
from tests.support.book_runs import BookRuns
from tests.support.graph_runs import run_by_rules

ROW = "company_qa"
WORDS = "We are a recruitment agency. We place engineers with our clients and charge a placement fee."


async def know(book: BookRuns, name: str, domain: str, **facts: Any) -> Subject:
    """Write a company with facts, each with the page that told it."""
    firm = await book.company(name, domain)
    url = f"https://{domain}/"
    told = [Fact(firm, field, value, "rules", book.now, source_url=url) for field, value in facts.items()]
    async with book.database.writing() as connection:
        await record_facts(connection, told)
    return firm


async def test_the_example_is_audited_and_the_answer_has_every_key() -> None:
    final = await run_by_rules(graph, EXAMPLE)
    assert final["verdicts"][0]["verdict"] == "weak"
    assert final["expected_categories"] == ["PRODUCT"]
    assert final.keys() >= Output.model_fields.keys()


async def test_every_finding_names_its_fact_and_quotes_the_words_that_contradict_it(book: BookRuns) -> None:
    firm = await know(book, "Placely", "placely.example", category="PRODUCT", description=WORDS)
    final = await book.run(ROW, {"company_ids": [firm.id]})
    [found] = [one for one in final["qa_issues"] if one["reason"] == "category_contradicts_words"]
    assert (found["field"], found["value"], found["source_url"]) == ("category", "PRODUCT", "https://placely.example/")
    assert found["quote"]
    assert found["quote"] in WORDS
    missing = {one["field"]: one["value"] for one in final["qa_issues"] if one["check"] == "data_quality"}
    assert missing == {"country": None, "industry": None}


async def test_one_gap_is_told_and_two_make_a_row_weak(book: BookRuns) -> None:
    whole = {"category": "PRODUCT", "description": "A platform for sales teams.", "industry": "software"}
    one = await know(book, "Onegap", "onegap.example", **whole)
    two = await know(book, "Twogap", "twogap.example", category="PRODUCT", description="A platform for sales teams.")
    final = await book.run(ROW, {"company_ids": [one.id, two.id]})
    assert [each["verdict"] for each in final["verdicts"]] == ["clean", "weak"]
    assert final["verdicts"][0]["reasons"] == ["no_country"]


async def test_the_list_of_sales_technology_has_the_companies_with_a_feature_card(book: BookRuns) -> None:
    card = await know(book, "Cardly", "cardly.example", **{"salestech.overview": {"taxonomy": ["crm"]}})
    await know(book, "Plain", "plain.example", category="PRODUCT")
    final = await book.run(ROW, {"tab": "sales-tech"})
    assert [each["company_id"] for each in final["verdicts"]] == [card.id]


async def test_the_other_lists_have_the_companies_of_their_categories(book: BookRuns) -> None:
    for name, category in (("Alpha", "CONSULTANCY"), ("Beta", "AGENCY"), ("Gamma", "PRODUCT")):
        await know(book, name, f"{name.lower()}.example", category=category)
    final = await book.run(ROW, {"tab": "consultancies"})
    assert {each["name"] for each in final["verdicts"]} == {"Alpha", "Beta"}
    assert len((await book.run(ROW, {"limit": 2}))["verdicts"]) == 2


async def test_a_blocked_company_is_a_false_positive_of_every_list(book: BookRuns) -> None:
    firm = await know(book, "Blocked", "blocked.example", category="PRODUCT")
    async with book.database.writing() as connection:
        await block_company(connection, CompanyId(firm.id), by="Ada", why="asked us", now=book.now)
    final = await book.run(ROW, {"company_ids": [firm.id]})
    assert (final["verdicts"][0]["verdict"], final["verdicts"][0]["reasons"][0]) == ("false_positive", "blocked")


async def test_the_summary_counts_what_the_verdicts_and_the_findings_say(book: BookRuns) -> None:
    final = await book.run(ROW, {"companies": [{"name": "n/a"}, {"name": "Emberloom", "domain": "emberloom.example"}]})
    summary = final["summary"]
    assert (summary["total"], summary["false_positive"], summary["weak"], summary["clean"]) == (2, 1, 1, 0)
    assert sum(summary["by_reason"].values()) == len(final["qa_issues"])


async def test_a_company_that_the_book_does_not_have_is_not_found(book: BookRuns) -> None:
    with pytest.raises(UnknownRecord, match="nobody"):
        await book.run(ROW, {"company_ids": ["nobody"]})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"tab": "gardeners"}, "sales-tech"),
        ({"vertical": "gardening"}, "there is no vertical `gardening`"),
        ({"limit": 201}, "less than or equal to 200"),
    ],
)
def test_a_wrong_input_is_refused_and_says_what_there_is(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Input(**given)


async def test_an_empty_book_is_audited_without_a_verdict(book: BookRuns) -> None:
    final = await book.run(ROW, {})
    assert (final["verdicts"], final["summary"]["total"]) == ([], 0)


async def test_it_reads_and_writes_nothing(book: BookRuns) -> None:
    await know(book, "Placely", "placely.example", category="PRODUCT", description=WORDS)
    before = await book.everything()
    await book.run(ROW, {})
    assert await book.everything() == before


def test_every_list_but_the_whole_book_expects_a_category() -> None:
    assert [tab for tab, expected in EXPECTED.items() if tab and not expected] == []
