"""Whatever a service answers, its client returns records or raises an error of ours."""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from agentic_sales.errors import AgenticSalesError
from agentic_sales.local.world import services
from agentic_sales.local.world.exchange import Asked, WorldAnswer
from agentic_sales.local.world.server import WorldServer
from agentic_sales.outbound.limits import OwnLimiter
from agentic_sales.sources.common_crawl import CommonCrawl, CrawlIndex
from agentic_sales.sources.companies import Gleif, Wikidata, WikidataQuery
from agentic_sales.sources.crossref import Crossref
from agentic_sales.sources.github import GitHub
from agentic_sales.sources.hugging_face import HuggingFace
from agentic_sales.sources.job_board_vendors import Ashby, Greenhouse, Lever
from agentic_sales.sources.openalex import OpenAlex
from agentic_sales.sources.orcid import Orcid
from agentic_sales.sources.search_engines import Brave, SearXNG, Serper, Tavily
from agentic_sales.sources.semantic_scholar import SemanticScholar
from agentic_sales.sources.service import Place, Source
from agentic_sales.sources.youtube import YouTube
from tests.support.world import configured

STRANGE: tuple[Any, ...] = (None, "x", 7, -1.5, [], [None], {}, {"x": None}, True, "\ud83d", 10**30)
TRIED = 25
"""Mangled answers that are tried of each call, spread over all places and all strange values."""


async def _all(items: Any) -> list[Any]:
    return [item async for item in items]


def _crawl(client: Any) -> Any:
    return _all(client.captures("emberloom.example", crawl=CrawlIndex(id="CC-MAIN-2026-47")))


CALLS: Mapping[str, tuple[str, Callable[..., Source], Callable[[Any], Awaitable[Any]]]] = {
    "a repository": ("github", GitHub, lambda c: c.repository("emberloom/emberloom-core")),
    "a user": ("github", GitHub, lambda c: c.user("nerysvanterpoo")),
    "a code search": ("github", GitHub, lambda c: _all(c.search_code("langchain", most=2))),
    "contributors": ("github", GitHub, lambda c: _all(c.contributors("emberloom/emberloom-core"))),
    "an overview": ("github", GitHub, lambda c: c.organization_overview("emberloom")),
    "repositories by GraphQL": ("github", GitHub, lambda c: _all(c.find_repositories("topic:rag"))),
    "ashby": ("ashby", Ashby, lambda c: _all(c.openings("emberloom"))),
    "greenhouse": ("greenhouse", Greenhouse, lambda c: _all(c.openings("moonquay"))),
    "pay at greenhouse": ("greenhouse", Greenhouse, lambda c: c.pay("tidewater-robotics", "4400042")),
    "lever": ("lever", Lever, lambda c: _all(c.openings("quillmark"))),
    "brave": ("brave", Brave, lambda c: c.search("robotics", count=3, page=0)),
    "searxng": ("searxng", SearXNG, lambda c: c.search("robotics", count=3, page=0)),
    "tavily": ("tavily", Tavily, lambda c: c.search("robotics", count=3, page=0)),
    "serper": ("serper", Serper, lambda c: c.search("robotics", count=3, page=0)),
    "a channel": ("youtube", YouTube, lambda c: c.channel_by_handle("quillmark")),
    "a search for videos": ("youtube", YouTube, lambda c: _all(c.search_videos("talk", most=3))),
    "works": ("openalex", OpenAlex, lambda c: _all(c.search_works("retrieval sparse", most=2))),
    "an author": ("openalex", OpenAlex, lambda c: c.author("A9900000001")),
    "crossref": ("crossref", Crossref, lambda c: _all(c.search_works("sparse retrieval", most=2))),
    "papers": ("semantic_scholar", SemanticScholar, lambda c: _all(c.search_papers("sparse", most=2))),
    "authors": ("semantic_scholar", SemanticScholar, lambda c: c.authors(["9900001", "0"])),
    "researchers": ("orcid", Orcid, lambda c: _all(c.search(family_name="", organization="Copperwren Institute"))),
    "a researcher": ("orcid", Orcid, lambda c: c.researcher("0000-0009-1000-0001")),
    "captures": ("common_crawl", CommonCrawl, _crawl),
    "models": ("hugging_face", HuggingFace, lambda c: _all(c.published("emberloom"))),
    "an organisation": ("hugging_face", HuggingFace, lambda c: c.organization("emberloom")),
    "legal entities": ("gleif", Gleif, lambda c: _all(c.search("Emberloom B.V."))),
    "names": ("gleif", Gleif, lambda c: c.names_like("Emberloom")),
    "items": ("wikidata", Wikidata, lambda c: c.search("Quillmark")),
    "facts": ("wikidata_query", WikidataQuery, lambda c: c.facts(["Q990002"])),
}


@pytest.mark.parametrize("name", CALLS)
async def test_a_mangled_answer_is_a_record_or_an_error_of_ours(
    world: WorldServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    service, client, call = CALLS[name]
    mangler = Mangler(services.SERVICES[service].respond)
    mangled = replace(services.SERVICES[service], respond=mangler.respond)
    monkeypatch.setitem(cast("dict[str, Any]", services.SERVICES), service, mangled)
    settings, number, failed = configured(world), 0, 0
    for _ in range(TRIED):
        mangler.number = number
        async with client(settings, place=Place(OwnLimiter())) as source:
            try:
                await call(source)
            except AgenticSalesError:
                failed += 1
        number += max(1, mangler.ways // TRIED)
    assert failed > 0


class Mangler:
    """Answers as a service does, with one value of each answer replaced by a strange one."""

    def __init__(self, respond: Callable[[Asked], WorldAnswer]) -> None:
        self._respond = respond
        self.number = 0
        """Which way to mangle."""
        self.ways = 0
        """How many ways the last answer could be mangled in."""

    def respond(self, asked: Asked) -> WorldAnswer:
        answer = self._respond(asked)
        if answer.status != 200:
            return answer
        lines = answer.body.split(b"\n") if "ndjson" in answer.headers["Content-Type"] else [answer.body]
        lines[0] = self._mangled(json.loads(lines[0]))
        return replace(answer, body=b"\n".join(lines))

    def _mangled(self, value: Any) -> bytes:
        whole = [value]
        places = list(_places(whole))
        self.ways = len(places) * len(STRANGE)
        holder, key = places[self.number // len(STRANGE) % len(places)]
        holder[key] = STRANGE[self.number % len(STRANGE)]
        return json.dumps(whole[0]).encode()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place of a value, as its holder and its key there."""
    keys: Any = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])
