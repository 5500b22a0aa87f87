"""The labelled sites, served on loopback: what a crawl finds and tells, and what a company is read as."""

import pytest

from agentic_sales.rules import company_signs
from agentic_sales.sources import crawl, html, web
from tests.evals.site_cases import FIELDS, company_faults, crawl_faults
from tests.evals.tally import Tally, cases

CRAWLS = ("crawl_sites", "crawl_sites.own")
COMPANIES = ("company_sites", "company_sites.own")
CRAWL_GOAL_RATIO = 0.92
FIELD_GOAL_RATIO = 0.85

pytestmark = pytest.mark.timeout(240)


async def crawl_all(name: str) -> Tally:
    """Crawl the sites of a set."""
    tally = Tally(name)
    for case in cases(name):
        tally.count("sites", f"{case['id']} {case['what']}", await crawl_faults(case))
    return tally


async def enrich_all(name: str) -> Tally:
    """Classify the companies of a set; a class is a field."""
    tally = Tally(name)
    for case in cases(name):
        faults = await company_faults(case)
        for field in FIELDS:
            tally.count(field, f"{case['id']} {case['name']}: {field}", [faults[field]] if field in faults else [])
    return tally


@pytest.mark.parametrize("name", CRAWLS)
async def test_odd_sites_are_crawled_and_what_cannot_be_read_is_told(name: str) -> None:
    tally = await crawl_all(name)
    print(tally)  # noqa: T201 - the table of the run
    assert tally.ratio() >= CRAWL_GOAL_RATIO


@pytest.mark.parametrize("name", COMPANIES)
async def test_the_rules_read_what_the_companies_are(name: str) -> None:
    tally = await enrich_all(name)
    print(tally)  # noqa: T201 - as above
    assert min(tally.ratio("category"), tally.ratio("industry")) >= FIELD_GOAL_RATIO


async def test_a_crawler_that_trusts_declarations_and_tells_nothing_misses_the_goal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(web, "decode", lambda body, charset=None: body.decode(charset or "utf-8", errors="replace"))
    monkeypatch.setattr(web, "_sends_on", lambda _page: False)
    monkeypatch.setattr(html, "why_unreadable", lambda *_, **__: "")
    monkeypatch.setattr(crawl, "is_soft_404", lambda *_: False)
    assert (await crawl_all("crawl_sites.own")).ratio() < CRAWL_GOAL_RATIO


@pytest.mark.parametrize("field", ["category", "industry"])
async def test_rules_without_their_phrases_miss_the_goal(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company_signs, "affirmed", lambda *_: iter(()))
    assert (await enrich_all("company_sites")).ratio(field) < FIELD_GOAL_RATIO
