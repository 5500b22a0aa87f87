"""Crawl a company's site politely and say what it shows: pages, email addresses, careers and pricing.

`START → resolve → crawl → summarize → END`

No model is asked and nothing is stored. The fetcher keeps the crawl polite and safe; this graph only chooses what to
read next: pages of the same host, the sitemap's first, level by level, telling pages before the others of a level.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from pydantic import BaseModel, ConfigDict, Field

from agentic_sales.settings import settings
from agentic_sales.sources.crawl import CrawlLimits, StopReason, crawl_site
from agentic_sales.sources.links import same_site
from agentic_sales.sources.web import Fetcher

MAX_MARKDOWN_CHARS = 20_000
"""Markdown that is returned of all pages together."""
MAX_LINKS = 200
"""Links that are returned."""
CRAWL_LIMIT_S = 90.0
"""Wall-clock limit of the crawl, in seconds, well below the 120 s of the row: what was read until then is returned."""

_CAREERS = re.compile(
    r"/(?:careers?|jobs?|join-?us|work-(?:with|for|at)-us|(?:open-)?positions|(?:job-)?openings|vacanc(?:y|ies)"
    r"|hiring|karriere|stellen(?:angebote)?|carrieres?|empleo)(?:[/.]|$)",
    re.IGNORECASE,
)
_JOB_BOARD = re.compile(
    r"https?://(?:(?:job-)?boards(?:\.eu)?\.greenhouse\.io|jobs(?:\.eu)?\.lever\.co|jobs\.ashbyhq\.com|apply\.workable\.com"
    r"|[\w-]+\.(?:recruitee\.com|jobs\.personio\.(?:com|de)|teamtailor\.com|bamboohr\.com))/",
    re.IGNORECASE,
)
_CAREERS_LABELS = frozenset({"career", "careers", "job", "jobs", "karriere"})
_PRICING = re.compile(r"/(?:pricing|prices|plans|plans-and-pricing|preise|tarifs|precios)(?:[/.]|$)", re.IGNORECASE)
_TELLING = re.compile(r"/(?:about|company|contact|imprint|impressum|product|platform|solutions|team)", re.IGNORECASE)


class ScrapedPage(BaseModel):
    """One page that was read."""

    url: str = Field(description="Where the page was, after redirects.")
    title: str = Field(description="Its title; empty: it has none.")
    markdown: str = Field(description="Its content as Markdown; long pages are cut so that all fit 20,000 characters.")
    depth: int = Field(description="Links that it is away from the first page.")


class SkippedPage(BaseModel):
    """One page that was chosen and could not be read."""

    url: str = Field(description="Where the page should have been.")
    reason: str = Field(description="Why it could not be read.")


class Input(BaseModel):
    """Which site to read, and how much of it."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(min_length=1, max_length=2_000, description="Where the site begins; `https://` may be left out.")
    max_pages: int = Field(15, ge=1, le=50, description="Most pages that are read.")
    max_depth: int = Field(2, ge=0, le=4, description="Links that a page may be away from the first; 0: only that.")
    dry_run: Literal[True] = Field(True, description="Nothing is stored by this workflow; `false` is refused.")


class Output(BaseModel):
    """What the site shows."""

    domain: str = Field("", description="Host of the site, without `www.`, after redirects.")
    target_url: str = Field("", description="Where the first page was, after redirects.")
    pages_crawled: int = Field(0, description="Pages that were read.")
    pages: list[ScrapedPage] = Field([], description="The pages, in the order in which they were read.")
    emails: list[str] = Field([], description="Email addresses on the pages, each once, in order.")
    links: list[str] = Field([], description="Where the pages link to, each once; the first 200.")
    has_careers: bool = Field(False, description="A careers page was read, or a page links to one or to a job board.")
    careers_url: str = Field("", description="The careers page or job board; empty: none was seen.")
    has_pricing: bool = Field(False, description="A pricing page was read, or a page links to one.")
    pricing_url: str = Field("", description="The pricing page; empty: none was seen.")
    skipped: list[SkippedPage] = Field([], description="Pages that were chosen and could not be read.")
    stop_reason: StopReason = Field(
        "finished",
        description="Why the crawl ended: no page was left, `max_pages` were read, its 90 s were over, or too many "
        "pages failed.",
    )


class State(Input, Output):
    """Input and output together; `pages` are whole until they are summarized."""


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
        found = await crawl_site(web, state.target_url, limits, is_telling)
    pages = [page for page, _ in found.pages]
    return {
        "target_url": pages[0].final_url,
        "pages": [
            ScrapedPage(url=page.final_url, title=page.title, markdown=page.markdown, depth=depth).model_dump()
            for page, depth in found.pages
        ],
        "emails": list(dict.fromkeys(email for page in pages for email in page.emails)),
        "links": list(dict.fromkeys(link for page in pages for link in page.links)),
        "skipped": [SkippedPage(url=url, reason=reason).model_dump() for url, reason in found.skipped],
        "stop_reason": found.stop_reason,
    }


def is_telling(url: str) -> bool:
    """Tell whether an address promises more about the company than others."""
    path = urlsplit(url).path
    return any(pattern.search(path) for pattern in (_CAREERS, _PRICING, _TELLING))


async def summarize(state: State) -> dict[str, Any]:
    """Say what the pages show, and cut them to what is returned."""
    domain = (urlsplit(state.target_url).hostname or "").removeprefix("www.")
    seen = [*(page.url for page in state.pages), *state.links]
    on_site = [url for url in seen if same_site(url, state.target_url)]
    careers_url = first_with_path(_CAREERS, on_site) or next((u for u in seen if is_careers_host(u, domain)), "")
    pricing_url = first_with_path(_PRICING, on_site)
    return {
        "domain": domain,
        "pages_crawled": len(state.pages),
        "pages": cut_pages(state.pages),
        "links": state.links[:MAX_LINKS],
        "has_careers": bool(careers_url),
        "careers_url": careers_url,
        "has_pricing": bool(pricing_url),
        "pricing_url": pricing_url,
    }


def first_with_path(pattern: re.Pattern[str], urls: Iterable[str]) -> str:
    """Return the first address whose path fits; empty: there is none."""
    return next((url for url in urls if pattern.search(urlsplit(url).path)), "")


def is_careers_host(url: str, domain: str) -> bool:
    """Tell whether an address lies on a job board, or on a host like `careers.` of the domain."""
    label, _, parent = (urlsplit(url).hostname or "").partition(".")
    return bool(_JOB_BOARD.match(url)) or (label in _CAREERS_LABELS and parent == domain)


def cut_pages(pages: Sequence[ScrapedPage]) -> list[dict[str, Any]]:
    """Return the pages with their Markdown cut so that all of it fits; short pages stay whole."""
    allowed = fair_length([len(page.markdown) for page in pages], MAX_MARKDOWN_CHARS)
    return [page.model_copy(update={"markdown": page.markdown[:allowed]}).model_dump() for page in pages]


def fair_length(lengths: Sequence[int], total: int) -> int:
    """Return the greatest length such that texts cut to it are no longer than `total` together."""
    left = total
    for texts_left, length in zip(range(len(lengths), 0, -1), sorted(lengths), strict=True):
        if length * texts_left > left:
            return left // texts_left
        left -= length
    return total


def build_graph() -> CompiledStateGraph[State, None, Input, State]:
    """Wire the three steps; a crawl is short and repeatable, so it takes no checkpointer."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([resolve, crawl, summarize])
    builder.add_edge(START, "resolve")
    builder.add_edge("summarize", END)
    return builder.compile(name="deep_scrape")


graph = build_graph()
