"""Read the home pages of many companies side by side. A site that cannot be read stops none of the others."""

from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from agentic_sales.rules.company_page import HomeText, home_text
from agentic_sales.settings import Settings
from agentic_sales.side_by_side import ask_each
from agentic_sales.sources.web import Fetcher

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
    distinct = list(dict.fromkeys(domains))

    async def one(domain: str) -> HomeText | None:
        home = await read_home(web, f"https://{domain}/")
        read(domain)
        return home

    async with Fetcher(configuration) as web:
        return dict(zip(distinct, await ask_each(distinct, one, at_once=SITES_AT_ONCE), strict=True))


async def read_home(web: Fetcher, url: str) -> HomeText | None:
    """Return a home page. None: the site does not answer, refuses, or shows nothing to read."""
    page = await web.fetch_readable(url)
    return home_text(page.title, page.final_url, page.markdown) if page else None


async def read_offer(configuration: Settings, url: str) -> tuple[str, list[str]]:
    """Return the plain text of one home page, and the reason if it cannot be read. No address has no text."""
    if not url:
        return "", []
    async with Fetcher(configuration) as web:
        home = await read_home(web, url)
    return (home.text, []) if home else ("", [f"{urlsplit(url).hostname or url}: its home page cannot be read"])
