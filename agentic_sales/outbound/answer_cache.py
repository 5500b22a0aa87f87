"""Keep answers of outside services for a while. A kept answer is used again, or asked for conditionally by its ETag.

The cache of the workers is in Redis. It is bounded in entries and in the size of an entry, and each entry expires. It
may hold what a service says of a person. So `clear` drops all of it.
"""

import json
import time
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Protocol

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = structlog.get_logger()

LARGEST_ENTRY_BYTES = 256 * 1024
"""Largest answer that is kept, in bytes after packing."""
MOST_ENTRIES = 2000
"""Most answers that are kept. The one that expires first makes place."""
KEPT_S = 86_400.0
"""Seconds after which an answer is dropped, also where its ETag would still hold."""
INDEX_KEY = "agentic:answers:index"
ENTRY_PREFIX = "agentic:answers:entry:"

_PUT = files("agentic_sales.outbound").joinpath("lua/keep_answer.lua").read_text("utf-8")


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer with status 200."""

    kept_at_s: float
    """Unix time at which the service last said it."""
    headers: Mapping[str, str]
    """Its headers in lower case."""
    body: bytes
    """Its body after decompression."""

    @property
    def age_s(self) -> float:
        """Seconds since the service said it."""
        return max(0.0, time.time() - self.kept_at_s)


class AnswerCache(Protocol):
    """Keeps answers by name."""

    async def get(self, name: str) -> KeptAnswer | None:
        """Return a kept answer, or None."""

    async def put(self, name: str, answer: KeptAnswer) -> None:
        """Keep an answer."""

    async def clear(self) -> int:
        """Drop every answer, and return how many there were."""


class OwnCache:
    """Keeps answers in this process."""

    def __init__(self, most: int = 100) -> None:
        self._most = most
        self._kept: dict[str, KeptAnswer] = {}

    async def get(self, name: str) -> KeptAnswer | None:
        """See `AnswerCache`."""
        found = self._kept.get(name)
        return found if found is not None and found.age_s < KEPT_S else None

    async def put(self, name: str, answer: KeptAnswer) -> None:
        """See `AnswerCache`."""
        self._kept.pop(name, None)
        self._kept[name] = answer
        while len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]

    async def clear(self) -> int:
        """See `AnswerCache`."""
        count = len(self._kept)
        self._kept.clear()
        return count


class SharedCache:
    """Keeps answers in Redis for all workers. Without Redis it keeps nothing."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def get(self, name: str) -> KeptAnswer | None:
        """See `AnswerCache`."""
        try:
            found = await self._redis.get(ENTRY_PREFIX + name)
        except RedisError as exc:
            log.warning("answer_not_read", reason=str(exc))
            return None
        return None if found is None else _unpacked(found)

    async def put(self, name: str, answer: KeptAnswer) -> None:
        """See `AnswerCache`. An answer that is too large is not kept."""
        packed = _packed(answer)
        if len(packed) > LARGEST_ENTRY_BYTES:
            return
        keys = (INDEX_KEY, ENTRY_PREFIX + name)
        values = (packed, round(1000 * KEPT_S), answer.kept_at_s + KEPT_S, name, MOST_ENTRIES, ENTRY_PREFIX)
        try:
            await self._redis.eval(_PUT, len(keys), *keys, *values)
        except RedisError as exc:
            log.warning("answer_not_kept", reason=str(exc))

    async def clear(self) -> int:
        """See `AnswerCache`. An entry goes before its line in the index, so an interrupted call can be made again.

        Raises:
            redis.exceptions.RedisError: Redis does not answer, so answers may still be there.
        """
        names: list[Any] = await self._redis.zrange(INDEX_KEY, 0, -1)
        if not names:
            return 0
        texts = [name.decode() if isinstance(name, bytes) else name for name in names]
        count: int = await self._redis.unlink(*(ENTRY_PREFIX + name for name in texts))
        await self._redis.zrem(INDEX_KEY, *names)
        return count


def _packed(answer: KeptAnswer) -> str:
    body = b64encode(zlib.compress(answer.body)).decode()
    return json.dumps([answer.kept_at_s, dict(answer.headers), body])


def _unpacked(text: bytes | str) -> KeptAnswer:
    kept_at_s, headers, body = json.loads(text)
    return KeptAnswer(kept_at_s, headers, zlib.decompress(b64decode(body)))
