"""Common Crawl and Hugging Face in the sample world."""

from collections.abc import AsyncIterator
from typing import TypeVar

import pytest

from agentic_sales.errors import Blocked, CredentialRefused, NotFound, ProviderUnavailable, RateLimited
from agentic_sales.local.world.meters import Rate
from agentic_sales.local.world.server import WorldServer, serve_world
from agentic_sales.sources.common_crawl import CommonCrawl, CommonCrawlArchive
from agentic_sales.sources.hugging_face import HuggingFace
from agentic_sales.sources.service import Place
from tests.support.world import configured

T = TypeVar("T")


async def listed(items: AsyncIterator[T]) -> list[T]:
    return [item async for item in items]


async def test_the_captures_of_a_site_are_paged_and_their_pages_read(world: WorldServer, place: Place) -> None:
    settings = configured(world)
    async with CommonCrawl(settings, place=place) as index, CommonCrawlArchive(settings, place=place) as archive:
        newest, *_ = await index.crawls()
        captures = await listed(index.captures("emberloom.example", crawl=newest))
        (careers,) = await listed(index.captures("emberloom.example", crawl=newest, url_pattern=".*careers.*"))
        page = await archive.page(careers)
    assert newest.id == "CC-MAIN-2026-47"
    assert len(captures) == 5
    assert careers in captures
    assert page.startswith(b"<!doctype html>")
    assert b"All openings</a>" in page
    assert page.endswith(b"</html>")


async def test_a_domain_without_captures_has_none_and_that_is_no_error(world: WorldServer, place: Place) -> None:
    async with CommonCrawl(configured(world), place=place) as index:
        newest, older = await index.crawls()
        assert await listed(index.captures("nobody.example", crawl=newest)) == []
        assert await listed(index.captures("emberloom.example", crawl=older)) == []


async def test_an_archive_that_ignores_the_range_is_not_read(world: WorldServer, place: Place) -> None:
    settings = configured(world)
    async with CommonCrawl(settings, place=place) as index, CommonCrawlArchive(settings, place=place) as archive:
        capture = await anext(index.captures("emberloom.example", crawl=(await index.crawls())[0]))
        world.misbehave("html", "common_crawl_data", times=1)
        with pytest.raises(Blocked, match="ignores the range"):
            await archive.page(capture)
        with pytest.raises(ProviderUnavailable, match="breaks off"):
            await archive.page(capture.model_copy(update={"length": capture.length - 10}))
        with pytest.raises(NotFound):
            await archive.page(capture.model_copy(update={"filename": "crawl-data/none.warc.gz"}))


async def test_what_an_organisation_publishes_is_paged(world: WorldServer, place: Place) -> None:
    async with HuggingFace(configured(world), place=place) as hub:
        models = await listed(hub.published("emberloom", page_size=1))
        sets = await listed(hub.published("emberloom", "datasets"))
        organization = await hub.organization("emberloom")
        gated = await hub.repository("emberloom/legal-large")
    assert [model.id for model in models] == ["emberloom/embed-small", "emberloom/legal-large"]
    assert [dataset.id for dataset in sets] == ["emberloom/rerank-base"]
    assert (organization.full_name, gated.gated, models[0].gated) == ("Emberloom", "manual", False)


@pytest.mark.parametrize("token", [None, "any"])
async def test_a_missing_repository_is_missing_with_and_without_a_key(
    world: WorldServer, place: Place, token: str | None
) -> None:
    async with HuggingFace(configured(world, HF_TOKEN=token), place=place) as hub:
        with pytest.raises(NotFound):
            await hub.repository("emberloom/none")
        with pytest.raises(NotFound):
            await hub.organization("nobody")
        assert await listed(hub.published("nobody")) == []


async def test_a_wrong_key_of_the_hub_is_refused(world: WorldServer, place: Place) -> None:
    async with HuggingFace(configured(world, HF_TOKEN="wrong"), place=place) as hub:
        with pytest.raises(CredentialRefused, match="HF_TOKEN"):
            await hub.organization("emberloom")


async def test_the_header_of_the_hub_says_how_long_its_limit_lasts(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentic_sales.local.world.archives._HUGGING_FACE_KEYLESS", Rate(2, 300))
    with serve_world(has_real_limits=True) as world:
        settings = configured(world, HF_TOKEN=None, AGENTIC_SALES_SOURCE_LIMITS="*=100000/1")
        async with HuggingFace(settings, place=place) as hub:
            for number in range(2):
                await listed(hub.published(f"nobody{number}"))
            with pytest.raises(RateLimited) as limited:
                await listed(hub.published("one more"))
    assert 200 < (limited.value.retry_after_s or 0) <= 300
