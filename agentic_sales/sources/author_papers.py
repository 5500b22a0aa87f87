"""Find the papers of a person, and the person's accounts. Where a service cannot serve, the next one is asked."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from agentic_sales.errors import AgenticSalesError, NotFound
from agentic_sales.rules.authors import AUTHOR_OK, SoughtPerson, account_score, author_score, best, name_likeness
from agentic_sales.rules.papers import LONGEST_ABSTRACT_CHARS, FoundPaper, by_author
from agentic_sales.settings import Settings
from agentic_sales.sources.crossref import Crossref, CrossrefWork
from agentic_sales.sources.github import GitHub, User
from agentic_sales.sources.openalex import Author, OpenAlex, Work
from agentic_sales.sources.semantic_scholar import Paper, SemanticScholar
from agentic_sales.sources.service import Unavailable

MOST_WORKS = 50
MOST_NAMESAKES = 10
MOST_ACCOUNTS = 5


@dataclass(frozen=True, slots=True)
class FoundAccount:
    """A GitHub account that may be a person's."""

    user: User
    """The account."""
    score: float
    """How surely it is the person's, 0-1."""


async def papers_of(configuration: Settings, wanted: SoughtPerson, gone: Unavailable) -> list[FoundPaper]:
    """Return the papers of a person from the first service that knows some: OpenAlex, Crossref, Semantic Scholar."""
    asked: tuple[tuple[str, Callable[[Settings, SoughtPerson], Awaitable[list[FoundPaper]]]], ...] = (
        ("openalex", _of_openalex),
        ("crossref", _of_crossref),
        ("semantic_scholar", _of_semantic_scholar),
    )
    for name, ask in asked:
        try:
            found = by_author(await ask(configuration, wanted), wanted.name)
        except AgenticSalesError as exc:
            gone.note(name, exc)
            continue
        if found:
            return found
    return []


async def find_author(openalex: OpenAlex, wanted: SoughtPerson) -> tuple[float, Author] | None:
    """Return the author record of the person, with the score. None: none, or several namesakes."""
    if wanted.orcid:
        try:
            return 1.0, await openalex.author(wanted.orcid)
        except NotFound:
            pass
    found = [author async for author in openalex.search_authors(wanted.name, most=MOST_NAMESAKES)]
    named = [author for author in found if name_likeness(author.name, wanted.name)]
    is_alone = len(named) == 1
    return best(
        [(author_score(a.name, a.institutions, a.orcid, wanted, is_alone=is_alone), a) for a in named], AUTHOR_OK
    )


async def find_accounts(github: GitHub, wanted: SoughtPerson) -> list[FoundAccount]:
    """Return the accounts of a name on GitHub with their scores, the best first."""
    query = f'fullname:"{wanted.name.replace(chr(34), " ")}" type:user'
    logins = [account.login async for account in github.search_accounts(query, most=MOST_ACCOUNTS)]
    users = [await github.user(login) for login in logins]
    named = [user for user in users if name_likeness(user.name or "", wanted.name)]
    scored = [
        FoundAccount(
            user,
            account_score(
                user.login, user.name or "", user.company or "", user.website or "", wanted, is_alone=len(named) == 1
            ),
        )
        for user in users
    ]
    return sorted(scored, key=lambda account: -account.score)


async def _of_openalex(configuration: Settings, wanted: SoughtPerson) -> list[FoundPaper]:
    async with OpenAlex(configuration) as openalex:
        found = await find_author(openalex, wanted)
        return [paper_of_work(w) async for w in openalex.works_of_author(found[1].id, most=MOST_WORKS)] if found else []


async def _of_crossref(configuration: Settings, wanted: SoughtPerson) -> list[FoundPaper]:
    async with Crossref(configuration) as crossref:
        works: AsyncIterator[CrossrefWork] = (
            crossref.works_of_orcid(wanted.orcid, most=MOST_WORKS)
            if wanted.orcid
            else crossref.works_of_author(wanted.name, affiliation=wanted.company, most=MOST_WORKS)
        )
        found = [_of_crossref_work(work) async for work in works]
    return [paper for paper in found if any(name_likeness(author, wanted.name) for author in paper.authors)]


async def _of_semantic_scholar(configuration: Settings, wanted: SoughtPerson) -> list[FoundPaper]:
    async with SemanticScholar(configuration) as scholar:
        query = f"{wanted.name} {wanted.company}".strip()
        found = [_of_scholar_paper(paper) async for paper in scholar.search_papers(query, most=MOST_WORKS)]
    return [paper for paper in found if any(name_likeness(author, wanted.name) for author in paper.authors)]


def paper_of_work(work: Work) -> FoundPaper:
    """Return a work of OpenAlex as a paper."""
    return FoundPaper(
        title=work.title or "",
        authors=[author.name for author in work.authorships],
        year=work.published_on.year if work.published_on else None,
        doi=work.doi or "",
        url=work.page,
        citation_count=work.cited_by,
        source="openalex",
        source_id=work.id,
        abstract=(work.abstract or "")[:LONGEST_ABSTRACT_CHARS],
    )


def _of_crossref_work(work: CrossrefWork) -> FoundPaper:
    return FoundPaper(
        title=work.title or "",
        authors=[a.name or " ".join(filter(None, (a.given, a.family))) for a in work.authors],
        year=work.year,
        doi=work.doi,
        url=f"https://doi.org/{work.doi}",
        citation_count=work.cited_by,
        source="crossref",
        source_id=work.doi,
    )


def _of_scholar_paper(paper: Paper) -> FoundPaper:
    return FoundPaper(
        title=paper.title or "",
        authors=[author.name for author in paper.authors],
        year=paper.year,
        doi=paper.doi or "",
        url=f"https://doi.org/{paper.doi}" if paper.doi else f"https://www.semanticscholar.org/paper/{paper.id}",
        citation_count=paper.cited_by,
        source="semantic_scholar",
        source_id=paper.id,
        abstract=(paper.abstract or "")[:LONGEST_ABSTRACT_CHARS],
    )
