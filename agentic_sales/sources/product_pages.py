"""Turn the crawl of a product's site into texts, and read further pages of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from agentic_sales.rules.company_signs import plain_text
from agentic_sales.settings import Settings
from agentic_sales.sources.crawl import Crawl, CrawlLimits
from agentic_sales.sources.links import is_page, page_key, same_site
from agentic_sales.sources.service import Unavailable
from agentic_sales.sources.site_texts import read_site
from agentic_sales.sources.web import Fetcher

MOST_CHARS = 30_000
"""Letters that are kept of one page."""
MOST_LISTED = 200
"""Addresses of a site that are kept."""


@dataclass
class SiteTexts:
    """Pages of one site as texts."""

    pages: dict[str, str] = field(default_factory=dict)
    """Plain text of each page by its address."""
    page_titles: dict[str, str] = field(default_factory=dict)
    """Title of each page."""
    failed_urls: list[str] = field(default_factory=list)
    """Addresses that could not be read."""
    candidate_urls: list[str] = field(default_factory=list)
    """All addresses of the site that were found."""
    unread: list[str] = field(default_factory=list)
    """Addresses of the site that pages link to, and that were neither read nor failed."""


def texts_of(crawl: Crawl) -> SiteTexts:
    """Return the pages of a crawl as texts."""
    found = SiteTexts(failed_urls=[url for url, _ in crawl.skipped])
    for page, _ in crawl.pages:
        found.pages[page.final_url] = plain_text(page.markdown)[:MOST_CHARS]
        found.page_titles[page.final_url] = page.title
    if crawl.pages:
        known = {page_key(url) for url in (*found.pages, *found.failed_urls)}
        links = (link for link in crawl.links if is_page(link) and same_site(link, crawl.first.final_url))
        found.unread = [link for link in dict.fromkeys(links) if page_key(link) not in known][:MOST_LISTED]
    found.candidate_urls = [*found.pages, *found.failed_urls, *found.unread]
    return found


async def texts_for(
    configuration: Settings, url: str, given: Mapping[str, str], limits: CrawlLimits, gone: Unavailable
) -> SiteTexts:
    """Return the pages of a site as texts, or those that are given by value. Nothing is fetched then.

    Args:
        configuration: Settings.
        url: The site.
        given: Plain text of each page by its address. Empty: the site is read.
        limits: Limits of the crawl.
        gone: Takes in the sources that do not serve.
    """
    if given:
        return SiteTexts(pages={page: text[:MOST_CHARS] for page, text in given.items()}, candidate_urls=[*given])
    return texts_of(await read_site(configuration, url, limits, gone))


async def read_more(configuration: Settings, urls: Iterable[str]) -> SiteTexts:
    """Read pages one after the other. One that cannot be read, or that leads to another site, is told and left out."""
    found = SiteTexts()
    async with Fetcher(configuration) as web:
        for url in urls:
            page = await web.fetch_readable(url)
            if page is None or not same_site(page.final_url, url):
                found.failed_urls.append(url)
            else:
                found.pages[page.final_url] = plain_text(page.markdown)[:MOST_CHARS]
                found.page_titles[page.final_url] = page.title
    return found
