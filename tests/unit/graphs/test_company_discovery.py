"""`company_discovery` finds companies of the sample world by itself, and writes what their pages say."""

from datetime import UTC, datetime

import pytest

from agentic_sales.contracts import CompanyId, Subject
from agentic_sales.rules.company_identity import Firm
from agentic_sales.rules.company_search import DiscoveryForm, queries_of, sort_hits
from agentic_sales.sources.search_engines import SearchHit
from agentic_sales.store.companies import CompanyRow, block_company, company_ids
from tests.support.book_runs import BookRuns
from tests.support.model_server import answer

SEED = {"seed_query": "AI consultancy"}
CONSULTANCY = "fernhollow-ai.example"


async def test_a_seed_ends_as_companies_in_the_book_with_quotes_of_their_own_pages(book: BookRuns) -> None:
    final = await book.run("company_discovery", SEED)
    companies = {row.domain: row for row in await book.rows(CompanyRow)}
    assert sorted(final["inserted_ids"]) == sorted(row.company_id for row in companies.values())
    assert companies[CONSULTANCY].name == "Fernhollow AI"
    facts = await book.facts(Subject("company", companies[CONSULTANCY].company_id))
    assert facts["category"].value == "CONSULTANCY"
    assert "consultancy" in facts["category"].quote.lower()
    assert facts["category"].source_url == f"https://{CONSULTANCY}/"
    assert facts["category"].workflow == "company_discovery"
    assert facts["discovered_by"].value == "AI consultancy"


async def test_the_best_company_comes_first_and_none_is_below_the_least_score(book: BookRuns) -> None:
    final = await book.run("company_discovery", SEED)
    scores = [company["score"] for company in final["scored"]]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) >= 0.2
    left_out = {company["domain"]: company["why"] for company in final["filtered"]}
    assert all(company["domain"] not in left_out for company in final["scored"])


async def test_pages_of_platforms_and_lists_are_left_out_with_the_reason(book: BookRuns) -> None:
    final = await book.run("company_discovery", SEED)
    reasons = {company["url"]: company["why"] for company in final["filtered"]}
    assert reasons["https://github.com/fernhollow-ai"] == "a page of a directory, a medium or a platform"


async def test_a_repeated_run_says_that_all_is_known_and_inserts_nothing(book: BookRuns) -> None:
    first = await book.run("company_discovery", SEED | {"max_companies": 100})
    again = await book.run("company_discovery", SEED | {"max_companies": 100})
    assert (again["inserted_ids"], again["all_known"]) == ([], True)
    assert again["summary"]["existing_ids"] == sorted(first["inserted_ids"])
    assert again["skipped_existing"] == len(first["inserted_ids"]) > 0


async def test_a_blocked_company_is_counted_and_left_alone(book: BookRuns) -> None:
    async with book.database.writing() as connection:
        firm, now = Firm("Fernhollow AI", CONSULTANCY), datetime.now(UTC)
        company_id = CompanyId((await company_ids(connection, [firm], now=now))[firm])
        await block_company(connection, company_id, by="ada", why="they asked", now=now)
    final = await book.run("company_discovery", SEED)
    assert final["summary"]["skipped_blocked"] == 1
    assert company_id not in final["summary"]["existing_ids"]
    assert await book.facts(Subject("company", company_id)) == {}


async def test_a_model_chooses_the_searches(book: BookRuns) -> None:
    queries = {"queries": ["consultancy that builds agent systems"]}
    final = await book.run("company_discovery", SEED, model=[answer(queries)])
    assert (final["queries"], final["source"]) == (queries["queries"], "llm")
    assert CONSULTANCY in {company["domain"] for company in final["candidates"]}
    assert "AI consultancy" in book.requests[0].prompt


async def test_without_any_key_of_a_search_the_answer_says_which_are_missing(book: BookRuns) -> None:
    for key in ("BRAVE_API_KEY", "TAVILY_API_KEY", "SERPER_API_KEY", "AGENTIC_SALES_SEARXNG_URL"):
        book.environment.delenv(key)
    final = await book.run("company_discovery", SEED)
    assert final["candidates"] == []
    assert "BRAVE_API_KEY" in final["unavailable_sources"][0]
    assert not final["all_known"]


async def test_boards_seed_a_run_with_their_companies_and_no_model_is_asked(book: BookRuns) -> None:
    given = {"seed_query": "machine learning engineer", "seed_source": "ashby"}
    final = await book.run("company_discovery", given, model=[answer({"queries": ["consultancies"]})])
    assert book.requests == []
    assert {query.partition(" ")[0] for query in final["queries"]} == {
        "site:jobs.ashbyhq.com",
        "site:boards.greenhouse.io",
        "site:jobs.lever.co",
    }
    assert "cinderpath.example" in {company["domain"] for company in final["candidates"]}
    boards = {company.domain for company in book.world.companies.all if company.board}
    assert {company["domain"] for company in final["candidates"]} <= boards


@pytest.mark.parametrize(
    ("title", "url", "kind"),
    [
        ("Acme | Invoices for plumbers", "https://acme.example/", "candidates"),
        ("Top 10 invoice tools of 2026", "https://blog.example/top-10", "left_out"),
        ("The 12 best AI consultancies", "https://blog.example/best", "left_out"),
        ("Acme alternatives for plumbers", "https://other.example/", "left_out"),
        ("Best practice in payroll: Acme Payroll", "https://acme.example/", "left_out"),
        ("Acme", "https://www.linkedin.com/company/acme", "left_out"),
        ("Acme Reviews 2026", "https://www.g2.com/products/acme", "left_out"),
        ("24 Hour Plumbing", "https://24hour.example/", "left_out"),
    ],
)
def test_a_hit_is_a_company_or_is_left_out(title: str, url: str, kind: str) -> None:
    found = sort_hits([SearchHit(title=title, url=url)])
    assert len(found.candidates) + len(found.left_out) == 1
    assert getattr(found, kind)


def test_the_home_page_of_a_site_speaks_for_it_before_its_other_pages() -> None:
    hits = [
        SearchHit(title="Pricing", url="https://acme.example/pricing", snippet="From 5 euros"),
        SearchHit(title="Acme: invoices", url="https://acme.example/", snippet="Invoices for plumbers"),
    ]
    [found] = sort_hits(hits).candidates
    assert (found.name, found.why) == ("Acme", "Invoices for plumbers")


def test_the_rules_search_with_every_word_that_the_caller_gave() -> None:
    form = DiscoveryForm(
        seed_query="route planning", vertical="logistics", geography="Spain", size_band="11-50", keywords=["vans"]
    )
    queries = " / ".join(queries_of(form).queries)
    assert all(word in queries for word in ("route planning", "logistics", "Spain", "11-50", "vans"))
    assert len(queries_of(form).queries) <= 6
