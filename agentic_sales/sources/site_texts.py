"""Read the telling pages of one company's site. A site that cannot be read is told, and is no failure."""

from urllib.parse import urlsplit

import structlog

from agentic_sales.errors import FetchRefused, ProviderUnavailable
from agentic_sales.settings import Settings
from agentic_sales.sources.crawl import Crawl, CrawlLimits, crawl_site
from agentic_sales.sources.service import Unavailable
from agentic_sales.sources.site_pages import is_telling_page
from agentic_sales.sources.web import Fetcher

log = structlog.get_logger()


async def read_site(configuration: Settings, url: str, limits: CrawlLimits, gone: Unavailable) -> Crawl:
    """Return the pages of a site, the telling ones first. There are none if its first page cannot be read.

    Args:
        configuration: Limits and exempt hosts of the fetcher.
        url: Where the site begins; `https://` may be left out.
        limits: Limits of the crawl.
        gone: Is told the site if it cannot be read.
    """
    address = url.strip() if "://" in url else f"https://{url.strip()}"
    host = urlsplit(address).netloc or address
    try:
        async with Fetcher(configuration) as web:
            found = await crawl_site(web, address, limits, is_telling_page)
    except FetchRefused as exc:
        log.info("site_not_read", error_code=exc.code)
        gone.add([f"{host}: {exc.reason}"])
        return Crawl()
    except ProviderUnavailable as exc:
        gone.note(host, exc)
        return Crawl()
    if found.first.unreadable_reason:
        gone.add([f"{host}: {found.first.unreadable_reason}"])
    return found
