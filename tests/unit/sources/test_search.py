"""Web search in the sample world: four engines, one form, and a next one where one cannot serve."""

from collections.abc import AsyncIterator

import pytest

from agentic_sales.errors import (
    AgenticSalesError,
    AnswerChanged,
    Blocked,
    CredentialMissing,
    CredentialRefused,
    ProviderUnavailable,
    QuotaSpent,
    RateLimited,
)
from agentic_sales.local.world.misbehaviour import Kind
from agentic_sales.local.world.server import WorldServer
from agentic_sales.sources.search import WebSearch
from agentic_sales.sources.search_engines import SearXNG, Serper
from agentic_sales.sources.service import Place
from tests.support.world import configured

ENGINES = ("brave", "searxng", "tavily", "serper")


@pytest.fixture
async def web(world: WorldServer, place: Place) -> AsyncIterator[WebSearch]:
    async with WebSearch(configured(world), place=place) as client:
        yield client


def only(world: WorldServer, engine: str, place: Place, **changed: str | None) -> WebSearch:
    return WebSearch(configured(world, AGENTIC_SALES_SEARCH=engine, **changed), place=place)


@pytest.mark.parametrize("engine", ENGINES)
async def test_every_engine_finds_the_same_page_in_the_same_form(world: WorldServer, place: Place, engine: str) -> None:
    async with only(world, engine, place) as web:
        found = await web.search("vector database for retrieval", count=5)
    assert found.page.engine == engine
    assert found.page.hits[0].url == "https://emberloom.example/"
    assert "vector database" in found.page.hits[0].snippet
    assert 0 < len(found.page.hits) <= 5


async def test_the_first_engine_that_has_its_key_serves(world: WorldServer, place: Place) -> None:
    settings = configured(world, BRAVE_API_KEY=None, AGENTIC_SALES_SEARXNG_URL=None)
    async with WebSearch(settings, place=place) as web:
        found = await web.search("robotics")
    assert found.page.engine == "tavily"
    assert found.passed_over == ("brave: BRAVE_API_KEY is not set", "searxng: AGENTIC_SALES_SEARXNG_URL is not set")
    assert [visit.service for visit in world.visits] == ["tavily"]


async def test_a_next_engine_serves_where_one_fails_and_the_first_is_not_asked_again(
    world: WorldServer, web: WebSearch
) -> None:
    world.misbehave("429", "brave")
    assert (await web.search("robotics")).page.engine == "searxng"
    assert (await web.search("glass")).page.engine == "searxng"
    assert [visit.service for visit in world.visits] == ["brave", "searxng", "searxng"]


async def test_no_hits_are_an_answer_and_no_reason_to_ask_the_next(world: WorldServer, web: WebSearch) -> None:
    assert (await web.search("zzzyyyxxx")).page.hits == ()
    assert [visit.service for visit in world.visits] == ["brave"]


async def test_hits_are_read_page_by_page_each_url_once(world: WorldServer, web: WebSearch) -> None:
    urls = [hit.url async for hit in web.hits("site:example was founded in", most=100)]
    assert len(urls) == len(set(urls)) > 20
    assert {visit.service for visit in world.visits} == {"brave"}
    assert len(world.visits) >= 2


async def test_without_any_engine_the_settings_are_named(world: WorldServer, place: Place) -> None:
    keys = dict.fromkeys(("BRAVE_API_KEY", "TAVILY_API_KEY", "SERPER_API_KEY", "AGENTIC_SALES_SEARXNG_URL"))
    async with WebSearch(configured(world, **keys), place=place) as web:
        with pytest.raises(CredentialMissing, match="BRAVE_API_KEY, AGENTIC_SALES_SEARXNG_URL"):
            await web.search("robotics")


async def test_a_pause_is_what_is_raised_where_no_engine_serves(world: WorldServer, web: WebSearch) -> None:
    world.misbehave("5xx", "brave")
    world.misbehave("429")
    with pytest.raises(RateLimited):
        await web.search("robotics")


@pytest.mark.parametrize(
    ("engine", "key", "error"),
    [
        ("brave", {"BRAVE_API_KEY": "wrong"}, CredentialRefused),
        ("tavily", {"TAVILY_API_KEY": "wrong"}, CredentialRefused),
        ("serper", {"SERPER_API_KEY": "wrong"}, CredentialRefused),
        ("tavily", {"TAVILY_API_KEY": "spent"}, QuotaSpent),
        ("serper", {"SERPER_API_KEY": "spent"}, QuotaSpent),
    ],
)
async def test_a_wrong_key_and_a_spent_plan_are_told_apart(
    world: WorldServer, place: Place, engine: str, key: dict[str, str], error: type[AgenticSalesError]
) -> None:
    async with only(world, engine, place, **key) as web:
        with pytest.raises(error, match=engine):
            await web.search("robotics")
        with pytest.raises(error, match=engine):
            await web.search("robotics")
    assert len(world.visits) == 1


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("429", RateLimited),
        ("5xx", ProviderUnavailable),
        ("cut-off", ProviderUnavailable),
        ("broken-json", ProviderUnavailable),
        ("changed-field", AnswerChanged),
    ],
)
async def test_an_engine_that_fails_says_how(
    world: WorldServer, place: Place, engine: str, kind: Kind, error: type[AgenticSalesError]
) -> None:
    world.misbehave(kind, engine)
    async with only(world, engine, place) as web:
        with pytest.raises(error, match=engine):
            await web.search("robotics")


async def test_searxng_without_json_or_behind_a_challenge_says_what_to_do(world: WorldServer, place: Place) -> None:
    async with SearXNG(configured(world), place=place) as searxng:
        world.misbehave("html", times=1)
        with pytest.raises(Blocked, match="let it know this client"):
            await searxng.search("robotics", count=5, page=0)
        with pytest.raises(ProviderUnavailable, match="an engine: timeout"):
            await searxng.search("nothingatall", count=5, page=0)


async def test_words_of_any_script_are_searched(world: WorldServer, place: Place) -> None:
    async with Serper(configured(world), place=place) as serper:
        found = await serper.search("工場の不良品を画像で見つけるソフトウェア。", count=5, page=0)
    assert found.hits[0].url == "https://yukimori-systems.example/"
