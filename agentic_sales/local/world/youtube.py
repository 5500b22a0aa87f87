"""Answer as YouTube's Data API v3 and the feeds of channels do."""

from collections.abc import Callable, Sequence
from typing import Any
from xml.sax.saxutils import escape

from agentic_sales.local.world.companies import WorldChannel, WorldVideo
from agentic_sales.local.world.exchange import Asked, WorldAnswer, as_json, as_text, matches
from agentic_sales.local.world.meters import Rate

_SEARCHES, _UNITS = Rate(100, 86_400), Rate(10_000, 86_400)
_FEED_ENTRIES = 15


def respond(asked: Asked) -> WorldAnswer:
    """Answer `/youtube/v3/…`."""
    key = asked.headers.get("x-goog-api-key") or asked.first("key")
    if not key:
        return _error(403, "forbidden", "Method doesn't allow unregistered callers.", domain="global")
    if key.startswith("wrong"):
        return _error(400, "badRequest", "API key not valid. Please pass a valid API key.", domain="global")
    if asked.parts[:2] != ("youtube", "v3") or len(asked.parts) != 3:  # noqa: PLR2004 - the base path and a resource
        return _error(404, "notFound", "Not found.", domain="global")
    is_search = asked.parts[2] == "search"
    if asked.count("search" if is_search else "units", _SEARCHES if is_search else _UNITS, key).is_over:
        return _error(403, "quotaExceeded", "The request cannot be completed because you have exceeded your quota.")
    answers: dict[str, Callable[[Asked], WorldAnswer]] = {
        "search": _search,
        "channels": _channels,
        "videos": _videos,
        "playlistItems": _playlist_items,
        "commentThreads": _comments,
    }
    if not asked.first("part"):
        return _error(400, "missingRequiredParameter", "No filter selected: part.", domain="global")
    return answers[asked.parts[2]](asked) if asked.parts[2] in answers else _error(404, "notFound", "Not found.")


def feeds(asked: Asked) -> WorldAnswer:
    """Answer `/feeds/videos.xml?channel_id=`."""
    for company, channel in asked.world.channels:
        if asked.path == "/feeds/videos.xml" and channel.id == asked.first("channel_id"):
            entries = "".join(
                f"<entry><id>yt:video:{v.id}</id><yt:videoId>{v.id}</yt:videoId><title>{escape(v.title)}</title>"
                f'<link rel="alternate" href="https://www.youtube.com/watch?v={v.id}"/>'
                f"<published>{v.published_at.replace('Z', '+00:00')}</published></entry>"
                for v in channel.videos[:_FEED_ENTRIES]
            )
            text = (
                '<?xml version="1.0" encoding="UTF-8"?><feed xmlns:yt="http://www.youtube.com/xml/schemas/2015" '
                f'xmlns="http://www.w3.org/2005/Atom"><yt:channelId>{channel.id}</yt:channelId>'
                f"<title>{escape(company.name)}</title>{entries}</feed>"
            )
            return as_text(text, content_type="text/xml; charset=UTF-8")
    return as_text("<!DOCTYPE html><title>Error 404 (Not Found)</title>", 404, "text/html")


def _search(asked: Asked) -> WorldAnswer:
    query, kind = asked.first("q"), asked.first("type", "video")
    channel_id = asked.first("channelId")
    if kind == "channel":
        found = [
            {"id": {"kind": "youtube#channel", "channelId": c.id}, "snippet": _channel_snippet(c)}
            for _, c in asked.world.channels
            if matches(query, f"{c.title} {c.description} {' '.join(v.title for v in c.videos)}")
        ]
    else:
        found = [
            {"id": {"kind": "youtube#video", "videoId": v.id}, "snippet": _video_snippet(c, v)}
            for _, c in asked.world.channels
            for v in c.videos
            if channel_id in {"", c.id} and (not query or matches(query, f"{v.title} {v.description}"))
        ]
    return _page(asked, found, 50, "youtube#searchListResponse")


def _channels(asked: Asked) -> WorldAnswer:
    ids, handle = set(asked.first("id").split(",")), asked.first("forHandle").removeprefix("@")
    found = [_channel(c) for _, c in asked.world.channels if c.id in ids or (handle and c.handle == handle)]
    return _page(asked, found, 50, "youtube#channelListResponse", drops_empty=True)


