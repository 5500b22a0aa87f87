"""Read owners and readmes of GitHub repositories for the rules, side by side."""

import asyncio
from collections.abc import Callable, Iterable

from agentic_sales.errors import AgenticSalesError, Blocked, NotFound
from agentic_sales.rules.repositories import OwnerFacts, RepositoryFacts
from agentic_sales.settings import Settings
from agentic_sales.side_by_side import ask_each
from agentic_sales.sources.github import GitHub, Organization, Repository
from agentic_sales.sources.service import Unavailable

AT_ONCE = 6
MOST_LISTED = 100
"""Members and repositories of an owner that are counted: one page."""


def facts_of_listed(repository: Repository) -> RepositoryFacts:
    """Return a repository of a list for the rules, without its readme."""
    return RepositoryFacts(
        full_name=repository.full_name,
        url=repository.url,
        owner_type=repository.owner_type or "User",
        description=repository.description or "",
        homepage=repository.homepage or "",
        language=repository.language or "",
        topics=list(repository.topics),
        stars=repository.stars,
        license=repository.license or "",
        is_archived=repository.is_archived,
        pushed_at=repository.pushed_at.isoformat() if repository.pushed_at else None,
    )


async def enriched(
    configuration: Settings,
    repositories: Iterable[RepositoryFacts],
    gone: Unavailable,
    *,
    read: Callable[[str], None] = lambda _: None,
) -> tuple[list[RepositoryFacts], dict[str, OwnerFacts]]:
    """Return repositories with their readmes, and their owners. See `with_readmes` and `owners_of`."""
    listed = list(repositories)
    async with GitHub(configuration) as github:
        found, owners = await asyncio.gather(
            with_readmes(github, listed, gone, read=read), owners_of(github, listed, gone)
        )
    return found, owners


async def with_readmes(
    github: GitHub, repositories: Iterable[RepositoryFacts], gone: Unavailable, *, read: Callable[[str], None]
) -> list[RepositoryFacts]:
    """Return repositories with their readmes. One without a readme, or that cannot be read, keeps none.

    Raises:
        RateLimited: The run is a batch run, and it is delivered again when the pause is over.
    """

    async def one(repository: RepositoryFacts) -> RepositoryFacts:
        text = ""
        try:
            text = await github.readme(repository.full_name)
        except NotFound:
            pass
        except AgenticSalesError as exc:
            gone.note(github.name, exc)
        read(repository.full_name)
        return repository.model_copy(update={"readme": text[:200_000]})

    return await ask_each(repositories, one, at_once=AT_ONCE)


async def owners_of(
    github: GitHub, repositories: Iterable[RepositoryFacts], gone: Unavailable
) -> dict[str, OwnerFacts]:
    """Return the owners of repositories by their logins. One that cannot be read is left out.

    Raises:
        RateLimited: The run is a batch run, and it is delivered again when the pause is over.
    """
    found: dict[str, OwnerFacts] = {}
    kinds = {repository.owner: repository.owner_type for repository in repositories}

    async def one(login: str) -> None:
        try:
            found[login] = await owner_of(github, login, kinds[login])
        except NotFound:
            pass
        except AgenticSalesError as exc:
            gone.note(github.name, exc)

    await ask_each(kinds, one, at_once=AT_ONCE)
    return dict(sorted(found.items()))


async def owner_of(github: GitHub, login: str, kind: str) -> OwnerFacts:
    """Return an owner.

    Raises:
        NotFound: There is none of this login.
        AgenticSalesError: GitHub does not serve.
    """
    if kind == "User":
        user = await github.user(login)
        told = {"name": user.name or login, "website": user.website or "", "location": user.location or ""}
        return OwnerFacts(login=login, type="User", **told)
    organization = await github.organization(login)
    members = [member async for member in github.members(login)] if _is_small(organization.public_repos) else None
    stars = [one.stars async for one in github.repositories(login)] if _is_small(organization.public_repos) else None
    counted = {
        "members": None if members is None else len(members),
        "total_stars": None if stars is None else sum(stars),
    }
    return owner_of_organization(organization).model_copy(update=counted)


def owner_of_organization(organization: Organization) -> OwnerFacts:
    """Return an organisation for the rules, without its members and stars."""
    return OwnerFacts(
        login=organization.login,
        name=organization.name or organization.login,
        website=organization.website or "",
        location=organization.location or "",
        public_repos=organization.public_repos,
    )


def _is_small(repositories: int | None) -> bool:
    """Tell whether an owner's lists are one page. Those of a large owner cost many calls and decide nothing."""
    return repositories is None or repositories <= MOST_LISTED


async def repository_facts(github: GitHub, full_name: str) -> RepositoryFacts:
    """Return a repository with its readme.

    Raises:
        NotFound: There is none of this name.
        AgenticSalesError: GitHub does not serve.
    """
    listed = facts_of_listed(await github.repository(full_name))
    try:
        return listed.model_copy(update={"readme": (await github.readme(listed.full_name))[:200_000]})
    except (NotFound, Blocked):
        return listed


async def search_repositories(
    configuration: Settings,
    searches: Iterable[str],
    gone: Unavailable,
    *,
    most: int,
    searched: Callable[[str], None] = lambda _: None,
) -> list[RepositoryFacts]:
    """Return the repositories that searches find, each once. A search that fails stops none of the others.

    Raises:
        RateLimited: The run is a batch run, and it is delivered again when the pause is over.
    """
    found: dict[str, RepositoryFacts] = {}
    async with GitHub(configuration) as github:
        for query in searches:
            try:
                async for repository in github.search_repositories(query, sort="updated", most=most):
                    if not repository.is_fork:
                        found.setdefault(repository.full_name.lower(), facts_of_listed(repository))
            except AgenticSalesError as exc:
                gone.note(github.name, exc)
            searched(query)
    return list(found.values())


async def owners_by_topic(
    configuration: Settings,
    topics: Iterable[str],
    gone: Unavailable,
    *,
    most: int,
    searched: Callable[[str], None] = lambda _: None,
) -> tuple[list[RepositoryFacts], list[OwnerFacts]]:
    """Return the repositories of organisations that topics find, and these organisations.

    Args:
        configuration: GitHub's URL and key.
        topics: GitHub topics.
        gone: Is told if GitHub does not serve.
        most: Most repositories of a topic, and most organisations in all.
        searched: Is told each topic when it is done.

    Raises:
        RateLimited: The run is a batch run, and it is delivered again when the pause is over.
    """
    names = {f"topic:{topic}": topic for topic in topics}
    found = await search_repositories(
        configuration, names, gone, most=most, searched=lambda query: searched(names[query])
    )
    theirs = [repository for repository in found if repository.owner_type != "User"]
    first = list(dict.fromkeys(repository.owner for repository in theirs))[:most]
    kept = [repository for repository in theirs if repository.owner in first]
    async with GitHub(configuration) as github:
        owners = await owners_of(github, kept, gone)
    return kept, list(owners.values())
