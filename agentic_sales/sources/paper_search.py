"""Search papers at OpenAlex and return their authors for the rules."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date

from agentic_sales.errors import AgenticSalesError
from agentic_sales.rules.paper_leads import ListedAuthor, ListedPaper
from agentic_sales.settings import Settings
from agentic_sales.sources.author_papers import paper_of_work
from agentic_sales.sources.openalex import Authorship, OpenAlex, Work
from agentic_sales.sources.service import Unavailable

_LEADING = frozenset({"first", "last"})


async def authors_of_queries(
    configuration: Settings,
    queries: Sequence[str],
    gone: Unavailable,
    *,
    most: int,
    since_year: int | None = None,
    searched: Callable[[str], None] = lambda _: None,
) -> tuple[list[ListedAuthor], list[str]]:
    """Return the authors of the papers that searches find, and the searches that were served.

    A search that fails stops none of the others.

    Args:
        configuration: OpenAlex's URL and key.
        queries: Searches.
        gone: Is told if OpenAlex does not serve.
        most: Most papers of a search.
        since_year: Only papers from this year on. None: all.
        searched: Is told each search when it is done.

    Raises:
        RateLimited: The run is a batch run, and it is delivered again when the pause is over.
    """
    authors, served = list[ListedAuthor](), list[str]()
    since = date(since_year, 1, 1) if since_year else None
    async with OpenAlex(configuration) as openalex:
        for query in queries:
            try:
                async for work in openalex.search_works(query, since=since, most=most):
                    authors += _authors_of(work, query)
                served.append(query)
            except AgenticSalesError as exc:
                gone.note(openalex.name, exc)
            searched(query)
    return authors, served


def _authors_of(work: Work, query: str) -> Iterator[ListedAuthor]:
    if not work.title:
        return
    found = paper_of_work(work)
    paper = ListedPaper(
        key=found.thing_key,
        title=found.title,
        url=found.url,
        abstract=work.abstract or "",
        year=found.year,
        query=query,
    )
    for authorship in work.authorships:
        yield _author(authorship, paper)


def _author(authorship: Authorship, paper: ListedPaper) -> ListedAuthor:
    institution = next(iter(authorship.institutions), None)
    profile = f"https://orcid.org/{authorship.orcid}" if authorship.orcid else ""
    if not profile and authorship.author_id:
        profile = f"https://openalex.org/{authorship.author_id}"
    return ListedAuthor(
        name=authorship.name,
        profile=profile,
        institution=institution.name if institution else "",
        institution_type=(institution.type if institution else None) or "",
        institution_url=(institution.homepage if institution else None) or "",
        is_leading=authorship.position in _LEADING or bool(authorship.is_corresponding),
        paper=paper,
    )
