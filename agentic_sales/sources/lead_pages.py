"""Read the pages of a repository's owner: the telling ones of its site, its contributors, and hits of a search."""

from collections.abc import Callable, Iterable, Sequence
from urllib.parse import urljoin, urlsplit

from agentic_sales.errors import AgenticSalesError, NotFound
from agentic_sales.rules.company_identity import site_of
from agentic_sales.rules.company_signs import plain_text
from agentic_sales.rules.words import folded
from agentic_sales.settings import Settings
from agentic_sales.sources.github import GitHub, User
from agentic_sales.sources.links import is_page, page_key, same_site
from agentic_sales.sources.search import search_each
from agentic_sales.sources.search_engines import SearchHit
from agentic_sales.sources.service import Unavailable
from agentic_sales.sources.web import Fetcher

MOST_PAGES = 5
LONGEST_PAGE_CHARS = 20_000
MOST_CONTRIBUTORS = 5
MOST_HITS = 5
_TELLING = ("about", "team", "company", "pricing", "careers", "jobs", "press", "news", "blog")


async def read_site(
    configuration: Settings, home_url: str, *, read: Callable[[str], None] = lambda _: None
) -> dict[str, str]:
    """Return the text of a home page and of the telling pages that it links to, by address.

    Args:
        configuration: Limits of the fetcher.
        home_url: Address of the home page. Empty: there is none.
        read: Is told each address when it is done.

    Returns:
        Nothing if the home page cannot be read. A page that cannot be read is left out.
    """
    pages: dict[str, str] = {}
    if not home_url:
        return pages
    async with Fetcher(configuration) as web:
        wanted = [home_url]
        while wanted and len(pages) < MOST_PAGES:
            url = wanted.pop(0)
            page = await web.fetch_readable(url)
            read(url)
            if page is None:
                continue
            if not pages:
                wanted = _telling_among(page.links, page.final_url)
            pages.setdefault(page.final_url, plain_text(page.markdown)[:LONGEST_PAGE_CHARS])
    return pages


def _telling_among(links: Iterable[str], home_url: str) -> list[str]:
    """Return the links to pages that tell about a company, in the order of their subjects."""
    own = [
        link for link in links if is_page(link) and same_site(link, home_url) and page_key(link) != page_key(home_url)
    ]
    ranked = {
        link: _TELLING.index(part)
        for link in own
        if (part := urlsplit(urljoin(home_url, link)).path.strip("/").split("/")[0].lower()) in _TELLING
    }
    return sorted(ranked, key=lambda link: (ranked[link], link))


async def contributors_of(configuration: Settings, full_name: str, gone: Unavailable) -> list[User]:
    """Return the busiest contributors that are people with an account.

    Raises:
        RateLimited: The run is a batch run, and it is delivered again when the pause is over.
    """
    found: list[User] = []
    try:
        async with GitHub(configuration) as github:
            async for one in github.contributors(full_name, page_size=2 * MOST_CONTRIBUTORS):
                if one.login and one.type == "User" and not one.login.endswith("[bot]"):
                    found.append(await github.user(one.login))
                if len(found) >= MOST_CONTRIBUTORS:
                    break
    except NotFound:
        return found
    except AgenticSalesError as exc:
        gone.note("github", exc)
    return found


async def web_results(configuration: Settings, name: str, site: str | None, gone: Unavailable) -> list[SearchHit]:
    """Return hits on an owner's money and news. A hit that does not name the owner is left out.

    Raises:
        RateLimited: See `contributors_of`.
    """
    hits = await search_each(configuration, _searches(name), gone, count=2 * MOST_HITS)
    wanted = f" {folded(name)} "
    named = [
        hit
        for hit in {hit.url: hit for hit in hits}.values()
        if wanted in f" {folded(f'{hit.title} {hit.snippet}')} " or (site and site_of(hit.url) == site)
    ]
    return named[:MOST_HITS]


def _searches(name: str) -> Sequence[str]:
    return [f"{name} funding", f"{name} launch"]
