"""Let the services of the sample world fail as the real ones do."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Literal, get_args

from agentic_sales.local.world.exchange import Asked, WorldAnswer, as_json, as_text

Kind = Literal[
    "429",
    "429-with-retry-after",
    "secondary-limit",
    "graphql-limit",
    "quota",
    "5xx",
    "slow",
    "cut-off",
    "changed-field",
    "broken-json",
    "error-feed",
    "html",
]
"""What a service does: refuse, with a header or without; fail; be slow; break off; rename a member."""
KINDS: tuple[Kind, ...] = get_args(Kind)

_ONLY_BY_NAME = frozenset({"sites", "dns"})
SLOW_S = 3.0
RETRY_AFTER_S = 1

_FIELDS = {
    "github": "full_name",
    "ashby": "title",
    "greenhouse": "title",
    "lever": "text",
    "brave": "url",
    "searxng": "url",
    "tavily": "url",
    "serper": "link",
    "youtube": "snippet",
    "youtube_feeds": "yt:videoId",
    "openalex": "display_name",
    "crossref": "DOI",
    "semantic_scholar": "authorId",
    "arxiv": "title",
    "orcid": "orcid-id",
    "common_crawl": "filename",
    "hugging_face": "likes",
    "gleif": "legalName",
    "reacher": "is_reachable",
    "wikidata": "id",
    "wikidata_query": "bindings",
}
"""The member or element that `changed-field` renames, by service."""
_QUOTA = {
    "error": {
        "code": 403,
        "message": "The request cannot be completed because you have exceeded your quota.",
        "errors": [{"domain": "youtube.quota", "reason": "quotaExceeded", "message": "quota exceeded"}],
    }
}
_SECONDARY = {
    "message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
    "documentation_url": "https://docs.example/rest/overview/rate-limits",
    "status": "403",
}
_GRAPHQL = {"data": None, "errors": [{"type": "RATE_LIMIT", "message": "API rate limit already exceeded."}]}
_FEED = """<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>http://arxiv.example/api/errors</id><title>Error</title>
<summary>incorrect id format for 1234</summary></entry></feed>"""


@dataclass
class Misbehaviour:
    """One way in which services fail for a while."""

    kind: Kind
    service: str | None = None
    """Service that fails. None: all of them but the sites and the DNS."""
    times: int | None = None
    """Requests that fail. None: all."""


class Misbehaviours:
    """The failures of a world."""

    def __init__(self) -> None:
        self._active: list[Misbehaviour] = []
        self._lock = Lock()

    def add(self, kind: Kind, service: str | None = None, times: int | None = None) -> None:
        """Let services fail from now on."""
        with self._lock:
            self._active.append(Misbehaviour(kind, service, times))

    def clear(self) -> None:
        """Let every service behave."""
        with self._lock:
            self._active.clear()

    def kind_for(self, service: str) -> Kind | None:
        """Return how a request to a service fails, and count it. None: it does not."""
        with self._lock:
            for active in self._active:
                if active.service != service and (active.service is not None or service in _ONLY_BY_NAME):
                    continue
                if active.times is not None:
                    active.times -= 1
                    if active.times <= 0:
                        self._active.remove(active)
                return active.kind
        return None


def misbehave(kind: Kind, service: str, asked: Asked, answer: Callable[[Asked], WorldAnswer]) -> WorldAnswer:
    """Answer a request in the way of a failure. A body that breaks off is the server's part."""
    refused: dict[Kind, WorldAnswer] = {
        "429": as_json({"message": "Too Many Requests"}, 429),
        "429-with-retry-after": as_json({"message": "Too Many Requests"}, 429, {"Retry-After": str(RETRY_AFTER_S)}),
        "secondary-limit": as_json(_SECONDARY, 403, {"x-ratelimit-remaining": "4000"}),
        "graphql-limit": as_json(_GRAPHQL, 200, {"x-ratelimit-remaining": "12"}),
        "quota": as_json(_QUOTA, 403),
        "5xx": as_text("upstream connect error", 503),
        "error-feed": as_text(_FEED, 400, "application/atom+xml"),
        "html": as_text("<!doctype html><title>One moment</title>", 200, "text/html"),
    }
    if kind in refused:
        return refused[kind]
    if kind == "slow":
        time.sleep(SLOW_S)
    told = answer(asked)
    if kind == "changed-field" and told.status == 200:  # noqa: PLR2004 - a status is its own name
        return replace(told, body=_renamed(told.body, _FIELDS.get(service, "")))
    if kind == "broken-json":
        return replace(told, body=told.body[: len(told.body) // 2])
    return told


def _renamed(body: bytes, field: str) -> bytes:
    try:
        return json.dumps(_without(json.loads(body), field)).encode()
    except ValueError:  # Not JSON but lines or XML.
        return re.sub(rf'(?<=["<]){field}(?=[">])|(?<=</){field}(?=>)'.encode(), f"{field}V2".encode(), body)


def _without(value: Any, field: str) -> Any:
    match value:
        case dict():
            return {(f"{name}V2" if name == field else name): _without(inner, field) for name, inner in value.items()}
        case list():
            return [_without(inner, field) for inner in value]
        case _:
            return value


def read_misbehaviour(text: str) -> tuple[Kind, str | None, int | None]:
    """Read `KIND[:SERVICE[:TIMES]]`.

    Raises:
        ValueError: There is no such kind, or the times are no number. The message lists the kinds.
    """
    kind, _, rest = text.partition(":")
    service, _, times = rest.partition(":")
    known = next((known for known in KINDS if known == kind), None)
    if known is None:
        raise ValueError(f"`{kind}` is no way to misbehave; there are {', '.join(KINDS)}")
    if times and not times.isdecimal():
        raise ValueError(f"`{times}` in `{text}` is no number of requests")
    return known, service or None, int(times) if times else None
