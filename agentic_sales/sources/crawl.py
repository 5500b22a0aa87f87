"""Walk a site: choose which pages to read next, and when to stop.

From the first page to what it links to and its sitemap lists, level by level, on one host only. How a page is read,
and how politely, is the fetcher's business (`web`).
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import Literal

from agentic_sales.errors import FetchRefused, ProviderUnavailable
from agentic_sales.rules.page_signs import is_soft_404
from agentic_sales.sources.links import is_page, language_of, page_key, same_site
from agentic_sales.sources.web import Fetcher, Page

UNANSWERED_IN_A_ROW = 3
"""Pages without an answer, in a row, after which a crawl gives up."""
MAX_SKIPPED = 50
"""Pages that could not be read, in all, after which a crawl gives up."""

MIN_TELLING_CHARS = 40
"""Pages with less text can have the same and still be different."""
MAX_CANDIDATES = 5_000
"""Addresses of one level that are looked at."""
MANY_LANGUAGES = 3
"""Languages from which the versions of a site are told apart; one in two languages is read whole."""

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
    absent: set[str] = field(default_factory=set)
    """Addresses that answered and show no page of their own."""
    stop_reason: StopReason = "finished"
    """Why it ended."""

    @property
    def first(self) -> Page:
        """The page that the crawl began with."""
        return self.pages[0][0]

    @property
    def emails(self) -> list[str]:
        """Email addresses of all pages, each once."""
        return list(dict.fromkeys(email for page, _ in self.pages for email in page.emails))

    @property
    def links(self) -> list[str]:
        """Where all pages link to, each once."""
        return list(dict.fromkeys(link for page, _ in self.pages for link in page.links))


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
        self._texts: set[str] = set()
        self._languages: frozenset[str] = frozenset()
        self._unanswered = 0

    async def run(self, first: Page) -> None:
        """Keep the first page and read level after level."""
        self._site = first.final_url
        self._keep(first, depth=0)
        self._languages = read_languages(first)
        links: Iterable[str] = first.links
        for depth in range(1, self._limits.max_depth + 1):
            if self._is_over():
                break
            listed = await self._web.sitemap_urls(self._site, self._is_telling) if depth == 1 else ()
            links = await self._read_level((*listed, *links), depth)

    async def _read_level(self, urls: Iterable[str], depth: int) -> list[str]:
        """Read the new pages among the addresses and return where they link to."""
        for url in self._chosen(urls):
            if self._is_over():
                break
            await self._read(url, depth)
        return [link for page, found_at in self.crawl.pages if found_at == depth for link in page.links]

    def _chosen(self, urls: Iterable[str]) -> list[str]:
        found = islice((url for url in urls if is_page(url) and same_site(url, self._site)), MAX_CANDIDATES)
        chosen = [url for url in found if not self._is_foreign(url) and self._is_new(url)]
        return sorted(chosen, key=lambda url: not self._is_telling(url))

    def _is_foreign(self, url: str) -> bool:
        """Tell whether an address is that of a version in another language than those that are read."""
        return bool(self._languages) and language_of(url) not in {"", *self._languages}

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
        elif page_key(page.final_url) != page_key(page.url) and not self._is_new(page.final_url):
            return
        elif why := self._why_absent(page):
            self.crawl.absent.add(page.url)
            self.crawl.skipped.append((page.url, why))
        else:
            self._keep(page, depth)

    def _why_absent(self, page: Page) -> str:
        if is_soft_404(page.title, page.text):
            return f"it says that it does not exist, though the server answered {page.status}"
        is_repeated = len(page.text) >= MIN_TELLING_CHARS and _digest(page) in self._texts
        return "it shows the same text as another page" if is_repeated else ""

    def _keep(self, page: Page, depth: int) -> None:
        self._seen.add(page_key(page.final_url))
        self._texts.add(_digest(page))
        self.crawl.pages.append((page, depth))


def read_languages(first: Page) -> frozenset[str]:
    """Return the languages in which a site is read, by its first page: its own, and English; empty: it has few."""
    offered = list(dict.fromkeys(code for link in first.links if (code := language_of(link))))
    if len(offered) < MANY_LANGUAGES:
        return frozenset()
    return frozenset({"en", language_of(first.final_url) or first.language or offered[0]})


def _digest(page: Page) -> str:
    """Return what pages of one text have in common."""
    words = " ".join(page.text.casefold().split())
    return sha256(words.encode("utf-8", errors="replace")).hexdigest()
