"""Search GitHub's code, and read the organisations of the matches."""

from collections.abc import Callable, Iterable, Sequence

from agentic_sales.errors import AgenticSalesError, NotFound
from agentic_sales.rules.code_hits import CodeMatch, match_of
from agentic_sales.rules.repositories import OwnerFacts
from agentic_sales.rules.verticals import CodeQuery
from agentic_sales.settings import Settings
from agentic_sales.side_by_side import ask_each
from agentic_sales.sources.github import GitHub
from agentic_sales.sources.github_owners import AT_ONCE, owner_of_organization
from agentic_sales.sources.service import Unavailable

PAGE_SIZE = 100


async def search_code(
    configuration: Settings,
    queries: Iterable[CodeQuery],
    gone: Unavailable,
    *,
    pages: int,
    most: int,
    searched: Callable[[str], None] = lambda _: None,
) -> list[CodeMatch]:
    """Return the files that code searches find, each once a stack. A search that fails stops none of the others.

    GitHub allows ten calls a minute for a key. All workers share them.

    Args:
        configuration: Key of GitHub.
        queries: Searches.
        gone: Is told that GitHub did not serve.
        pages: Most pages of 100 files of a search.
        most: Most files in all.
        searched: Is told each search when it is done.

    Raises:
        RateLimited: The run is a batch run, and it is delivered again when the pause is over.
    """
    found: dict[tuple[str, str], CodeMatch] = {}
    async with GitHub(configuration) as github:
        for query in queries:
            left = most - len(found)
            if left <= 0:
                break
            try:
                async for hit in github.search_code(query.query, most=min(left, pages * PAGE_SIZE)):
                    match = match_of(hit.repository, hit.path, hit.url, hit.fragments, query)
                    found.setdefault((hit.url, query.stack), match)
            except AgenticSalesError as exc:
                gone.note(github.name, exc)
            searched(query.query)
    return list(found.values())


async def organizations_of(
    configuration: Settings,
    logins: Sequence[str],
    gone: Unavailable,
    *,
    read: Callable[[str], None] = lambda _: None,
) -> dict[str, tuple[OwnerFacts, str]]:
    """Return the organisations of logins with their descriptions. A login of a person is left out.

    Raises:
        RateLimited: See `search_code`.
    """
    found: dict[str, tuple[OwnerFacts, str]] = {}

    async def one(login: str) -> None:
        try:
            told = await github.organization(login)
            found[login] = owner_of_organization(told), told.description or ""
        except NotFound:
            pass
        except AgenticSalesError as exc:
            gone.note(github.name, exc)
        read(login)

    async with GitHub(configuration) as github:
        await ask_each(dict.fromkeys(logins), one, at_once=AT_ONCE)
    return dict(sorted(found.items()))
