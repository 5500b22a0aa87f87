"""Search the web by the engines that a deployment has, in its order. A next one serves where one cannot."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import structlog

from agentic_sales.errors import AgenticSalesError, CredentialMissing, RateLimited
from agentic_sales.outbound.closing import Closing
from agentic_sales.settings import Settings
from agentic_sales.sources.search_engines import Brave, SearchEngine, SearchHit, SearchPage, SearXNG, Serper, Tavily
from agentic_sales.sources.service import CANNOT_SERVE, Place, Unavailable, why_not

log = structlog.get_logger()

_ENGINES: dict[str, type[Brave | SearXNG | Tavily | Serper]] = {
    "brave": Brave,
    "searxng": SearXNG,
    "tavily": Tavily,
    "serper": Serper,
}


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """The answer of a web search."""

    page: SearchPage
    """The hits, and the engine that found them."""
    passed_over: tuple[str, ...] = ()
    """The reasons against the engines before it, such as `brave: BRAVE_API_KEY is not set`."""


class WebSearch(Closing):
    """Searches the web. An async context manager."""

    def __init__(self, configuration: Settings, *, place: Place | None = None) -> None:
        self._engines = [_ENGINES[name](configuration, place=place) for name in configuration.search_order]

    async def aclose(self) -> None:
        """Close its connections."""
        for engine in self._engines:
            await engine.aclose()

    async def search(self, query: str, *, count: int = 10, page: int = 0) -> SearchAnswer:
        """Return one page of hits from the first engine that serves. No hits are an answer, and nothing else is tried.

        Args:
            query: Words, and `site:` to narrow them to a host.
            count: Most hits.
            page: Number of the page. The first is 0.

        Raises:
            CredentialMissing: No engine has its key or URL.
            RateLimited: No engine serves, and one of them will after a pause.
            AgenticSalesError: No engine serves. It is the failure of the first one that has its key.
        """
        failures: list[AgenticSalesError] = []
        for engine in self._engines:
            try:
                found = await engine.search(query, count=count, page=page)
            except CANNOT_SERVE as exc:
                failures.append(exc)
                if not isinstance(exc, CredentialMissing):
                    log.warning("search_engine_passed_over", source=engine.name, error_code=exc.code)
            else:
                return SearchAnswer(found, _told(self._engines, failures))
        raise _worst(failures)

    async def hits(self, query: str, *, most: int = 50) -> AsyncIterator[SearchHit]:
        """Yield hits page by page, each URL once, all from the engine that served the first page.

        Raises:
            AgenticSalesError: See `search`. A failure of a later page is raised as it is.
        """
        first = await self.search(query, count=most)
        engine = next(engine for engine in self._engines if engine.name == first.page.engine)
        seen: set[str] = set()
        page, number = first.page, 0
        while True:
            for hit in page.hits:
                if hit.url not in seen and len(seen) < most:
                    seen.add(hit.url)
                    yield hit
            number += 1
            if not page.has_more or len(seen) >= most or number > engine.last_page:
                return
            page = await engine.search(query, count=most, page=number)


def _told(engines: Sequence[SearchEngine], failures: Sequence[AgenticSalesError]) -> tuple[str, ...]:
    return tuple(f"{engine.name}: {why_not(exc)}" for engine, exc in zip(engines, failures, strict=False))


def _worst(failures: Sequence[AgenticSalesError]) -> AgenticSalesError:
    """Return the failure to raise. A pause is waited for, so it goes first, and the shortest of them."""
    limited = [exc for exc in failures if isinstance(exc, RateLimited)]
    if limited:
        return min(limited, key=lambda exc: exc.retry_after_s or float("inf"))
    told = [exc for exc in failures if not isinstance(exc, CredentialMissing)]
    if told:
        return told[0]
    settings = ", ".join(exc.setting for exc in failures if isinstance(exc, CredentialMissing))
    return CredentialMissing("web search", settings or "AGENTIC_SALES_SEARCH")


async def search_each(
    configuration: Settings,
    queries: Sequence[str],
    gone: Unavailable,
    *,
    count: int = 20,
    searched: Callable[[str], None] = lambda _: None,
) -> list[SearchHit]:
    """Return the first page of hits of each query. A query that fails stops none of the others.

    Args:
        configuration: Engines and their keys.
        queries: Searches.
        gone: Is told the engines that did not serve.
        count: Most hits of a query.
        searched: Is told each query when it is done.

    Raises:
        RateLimited: The run is a batch run, and it is delivered again when the pause is over.
    """
    hits: list[SearchHit] = []
    async with WebSearch(configuration) as web:
        for query in queries:
            try:
                found = await web.search(query, count=count)
            except AgenticSalesError as exc:
                gone.note("web search", exc)
            else:
                hits += found.page.hits
                gone.add(found.passed_over)
            searched(query)
    return hits
