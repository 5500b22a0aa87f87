"""Find the channels of a topic, and read their pages. A list that cannot be read stops none of the others."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence

from agentic_sales.errors import AgenticSalesError, NotFound
from agentic_sales.rules.video_channels import ChannelText, ChannelVideo
from agentic_sales.side_by_side import ask_each
from agentic_sales.sources.service import Unavailable
from agentic_sales.sources.youtube import VideoHit, YouTube, YouTubeChannel, YouTubeFeeds

CHANNELS_AT_ONCE = 4
_NEWEST = 15
"""Videos of a channel that are read, as many as its feed has."""


async def channels_about(
    youtube: YouTube,
    queries: Sequence[str],
    gone: Unavailable,
    *,
    most: int,
    max_searches: int,
    searched: Callable[[str], None] = lambda _: None,
) -> list[str]:
    """Return the ids of channels that searches for channels and for videos find, each once, those of channels first.

    No further search is made once there are enough channels, because a day has 100 of them for all workers.

    Args:
        youtube: The client.
        queries: Words to search with.
        gone: Is told of a search that failed.
        most: Channels that are enough.
        max_searches: Most searches.
        searched: Is told each query when it is done.

    Raises:
        RateLimited: The run is a batch run, and it is delivered again when the pause is over.
    """
    found: dict[str, None] = {}
    searches = [(query, is_for_videos) for query in queries for is_for_videos in (False, True)]
    for query, is_for_videos in searches[:max_searches]:
        if len(found) >= most:
            break
        try:
            async for channel_id in _ids(youtube, query, is_for_videos=is_for_videos):
                found.setdefault(channel_id)
        except AgenticSalesError as exc:
            gone.note(youtube.name, exc)
        searched(query)
    return list(found)[:most]


async def _ids(youtube: YouTube, query: str, *, is_for_videos: bool) -> AsyncIterator[str]:
    if is_for_videos:
        async for video in youtube.search_videos(query):
            yield video.channel_id
    else:
        async for channel in youtube.search_channels(query):
            yield channel.id


async def read_channels(
    youtube: YouTube,
    feeds: YouTubeFeeds,
    ids: Iterable[str],
    gone: Unavailable,
    *,
    read: Callable[[str], None] = lambda _: None,
) -> list[ChannelText]:
    """Return channels with their newest videos, in the order of their ids. A channel that is not there is left out.

    Where a list of uploads cannot be read, the feed of the channel stands in. It has titles and no descriptions.

    Raises:
        RateLimited: The run is a batch run, and it is delivered again when the pause is over.
    """
    found: dict[str, YouTubeChannel] = {}
    order = list(dict.fromkeys(ids))
    try:
        async for channel in youtube.channels(order):
            found[channel.id] = channel
    except AgenticSalesError as exc:
        gone.note(youtube.name, exc)

    async def one(channel: YouTubeChannel) -> ChannelText:
        text = _text_of(channel, await newest_videos(youtube, feeds, channel, gone))
        read(channel.title)
        return text

    listed = [found[channel_id] for channel_id in order if channel_id in found]
    return await ask_each(listed, one, at_once=CHANNELS_AT_ONCE)


async def newest_videos(
    youtube: YouTube, feeds: YouTubeFeeds, channel: YouTubeChannel, gone: Unavailable
) -> list[ChannelVideo]:
    """Return the newest videos of a channel from the list of its uploads, else from its feed."""
    try:
        return [_video(hit) async for hit in youtube.uploads(channel, most=_NEWEST)]
    except NotFound:
        pass
    except AgenticSalesError as exc:
        gone.note(youtube.name, exc)
    try:
        entries = await feeds.videos(channel.id)
    except NotFound:  # All feeds have spells of it, so it says nothing of the channel.
        return []
    except AgenticSalesError as exc:
        gone.note(feeds.name, exc)
        return []
    return [ChannelVideo(title=e.title, url=_watch(e.id), published_at=e.published_at) for e in entries]


def _text_of(channel: YouTubeChannel, newest: Sequence[ChannelVideo]) -> ChannelText:
    return ChannelText(
        channel_id=channel.id,
        title=channel.title,
        url=f"https://www.youtube.com/channel/{channel.id}",
        handle=(channel.handle or "").removeprefix("@"),
        description=channel.description,
        subscribers=channel.subscribers,
        videos=channel.videos,
        views=channel.views,
        newest=list(newest),
    )


def _video(hit: VideoHit) -> ChannelVideo:
    return ChannelVideo(title=hit.title, url=_watch(hit.id), description=hit.description, published_at=hit.published_at)


def _watch(video_id: str) -> str:
    return f"https://www.youtube.com/watch?v={video_id}"
