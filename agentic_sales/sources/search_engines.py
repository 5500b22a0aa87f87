"""Search the web by Brave, SearXNG, Tavily or Serper. All four answer in one form."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import AliasChoices, Field

from agentic_sales.errors import AgenticSalesError, Blocked, CredentialRefused, ProviderUnavailable, QuotaSpent
from agentic_sales.outbound.api import Params, Reply
from agentic_sales.outbound.limits import Bucket, Limit
from agentic_sales.outbound.retry_after import parse_retry_after
from agentic_sales.settings import Settings
from agentic_sales.sources.records import Record, Text, TextOrNone, listed, members, read_all
from agentic_sales.sources.service import Place, Source

_KEPT_S = 6 * 3600.0
_PLAN_SPENT = frozenset({402, 432, 433})


class SearchHit(Record):
    """One result of a web search."""

    title: Text = ""
    url: Text = Field(validation_alias=AliasChoices("url", "link"))
    snippet: Text = Field("", validation_alias=AliasChoices("snippet", "description", "content"))
    published: TextOrNone = Field(None, validation_alias=AliasChoices("page_age", "publishedDate", "date", "published"))
    """As the engine writes it."""
    score: float | None = None
    """The engine's own, or None."""


@dataclass(frozen=True, slots=True)
class SearchPage:
    """An engine's answer to one question."""

    engine: str
    """Name of the engine."""
    hits: tuple[SearchHit, ...]
    """The best first. None is an answer, too."""
    has_more: bool
    """Whether the engine has a further page."""
    failed_engines: tuple[str, ...] = ()
    """Engines behind SearXNG that did not answer."""


class SearchEngine(Source):
    """A web search. A subclass states its abilities and asks."""

    fresh_s: ClassVar[float] = _KEPT_S
    largest_page: ClassVar[int]
    """Most hits of one page."""
    last_page: ClassVar[int]
    """Number of the last page that it shows. The first is 0."""

    @abstractmethod
    async def search(self, query: str, *, count: int, page: int) -> SearchPage:
        """Return one page of hits.

        Args:
            query: Words, and `site:` where the engine knows it.
            count: Most hits. An engine may return fewer.
            page: Number of the page. The first is 0.
        """


class Brave(SearchEngine):
    """A client of Brave's web search."""

    name: ClassVar[str] = "brave"
    credential: ClassVar[str] = "BRAVE_API_KEY"
    largest_page: ClassVar[int] = 20
    last_page: ClassVar[int] = 9

    def __init__(self, configuration: Settings, *, place: Place | None = None) -> None:
        super().__init__(configuration, configuration.brave_url, secret=configuration.brave_api_key, place=place)

    def key_headers(self) -> Mapping[str, str]:
        """Return the key."""
        return {"X-Subscription-Token": self._secret} if self._secret else {}

    async def search(self, query: str, *, count: int, page: int) -> SearchPage:
        """See `SearchEngine`. A query has up to 400 characters."""
        self.require_key()
        params: Params = {"q": query[:400], "count": min(count, self.largest_page), "offset": page}
        reply = await self.ask("/res/v1/web/search", bucket=Bucket("web", (Limit(1, 1.0),)), params=params)
        data = members(reply.json(), reply)
        web, about = data.get("web"), members(data.get("query"), reply)
        hits = () if web is None else read_all(SearchHit, members(web, reply).get("results"), reply, "web.results")
        return SearchPage(self.name, hits, bool(about.get("more_results_available")))

    def judge(self, reply: Reply) -> AgenticSalesError | None:
        """Tell a wrong key, and the month's allowance, from the rate of a second."""
        if reply.status == 422 and "TOKEN" in self._code(reply):  # noqa: PLR2004 - a status is its own name
            return CredentialRefused(self.name, self.credential)
        left, reset = (reply.headers.get(f"x-ratelimit-{name}", "").split(",") for name in ("remaining", "reset"))
        if reply.status == 429 and left[-1].strip() == "0" and len(left) > 1:  # noqa: PLR2004 - as above
            return QuotaSpent(self.name, "the month", parse_retry_after(reset[-1]))
        return super().judge(reply)

    def _code(self, reply: Reply) -> str:
        data = reply.json_or_none()
        error = data.get("error") if isinstance(data, dict) else None
        return str(error.get("code", "")) if isinstance(error, dict) else ""


