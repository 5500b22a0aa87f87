"""Read GitHub: repositories, organisations, users, and the hits of its searches.

    async with GitHub(settings()) as github:
        async for repository in github.search_repositories("topic:rag stars:>100", most=200):
            ...

Lists are streamed page by page. A refusal is told by its meaning: GitHub answers 403 or 429 for a rate limit, and its
GraphQL API answers 200.
"""

import time
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from pydantic import AliasPath, Field

from agentic_sales.errors import (
    AgenticSalesError,
    BadQuery,
    Blocked,
    CredentialMissing,
    NotFound,
    ProviderUnavailable,
    RateLimited,
)
from agentic_sales.outbound.api import Params, Reply
from agentic_sales.outbound.limits import Bucket, Limit
from agentic_sales.outbound.retry_after import parse_retry_after
from agentic_sales.settings import Settings
from agentic_sales.sources.records import Record, Text, TextOrNone, listed, members, next_link, read, read_all, segment
from agentic_sales.sources.service import Place, Source

MOST_RESULTS = 1000
"""Results of a search that GitHub shows. A larger one is sliced, for example by `created:`."""
_LARGEST_PAGE = 100
_EMPTY = 204
_REFUSALS = frozenset({403, 429})
_SPENT = frozenset({"RATE_LIMITED", "RATE_LIMIT"})
_CORE = Bucket("core", (Limit(5000, 3600.0), Limit(900, 60.0)), at_once=100)
_CORE_KEYLESS = Bucket("core", (Limit(60, 3600.0),))
_SEARCH = Bucket("search", (Limit(30, 60.0),))
_SEARCH_KEYLESS = Bucket("search", (Limit(10, 60.0),))
_CODE_SEARCH = Bucket("code_search", (Limit(10, 60.0),))
_GRAPHQL = Bucket("graphql", (Limit(5000, 3600.0), Limit(400, 60.0)))

_ORGANIZATION = """query($login: String!) {
  organization(login: $login) {
    login name websiteUrl email location isVerified membersWithRole { totalCount }
  }
  rateLimit { cost remaining resetAt }
}"""
_REPOSITORIES = """query($query: String!, $first: Int!, $after: String) {
  search(type: REPOSITORY, query: $query, first: $first, after: $after) {
    repositoryCount pageInfo { hasNextPage endCursor }
    nodes { ... on Repository { databaseId nameWithOwner description stargazerCount pushedAt } }
  }
  rateLimit { cost remaining resetAt }
}"""


class Repository(Record):
    """A repository."""

    id: int
    full_name: Text
    """`owner/name`."""
    owner: TextOrNone = Field(None, validation_alias=AliasPath("owner", "login"))
    owner_type: TextOrNone = Field(None, validation_alias=AliasPath("owner", "type"))
    """`User` or `Organization`."""
    url: Text = Field(validation_alias="html_url")
    description: TextOrNone = None
    homepage: TextOrNone = None
    language: TextOrNone = None
    topics: tuple[Text, ...] = ()
    stars: int = Field(validation_alias="stargazers_count")
    forks: int = Field(0, validation_alias="forks_count")
    is_archived: bool = Field(False, validation_alias="archived")
    is_fork: bool = Field(False, validation_alias="fork")
    license: TextOrNone = Field(None, validation_alias=AliasPath("license", "spdx_id"))
    created_at: datetime | None = None
    pushed_at: datetime | None = None
    """None: nothing was ever pushed."""


class Organization(Record):
    """An organisation. GitHub leaves out unknown fields."""

    login: Text
    id: int
    name: TextOrNone = None
    description: TextOrNone = None
    website: TextOrNone = Field(None, validation_alias="blog")
    location: TextOrNone = None
    email: TextOrNone = None
    is_verified: bool | None = None
    public_repos: int | None = None
    followers: int | None = None


class OrganizationOverview(Record):
    """An organisation as GraphQL tells it."""

    login: Text
    name: TextOrNone = None
    website: TextOrNone = Field(None, validation_alias="websiteUrl")
    email: TextOrNone = None
    location: TextOrNone = None
    is_verified: bool = Field(validation_alias="isVerified")
    members: int | None = Field(None, validation_alias=AliasPath("membersWithRole", "totalCount"))


