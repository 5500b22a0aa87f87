"""Ask the sources for the people of a company: GitHub, papers, and the company's own pages.

Each function answers for one source and notes it where it cannot serve. Empty and missing are two answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin, urlsplit

import structlog

from agentic_sales.errors import AgenticSalesError, FetchRefused, NotFound, ProviderUnavailable
from agentic_sales.rules.company_identity import site_of
from agentic_sales.rules.company_people import CompanyPerson, is_this_company
from agentic_sales.rules.company_signs import plain_text
from agentic_sales.rules.team_pages import MOST_PAGES, USUAL_PATHS, is_team_page
from agentic_sales.settings import Settings
from agentic_sales.sources.github import GitHub
from agentic_sales.sources.links import same_site
from agentic_sales.sources.openalex import OpenAlex
from agentic_sales.sources.service import Unavailable
from agentic_sales.sources.web import Fetcher, Page

log = structlog.get_logger()
MOST_MEMBERS = 25
MOST_WORKS = 100
MOST_ORGANIZATIONS = 5
PAPERS_OF_DAYS = 5 * 365
"""Age in days up to which a paper tells where its authors work."""


@dataclass
class SiteText:
    """Pages of a company's site that may name its people."""

    pages: dict[str, str] = field(default_factory=dict)
    """Plain text by address."""
    emails: dict[str, str] = field(default_factory=dict)
    """Page of each address that is printed."""
    organizations: list[str] = field(default_factory=list)
    """Logins that the site links to on GitHub."""


async def read_team_pages(configuration: Settings, url: str, gone: Unavailable) -> SiteText:
    """Read the home page and the pages that name people: those it links to, else the usual ones."""
    found = SiteText()
    async with Fetcher(configuration) as web:
        home = await _page(web, url, gone)
        if home is None:
            return found
        _take(found, home)
        linked = [link for link in home.links if same_site(link, home.final_url) and is_team_page(link)]
        wanted = linked or [urljoin(home.final_url, path) for path in USUAL_PATHS]
        for address in list(dict.fromkeys(wanted))[:MOST_PAGES]:
            if (page := await _page(web, address, gone)) is not None:
                _take(found, page)
    return found


async def github_people(
    configuration: Settings, name: str, domain: str, logins: Sequence[str], gone: Unavailable
) -> list[CompanyPerson]:
    """Return the public members of the company's organisation on GitHub with their names, 25 at most.

    Args:
        configuration: Key and URL of GitHub.
        name: Name of the company.
        domain: Domain of its site.
        logins: Organisations that its site links to. Without one the name is searched for.
        gone: Is told if GitHub cannot serve.
    """
    found: list[CompanyPerson] = []
    try:
        async with GitHub(configuration) as github:
            login = await _organization(github, name, domain, logins)
            if not login:
                return found
            async for account in github.members(login, page_size=MOST_MEMBERS):
                if len(found) >= MOST_MEMBERS:
                    break
                user = await github.user(account.login)
                if user.name:
                    url = f"https://github.com/orgs/{login}/people"
                    found.append(CompanyPerson(name=user.name, source="gh", url=url, profile=user.url))
    except AgenticSalesError as exc:
        gone.note("github", exc)
    return found


async def paper_people(configuration: Settings, name: str, domain: str, gone: Unavailable) -> list[CompanyPerson]:
    """Return the authors of recent papers with the company as their institution."""
    since = (datetime.now(UTC) - timedelta(days=PAPERS_OF_DAYS)).date()
    found: dict[str, CompanyPerson] = {}
    try:
        async with OpenAlex(configuration) as openalex:
            institutions = [entry async for entry in openalex.search_institutions(name, most=MOST_ORGANIZATIONS)]
            own = [i for i in institutions if is_this_company(i.name, i.homepage, wanted=name, domain=domain)]
            for institution in own[:1]:
                async for work in openalex.works_of_institution(institution.id, since=since, most=MOST_WORKS):
                    for author in work.authorships:
                        if institution.id in {each.id for each in author.institutions}:
                            profile = f"https://orcid.org/{author.orcid}" if author.orcid else ""
                            told = {"profile": profile, "orcid": author.orcid or ""}
                            person = CompanyPerson(name=author.name, source="papers", url=work.page, **told)
                            found.setdefault(author.author_id or author.name, person)
    except AgenticSalesError as exc:
        gone.note("openalex", exc)
    return list(found.values())


async def _organization(github: GitHub, name: str, domain: str, logins: Sequence[str]) -> str:
    """Return the login of the company's organisation. A site that it links back to is the proof, or the same name."""
    candidates = list(dict.fromkeys(logins))[:MOST_ORGANIZATIONS]
    if not candidates and name:
        found = github.search_accounts(f"{name} type:org", most=MOST_ORGANIZATIONS)
        candidates = [account.login async for account in found]
    for login in candidates:
        try:
            organization = await github.organization(login)
        except NotFound:
            continue
        site = site_of(organization.website or "")
        is_linked = login in logins and site in (None, domain)
        named = organization.name or organization.login
        if is_linked or is_this_company(named, organization.website, wanted=name, domain=domain):
            return organization.login
    return ""


def _take(found: SiteText, page: Page) -> None:
    found.pages.setdefault(page.final_url, plain_text(page.markdown))
    for email in page.emails:
        found.emails.setdefault(email, page.final_url)
    for link in page.links:
        parts = urlsplit(link)
        login = parts.path.strip("/").partition("/")[0]
        if parts.hostname in {"github.com", "www.github.com"} and login and login not in found.organizations:
            found.organizations.append(login)


async def _page(web: Fetcher, url: str, gone: Unavailable) -> Page | None:
    """Return a page. None: it is not there, says no to robots, or shows nothing. A site that fails is noted."""
    try:
        page = await web.fetch(url)
    except FetchRefused as exc:
        log.info("team_page_not_read", url=url, error_code=exc.code)
        return None
    except ProviderUnavailable as exc:
        gone.note(urlsplit(url).hostname or url, exc)
        return None
    return None if page.unreadable_reason else page
