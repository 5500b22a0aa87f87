"""YouTube in the sample world: counts that are texts, lists to their end, and a quota that says when it is back."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from agentic_sales.errors import Blocked, CredentialMissing, CredentialRefused, NotFound, QuotaSpent
from agentic_sales.local.world.server import WorldServer, serve_world
from agentic_sales.sources.service import Place
from agentic_sales.sources.youtube import YouTube, YouTubeFeeds
from tests.support.world import configured


@pytest.fixture
async def youtube(world: WorldServer, place: Place) -> AsyncIterator[YouTube]:
    async with YouTube(configured(world), place=place) as client:
        yield client


async def test_a_channel_is_read_with_numbers_where_youtube_has_texts(world: WorldServer, youtube: YouTube) -> None:
    told = world.companies.by_file["quillmark"].channel
    assert told is not None
    found = await youtube.channel_by_handle("@quillmark")
    assert (found.id, found.subscribers, found.videos) == (told.id, told.subscribers, len(told.videos))


async def test_a_channel_that_hides_its_subscribers_has_none(youtube: YouTube) -> None:
    assert (await youtube.channel_by_handle("ravensaltdata")).subscribers is None


async def test_uploads_are_paged_to_their_end_for_units_and_no_search(world: WorldServer, youtube: YouTube) -> None:
    channel = await youtube.channel_by_handle("stonewhistlemedia")
    uploads = [video async for video in youtube.uploads(channel)]
    assert len(uploads) == 6
    videos = [video async for video in youtube.videos(video.id for video in uploads)]
    assert [video.id for video in videos] == [video.id for video in uploads]
    assert (videos[0].duration_s, videos[1].likes) == (150, None)
    assert all("/search" not in visit.target for visit in world.visits)


async def test_a_search_is_paged_by_its_token(
    world: WorldServer, youtube: YouTube, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentic_sales.sources.youtube._LARGEST_PAGE", 9)
    hits = [hit async for hit in youtube.search_videos("", most=60)]
    assert len(hits) == len({hit.id for hit in hits}) == sum(len(c.videos) for _, c in world.companies.channels)


async def test_channels_are_asked_for_fifty_at_a_time_and_those_that_are_not_there_left_out(
    world: WorldServer, youtube: YouTube
) -> None:
    ids = [channel.id for _, channel in world.companies.channels]
    found = [channel async for channel in youtube.channels([*ids, *(f"UCnone{n}" for n in range(60))])]
    assert {channel.id for channel in found} == set(ids)
    assert len(world.visits) == 2


async def test_comments_that_are_off_are_blocked(world: WorldServer, youtube: YouTube) -> None:
    told = world.companies.by_file["quillmark"].channel
    assert told is not None
    assert [comment.text async for comment in youtube.comments(told.videos[0].id)] == list(told.videos[0].comments)
    with pytest.raises(Blocked, match="the comments of this video are off"):
        await anext(youtube.comments(told.videos[1].id))


async def test_a_channel_that_is_not_there_is_missing(youtube: YouTube) -> None:
    with pytest.raises(NotFound):
        await youtube.channel_by_handle("nobodyatall")


async def test_a_search_without_results_is_empty(youtube: YouTube) -> None:
    assert [hit async for hit in youtube.search_channels("zzzyyy")] == []


async def test_a_used_up_quota_names_the_midnight_of_the_pacific_and_is_not_tried_again(
    world: WorldServer, youtube: YouTube
) -> None:
    world.misbehave("quota")
    for _ in range(2):
        with pytest.raises(QuotaSpent) as spent:
            await anext(youtube.search_channels("retrieval"))
        assert 0 < (spent.value.retry_after_s or 0) <= 25 * 3600
    assert len(world.visits) == 1


async def test_the_hundredth_search_of_a_day_is_the_last(place: Place) -> None:
    with serve_world(has_real_limits=True) as world:
        async with YouTube(configured(world), place=place) as youtube:
            for number in range(100):
                assert [hit async for hit in youtube.search_channels(f"none{number}")] == []
            with pytest.raises(QuotaSpent, match="search"):
                await anext(youtube.search_channels("one more"))
            assert (await youtube.channel_by_handle("quillmark")).title == "Quillmark"
        assert len(world.visits) == 101


async def test_a_wrong_key_is_told_by_its_body_and_never_stands_in_a_url(world: WorldServer, place: Place) -> None:
    async with YouTube(configured(world, YOUTUBE_API_KEY="wrong-one"), place=place) as youtube:
        with pytest.raises(CredentialRefused, match="YOUTUBE_API_KEY"):
            await anext(youtube.search_channels("retrieval"))
    assert all("wrong-one" not in visit.target for visit in world.visits)


async def test_without_a_key_only_the_feeds_are_read(world: WorldServer, place: Place) -> None:
    settings = configured(world, YOUTUBE_API_KEY=None)
    told = world.companies.by_file["stonewhistle-media"].channel
    assert told is not None
    async with YouTube(settings, place=place) as youtube, YouTubeFeeds(settings, place=place) as feeds:
        with pytest.raises(CredentialMissing, match="YOUTUBE_API_KEY is not set"):
            await anext(youtube.search_channels("retrieval"))
        videos = await feeds.videos(told.id)
        with pytest.raises(NotFound):
            await feeds.videos("UCnobody")
    assert [video.title for video in videos] == [video.title for video in told.videos]
    assert videos[0].published_at == datetime.fromisoformat(told.videos[0].published_at).astimezone(UTC)
