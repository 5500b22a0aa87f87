"""Every source says how it fails, by the same few errors, and never with its key."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from agentic_sales.errors import AgenticSalesError, AnswerChanged, ProviderUnavailable, RateLimited
from agentic_sales.local.world.misbehaviour import Kind
from agentic_sales.local.world.server import WorldServer
from agentic_sales.settings import Settings
from agentic_sales.sources.arxiv import ArXiv
from agentic_sales.sources.common_crawl import Capture, CommonCrawl, CommonCrawlArchive, CrawlIndex
from agentic_sales.sources.companies import Gleif, Wikidata, WikidataQuery
from agentic_sales.sources.crossref import Crossref
from agentic_sales.sources.github import GitHub
from agentic_sales.sources.hugging_face import HuggingFace
from agentic_sales.sources.openalex import OpenAlex
from agentic_sales.sources.orcid import Orcid
from agentic_sales.sources.semantic_scholar import SemanticScholar
from agentic_sales.sources.service import Place, Source
from agentic_sales.sources.youtube import YouTube, YouTubeFeeds
from tests.support.world import configured

CAPTURE = Capture.model_validate(
    {
        "url": "https://emberloom.example/",
        "timestamp": "20261115120000",
        "status": "200",
        "filename": "crawl-data/x/emberloom.example.warc.gz",
        "offset": "0",
        "length": "100",
    }
)


async def _first(items: Any) -> Any:
    return await anext(items, None)


CALLS: Mapping[str, tuple[Callable[..., Source], Callable[[Any], Awaitable[Any]]]] = {
    "github": (GitHub, lambda c: c.repository("emberloom/emberloom-core")),
    "youtube": (YouTube, lambda c: _first(c.search_channels("retrieval"))),
    "youtube_feeds": (YouTubeFeeds, lambda c: c.videos("none")),
    "openalex": (OpenAlex, lambda c: _first(c.search_authors("Vanterpool"))),
    "crossref": (Crossref, lambda c: _first(c.search_works("retrieval"))),
    "semantic_scholar": (SemanticScholar, lambda c: _first(c.search_authors("Vanterpool"))),
    "arxiv": (ArXiv, lambda c: _first(c.search("cat:cs.IR"))),
    "orcid": (Orcid, lambda c: _first(c.search(family_name="Vanterpool"))),
    "common_crawl": (
        CommonCrawl,
        lambda c: _first(c.captures("emberloom.example", crawl=CrawlIndex(id="CC-MAIN-2026-47"))),
    ),
    "common_crawl_data": (CommonCrawlArchive, lambda c: c.page(CAPTURE)),
    "hugging_face": (HuggingFace, lambda c: _first(c.published("emberloom"))),
    "gleif": (Gleif, lambda c: _first(c.search("Emberloom"))),
    "wikidata": (Wikidata, lambda c: c.search("Quillmark")),
    "wikidata_query": (WikidataQuery, lambda c: c.facts(["Q990002"])),
}
EMPTY_WORKS = {"youtube_feeds", "common_crawl_data"}
"""Those whose answer of this test is no answer of the world, so that only refusals are tried on them."""


async def _fail(service: str, settings: Settings, place: Place) -> AgenticSalesError:
    kind, call = CALLS[service]
    async with kind(settings, place=place) as client:
        with pytest.raises(AgenticSalesError) as failed:
            await call(client)
    return failed.value


@pytest.mark.parametrize("service", sorted(CALLS.keys() - EMPTY_WORKS))
async def test_a_source_that_behaves_answers(world: WorldServer, place: Place, service: str) -> None:
    kind, call = CALLS[service]
    async with kind(configured(world), place=place) as client:
        assert await call(client)


@pytest.mark.parametrize("service", sorted(CALLS))
async def test_a_refusal_without_a_length_pauses_the_source_for_a_minute(
    world: WorldServer, place: Place, service: str
) -> None:
    world.misbehave("429")
    for _ in range(2):
        failure = await _fail(service, configured(world), place)
        assert isinstance(failure, RateLimited)
        assert failure.retry_after_s == pytest.approx(60.0, abs=5)
        assert service in str(failure)
    assert len(world.visits) == 1


@pytest.mark.parametrize("kind", ["5xx", "cut-off"])
@pytest.mark.parametrize("service", sorted(CALLS))
async def test_a_service_that_breaks_is_unavailable_and_not_empty(
    world: WorldServer, place: Place, service: str, kind: Kind
) -> None:
    world.misbehave(kind)
    failure = await _fail(service, configured(world), place)
    assert isinstance(failure, ProviderUnavailable)
    assert f"`{service}`" in str(failure)
    assert "sample-world" not in str(failure)


@pytest.mark.parametrize("service", sorted(CALLS.keys() - EMPTY_WORKS))
async def test_half_an_answer_is_no_answer(world: WorldServer, place: Place, service: str) -> None:
    world.misbehave("broken-json")
    failure = await _fail(service, configured(world), place)
    assert isinstance(failure, ProviderUnavailable)


@pytest.mark.parametrize("service", sorted(CALLS.keys() - EMPTY_WORKS - {"arxiv", "common_crawl"}))
async def test_a_member_that_was_renamed_is_named_with_its_service(
    world: WorldServer, place: Place, service: str
) -> None:
    world.misbehave("changed-field")
    failure = await _fail(service, configured(world), place)
    assert isinstance(failure, AnswerChanged)
    assert failure.service == service
    assert failure.problems


async def test_a_renamed_member_of_a_line_is_named_too(world: WorldServer, place: Place) -> None:
    async with CommonCrawl(configured(world), place=place) as client:
        world.misbehave("changed-field")
        with pytest.raises(AnswerChanged, match=r"`common_crawl`.*`filename`: Field required"):
            await _first(client.captures("emberloom.example", crawl=CrawlIndex(id="CC-MAIN-2026-47")))
