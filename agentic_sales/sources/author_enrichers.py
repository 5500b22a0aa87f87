"""Ask each service about a paper's author. Every function answers for one, with a status.

`not_found` says that a service has nobody. A failure of the service is another status, and it is noted.
"""

from collections.abc import Sequence
from typing import Any

import structlog

from agentic_sales.errors import (
    AgenticSalesError,
    Blocked,
    CredentialMissing,
    CredentialRefused,
    FetchRefused,
    NotFound,
    ProviderUnavailable,
    QuotaSpent,
    RateLimited,
)
from agentic_sales.rules.authors import (
    AUTHOR_OK,
    GITHUB_LOW,
    GITHUB_OK,
    SoughtPerson,
    author_score,
    best,
    name_likeness,
)
from agentic_sales.rules.paper_authors import MOST_TOPICS, ServiceStatus
from agentic_sales.rules.papers import FoundPaper, tags_in
from agentic_sales.rules.team_pages import is_address_of
from agentic_sales.settings import Settings
from agentic_sales.sources.author_papers import MOST_NAMESAKES, MOST_WORKS, find_accounts, find_author, paper_of_work
from agentic_sales.sources.github import GitHub
from agentic_sales.sources.openalex import Institution, OpenAlex, Work
from agentic_sales.sources.orcid import Orcid
from agentic_sales.sources.semantic_scholar import SemanticScholar
from agentic_sales.sources.service import Unavailable
from agentic_sales.sources.web import Fetcher

log = structlog.get_logger()
MOST_HOMEPAGES = 2
LONGEST_EXTRACT_CHARS = 500
_PROFILES = ("linkedin.com", "twitter.com", "x.com", "scholar.google", "researchgate.net", "orcid.org", "github.com")
"""Pages of services, which are no personal ones."""


def status_of(exc: AgenticSalesError) -> ServiceStatus:
    """Return the status that an error of a service stands for."""
    match exc:
        case NotFound():
            return "not_found"
        case Blocked():
            return "legal_hold"
        case RateLimited() | QuotaSpent():
            return "rate_limited"
        case CredentialMissing() | CredentialRefused():
            return "auth_error"
        case _:
            return "transient_error"


async def resolve_author(
    configuration: Settings, wanted: SoughtPerson, gone: Unavailable
) -> tuple[dict[str, Any], list[FoundPaper]]:
    """Return OpenAlex's record of a person, and the papers."""
    try:
        async with OpenAlex(configuration) as openalex:
            found = await find_author(openalex, wanted)
            if found is None:
                return {"openalex_status": "not_found"}, []
            score, author = found
            works = [work async for work in openalex.works_of_author(author.id, most=MOST_WORKS)]
    except AgenticSalesError as exc:
        return {"openalex_status": _noted("openalex", exc, gone)}, []
    papers = [paper_of_work(work) for work in works]
    places = author.institutions or _places_in(works, author.id)
    place = next(iter(places), None)
    told: dict[str, Any] = {
        "openalex_id": author.id,
        "openalex_status": "ok",
        "orcid": author.orcid or wanted.orcid,
        "display_name": author.name,
        "works_count": author.works,
        "cited_by_count": author.cited_by,
        "h_index": author.h_index,
        "topics": [entry.tag for entry in tags_in(papers).tags][:MOST_TOPICS],
        "match_confidence": score,
        "resolve_source": "orcid" if wanted.orcid and author.orcid == wanted.orcid else "search",
        "additional_institution_types": [each.type for each in places[1:] if each.type],
    }
    if place is not None:
        told |= {
            "institution": place.name,
            "institution_country": place.country or "",
            "institution_id": place.id,
            "institution_ror": place.ror or "",
            "institution_type": place.type or "",
        }
    return told, papers


def _places_in(works: Sequence[Work], author_id: str) -> tuple[Institution, ...]:
    """Return the institutions that the newest paper names for an author. Many authors have no last known one."""
    dated = sorted(works, key=lambda work: str(work.published_on or ""), reverse=True)
    own = (part for work in dated for part in work.authorships if part.author_id == author_id and part.institutions)
    part = next(own, None)
    return part.institutions if part else ()


