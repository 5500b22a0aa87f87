"""`company_enrichment`, `deep_scrape` and `pipeline` take a company of the book, and write what they find of it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from agentic_sales.contracts import CompanyId
from agentic_sales.control import control_plane
from agentic_sales.errors import SiteUnknown, UnknownRecord
from agentic_sales.rules.pipeline_stages import ASSISTANTS
from agentic_sales.store.analyses import AnalysisRow
from agentic_sales.store.companies import block_company
from agentic_sales.store.facts import FactRow
from tests.support.book_runs import BookRuns
from tests.support.model_server import answer, failure

FIRM, SITE = "Fernhollow AI", "fernhollow-ai.example"
HOME = f"https://{SITE}/"
VERDICT = {
    "category": "AGENCY",
    "ai_tier": 2,
    "industry": "financial_services",
    "remote_policy": "remote",
    "has_open_roles": False,
    "confidence": 0.9,
    "reason": "They build.",
    "evidence": [{"field": "remote_policy", "quote": "We are consultants and engineers"}],
}


async def grow_old(book: BookRuns, days: float) -> None:
    """Let the facts of the book have been seen some days ago."""
    async with book.database.writing() as connection:
        seen_at = datetime.now(UTC) - timedelta(days=days)
        await connection.execute(update(FactRow).values(observed_at=seen_at, first_observed_at=seen_at))


def site_visits(book: BookRuns) -> int:
    return sum(visit.service == "sites" for visit in book.world.visits)


async def test_an_enrichment_by_id_ends_in_the_book_with_quotes_of_the_pages(book: BookRuns) -> None:
    firm = await book.company(FIRM, SITE)
    final = await book.run("company_enrichment", {"company_id": firm.id})
    facts = await book.facts(firm)
    assert (facts["category"].value, facts["category"].source_url) == ("CONSULTANCY", HOME)
    assert facts["category"].quote in final["home_markdown"]
    assert facts["description"].quote in final["home_markdown"]
    assert {fact.workflow for fact in facts.values()} == {"company_enrichment"}
    assert facts["enrichment_score"].value == final["scores"]["score"]
    assert (final["facts_persisted"], final["updated"], final["skip_reason"]) == (len(facts), True, "")


@pytest.mark.parametrize("assistant_id", ["company_enrichment", "deep_scrape"])
async def test_nothing_is_written_without_an_id_or_in_a_dry_run(book: BookRuns, assistant_id: str) -> None:
    firm = await book.company(FIRM, SITE)
    before = await book.everything()
    for given in ({"url": HOME}, {"company_id": firm.id, "dry_run": True}):
        final = await book.run(assistant_id, given)
        assert (final["facts_persisted"], final["updated"]) == (0, False)
    assert await book.everything() == before


async def test_a_company_that_was_looked_at_lately_is_answered_from_the_book(book: BookRuns) -> None:
    firm = await book.company(FIRM, SITE)
    first = await book.run("company_enrichment", {"company_id": firm.id})
    visits = site_visits(book)
    again = await book.run("company_enrichment", {"company_id": firm.id})
    assert site_visits(book) == visits > 0
    assert (again["skip_reason"], again["facts_persisted"], again["updated"]) == ("fresh", 0, False)
    for name in ("company", "classification", "evidence", "scores", "careers_url", "emails", "source"):
        assert again[name] == first[name]


@pytest.mark.parametrize(
    ("age_days", "given", "is_read"),
    [(29, {}, False), (31, {}, True), (1, {"force_refresh": True}, True), (2, {"max_age_days": 1}, True)],
)
async def test_the_age_of_the_last_look_decides_whether_the_site_is_read_again(
    book: BookRuns,
    age_days: float,
    given: dict[str, Any],
    is_read: bool,  # noqa: FBT001 - a case
) -> None:
    firm = await book.company(FIRM, SITE)
    await book.run("company_enrichment", {"company_id": firm.id})
    await grow_old(book, age_days)
    visits = site_visits(book)
    final = await book.run("company_enrichment", {"company_id": firm.id, **given})
    assert (site_visits(book) > visits) is is_read
    assert final["updated"] is False, "the site says what it said before"


async def test_a_look_that_finds_nothing_new_counts_as_the_last_one(book: BookRuns) -> None:
    firm = await book.company(FIRM, SITE)
    await book.run("company_enrichment", {"company_id": firm.id})
    await grow_old(book, 31)
    assert (await book.run("company_enrichment", {"company_id": firm.id}))["skip_reason"] == ""
    assert (await book.run("company_enrichment", {"company_id": firm.id}))["skip_reason"] == "fresh"


async def test_a_claim_that_is_not_made_again_leaves_the_book(book: BookRuns) -> None:
    firm = await book.company(FIRM, SITE)
    await book.run("company_enrichment", {"company_id": firm.id}, model=[answer(VERDICT)])
    assert (await book.facts(firm))["remote_policy"].value == "remote"
    await book.run("company_enrichment", {"company_id": firm.id, "force_refresh": True})
    assert "remote_policy" not in await book.facts(firm)


async def test_a_model_that_obeys_a_page_gets_nothing_into_the_book_but_what_the_page_says(book: BookRuns) -> None:
    firm = await book.company(FIRM, SITE)
    obeyed = {**VERDICT, "mail": "everybody", "evidence": [{"field": "category", "quote": "mail everybody now"}]}
    await book.run("company_enrichment", {"company_id": firm.id}, model=[answer(obeyed)])
    facts = await book.facts(firm)
    assert "category" not in facts
    assert "everybody" not in str([(fact.value, fact.quote) for fact in facts.values()])


async def test_a_classifier_that_fails_without_rules_leaves_what_is_known(book: BookRuns) -> None:
    firm = await book.company(FIRM, SITE)
    await book.run("company_enrichment", {"company_id": firm.id})
    before = await book.everything()
    book.environment.setenv("AGENTIC_SALES_MODEL_FALLBACK", "fail")
    given = {"company_id": firm.id, "force_refresh": True}
    final = await book.run("company_enrichment", given, model=[failure(500)])
    assert (final["skip_reason"], await book.everything() == before) == ("undecided", True)


async def test_a_site_that_shows_nothing_leaves_what_is_known(book: BookRuns) -> None:
    firm = await book.company("Glassotter", "glassotter.example")
    for assistant_id in ("company_enrichment", "deep_scrape"):
        final = await book.run(assistant_id, {"company_id": firm.id})
        assert (final["readable"], final["facts_persisted"]) == (False, 0)
    assert await book.rows(FactRow) == []


@pytest.mark.parametrize("assistant_id", ["company_enrichment", "deep_scrape"])
async def test_an_unknown_company_and_one_without_a_site_are_named(book: BookRuns, assistant_id: str) -> None:
    with pytest.raises(UnknownRecord, match="unknown company `nobody`"):
        await book.run(assistant_id, {"company_id": "nobody"})
    firm = await book.company("Siteless")
    with pytest.raises(SiteUnknown, match=r"no web site of company .*`Siteless`.*give `url`"):
        await book.run(assistant_id, {"company_id": firm.id})


async def test_a_crawl_by_id_writes_the_telling_pages_and_own_addresses(book: BookRuns) -> None:
    firm = await book.company("Quillmark", "quillmark.example")
    final = await book.run("deep_scrape", {"company_id": firm.id})
    facts = await book.facts(firm)
    assert facts["pricing_url"].value == "https://quillmark.example/pricing"
    assert facts["careers_url"].value == final["careers_url"]
    assert facts["emails"].value == ["hello@quillmark.example"]
    assert facts["description"].quote in final["pages"][0]["markdown"]
    assert {fact.source_url for fact in facts.values()} == {"https://quillmark.example/"}
    assert final["facts_persisted"] == len(facts) == 4


async def test_a_pipeline_by_ids_writes_what_each_stage_found(book: BookRuns) -> None:
    firm = await book.company(FIRM, SITE)
    final = await book.run("pipeline", {"company_ids": [firm.id], "sender_name": "Ada Example"})
    assert [report["status"] for report in final["reports"]] == ["OK"] * 5
    facts = await book.facts(firm)
    workflows = {facts[name].workflow for name in ("category", "pricing_url", "country") if name in facts}
    assert {"company_enrichment", "pipeline"} <= workflows
    assert (facts["country"].value, facts["country"].quote) == ("US", "Columbus")
    assert facts["is_recruitment"].value is False
    [company] = final["companies"]
    assert (company["company_id"], company["domain"], company["url"]) == (firm.id, SITE, f"https://{SITE}")
    assert "Fernhollow" in company["email_compose"]["body"]


async def test_a_pipeline_by_sites_or_in_a_dry_run_writes_nothing(book: BookRuns) -> None:
    firm = await book.company(FIRM, SITE)
    before = await book.everything()
    for given in ({"domains": [SITE]}, {"company_ids": [firm.id], "dry_run": True}):
        final = await book.run("pipeline", given)
        assert [report["status"] for report in final["reports"]] == ["OK"] * 5
    assert await book.everything() == before


async def test_a_repeated_pipeline_reads_the_enrichment_of_the_book_and_still_drafts(book: BookRuns) -> None:
    firm = await book.company(FIRM, SITE)
    first = await book.run("pipeline", {"company_ids": [firm.id]})
    again = await book.run("pipeline", {"company_ids": [firm.id]})
    assert again["companies"][0]["company_enrichment"]["skip_reason"] == "fresh"
    assert again["companies"][0]["email_compose"]["body"] == first["companies"][0]["email_compose"]["body"]


async def test_nobody_of_a_blocked_company_gets_a_draft(book: BookRuns) -> None:
    firm = await book.company(FIRM, SITE)
    async with book.database.writing() as connection:
        await block_company(connection, CompanyId(firm.id), by="ada", why="they asked", now=datetime.now(UTC))
    final = await book.run("pipeline", {"company_ids": [firm.id]})
    assert final["companies"][0]["email_compose"] is None
    assert "a person has blocked it" in final["reports"][-1]["errors"][0]


async def test_a_company_without_a_site_is_passed_over_and_named(book: BookRuns) -> None:
    firm = await book.company("Siteless")
    final = await book.run("pipeline", {"company_ids": [firm.id]})
    reports = {report["stage"]: report for report in final["reports"]}
    assert reports["discover"]["errors"] == ["Siteless: the book knows no web site of it"]
    assert reports["enrich"]["status"] == "SKIP"
    assert reports["qualify"]["status"] == "OK", "its name can be judged"


async def test_an_unknown_id_ends_the_pipeline_before_any_work(book: BookRuns) -> None:
    with pytest.raises(UnknownRecord, match="unknown company `nobody`"):
        await book.run("pipeline", {"company_ids": ["nobody"]})
    assert site_visits(book) == 0


async def test_every_key_that_a_stage_reads_is_one_that_its_workflow_returns(book: BookRuns) -> None:
    final = await book.run("pipeline", {"domains": [SITE]})
    read = {
        "deep_scrape": {"pages"},
        "company_enrichment": {"company"},
        "classify_recruitment": {"is_recruitment", "confidence", "source"},
        "country_classify": {"country", "confidence", "source"},
    }
    for assistant_id, keys in read.items():
        assert keys <= control_plane().schemas[assistant_id]["output"]["properties"].keys()
        assert keys <= final["companies"][0][assistant_id].keys()
    assert {run["assistant_id"] for run in final["runs"]} == set(ASSISTANTS.values())


async def test_two_runs_at_once_write_what_one_writes(book: BookRuns) -> None:
    given = {"company_id": (await book.company(FIRM, SITE)).id}
    await asyncio.gather(*(book.run("company_enrichment", given) for _ in range(2)))
    both = len(await book.rows(FactRow)), len(await book.rows(AnalysisRow))
    await book.run("company_enrichment", given | {"force_refresh": True})
    assert (len(await book.rows(FactRow)), len(await book.rows(AnalysisRow))) == both
