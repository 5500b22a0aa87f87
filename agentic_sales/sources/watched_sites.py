"""Read the pages of a site by which it is told whether it has changed: home, prices, features."""

from typing import cast

from agentic_sales.rules.freshness import FEATURES_PATH, PageRole
from agentic_sales.sources.site_pages import pricing_among
from agentic_sales.sources.site_parts import first_link, read_parts
from agentic_sales.sources.web import Fetcher


async def read_watched(
    web: Fetcher, url: str, *, markdown: str = ""
) -> tuple[dict[PageRole, tuple[str, str]], list[PageRole], list[str]]:
    """Return the pages of a site that can be read, those that cannot, and the reasons.

    A page is its address and its Markdown. Nothing that cannot be read raises. With `markdown`, the caller has read the
    home page, and nothing else is read.
    """
    if markdown.strip():
        return {"home": (url, markdown)}, [], []
    parts = {
        "pricing": lambda home: pricing_among(home.links, home.final_url),
        "features": first_link(FEATURES_PATH),
    }
    site = await read_parts(web, url, parts)
    pages = {cast("PageRole", name): (page.final_url, page.markdown) for name, page in site.pages.items()}
    return pages, [cast("PageRole", name) for name in site.unread], site.failures