async def github_of(configuration: Settings, wanted: SoughtPerson, gone: Unavailable) -> dict[str, Any]:
    """Return the person's account on GitHub, as far as one is surely the person's."""
    try:
        async with GitHub(configuration) as github:
            found = await find_accounts(github, wanted)
    except AgenticSalesError as exc:
        return {"github_handle_status": "api_error", "github_profile_status": _noted("github", exc, gone)}
    first = next(iter(found), None)
    if first is None or first.score < GITHUB_LOW:
        return {"github_handle_status": "no_match", "github_profile_status": "not_found"}
    told: dict[str, Any] = {"github_confidence": first.score, "github_handle_arm": "fullname"}
    if first.score < GITHUB_OK:
        return told | {"github_handle_status": "low_conf", "github_profile_status": "not_found"}
    user = first.user
    evidence = [f"{label}: {value}" for label, value in (("name", user.name), ("employer", user.company)) if value]
    profile = user.model_dump(mode="json", include={"name", "company", "website", "location", "bio", "followers"})
    return told | {
        "github_login": user.login,
        "github_evidence": evidence,
        "github_handle_status": "ok",
        "github_profile": profile,
        "github_profile_status": "ok",
    }


async def orcid_of(configuration: Settings, orcid: str, gone: Unavailable) -> dict[str, Any]:
    """Return the ORCID record. Nothing without an iD."""
    if not orcid:
        return {}
    try:
        async with Orcid(configuration) as client:
            record = await client.researcher(orcid)
    except AgenticSalesError as exc:
        return {"orcid_profile_status": _noted("orcid", exc, gone)}
    posts = [post.model_dump(mode="json") for post in record.employments if post.ended_year is None]
    name = " ".join(filter(None, (record.given_names, record.family_name)))
    return {
        "orcid_profile": {"name": name, "posts": posts, "emails": list(record.emails)},
        "orcid_profile_status": "ok",
        "orcid_researcher_urls": list(record.urls),
    }


async def scholar_of(configuration: Settings, wanted: SoughtPerson, gone: Unavailable) -> dict[str, Any]:
    """Return Semantic Scholar's record of the person."""
    try:
        async with SemanticScholar(configuration) as scholar:
            found = [author async for author in scholar.search_authors(wanted.name, most=MOST_NAMESAKES)]
    except AgenticSalesError as exc:
        return {"scholar_profile_status": _noted("semantic_scholar", exc, gone)}
    named = [author for author in found if name_likeness(author.name, wanted.name)]
    is_alone = len(named) == 1
    scored = [(author_score(each.name, (), None, wanted, is_alone=is_alone), each) for each in named]
    chosen = best(scored, AUTHOR_OK)
    if chosen is None:
        return {"scholar_profile_status": "not_found"}
    return {"scholar_profile": chosen[1].model_dump(mode="json"), "scholar_profile_status": "ok"}


async def homepage_of(
    configuration: Settings, wanted: SoughtPerson, known_url: str, gone: Unavailable
) -> dict[str, Any]:
    """Return the person's own page: the one that is known, or one that the ORCID record names."""
    candidates = [known_url] if known_url else []
    if not candidates and wanted.orcid:
        try:
            async with Orcid(configuration) as client:
                candidates = list((await client.researcher(wanted.orcid)).urls)
        except AgenticSalesError as exc:
            _noted("orcid", exc, gone)
    own = [url for url in candidates if not any(host in url for host in _PROFILES)]
    async with Fetcher(configuration) as web:
        for url in own[:MOST_HOMEPAGES]:
            try:
                page = await web.fetch(url)
            except (FetchRefused, ProviderUnavailable) as exc:
                log.info("author_page_not_read", error_code=exc.code)
                continue
            emails = [email for email in page.emails if is_address_of(email, wanted.name)]
            told = {"homepage_url": page.final_url, "homepage_extract": page.text[:LONGEST_EXTRACT_CHARS]}
            return told | {"homepage_status": "ok", "email_candidates": emails}
    return {"homepage_status": "not_read" if own else "none"}


def _noted(name: str, exc: AgenticSalesError, gone: Unavailable) -> ServiceStatus:
    """Return the status of a failure. A service that has nobody is not noted as one that cannot serve."""
    if not isinstance(exc, NotFound):
        gone.note(name, exc)
    return status_of(exc)
