"""Read the parts of a site that its home page links to. A part that cannot be read stops none of the others."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import structlog

from agentic_sales.errors import FetchRefused, ProviderUnavailable
from agentic_sales.sources.links import is_page, same_site
from agentic_sales.sources.web import Fetcher, Page

log = structlog.get_logger()
FindPart = Callable[[Page], str]
"""Returns the address of a part among the links of a home page. Empty: the site has none."""


@dataclass
class SiteParts:
    """The pages of a site."""

    pages: dict[str, Page] = field(default_factory=dict)
    """Pages that were read by their names, `home` among them. Empty: the site cannot be read."""
    unread: list[str] = field(default_factory=list)
    """Pages that the home page links to and that cannot be read now."""
    failures: list[str] = field(default_factory=list)
    """The reasons of pages that cannot be read."""


async def read_parts(web: Fetcher, url: str, parts: Mapping[str, FindPart]) -> SiteParts:
    """Return the home page of a site and the parts of it. Nothing that cannot be read raises."""
    site = SiteParts()
    home = await _page(web, url, site)
    if home is None:
        return site
    site.pages["home"] = home
    for name, find in parts.items():
        address = find(home)
        page = await _page(web, address, site) if address else None
        if page is not None:
            site.pages[name] = page
        elif address:
            site.unread.append(name)
    return site


def first_link(path: re.Pattern[str]) -> FindPart:
    """Return a finder of the first link on the site with a pattern in its path."""

    def find(home: Page) -> str:
        links = (link for link in home.links if is_page(link) and path.search(urlsplit(link).path))
        return next((link for link in links if same_site(link, home.final_url)), "")

    return find


async def _page(web: Fetcher, url: str, site: SiteParts) -> Page | None:
    host = urlsplit(url).hostname or url
    try:
        page = await web.fetch(url)
    except (FetchRefused, ProviderUnavailable) as exc:
        log.info("part_of_site_not_read", error_code=exc.code)
        site.failures.append(f"{host}: {exc}")
        return None
    if page.unreadable_reason or not page.markdown.strip():
        site.failures.append(f"{host}: {page.unreadable_reason or 'the page shows no text'}")
        return None
    return page
