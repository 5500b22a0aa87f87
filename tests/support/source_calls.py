"""Ask each source of the product for something that the sample world has. One table for every test of all sources."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentic_sales.settings import Settings
from agentic_sales.sources.arxiv import ArXiv
from agentic_sales.sources.common_crawl import CommonCrawl, CommonCrawlArchive, CrawlIndex
from agentic_sales.sources.companies import Gleif, Wikidata, WikidataQuery
from agentic_sales.sources.crossref import Crossref
from agentic_sales.sources.github import GitHub
from agentic_sales.sources.hugging_face import HuggingFace
from agentic_sales.sources.job_board_vendors import Ashby, Greenhouse, Lever
from agentic_sales.sources.openalex import OpenAlex
from agentic_sales.sources.orcid import Orcid
from agentic_sales.sources.reacher import Reacher
from agentic_sales.sources.search_engines import Brave, SearchEngine, SearXNG, Serper, Tavily
from agentic_sales.sources.semantic_scholar import SemanticScholar
from agentic_sales.sources.service import Place, Source
from agentic_sales.sources.youtube import YouTube, YouTubeFeeds

CRAWL = CrawlIndex(id="CC-MAIN-2026-47")
DOMAIN = "emberloom.example"

Found = Sequence[object]
Question = Callable[[Any], Awaitable[Found]]


@dataclass(frozen=True)
class SourceCall:
    """How a source is asked."""

    client: Callable[..., Source]
    """Makes its client of settings and a place."""
    ask: Question
    """Asks the client, and returns what it found."""
    ask_again: Question | None = None
    """A second question, which no kept answer serves."""

    async def found(self, settings: Settings, *, place: Place | None = None, nth: int = 0) -> Found:
        """Ask the source its first question, or a later one.

        Raises:
            AgenticSalesError: What the client raises.
        """
        async with self.client(settings, place=place) as client:
            return await (self.ask_again if nth and self.ask_again else self.ask)(client)


async def listed(items: AsyncIterator[object]) -> Found:
    """Return everything that a client yields."""
    return [item async for item in items]


async def _one(item: Awaitable[object]) -> Found:
    return [await item]


async def _hits(engine: SearchEngine) -> Found:
    return (await engine.search("vector database for retrieval", count=5, page=0)).hits


class _Archive(CommonCrawlArchive):
    """The archive with the index that says where its pages are."""

    def __init__(self, configuration: Settings, *, place: Place | None = None) -> None:
        super().__init__(configuration, place=place)
        self.index = CommonCrawl(configuration, place=place)

    async def aclose(self) -> None:
        await self.index.aclose()
        await super().aclose()


async def _page(archive: _Archive) -> Found:
    capture = await anext(archive.index.captures(DOMAIN, crawl=CRAWL, url_pattern=".*careers.*"))
    return [await archive.page(capture)]


SOURCE_CALLS: Mapping[str, SourceCall] = {
    "github": SourceCall(GitHub, lambda c: _one(c.repository("emberloom/emberloom-core"))),
    "ashby": SourceCall(Ashby, lambda c: listed(c.openings("emberloom"))),
    "greenhouse": SourceCall(Greenhouse, lambda c: listed(c.openings("tidewater-robotics"))),
    "lever": SourceCall(Lever, lambda c: listed(c.openings("quillmark"))),
    "brave": SourceCall(Brave, _hits),
    "searxng": SourceCall(SearXNG, _hits),
    "tavily": SourceCall(Tavily, _hits),
    "serper": SourceCall(Serper, _hits),
    "youtube": SourceCall(YouTube, lambda c: listed(c.search_channels("retrieval"))),
    "youtube_feeds": SourceCall(YouTubeFeeds, lambda c: c.videos("UCwf1fe5fec806aafed038c7")),
    "openalex": SourceCall(OpenAlex, lambda c: listed(c.search_authors("Vanterpool"))),
    "crossref": SourceCall(Crossref, lambda c: listed(c.search_works("retrieval"))),
    "semantic_scholar": SourceCall(SemanticScholar, lambda c: listed(c.search_authors("Vanterpool"))),
    "arxiv": SourceCall(
        ArXiv, lambda c: listed(c.search("cat:cs.IR")), ask_again=lambda c: listed(c.search("au:Vanterpool"))
    ),
    "orcid": SourceCall(Orcid, lambda c: listed(c.search(family_name="Vanterpool"))),
    "common_crawl": SourceCall(
        CommonCrawl, lambda c: listed(c.captures(DOMAIN, crawl=CRAWL, url_pattern=".*careers.*"))
    ),
    "common_crawl_data": SourceCall(_Archive, _page),
    "hugging_face": SourceCall(HuggingFace, lambda c: listed(c.published("emberloom"))),
    "reacher": SourceCall(Reacher, lambda c: _one(c.check("nerys.vanterpool@emberloom.example"))),
    "gleif": SourceCall(Gleif, lambda c: listed(c.search("Emberloom"))),
    "wikidata": SourceCall(Wikidata, lambda c: c.search("Quillmark")),
    "wikidata_query": SourceCall(WikidataQuery, lambda c: c.facts(["Q990002"])),
}
"""By the name that the world and the errors have for the service."""
