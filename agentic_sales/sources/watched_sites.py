"""Read the pages of a site by which it is told whether it has changed: home, prices, features."""

from urllib.parse import urlsplit

import structlog

from agentic_sales.errors import FetchRefused, ProviderUnavailable
from agentic_sales.rules.freshness import FEATURES_PATH, PageRole
from agentic_sales.sources.links import is_page, same_site
from agentic_sales.sources.site_pages import pricing_among
from agentic_sales.sources.web import Fetcher, Page

log = structlog.get_logger()


async def read_watched(
    web: Fetcher, url: str, *, markdown: str = ""
) -> tuple[dict[PageRole, tuple[str, str]], list[PageRole], list[str]]:
    """Return the pages of a site that can be read, those that it has and that cannot, and what is to be said of them.

    A page is its address and its Markdown. Nothing that cannot be read raises. With `markdown`, the caller has read the
    home page, and nothing else is read.
    """
    if markdown.strip():
        return {"home": (url, markdown)}, [], []
    failures: list[str] = []
    home = await _page(web, url, failures)
    if home is None:
        return {}, [], failures
    pages: dict[PageRole, tuple[str, str]] = {"home": (home.final_url, home.markdown)}
    unread: list[PageRole] = []
    for role, address in _linked(home).items():
        page = await _page(web, address, failures) if address else None
        if page is not None:
            pages[role] = (page.final_url, page.markdown)
        elif address:
            unread.append(role)
    return pages, unread, failures


def _linked(home: Page) -> dict[PageRole, str]:
    features = (link for link in home.links if is_page(link) and FEATURES_PATH.search(urlsplit(link).path))
    return {
        "pricing": pricing_among(home.links, home.final_url),
        "features": next((link for link in features if same_site(link, home.final_url)), ""),
    }


async def _page(web: Fetcher, url: str, failures: list[str]) -> Page | None:
    host = urlsplit(url).hostname or url
    try:
        page = await web.fetch(url)
    except (FetchRefused, ProviderUnavailable) as exc:
        log.info("watched_page_not_read", error_code=exc.code)
        failures.append(f"{host}: {exc}")
        return None
    if page.unreadable_reason or not page.markdown.strip():
        failures.append(f"{host}: {page.unreadable_reason or 'the page shows no text'}")
        return None
    return page
