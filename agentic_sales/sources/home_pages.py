"""Read the home pages of many companies side by side. A site that cannot be read stops none of the others."""

import asyncio
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

import structlog

from agentic_sales.errors import FetchRefused, ProviderUnavailable
from agentic_sales.rules.company_page import HomeText, home_text
from agentic_sales.settings import Settings
from agentic_sales.sources.web import Fetcher

log = structlog.get_logger()
SITES_AT_ONCE = 6


async def read_homes(
    configuration: Settings, domains: Iterable[str], *, read: Callable[[str], None] = lambda _: None
) -> dict[str, HomeText | None]:
    """Return the home page of each domain. None: it cannot be read.

    Args:
        configuration: Limits and exempt hosts of the fetcher.
        domains: Domains of the sites.
        read: Is told each domain when it is done.
    """
    found, turns = dict[str, HomeText | None](), asyncio.Semaphore(SITES_AT_ONCE)

    async def one(domain: str) -> None:
        async with turns:
            found[domain] = await read_home(web, f"https://{domain}/")
        read(domain)

    async with Fetcher(configuration) as web:
        await asyncio.gather(*map(one, dict.fromkeys(domains)))
    return found


async def read_home(web: Fetcher, url: str) -> HomeText | None:
    """Return a home page. None: the site does not answer, refuses, or shows nothing to read."""
    try:
        page = await web.fetch(url)
    except (FetchRefused, ProviderUnavailable) as exc:
        log.info("home_page_not_read", url=url, error_code=exc.code)
        return None
    return None if page.unreadable_reason else home_text(page.title, page.final_url, page.markdown)


async def read_offer(configuration: Settings, url: str) -> tuple[str, list[str]]:
    """Return the plain text of one home page, and what is to be said if it cannot be read. No address has no text."""
    if not url:
        return "", []
    async with Fetcher(configuration) as web:
        home = await read_home(web, url)
    return (home.text, []) if home else ("", [f"{urlsplit(url).hostname or url}: its home page cannot be read"])
