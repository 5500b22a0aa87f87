"""Hold all workers together to the limits of outside services, by counts in Redis.

A limit is a log of calls within its span, not an average. So no span of that length ever holds more calls. One script
looks and counts. Two workers can not both take the last place. Redis' clock counts, so the clocks of hosts do not.
"""

import time
from collections.abc import Awaitable
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from agentic_sales.errors import BrokerUnavailable
from agentic_sales.outbound.limits import LEASE_S, Bucket, Reason, Wait, own_pause_s

LIMIT_PREFIX = "agentic:limit:"
"""Begins the name of every count."""

_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
for i = 1, 2 do
  local left = redis.call('PTTL', KEYS[i])
  if left > 0 then return {redis.call('GET', KEYS[i]), left * 1000} end
end
local ticket, at_once, lease_us = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local quota_units, cost, quota_left_us = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
if quota_units > 0 and (tonumber(redis.call('GET', KEYS[4])) or 0) + cost > quota_units then
  return {'quota', quota_left_us}
end
local wait = 0
for i = 5, #KEYS do
  local calls, per_us = tonumber(ARGV[2 * i - 3]), tonumber(ARGV[2 * i - 2])
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now - per_us)
  local held = redis.call('ZCARD', KEYS[i])
  if held >= calls then
    local first = redis.call('ZRANGE', KEYS[i], held - calls, held - calls, 'WITHSCORES')
    wait = math.max(wait, first[2] + per_us - now)
  end
end
if wait > 0 then return {'rate', wait} end
if at_once > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
  if redis.call('ZCARD', KEYS[3]) >= at_once then return {'rate', 100000} end
  redis.call('ZADD', KEYS[3], now + lease_us, ticket)
  redis.call('PEXPIRE', KEYS[3], math.ceil(lease_us / 1000))
end
if quota_units > 0 then
  redis.call('INCRBY', KEYS[4], cost)
  redis.call('PEXPIRE', KEYS[4], math.ceil(quota_left_us / 1000) + 1000)
end
for i = 5, #KEYS do
  redis.call('ZADD', KEYS[i], now, ticket)
  redis.call('PEXPIRE', KEYS[i], math.ceil(ARGV[2 * i - 2] / 1000) + 1000)
end
return {'', 0}
"""


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
