"""Crawl a company's site and say what it shows: `START → resolve → crawl → summarize → END`.

No model is asked and nothing is stored. The fetcher keeps the crawl polite and safe. This graph chooses the next pages.
It reads pages of the same host, the sitemap's first, level by level. Telling pages go before the others of a level.
"""

from typing import Any, Literal
from urllib.parse import urlsplit

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from pydantic import BaseModel, Field

from agentic_sales.rules.forms import Form
from agentic_sales.settings import settings
from agentic_sales.sources.crawl import CrawlLimits, StopReason, crawl_site
from agentic_sales.sources.site_pages import careers_among, cut_fairly, is_telling_page, pricing_among
from agentic_sales.sources.web import Fetcher, Page

MAX_MARKDOWN_CHARS = 20_000
"""Letters of Markdown that are returned of all pages together."""
MAX_LINKS = 200
"""Most links that are returned."""
MAX_EMAILS = 500
"""Most email addresses that are returned."""
STOP_REASONS = "Why the crawl ended: no page was left, `max_pages` were read, 90 s were over, or too many pages failed."
CRAWL_LIMIT_S = 90.0
"""Wall-clock limit of the crawl, in seconds. It is below the 120 s of the row, so that the read pages are returned."""


class ScrapedPage(BaseModel):
    """One page that was read."""

    url: str = Field(description="Where the page was, after redirects.")
    title: str = Field(description="Its title; empty: it has none.")
    markdown: str = Field(description="Its content as Markdown; long pages are cut so that all fit 20,000 characters.")
    depth: int = Field(description="Links that it is away from the first page.")
    truncated: bool = Field(default=False, description="The page is larger than what is read of one.")


class SkippedPage(BaseModel):
    """One page that was chosen and could not be read."""

    url: str = Field(description="Where the page should have been.")
    reason: str = Field(description="Why it could not be read.")


class Input(Form):
    """Which site to read, and how much of it."""

    url: str = Field(min_length=1, max_length=2_000, description="Where the site begins; `https://` may be left out.")
    max_pages: int = Field(15, ge=1, le=50, description="Most pages that are read.")
    max_depth: int = Field(2, ge=0, le=4, description="Links that a page may be away from the first; 0: only that.")
    dry_run: Literal[True] = Field(True, description="Nothing is stored by this workflow; `false` is refused.")


class Output(BaseModel):
    """What the site shows."""

    domain: str = Field("", description="Host of the site, without `www.`, after redirects.")
    target_url: str = Field("", description="Where the first page was, after redirects.")
    readable: bool = Field(True, description="Whether the first page shows text that can be read.")
    unreadable_reason: str = Field("", description="Why it does not; empty: it does.")
    pages_crawled: int = Field(0, description="Pages that were read.")
    pages: list[ScrapedPage] = Field([], description="The pages, in the order in which they were read.")
    emails: list[str] = Field([], description="Email addresses on the pages, each once, in order; the first 500.")
    links: list[str] = Field([], description="Where the pages link to, each once; the first 200.")
    has_careers: bool = Field(False, description="A careers page was read, or a page links to one or to a job board.")
    careers_url: str = Field("", description="The careers page or job board; empty: none was seen.")
    has_pricing: bool = Field(False, description="A pricing page was read, or a page links to one.")
    pricing_url: str = Field("", description="The pricing page; empty: none was seen.")
    skipped: list[SkippedPage] = Field([], description="Pages that were chosen and could not be read.")
    stop_reason: StopReason = Field("finished", description=STOP_REASONS)


class State(Input, Output):
    """Input and output together; `pages` are whole until they are summarized."""

    absent: list[str] = Field([], description="Addresses that answered and show no page of their own.")


EXAMPLE: dict[str, Any] = {"url": "{site}", "max_pages": 10}


async def resolve(state: State) -> dict[str, Any]:
    """Complete the address."""
    given = state.url.strip()
    return {"target_url": given if "://" in given else f"https://{given}"}


async def crawl(state: State) -> dict[str, Any]:
    """Read the first page and what it and the sitemap lead to, until one of the limits.

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
    texts = cut_fairly([page.markdown for page in state.pages], MAX_MARKDOWN_CHARS)
    pages = [p.model_copy(update={"markdown": text}) for p, text in zip(state.pages, texts, strict=True)]
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


def build_graph() -> CompiledStateGraph[State, None, Input, State]:
    """Wire the three steps. A crawl is short and repeatable, so it takes no checkpointer."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([resolve, crawl, summarize])
    builder.add_edge(START, "resolve")
    builder.add_edge("summarize", END)
    return builder.compile(name="deep_scrape")


graph = build_graph()