class SearXNG(SearchEngine):
    """A client of a SearXNG server of the deployment."""

    name: ClassVar[str] = "searxng"
    credential: ClassVar[str] = "AGENTIC_SALES_SEARXNG_URL"
    largest_page: ClassVar[int] = 10
    last_page: ClassVar[int] = 9

    def __init__(self, configuration: Settings, *, place: Place | None = None) -> None:
        self._is_there = configuration.searxng_url is not None
        super().__init__(configuration, configuration.searxng_url or "http://searxng.invalid", place=place)

    def require_key(self) -> None:
        """Refuse to ask without a server. Its URL stands for a key."""
        if not self._is_there:
            super().require_key()

    async def search(self, query: str, *, count: int, page: int) -> SearchPage:
        """See `SearchEngine`. The server sets the size of a page.

        Raises:
            ProviderUnavailable: Nothing was found, and engines behind it did not answer.
        """
        self.require_key()
        params: Params = {"q": query, "format": "json", "pageno": page + 1}
        reply = await self.ask("/search", bucket=Bucket("search", (Limit(2, 1.0),)), params=params)
        if "html" in reply.headers.get("content-type", ""):
            raise Blocked(self.name, "`/search`", "it answers a page for browsers; let it know this client")
        data = members(reply.json(), reply)
        hits = read_all(SearchHit, data.get("results"), reply, "results")
        failed = tuple(_named(entry) for entry in listed(data.get("unresponsive_engines")))
        if failed and not hits:
            raise ProviderUnavailable(self.name, f"nothing was found, and these did not answer: {', '.join(failed)}")
        return SearchPage(self.name, hits[:count], bool(hits), failed)

    def judge(self, reply: Reply) -> AgenticSalesError | None:
        """Tell a server with JSON switched off."""
        if reply.status == 403:  # noqa: PLR2004 - a status is its own name
            return Blocked(self.name, "`/search`", "its JSON format is off; add `json` to `search.formats` there")
        return super().judge(reply)


class Tavily(SearchEngine):
    """A client of Tavily's web search."""

    name: ClassVar[str] = "tavily"
    credential: ClassVar[str] = "TAVILY_API_KEY"
    largest_page: ClassVar[int] = 20
    last_page: ClassVar[int] = 0

    def __init__(self, configuration: Settings, *, place: Place | None = None) -> None:
        super().__init__(configuration, configuration.tavily_url, secret=configuration.tavily_api_key, place=place)

    async def search(self, query: str, *, count: int, page: int) -> SearchPage:
        """See `SearchEngine`. It has one page."""
        self.require_key()
        if page > self.last_page:
            return SearchPage(self.name, (), has_more=False)
        body = {"query": query, "max_results": min(count, self.largest_page), "search_depth": "basic"}
        reply = await self.ask("/search", bucket=Bucket("search", (Limit(100, 60.0),)), json=body)
        hits = read_all(SearchHit, members(reply.json(), reply).get("results"), reply, "results")
        return SearchPage(self.name, hits, has_more=False)

    def judge(self, reply: Reply) -> AgenticSalesError | None:
        """Tell a plan that is used up from a rate."""
        return QuotaSpent(self.name, "the plan", None) if reply.status in _PLAN_SPENT else super().judge(reply)


class Serper(SearchEngine):
    """A client of Serper's web search."""

    name: ClassVar[str] = "serper"
    credential: ClassVar[str] = "SERPER_API_KEY"
    largest_page: ClassVar[int] = 100
    last_page: ClassVar[int] = 9

    def __init__(self, configuration: Settings, *, place: Place | None = None) -> None:
        super().__init__(configuration, configuration.serper_url, secret=configuration.serper_api_key, place=place)

    def key_headers(self) -> Mapping[str, str]:
        """Return the key."""
        return {"X-API-KEY": self._secret} if self._secret else {}

    async def search(self, query: str, *, count: int, page: int) -> SearchPage:
        """See `SearchEngine`."""
        self.require_key()
        size = min(count, self.largest_page)
        body = {"q": query, "num": size, "page": page + 1}
        reply = await self.ask("/search", bucket=Bucket("search", (Limit(50, 1.0),)), json=body)
        hits = read_all(SearchHit, members(reply.json(), reply).get("organic"), reply, "organic")
        return SearchPage(self.name, hits, has_more=len(hits) >= size)

    def judge(self, reply: Reply) -> AgenticSalesError | None:
        """Tell a wrong key and spent credits, which have statuses of other meanings."""
        if reply.status == 403:  # noqa: PLR2004 - a status is its own name
            return CredentialRefused(self.name, self.credential)
        if reply.status == 400 and "credits" in self.told(reply).lower():  # noqa: PLR2004 - as above
            return QuotaSpent(self.name, "the plan", None)
        return super().judge(reply)


def _named(entry: Any) -> str:
    """Return a pair of an engine's name and SearXNG's reason for its silence."""
    return ": ".join(map(str, entry)) if isinstance(entry, list) else str(entry)