class User(Record):
    """A user. The address is only told to a caller with a key."""

    login: Text
    id: int
    type: Text
    url: Text = Field(validation_alias="html_url")
    name: TextOrNone = None
    company: TextOrNone = None
    website: TextOrNone = Field(None, validation_alias="blog")
    location: TextOrNone = None
    email: TextOrNone = None
    bio: TextOrNone = None
    followers: int | None = None


class Account(Record):
    """A user or organisation as a list tells it."""

    login: Text
    id: int
    type: Text


class Contributor(Record):
    """A contributor of a repository."""

    login: TextOrNone = None
    """None: an address that belongs to no account."""
    type: Text
    """`User`, `Bot` or `Anonymous`."""
    contributions: int


class CodeHit(Record):
    """A file that a code search found."""

    path: Text
    url: Text = Field(validation_alias="html_url")
    repository: Text = Field(validation_alias=AliasPath("repository", "full_name"))
    owner: TextOrNone = Field(None, validation_alias=AliasPath("repository", "owner", "login"))
    fragments: tuple[Text, ...] = ()
    """The places of the file that match. Code search splits words at hyphens, so they are to be looked at."""


class FoundRepository(Record):
    """A repository as a GraphQL search tells it."""

    id: int = Field(validation_alias="databaseId")
    full_name: Text = Field(validation_alias="nameWithOwner")
    description: TextOrNone = None
    stars: int = Field(validation_alias="stargazerCount")
    pushed_at: datetime | None = Field(None, validation_alias="pushedAt")


R = TypeVar("R", bound=Record)


