"""Read web pages politely and safely. Every graph uses this one fetcher.

    async with Fetcher(settings()) as web:
        page = await web.fetch("https://example.com/")

It connects only to checked addresses (`addresses`, `connections`), at every hop of a redirect. It keeps the
deployment's
limits of size and time. It obeys robots.txt. It sends one request to a host at a time. It runs no script and sends
nothing but GET.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from itertools import islice

import structlog

from agentic_sales import effects
from agentic_sales.errors import FetchRefused, ProviderUnavailable
from agentic_sales.outbound.addresses import AddressGuard, Resolve, Target, resolve_by_system
from agentic_sales.outbound.charsets import decode
from agentic_sales.outbound.closing import Closing
from agentic_sales.outbound.connections import Budget, Connections, HttpReply, Transport, Wanted
from agentic_sales.settings import Settings
from agentic_sales.sources.html import Reading, read_html, read_plain
from agentic_sales.sources.links import absolute, page_key, same_site
from agentic_sales.sources.robots import MAX_ROBOTS_BYTES, Robots
from agentic_sales.sources.sitemaps import Sitemap, parse_sitemap, unpacked

MAX_REDIRECTS = 5
"""Most redirects that are followed for one page."""
MAX_REFRESHES = 3
"""Most refreshes of one page that are followed, beside redirects."""
MAX_NOTE_CHARS = 500
"""A page with more text than this is read in spite of its refresh."""
MAX_SITEMAPS = 10
"""Most sitemap documents of a site that are read, from its robots.txt and from indexes."""
MAX_SITEMAP_CANDIDATES = 50_000
"""Most addresses of a site's sitemaps that are considered. One document may list that many."""
MAX_SITEMAP_URLS = 500
"""Most pages that are taken from a site's sitemaps."""

_POLITE_DELAY_S = 0.5
_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_PACKED_TYPES = frozenset({"application/gzip", "application/x-gzip", "application/octet-stream", ""})
_TEXT_TYPES = _HTML_TYPES | {"text/plain", "text/xml", "application/xml"}
_ROBOTS = Wanted(MAX_ROBOTS_BYTES, is_head_enough=True)

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Page(Reading):
    """One page as a reader sees it."""

    url: str
    """The requested URL."""
    final_url: str
    """The URL that answered after redirects."""
    status: int
    """HTTP status of the answer, 200 to 299."""
    fetched_bytes: int
    """Bytes of the body that were read, after decompression."""
    is_cut: bool = False
    """Whether the page was cut because its body is larger than the limit."""


@dataclass
class _Turns:
    """The turns of requests to one host."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    ready_at: float = 0.0
    """Earliest time of the next request by the event loop's clock."""


