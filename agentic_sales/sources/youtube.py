"""Read YouTube's channels, videos and comments.

A search takes one of 100 a day, with or without hits. Everything else takes one of 10,000 units for up to 50 records.
So a channel's videos are read from its list of uploads and not by a search. The feed of a channel needs no key.
"""

import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from pydantic import AliasChoices, AliasPath, Field, field_validator

from agentic_sales.errors import AgenticSalesError, Blocked, CredentialRefused, NotFound, QuotaSpent, RateLimited
from agentic_sales.outbound.api import Params, Reply
from agentic_sales.outbound.limits import Bucket, Quota
from agentic_sales.settings import Settings
from agentic_sales.sources.atom import read_feed
from agentic_sales.sources.records import Record, Text, TextOrNone, in_groups, listed, members, read_all
from agentic_sales.sources.service import Place, Source

_PACIFIC = "America/Los_Angeles"
_SEARCHES = Bucket("search", quota=Quota(100, _PACIFIC))
_UNITS = Bucket("units", quota=Quota(10_000, _PACIFIC))
_FEEDS = Bucket("feeds", at_once=4)
_LARGEST_PAGE = 50
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_SPENT = frozenset({"quotaExceeded", "dailyLimitExceeded"})
_TOO_FAST = frozenset({"rateLimitExceeded", "userRateLimitExceeded"})
_BAD_KEY = frozenset({"keyInvalid", "keyExpired", "API_KEY_INVALID"})


class ChannelHit(Record):
    """A channel that a search found."""

    id: Text = Field(validation_alias=AliasPath("id", "channelId"))
    title: Text = Field(validation_alias=AliasPath("snippet", "title"))
    description: Text = Field("", validation_alias=AliasPath("snippet", "description"))


class VideoHit(Record):
    """A video that a search or a list of uploads tells of."""

    id: Text = Field(validation_alias=AliasChoices(AliasPath("id", "videoId"), AliasPath("contentDetails", "videoId")))
    channel_id: Text = Field(validation_alias=AliasPath("snippet", "channelId"))
    title: Text = Field(validation_alias=AliasPath("snippet", "title"))
    description: Text = Field("", validation_alias=AliasPath("snippet", "description"))
    published_at: datetime | None = Field(None, validation_alias=AliasPath("snippet", "publishedAt"))


class YouTubeChannel(Record):
    """A channel."""

    id: Text
    title: Text = Field(validation_alias=AliasPath("snippet", "title"))
    description: Text = Field("", validation_alias=AliasPath("snippet", "description"))
    handle: TextOrNone = Field(None, validation_alias=AliasPath("snippet", "customUrl"))
    created_at: datetime | None = Field(None, validation_alias=AliasPath("snippet", "publishedAt"))
    subscribers: int | None = Field(None, validation_alias=AliasPath("statistics", "subscriberCount"))
    """None: the channel hides them."""
    videos: int | None = Field(None, validation_alias=AliasPath("statistics", "videoCount"))
    views: int | None = Field(None, validation_alias=AliasPath("statistics", "viewCount"))
    uploads: TextOrNone = Field(None, validation_alias=AliasPath("contentDetails", "relatedPlaylists", "uploads"))
    """Id of the list of its videos."""


class YouTubeVideo(Record):
    """A video."""

    id: Text
    channel_id: Text = Field(validation_alias=AliasPath("snippet", "channelId"))
    title: Text = Field(validation_alias=AliasPath("snippet", "title"))
    description: Text = Field("", validation_alias=AliasPath("snippet", "description"))
    published_at: datetime | None = Field(None, validation_alias=AliasPath("snippet", "publishedAt"))
    duration_s: int | None = Field(None, validation_alias=AliasPath("contentDetails", "duration"))
    views: int | None = Field(None, validation_alias=AliasPath("statistics", "viewCount"))
    likes: int | None = Field(None, validation_alias=AliasPath("statistics", "likeCount"))
    """None: the channel hides them."""
    comments: int | None = Field(None, validation_alias=AliasPath("statistics", "commentCount"))

    @field_validator("duration_s", mode="before")
    @classmethod
    def _in_seconds(cls, value: object) -> object:
        found = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            return None
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


class Comment(Record):
    """A comment at the top of a thread."""

    text: Text = Field(validation_alias=AliasPath("snippet", "topLevelComment", "snippet", "textDisplay"))
    author: TextOrNone = Field(
        None, validation_alias=AliasPath("snippet", "topLevelComment", "snippet", "authorDisplayName")
    )
    likes: int = Field(0, validation_alias=AliasPath("snippet", "topLevelComment", "snippet", "likeCount"))
    published_at: datetime | None = Field(
        None, validation_alias=AliasPath("snippet", "topLevelComment", "snippet", "publishedAt")
    )


class FeedVideo(Record):
    """A video as the feed of its channel tells it."""

    id: Text
    title: Text
    published_at: datetime | None


R = TypeVar("R", bound=Record)