class GitHub(Source):
    """A client of GitHub's REST and GraphQL APIs."""

    name: ClassVar[str] = "github"
    credential: ClassVar[str] = "GITHUB_TOKEN"
    accept: ClassVar[str] = "application/vnd.github+json"

    def __init__(self, configuration: Settings, *, place: Place | None = None) -> None:
        super().__init__(configuration, configuration.github_url, secret=configuration.github_token, place=place)
        self._core = _CORE if self._secret else _CORE_KEYLESS
        self._search = _SEARCH if self._secret else _SEARCH_KEYLESS

    def key_headers(self) -> Mapping[str, str]:
        """Return the key and the version of the API."""
        return {**super().key_headers(), "X-GitHub-Api-Version": "2022-11-28"}

    async def repository(self, full_name: str) -> Repository:
        """Return a repository. A former name leads to the present one.

        Raises:
            NotFound: There is none, or it is private.
            Blocked: GitHub withholds it, for example for a takedown notice.
        """
        reply = await self.ask(f"/repos/{_path_of(full_name)}", bucket=self._core)
        return read(Repository, reply.json(), reply)

    async def readme(self, full_name: str) -> str:
        """Return the readme of a repository as text.

        Raises:
            NotFound: There is no such repository, or it has no readme.
        """
        headers = {"Accept": "application/vnd.github.raw+json"}
        return (await self.ask(f"/repos/{_path_of(full_name)}/readme", bucket=self._core, headers=headers)).text

    async def organization(self, login: str) -> Organization:
        """Return an organisation.

        Raises:
            NotFound: There is none of this login.
        """
        reply = await self.ask(f"/orgs/{segment(login)}", bucket=self._core)
        return read(Organization, reply.json(), reply)

    async def user(self, login: str) -> User:
        """Return a user.

        Raises:
            NotFound: There is none of this login.
        """
        reply = await self.ask(f"/users/{segment(login)}", bucket=self._core)
        return read(User, reply.json(), reply)

    def repositories(self, login: str, *, page_size: int = _LARGEST_PAGE) -> AsyncIterator[Repository]:
        """Yield the public repositories of a user or organisation."""
        return self._listed(Repository, f"/users/{segment(login)}/repos", page_size)

    def members(self, login: str, *, page_size: int = _LARGEST_PAGE) -> AsyncIterator[Account]:
        """Yield the public members of an organisation. Most have none."""
        return self._listed(Account, f"/orgs/{segment(login)}/public_members", page_size)

    def contributors(self, full_name: str, *, page_size: int = _LARGEST_PAGE) -> AsyncIterator[Contributor]:
        """Yield the contributors of a repository, the busiest first. An empty repository has none.

        Raises:
            Blocked: The history is too large for GitHub to list them.
        """
        return self._listed(Contributor, f"/repos/{_path_of(full_name)}/contributors", page_size, {"anon": 1})

    def search_repositories(
        self, query: str, *, sort: str = "", most: int = MOST_RESULTS, page_size: int = _LARGEST_PAGE
    ) -> AsyncIterator[Repository]:
        """Yield the repositories that a search finds, up to 1,000.

        Args:
            query: Words and qualifiers, such as `topic:rag stars:>100`.
            sort: `stars`, `forks`, `updated`, or empty for the best match.
            most: Most repositories.
            page_size: Repositories per call, up to 100.

        Raises:
            BadQuery: GitHub does not take the query.
        """
        return self._found(Repository, "repositories", query, most=most, page_size=page_size, sort=sort)

    def search_accounts(
        self, query: str, *, most: int = MOST_RESULTS, page_size: int = _LARGEST_PAGE
    ) -> AsyncIterator[Account]:
        """Yield the users and organisations that a search finds. `type:org` narrows it."""
        return self._found(Account, "users", query, most=most, page_size=page_size)

    def search_code(
        self, query: str, *, most: int = MOST_RESULTS, page_size: int = _LARGEST_PAGE
    ) -> AsyncIterator[CodeHit]:
        """Yield the files that a code search finds. It knows default branches and files below 384 KB.

        Raises:
            CredentialMissing: Code search needs a key.
        """
        self.require_key()
        return self._found(CodeHit, "code", query, most=most, page_size=page_size)

    async def organization_overview(self, login: str) -> OrganizationOverview:
        """Return an organisation with its number of members, by GraphQL.

        Raises:
            NotFound: There is none of this login.
            CredentialMissing: GraphQL needs a key.
        """
        reply = await self._graphql(_ORGANIZATION, {"login": login})
        found = members(members(reply.json(), reply).get("data"), reply).get("organization")
        if found is None:
            raise NotFound(self.name, f"organisation `{login}`")
        return read(OrganizationOverview, found, reply)

    async def find_repositories(self, query: str, *, page_size: int = 50) -> AsyncIterator[FoundRepository]:
        """Yield the repositories that a search finds, by GraphQL. One call is one point of 5,000 an hour.

        Raises:
            CredentialMissing: GraphQL needs a key.
        """
        after: str | None = None
        while True:
            reply = await self._graphql(_REPOSITORIES, {"query": query, "first": page_size, "after": after})
            search = members(members(members(reply.json(), reply).get("data"), reply).get("search"), reply)
            for repository in read_all(FoundRepository, search.get("nodes"), reply, "nodes"):
                yield repository
            page = members(search.get("pageInfo"), reply)
            following = page.get("endCursor")
            if not page.get("hasNextPage") or not isinstance(following, str) or following == after:
                return
            after = following

    async def _graphql(self, query: str, variables: Mapping[str, Any]) -> Reply:
        self.require_key()
        return await self.ask("/graphql", bucket=_GRAPHQL, json={"query": query, "variables": dict(variables)})

    async def _listed(self, kind: type[R], path: str, page_size: int, params: Params | None = None) -> AsyncIterator[R]:
        reply = await self.ask(path, bucket=self._core, params={"per_page": page_size, **(params or {})})
        while reply.status != _EMPTY:
            for item in read_all(kind, reply.json(), reply, "the answer"):
                yield item
            if (following := next_link(reply)) is None:
                return
            reply = await self.ask(following, bucket=self._core)

    async def _found(
        self, kind: type[R], what: str, query: str, *, most: int, page_size: int, sort: str = ""
    ) -> AsyncIterator[R]:
        headers = {"Accept": "application/vnd.github.text-match+json"} if what == "code" else {}
        size, left = min(page_size, max(1, most)), min(most, MOST_RESULTS)
        bucket = _CODE_SEARCH if what == "code" else self._search
        asked: Params = {"q": query, "per_page": size, **({"sort": sort} if sort else {})}
        reply = await self.ask(f"/search/{what}", bucket=bucket, params=asked, headers=headers)
        while True:
            items = members(reply.json(), reply).get("items")
            for item in read_all(kind, _with_fragments(items), reply, "items"):
                if left <= 0:
                    return
                left -= 1
                yield item
            following = next_link(reply)
            if following is None or left <= 0:
                return
            reply = await self.ask(following, bucket=bucket, headers=headers)

    def judge(self, reply: Reply) -> AgenticSalesError | None:
        """Tell a rate limit, which GitHub answers with 403, 429 or 200, from a refusal."""
        if reply.status in _REFUSALS:
            return self._judge_refusal(reply)
        if reply.path.endswith("/graphql") and reply.status == 200:  # noqa: PLR2004 - a status is its own name
            return self._judge_graphql(reply)
        if reply.status == 451:  # noqa: PLR2004 - as above
            data = reply.json_or_none()
            block = data.get("block") if isinstance(data, dict) else None
            reason = block.get("reason") if isinstance(block, dict) else None
            return Blocked(self.name, f"`{reply.path}`", f"{self.told(reply)} ({reason or '451'})")
        return self.judge_by_status(reply)

    def is_account_wide(self, reply: Reply) -> bool:
        """Tell the secondary limit, which counts all calls of a key together."""
        return _is_secondary(self.told(reply))

    def _judge_refusal(self, reply: Reply) -> AgenticSalesError:
        asked_s = parse_retry_after(reply.headers.get("retry-after", ""))
        if reply.status == 429 or asked_s is not None or _is_secondary(self.told(reply)):  # noqa: PLR2004 - as above
            return RateLimited(self.name, asked_s)
        if reply.headers.get("x-ratelimit-remaining") == "0":
            return RateLimited(self.name, _until_reset_s(reply))
        return Blocked(self.name, f"`{reply.path}`", self.told(reply))

    def _judge_graphql(self, reply: Reply) -> AgenticSalesError | None:
        data = reply.json_or_none()
        errors = data.get("errors") if isinstance(data, dict) else None
        kinds = {str(error.get("type", "")) for error in listed(errors) if isinstance(error, dict)}
        if kinds & _SPENT:
            return RateLimited(self.name, _until_reset_s(reply))
        if _is_secondary(reply.text[:2000]):
            return RateLimited(self.name, parse_retry_after(reply.headers.get("retry-after", "")))
        if not kinds or kinds == {"NOT_FOUND"}:
            return None
        if "RESOURCE_LIMITS_EXCEEDED" in kinds:
            return ProviderUnavailable(
                self.name, "the GraphQL query took more than GitHub allows; ask for less at once"
            )
        return BadQuery(self.name, "a GraphQL query", self.told(reply))

    def _keyless(self, what: str) -> AgenticSalesError:
        del what
        return CredentialMissing(self.name, self.credential)


def _path_of(full_name: str) -> str:
    owner, _, name = full_name.partition("/")
    return f"{segment(owner)}/{segment(name)}"


def _is_secondary(text: str) -> bool:
    return "secondary rate limit" in text.lower()


def _until_reset_s(reply: Reply) -> float | None:
    """Return the seconds until a primary limit is reset. None if the answer does not say or it is past."""
    reset = reply.headers.get("x-ratelimit-reset", "")
    if not reset.isdecimal() or (left_s := int(reset) - time.time()) <= 0:
        return None
    return left_s + 1.0


def _with_fragments(items: Any) -> Any:
    """Gather the matching places of a code search into one member."""
    if not isinstance(items, list):
        return items
    return [
        {**item, "fragments": [m.get("fragment", "") for m in listed(item.get("text_matches")) if isinstance(m, dict)]}
        if isinstance(item, dict)
        else item
        for item in items
    ]
