"""Hold all workers together to the limits of outside services, by counts in Redis.

A limit is a log of calls within its span, not an average. So no span of that length ever holds more calls. One script
looks and counts. Two workers can not both take the last place. Redis' clock counts, so the clocks of hosts do not.
"""

import time
from collections.abc import Awaitable
from importlib.resources import files
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from agentic_sales.errors import BrokerUnavailable
from agentic_sales.outbound.limits import LEASE_S, Bucket, Reason, Wait, own_pause_s

LIMIT_PREFIX = "agentic:limit:"
"""Begins the name of every count."""

_TAKE = files("agentic_sales.outbound").joinpath("lua/take_call.lua").read_text("utf-8")


class SharedLimiter:
    """Counts calls in Redis. Every process that uses it with the same Redis is counted together."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def take(self, account: str, bucket: Bucket, *, ticket: str, cost: int) -> Wait | None:
        """See `Limiter`.

        Raises:
            BrokerUnavailable: Redis does not answer. Nobody may ask then, because nobody counts.
        """
        day, left_s = bucket.quota.day(time.time()) if bucket.quota else ("", 0.0)
        base = f"{LIMIT_PREFIX}{account}:{bucket.name}"
        keys = [_pause_key(account), _pause_key(f"{account}:{bucket.name}"), f"{base}:flying", f"{base}:units:{day}"]
        keys += [f"{base}:{limit.per_s:g}" for limit in bucket.limits]
        quota_units = bucket.quota.units if bucket.quota else 0
        values: list[Any] = [ticket, bucket.at_once or 0, _us(LEASE_S), quota_units, cost, _us(left_s)]
        values += [value for limit in bucket.limits for value in (limit.calls, _us(limit.per_s))]
        try:
            answer = await cast("Awaitable[list[Any]]", self._redis.eval(_TAKE, len(keys), *keys, *values))
        except RedisError as exc:
            raise BrokerUnavailable("counting the calls of an outside service", exc) from exc
        reason, wait_us = _text(answer[0]), int(answer[1])
        return Wait(max(wait_us, 1000) / 1e6, cast("Reason", reason)) if reason else None

    async def done(self, account: str, bucket: Bucket, ticket: str) -> None:
        """See `Limiter`. A call whose end does not reach Redis counts until its lease ends."""
        if bucket.at_once is None:
            return
        try:
            await self._redis.zrem(f"{LIMIT_PREFIX}{account}:{bucket.name}:flying", ticket)
        except RedisError:
            return

    async def pause(self, scope: str, reason: Reason, pause_s: float | None) -> float:
        """See `Limiter`.

        Raises:
            BrokerUnavailable: Redis does not answer.
        """
        try:
            if pause_s is None:
                strikes_key = f"{LIMIT_PREFIX}{scope}:strikes"
                pause_s = own_pause_s(int(await self._redis.incr(strikes_key)))
                await self._redis.pexpire(strikes_key, round(2000 * pause_s))
            await self._redis.set(_pause_key(scope), reason, px=max(1, round(1000 * pause_s)))
        except RedisError as exc:
            raise BrokerUnavailable("sharing the pause of an outside service", exc) from exc
        return pause_s


def _pause_key(scope: str) -> str:
    return f"{LIMIT_PREFIX}{scope}:pause"


def _us(seconds: float) -> int:
    return round(1e6 * seconds)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