class Fetcher(Closing):
    """Reads pages within the limits of a deployment. An async context manager, one per run.

    It remembers connections, robots.txt files and the turns of hosts for its life. Calls may be concurrent.
    """

    def __init__(
        self, configuration: Settings, *, resolve: Resolve = resolve_by_system, transport: Transport | None = None
    ) -> None:
        """Take the limits and the exempt hosts from the configuration.

        Args:
            configuration: Its `fetch_timeout_s`, `fetch_max_bytes` and `allow_private_hosts` are read.
            resolve: Resolves host names to addresses, once per request.
            transport: Carries the requests. None connects to the resolved addresses.
        """
        self._timeout_s = configuration.fetch_timeout_s
        self._page = Wanted(configuration.fetch_max_bytes, _TEXT_TYPES, is_head_enough=True)
        self._sitemap = Wanted(configuration.fetch_max_bytes, _TEXT_TYPES | _PACKED_TYPES, is_head_enough=True)
        self._guard = AddressGuard(
            configuration.allow_private_hosts, resolve, example_sites_url=configuration.example_sites_url
        )
        self._connections = Connections(self._guard, transport)
        self._robots: dict[str, Robots] = {}
        self._robots_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._turns: defaultdict[str, _Turns] = defaultdict(_Turns)

    async def aclose(self) -> None:
        """Close its connections."""
        await self._connections.aclose()

    async def fetch(self, url: str) -> Page:
        """Read one page with its frames. Redirects and the page's own refreshes are followed.

        Raises:
            FetchRefused: The address is not public, robots.txt forbids it, the answer is a 4xx or is not text, or the
                redirects do not end.
            ProviderUnavailable: The host does not answer in time, asks for a later request, or answers with a 5xx.
        """
        page = await self._fetch_document(url)
        for _ in range(MAX_REFRESHES):
            if not _sends_on(page):
                break
            page = replace(await self._fetch_document(page.refresh_url), url=url)
        return with_frames(page, await self._fetch_frames(page)) if page.frame_urls else page

    async def fetch_readable(self, url: str) -> Page | None:
        """Read one page that an answer can do without. None: it cannot be read, or shows nothing to read."""
        try:
            page = await self.fetch(url)
        except (FetchRefused, ProviderUnavailable) as exc:
            log.info("page_not_read", error_code=exc.code)
            return None
        return None if page.unreadable_reason else page

    async def _fetch_document(self, url: str) -> Page:
        reply = await self._follow(url, lambda target, budget: self._ask_in_turn(target, budget, self._page))
        reading = await asyncio.to_thread(_read, reply)  # Parsing takes up to seconds and must not block the loop.
        return Page(
            **asdict(reading),
            url=url,
            final_url=str(reply.url),
            status=reply.status,
            fetched_bytes=len(reply.body),
            is_cut=not reply.is_whole,
        )

    async def _fetch_frames(self, page: Page) -> list[Page]:
        frames = []
        for url in page.frame_urls:
            try:
                frames.append(await self._fetch_document(url))
            except (FetchRefused, ProviderUnavailable) as exc:  # The other frames may have enough text.
                log.info("frame_not_read", error_code=exc.code)
        return frames

    async def sitemap_urls(self, site_url: str, is_telling: Callable[[str], object] | None = None) -> tuple[str, ...]:
        """Return the pages in a site's sitemaps. A site without a readable sitemap has none.

        Args:
            site_url: Address of a page of the site.
            is_telling: Tells which addresses come first, so that they are not cut off. None keeps the order of the
                files.

        Raises:
            FetchRefused: The address is not public.
            ProviderUnavailable: Its robots.txt cannot be read now, so no page may be read.
        """
        target = self._guard.target(site_url)
        waiting = list(_on_site(site_url, (await self._robots_of(target)).sitemaps)) or [f"{target.origin}/sitemap.xml"]
        asked: dict[str, Sitemap] = {}
        while waiting and len(asked) < MAX_SITEMAPS:
            url = waiting.pop(0)
            if url not in asked:
                asked[url] = await self._read_sitemap(url)
                waiting += _on_site(site_url, asked[url].sitemaps[:MAX_SITEMAP_URLS])
        listed = (page for sitemap in asked.values() for page in sitemap.pages)
        pages = _on_site(site_url, islice(listed, MAX_SITEMAP_CANDIDATES))
        return tuple(sorted(pages, key=lambda page: not (is_telling and is_telling(page)))[:MAX_SITEMAP_URLS])

    async def _read_sitemap(self, url: str) -> Sitemap:
        try:
            reply = await self._follow(url, lambda target, budget: self._ask_in_turn(target, budget, self._sitemap))
        except (FetchRefused, ProviderUnavailable) as exc:  # A sitemap is optional. Many sites have none.
            log.info("sitemap_not_read", error_code=exc.code)
            return Sitemap()
        return await asyncio.to_thread(lambda: parse_sitemap(unpacked(reply.body, self._sitemap.max_bytes)))

    async def _follow(self, url: str, ask: Callable[[Target, Budget], Awaitable[HttpReply]]) -> HttpReply:
        effects.require("read", "read the web")
        target, budget = self._guard.target(url), Budget(self._timeout_s)
        for _ in range(1 + MAX_REDIRECTS):
            reply = await ask(target, budget)
            if reply.location is None:
                return reply
            target = self._guard.target(reply.location, base=target.url)
        raise FetchRefused(url, f"it was redirected more than {MAX_REDIRECTS} times")

    async def _ask_in_turn(self, target: Target, budget: Budget, wanted: Wanted) -> HttpReply:
        robots = await self._robots_of(target)
        if not robots.allows(str(target.url)):
            raise FetchRefused(str(target.url), "the robots.txt of its site forbids it")
        async with self._turn(target, robots):
            return await self._connections.ask(target, budget, wanted)

    @asynccontextmanager
    async def _turn(self, target: Target, robots: Robots) -> AsyncIterator[None]:
        """Wait for the next turn of the host. Later requests wait longer."""
        turns, loop = self._turns[target.host], asyncio.get_running_loop()
        async with turns.lock:
            await asyncio.sleep(max(0.0, turns.ready_at - loop.time()))
            try:
                yield
            finally:
                turns.ready_at = loop.time() + max(robots.delay_s, 0.0 if target.is_exempt else _POLITE_DELAY_S)

    async def _robots_of(self, target: Target) -> Robots:
        """Return the rules of the target's origin, which are read once.

        A missing robots.txt (4xx) allows everything. One that cannot be read now forbids everything for now. Its error
        is
        thus the page's error.
        """
        async with self._robots_locks[target.origin]:
            if target.origin not in self._robots:
                self._robots[target.origin] = await self._read_robots(f"{target.origin}/robots.txt")
        return self._robots[target.origin]

    async def _read_robots(self, url: str) -> Robots:
        try:
            reply = await self._follow(url, lambda target, budget: self._connections.ask(target, budget, _ROBOTS))
        except FetchRefused as exc:
            log.debug("robots_absent", error_code=exc.code)
            return Robots("")
        return Robots(decode(reply.body))


def _sends_on(page: Page) -> bool:
    """Tell whether a page only sends a browser to another one."""
    is_elsewhere = bool(page.refresh_url) and page_key(page.refresh_url) != page_key(page.final_url)
    return is_elsewhere and len(page.text) <= MAX_NOTE_CHARS


def with_frames(page: Page, frames: Sequence[Page]) -> Page:
    """Return a page with the content of its frames."""
    parts = (page, *frames)
    text = "\n".join(part.text for part in parts if part.text)
    return replace(
        page,
        title=page.title or next((part.title for part in frames if part.title), ""),
        text=text,
        markdown="\n\n".join(part.markdown for part in parts if part.markdown),
        links=tuple(dict.fromkeys(link for part in parts for link in part.links)),
        emails=tuple(dict.fromkeys(email for part in parts for email in part.emails)),
        unreadable_reason="" if text else "the frames of the page are empty",
    )


def _read(reply: HttpReply) -> Reading:
    text = decode(reply.body, reply.charset)
    return read_html(text, str(reply.url)) if reply.content_type in _HTML_TYPES else read_plain(text)


def _on_site(site_url: str, urls: Iterable[str]) -> tuple[str, ...]:
    """Return the URLs on the site, absolute and each once."""
    found = (absolute(site_url, url) for url in urls)
    return tuple(dict.fromkeys(url for url in found if url and same_site(url, site_url)))
