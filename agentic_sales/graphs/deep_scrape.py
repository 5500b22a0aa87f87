"""Crawl a company's site and describe it: `START → resolve → crawl → summarize → persist → END`.

No model is asked. The fetcher keeps the crawl polite and safe. This graph chooses the next pages. It reads pages of the
same host, the sitemap's first, level by level. Telling pages go before the others of a level. The book keeps the
results as facts of the company, and the pages as documents. Without an id of the book nothing is written.
"""

from typing import Any
from urllib.parse import urlsplit

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from pydantic import Field

from agentic_sales.campaigns.book.known import known_company
from agentic_sales.campaigns.book.writing import cut_pages, writing_book
from agentic_sales.contracts import CompanyId, Subject
from agentic_sales.rules.enrichments import NOT_BOOKED
from agentic_sales.rules.site_reports import ScrapedPage, ScrapeForm, SiteReport, SkippedPage, findings_of
from agentic_sales.settings import settings
from agentic_sales.sources.crawl import CrawlLimits, StopReason, crawl_site
from agentic_sales.sources.site_pages import careers_among, cut_fairly, is_telling_page, pricing_among
from agentic_sales.sources.web import Fetcher, Page

MAX_LINKS = 200
"""Most links that are returned."""
MAX_EMAILS = 500
"""Most email addresses that are returned."""
STOP_REASONS = "Why the crawl ended: no page was left, `max_pages` were read, 90 s were over, or too many pages failed."
CRAWL_LIMIT_S = 90.0
"""Wall-clock limit of the crawl, in seconds. It is below the 120 s of the row, so that the read pages are returned."""


class Input(ScrapeForm):
    """Input of a run."""


class Output(SiteReport):
    """Output of a run."""

    stop_reason: StopReason = Field("finished", description=STOP_REASONS)


class State(Input, Output):
    """Input and output together; `pages` are whole until they are summarized."""

    absent: list[str] = Field([], description="Addresses that answered and show no page of their own.")


EXAMPLE: dict[str, Any] = {"url": "{site}", "max_pages": 10}


async def resolve(state: State) -> dict[str, Any]:
    """Complete the address, or take that of the company in the book."""
    known = await known_company(state.company_id) if state.company_id else None
    given = state.url.strip() or (known.site_url if known else "")
    return {"target_url": given if "://" in given else f"https://{given}"}


async def crawl(state: State) -> dict[str, Any]:
    """Read the first page and the pages that it and the sitemap link to, until one of the limits.

    Raises:
        FetchRefused: The first page may not, or cannot, be read.
        ProviderUnavailable: The site does not answer.
    """
    limits = CrawlLimits(state.max_pages, state.max_depth, CRAWL_LIMIT_S)
    async with Fetcher(settings()) as web:
        found = await crawl_site(web, state.target_url, limits, is_telling_page)
    return {
        "target_url": found.first.final_url,
        "readable": not found.first.unreadable_reason,
        "unreadable_reason": found.first.unreadable_reason,
        "pages": [scraped(page, depth).model_dump() for page, depth in found.pages],
        "emails": found.emails[:MAX_EMAILS],
        "links": found.links,
        "absent": sorted(found.absent),
        "skipped": [SkippedPage(url=url, reason=reason).model_dump() for url, reason in found.skipped],
        "stop_reason": found.stop_reason,
    }


def scraped(page: Page, depth: int) -> ScrapedPage:
    """Return a page as it is reported."""
    url, title, markdown = page.final_url, page.title, page.markdown
    return ScrapedPage(url=url, title=title, markdown=markdown, depth=depth, truncated=page.is_cut)


async def summarize(state: State) -> dict[str, Any]:
    """Summarize the pages and cut their texts."""
    seen = [url for url in (*(page.url for page in state.pages), *state.links) if url not in state.absent]
    careers_url, pricing_url = careers_among(seen, state.target_url), pricing_among(seen, state.target_url)
    texts = cut_fairly([page.markdown for page in state.pages], state.max_chars)
    pages = [page.shortened(text) for page, text in zip(state.pages, texts, strict=True)]
    return {
        "domain": (urlsplit(state.target_url).hostname or "").removeprefix("www."),
        "pages_crawled": len(pages),
        "pages": [page.model_dump() for page in pages],
        "links": state.links[:MAX_LINKS],
        "absent": [],
        "has_careers": bool(careers_url),
        "careers_url": careers_url,
        "has_pricing": bool(pricing_url),
        "pricing_url": pricing_url,
    }


async def persist(state: State) -> dict[str, Any]:
    """Write the facts, in place of those of before, and the pages. A site that shows nothing changes nothing."""
    if not state.company_id or state.dry_run or not state.readable:
        return NOT_BOOKED
    pages = await cut_pages(CompanyId(state.company_id), ((one.url, one.title, one.markdown) for one in state.pages))
    async with writing_book("deep_scrape") as book:
        await book.replace(Subject("company", state.company_id), "", findings_of(state))
        await book.documents(pages)
    return book.told


def build_graph() -> CompiledStateGraph[State, None, Input, State]:
    """Wire the four steps. A crawl is short and repeatable, so it takes no checkpointer."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([resolve, crawl, summarize, persist])
    builder.add_edge(START, "resolve")
    builder.add_edge("persist", END)
    return builder.compile(name="deep_scrape")


graph = build_graph()