class YouTube(Source):
    """A client of YouTube's Data API."""

    name: ClassVar[str] = "youtube"
    credential: ClassVar[str] = "YOUTUBE_API_KEY"
    fresh_s: ClassVar[float] = 12 * 3600.0

    def __init__(self, configuration: Settings, *, place: Place | None = None) -> None:
        super().__init__(configuration, configuration.youtube_url, secret=configuration.youtube_api_key, place=place)
        self.spent: Counter[str] = Counter()
        """Answers that took of the quota of `search` and of `units`. A kept answer takes nothing."""

    def key_headers(self) -> Mapping[str, str]:
        """Return the key. As a header it stands in no log of a URL."""
        return {"X-Goog-Api-Key": self._secret} if self._secret else {}

    def search_channels(self, query: str, *, most: int = _LARGEST_PAGE) -> AsyncIterator[ChannelHit]:
        """Yield the channels that a search finds. Each 50 take one search of the day."""
        return self._paged(ChannelHit, "search", {"q": query, "type": "channel", "part": "snippet"}, most, _SEARCHES)

    def search_videos(self, query: str, *, most: int = _LARGEST_PAGE) -> AsyncIterator[VideoHit]:
        """Yield the videos that a search finds. Each 50 take one search of the day."""
        return self._paged(VideoHit, "search", {"q": query, "type": "video", "part": "snippet"}, most, _SEARCHES)

    async def channels(self, ids: Iterable[str]) -> AsyncIterator[YouTubeChannel]:
        """Yield the channels of these ids, 50 a unit. One that is not there is left out."""
        async for channel in self._by_ids(YouTubeChannel, "channels", "snippet,statistics,contentDetails", ids):
            yield channel

    async def channel_by_handle(self, handle: str) -> YouTubeChannel:
        """Return the channel of a handle, with or without its `@`.

        Raises:
            NotFound: There is none.
        """
        params: Params = {"forHandle": f"@{handle.removeprefix('@')}", "part": "snippet,statistics,contentDetails"}
        async for channel in self._paged(YouTubeChannel, "channels", params, 1, _UNITS):
            return channel
        raise NotFound(self.name, f"channel `{handle}`")

    def uploads(self, channel: YouTubeChannel, *, most: int = 200) -> AsyncIterator[VideoHit]:
        """Yield the videos of a channel, the newest first.

        Raises:
            NotFound: The list is gone. The channel may still be there.
        """
        params: Params = {"playlistId": channel.uploads or "", "part": "snippet,contentDetails"}
        return self._paged(VideoHit, "playlistItems", params, most, _UNITS)

    async def videos(self, ids: Iterable[str]) -> AsyncIterator[YouTubeVideo]:
        """Yield the videos of these ids, 50 a unit. One that is not there is left out."""
        async for video in self._by_ids(YouTubeVideo, "videos", "snippet,statistics,contentDetails", ids):
            yield video

    def comments(self, video_id: str, *, most: int = 100) -> AsyncIterator[Comment]:
        """Yield the comments of a video.

        Raises:
            Blocked: Its comments are off.
        """
        params: Params = {"videoId": video_id, "part": "snippet", "textFormat": "plainText"}
        return self._paged(Comment, "commentThreads", params, most, _UNITS, largest_page=100)

    async def _by_ids(self, kind: type[R], what: str, part: str, ids: Iterable[str]) -> AsyncIterator[R]:
        for group in in_groups(dict.fromkeys(ids), _LARGEST_PAGE):
            params: Params = {"id": ",".join(group), "part": part}
            async for record in self._paged(kind, what, params, _LARGEST_PAGE, _UNITS):
                yield record

    async def _paged(
        self,
        kind: type[R],
        what: str,
        params: Params,
        most: int,
        bucket: Bucket,
        *,
        largest_page: int | None = None,
    ) -> AsyncIterator[R]:
        self.require_key()
        left, token = most, ""
        while left > 0:
            asked: Params = {
                **params,
                "maxResults": min(left, largest_page or _LARGEST_PAGE),
                **({"pageToken": token} if token else {}),
            }
            reply = await self.ask(f"/youtube/v3/{what}", bucket=bucket, params=asked)
            self.spent[bucket.name] += not reply.is_kept
            data = members(reply.json(), reply)
            for record in read_all(kind, data.get("items", []), reply, "items")[:left]:
                left -= 1
                yield record
            before, token = token, str(data.get("nextPageToken") or "")
            if token in {"", before}:
                return

    def judge(self, reply: Reply) -> AgenticSalesError | None:
        """Tell a used-up quota, a refused key and closed comments by the reason in the body. All of them are 403."""
        reasons = _reasons(reply)
        if reasons & _SPENT:
            _, left_s = Quota(1, _PACIFIC).day(time.time())
            return QuotaSpent(self.name, "today", left_s)
        if reasons & _TOO_FAST:
            return RateLimited(self.name, None)
        if reasons & _BAD_KEY or "api key not valid" in self.told(reply).lower():
            return CredentialRefused(self.name, self.credential)
        if "commentsDisabled" in reasons:
            return Blocked(self.name, f"`{reply.path}`", "the comments of this video are off")
        return super().judge(reply)


class YouTubeFeeds(Source):
    """A client of the feeds of channels, which need no key."""

    name: ClassVar[str] = "youtube_feeds"
    accept: ClassVar[str] = "application/atom+xml, text/xml"
    fresh_s: ClassVar[float] = 3600.0

    def __init__(self, configuration: Settings, *, place: Place | None = None) -> None:
        super().__init__(configuration, configuration.youtube_feeds_url, place=place)

    async def videos(self, channel_id: str) -> tuple[FeedVideo, ...]:
        """Return up to 15 videos of a channel, the newest first.

        Raises:
            NotFound: The feed is not there now. All feeds have spells of it, so it says nothing of the channel.
        """
        reply = await self.ask("/feeds/videos.xml", bucket=_FEEDS, params={"channel_id": channel_id})
        return tuple(
            FeedVideo(
                id=entry.needed("yt:videoId"),
                title=entry.text("atom:title") or "",
                published_at=entry.moment("atom:published"),
            )
            for entry in read_feed(reply).all("atom:entry")
        )


def _reasons(reply: Reply) -> set[str]:
    data: Any = reply.json_or_none()
    error = data.get("error") if isinstance(data, dict) else None
    errors = listed(error.get("errors")) if isinstance(error, dict) else []
    return {str(told.get("reason", "")) for told in errors if isinstance(told, dict)}
