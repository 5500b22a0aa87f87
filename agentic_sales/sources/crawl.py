"""Choose the pages of a site to read next, and the end of the crawl.

The crawl stays on one host. It goes level by level from the first page to its links and to the sitemap's pages. The
fetcher (`web`) reads the pages and keeps the pauses between requests.
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
from agentic_sales.sources.words import known_sites

UNANSWERED_IN_A_ROW = 3
"""Number of unanswered pages in a row that ends a crawl."""
MAX_SKIPPED = 50
"""Total number of unreadable pages that ends a crawl."""

MIN_TELLING_CHARS = 40
"""Pages with less text may have the same text and still differ."""
MAX_CANDIDATES = 5_000
"""Most addresses of one level that are considered."""
MANY_LANGUAGES = 3
"""Number of languages from which a site's versions are told apart. A site in two languages is read whole."""

StopReason = Literal["finished", "max_pages", "deadline", "failing"]
"""Reason for the end of a crawl.

No page was left, the wanted number was read, the time was over, or too many pages failed.
"""


@dataclass(frozen=True)
class CrawlLimits:
    """Limits of a crawl."""

    max_pages: int
    """Most pages that are read."""
    max_depth: int
    """Most links between the first page and another.

    The sitemap's pages are one link away. 0 reads only the first page.
    """
    time_limit_s: float
    """Wall-clock limit in seconds. The pages that were read by then are the result."""


@dataclass
class Crawl:
    """Result of a crawl."""

    pages: list[tuple[Page, int]] = field(default_factory=list)
    """Pages with their depth in the order of reading. The crawl's first page stands first."""
    skipped: list[tuple[str, str]] = field(default_factory=list)
    """Chosen addresses that could not be read, each with the reason."""
    absent: set[str] = field(default_factory=set)
    """Addresses that answered without a page of their own."""
    stop_reason: StopReason = "finished"
    """Reason for its end."""

    @property
    def first(self) -> Page:
        """The first page of the crawl."""
        return self.pages[0][0]

    @property
    def emails(self) -> list[str]:
        """Email addresses of all pages, each once."""
        return list(dict.fromkeys(email for page, _ in self.pages for email in page.emails))

    @property
    def links(self) -> list[str]:
        """Link targets of all pages, each once."""
        return list(dict.fromkeys(link for page, _ in self.pages for link in page.links))


async def crawl_site(web: Fetcher, url: str, limits: CrawlLimits, is_telling: Callable[[str], object]) -> Crawl:
    """Crawl the site that begins at `url`. The telling addresses of each level are read first.

    Raises:
        FetchRefused: The first page is forbidden or unreadable.
        ProviderUnavailable: The site does not answer.
    """
    deadline = asyncio.get_running_loop().time() + limits.time_limit_s
    walk = _SiteWalk(web, limits, is_telling)
    first = await web.fetch(url)
    try:
        async with asyncio.timeout_at(deadline):
            await walk.run(first)
    except TimeoutError:
        walk.crawl.stop_reason = "deadline"
    return walk.crawl


class _SiteWalk:
    """One crawl under way."""

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
        """Read the new pages among the addresses and return their links."""
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
        """Tell whether an address is a version in a language that is not read."""
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
        if is_soft_404(page.title, page.text, known_sites()):
            return f"it says that it does not exist, though the server answered {page.status}"
        is_repeated = len(page.text) >= MIN_TELLING_CHARS and _digest(page) in self._texts
        return "it shows the same text as another page" if is_repeated else ""

    def _keep(self, page: Page, depth: int) -> None:
        self._seen.add(page_key(page.final_url))
        self._texts.add(_digest(page))
        self.crawl.pages.append((page, depth))


def read_languages(first: Page) -> frozenset[str]:
    """Return the languages to read, judged by the first page. They are the site's own and English.

    Empty if the site has few languages. All of them are then read.
    """
    offered = list(dict.fromkeys(code for link in first.links if (code := language_of(link))))
    if len(offered) < MANY_LANGUAGES:
        return frozenset()
    return frozenset({"en", language_of(first.final_url) or first.language or offered[0]})


def _digest(page: Page) -> str:
    """Return a digest that is equal for pages with the same text."""
    words = " ".join(page.text.casefold().split())
    return sha256(words.encode("utf-8", errors="replace")).hexdigest()
