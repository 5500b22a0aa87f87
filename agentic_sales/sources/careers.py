"""Find and read the careers page of a company's site."""

from collections.abc import Iterable
from urllib.parse import urlsplit

import structlog

from agentic_sales.errors import FetchRefused, ProviderUnavailable
from agentic_sales.rules.company_words import OWN_WORDS
from agentic_sales.sources.links import is_page, page_key, same_site
from agentic_sales.sources.web import Fetcher, Page

log = structlog.get_logger()


async def fetch_careers(web: Fetcher, home: Page) -> Page | None:
    """Read the careers page that a home page links to. None without such a link or if the page cannot be read."""
    url = find_careers_url(home.links, home.final_url)
    if url is None:
        return None
    try:
        page = await web.fetch(url)
    except (FetchRefused, ProviderUnavailable) as exc:  # The answer can do without this page.
        log.info("careers_page_not_read", error_code=exc.code)
        return None
    return None if page_key(page.final_url) == page_key(home.final_url) else page


def find_careers_url(links: Iterable[str], home_url: str) -> str | None:
    """Return the link to the careers page, or None. A page on the site goes before a job board."""
    pages = [link for link in links if is_page(link) and page_key(link) != page_key(home_url)]
    own = [link for link in pages if same_site(link, home_url) and OWN_WORDS.careers_path.search(urlsplit(link).path)]
    boards = [link for link in pages if OWN_WORDS.job_board_host.search(urlsplit(link).hostname or "")]
    return next(iter(sorted(own, key=len) or boards), None)
