"""Walk a site: choose which pages to read next, and when to stop.

From the first page to what it links to and its sitemap lists, level by level, on one host only. How a page is read,
and how politely, is the fetcher's business (`web`).
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from agentic_sales.errors import FetchRefused, ProviderUnavailable
from agentic_sales.sources.links import is_page, page_key, same_site
from agentic_sales.sources.web import Fetcher, Page

UNANSWERED_IN_A_ROW = 3
"""Pages without an answer, in a row, after which a crawl gives up."""
MAX_SKIPPED = 50
"""Pages that could not be read, in all, after which a crawl gives up."""

StopReason = Literal["finished", "max_pages", "deadline", "failing"]
"""No page was left; as many were read as wanted; the time was over; or too many pages failed."""


@dataclass(frozen=True)
class CrawlLimits:
    """How far a crawl goes."""

    max_pages: int
    """Most pages that are read."""
    max_depth: int
    """Most links between the first page and another; what the sitemap lists is one away. 0: only the first page."""
    time_limit_s: float
    """Wall-clock limit, in seconds; what was read until then is the result."""


@dataclass
class Crawl:
    """What a crawl brought."""

    pages: list[tuple[Page, int]] = field(default_factory=list)
    """Pages with their depth, in the order in which they were read; the first is the first."""
    skipped: list[tuple[str, str]] = field(default_factory=list)
    """Addresses that were chosen and could not be read, each with the reason."""
    stop_reason: StopReason = "finished"
    """Why it ended."""


async def crawl_site(web: Fetcher, url: str, limits: CrawlLimits, is_telling: Callable[[str], object]) -> Crawl:
    """Crawl the site that begins at `url`; of each level, the addresses that are telling are read first.

    Raises:
        FetchRefused: The first page may not, or cannot, be read.
        ProviderUnavailable: The site does not answer.
    """
    deadline = asyncio.get_running_loop().time() + limits.time_limit_s
    walk = _Walk(web, limits, is_telling)
    first = await web.fetch(url)
    try:
        async with asyncio.timeout_at(deadline):
            await walk.run(first)
    except TimeoutError:
        walk.crawl.stop_reason = "deadline"
    return walk.crawl


class _Walk:
    """One crawl on its way."""

    def __init__(self, web: Fetcher, limits: CrawlLimits, is_telling: Callable[[str], object]) -> None:
        self.crawl = Crawl()
        self._web = web
        self._limits = limits
        self._is_telling = is_telling
        self._site = ""
        self._seen: set[str] = set()
        self._unanswered = 0

    async def run(self, first: Page) -> None:
        """Keep the first page and read level after level."""
        self._site = first.final_url
        self._keep(first, depth=0)
        links: Iterable[str] = first.links
        for depth in range(1, self._limits.max_depth + 1):
            if self._is_over():
                break
            listed = await self._web.sitemap_urls(self._site) if depth == 1 else ()
            links = await self._read_level((*listed, *links), depth)

    async def _read_level(self, urls: Iterable[str], depth: int) -> list[str]:
        """Read the new pages among the addresses and return where they link to."""
        for url in self._chosen(urls):
            if self._is_over():
                break
            await self._read(url, depth)
        return [link for page, found_at in self.crawl.pages if found_at == depth for link in page.links]

    def _chosen(self, urls: Iterable[str]) -> list[str]:
        chosen = [url for url in urls if is_page(url) and same_site(url, self._site) and self._is_new(url)]
        return sorted(chosen, key=lambda url: not self._is_telling(url))

    def _is_new(self, url: str) -> bool:
        key = page_key(url)
        is_new = key not in self._seen
        self._seen.add(key)
        return is_new

    def _is_over(self) -> bool:
        if len(self.crawl.pages) >= self._limits.max_pages:
            self.crawl.stop_reason = "max_pages"
        elif self._unanswered >= UNANSWERED_IN_A_ROW or len(self.crawl.skipped) >= MAX_SKIPPED:
            self.crawl.stop_reason = "failing"
        return self.crawl.stop_reason != "finished"

    async def _read(self, url: str, depth: int) -> None:
        try:
            page = await self._web.fetch(url)
        except FetchRefused as exc:
            self._unanswered = 0
            self.crawl.skipped.append((url, exc.reason))
        except ProviderUnavailable as exc:
            self._unanswered += 1
            self.crawl.skipped.append((url, str(exc)))
        else:
            self._unanswered = 0
            self._keep_if_new(page, depth)

    def _keep_if_new(self, page: Page, depth: int) -> None:
        if not same_site(page.final_url, self._site):
            self.crawl.skipped.append((page.url, f"it leads to another site: {page.final_url}"))
        elif page_key(page.final_url) == page_key(page.url) or self._is_new(page.final_url):
            self._keep(page, depth)

    def _keep(self, page: Page, depth: int) -> None:
        self._seen.add(page_key(page.final_url))
        self.crawl.pages.append((page, depth))