def _videos(asked: Asked) -> WorldAnswer:
    ids = set(asked.first("id").split(","))
    found = [_video(c, v) for _, c in asked.world.channels for v in c.videos if v.id in ids]
    return _page(asked, found, 50, "youtube#videoListResponse")


def _playlist_items(asked: Asked) -> WorldAnswer:
    for _, channel in asked.world.channels:
        if _uploads(channel) == asked.first("playlistId"):
            found = [
                {"snippet": _video_snippet(channel, v), "contentDetails": {"videoId": v.id}} for v in channel.videos
            ]
            return _page(asked, found, 50, "youtube#playlistItemListResponse")
    return _error(404, "playlistNotFound", "The playlist cannot be found.", domain="youtube.playlistItem")


def _comments(asked: Asked) -> WorldAnswer:
    for _, channel in asked.world.channels:
        for video in channel.videos:
            if video.id == asked.first("videoId"):
                if not video.comments:
                    reason = "The video has disabled comments."
                    return _error(403, "commentsDisabled", reason, domain="youtube.commentThread")
                found = [
                    {
                        "id": f"{video.id}-{n}",
                        "snippet": {
                            "topLevelComment": {
                                "snippet": {
                                    "textDisplay": text,
                                    "authorDisplayName": "@a-viewer",
                                    "likeCount": n,
                                    "publishedAt": video.published_at,
                                }
                            }
                        },
                    }
                    for n, text in enumerate(video.comments)
                ]
                return _page(asked, found, 100, "youtube#commentThreadListResponse")
    return _error(404, "videoNotFound", "The video cannot be found.", domain="youtube.commentThread")


def _page(asked: Asked, items: Sequence[Any], most: int, kind: str, *, drops_empty: bool = False) -> WorldAnswer:
    size, token = min(asked.number("maxResults", 5), most), asked.first("pageToken")
    if token and not token.removeprefix("CAU").isdecimal():
        return _error(
            400, "invalidPageToken", "The request specifies an invalid page token.", domain="youtube.parameter"
        )
    start = int(token.removeprefix("CAU")) if token else 0
    body: dict[str, Any] = {"kind": kind, "pageInfo": {"totalResults": len(items), "resultsPerPage": size}}
    if items or not drops_empty:
        body["items"] = list(items[start : start + size])
    if start + size < len(items):
        body["nextPageToken"] = f"CAU{start + size}"
    return as_json(body)


def _uploads(channel: WorldChannel) -> str:
    return f"UU{channel.id.removeprefix('UC')}"


def _channel_snippet(channel: WorldChannel) -> dict[str, Any]:
    return {
        "channelId": channel.id,
        "title": channel.title,
        "description": channel.description,
        "customUrl": f"@{channel.handle}",
        "publishedAt": channel.created_at,
    }


def _channel(channel: WorldChannel) -> dict[str, Any]:
    statistics = {
        "viewCount": str(sum(v.views for v in channel.videos)),
        "hiddenSubscriberCount": channel.hides_subscribers,
        "videoCount": str(len(channel.videos)),
    }
    if not channel.hides_subscribers:
        statistics["subscriberCount"] = str(channel.subscribers)
    details = {"relatedPlaylists": {"uploads": _uploads(channel)}}
    told = {"id": channel.id, "snippet": _channel_snippet(channel), "statistics": statistics}
    return {"kind": "youtube#channel", **told, "contentDetails": details}


def _video_snippet(channel: WorldChannel, video: WorldVideo) -> dict[str, Any]:
    return {
        "publishedAt": video.published_at,
        "channelId": channel.id,
        "channelTitle": channel.title,
        "title": video.title,
        "description": video.description,
    }


def _video(channel: WorldChannel, video: WorldVideo) -> dict[str, Any]:
    statistics = {"viewCount": str(video.views), "commentCount": str(len(video.comments))}
    if video.likes is not None:
        statistics["likeCount"] = str(video.likes)
    duration = f"PT{video.seconds // 60}M{video.seconds % 60}S"
    told = {"id": video.id, "snippet": _video_snippet(channel, video), "statistics": statistics}
    return {"kind": "youtube#video", **told, "contentDetails": {"duration": duration}}


def _error(status: int, reason: str, message: str, *, domain: str = "youtube.quota") -> WorldAnswer:
    errors = [{"domain": domain, "reason": reason, "message": message}]
    return as_json({"error": {"code": status, "message": message, "errors": errors}}, status)
