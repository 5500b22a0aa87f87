"""Say how often an outside service may be asked, and hold the callers of one process to it.

A limit belongs to a service and a key. `shared_limits` holds all workers to it together. The limiter of this module
serves a process outside the fleet, such as a command.
"""

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

Reason = Literal["rate", "quota", "credential"]
"""Why a service may not be asked now: its rate, its allowance, or a key that it refuses."""

FIRST_PAUSE_S = 60.0
"""Pause in seconds after a refusal that names none. It doubles with each further one."""
LONGEST_OWN_PAUSE_S = 3600.0
"""Longest pause in seconds that nobody asked for."""
LEASE_S = 60.0
"""Seconds after which a call that never ended counts no more."""
_BUSY_S = 0.1


@dataclass(frozen=True, slots=True)
class Limit:
    """A number of calls in any span of a length."""

    calls: int
    """Most calls that start within any `per_s` seconds."""
    per_s: float
    """Length of the span, in seconds."""


@dataclass(frozen=True, slots=True)
class Quota:
    """An allowance of units per day of a time zone."""

    units: int
    """Units per day."""
    zone: str = "UTC"
    """Time zone of the midnight that begins a day."""

    def day(self, now_s: float) -> tuple[str, float]:
        """Return the date of a moment and the seconds that are left of that day."""
        now = datetime.fromtimestamp(now_s, ZoneInfo(self.zone))
        end = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        return now.date().isoformat(), (end.astimezone(UTC) - now.astimezone(UTC)).total_seconds()


@dataclass(frozen=True, slots=True)
class Bucket:
    """Calls that a service counts together."""

    name: str
    """Name within the service."""
    limits: tuple[Limit, ...] = ()
    """Each of them holds."""
    quota: Quota | None = None
    """Daily allowance, or None."""
    at_once: int | None = None
    """Most calls in flight, or None."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A call that may not start yet."""

    wait_s: float
    """Seconds until it is worth asking again."""
    reason: Reason
    """Why it may not start."""


class Limiter(Protocol):
    """Counts calls. Two limiters with the same counts are one."""

    async def take(self, account: str, bucket: Bucket, *, ticket: str, cost: int) -> Wait | None:
        """Count a call and return None, or count nothing and return how long to wait.

        Args:
            account: Name of the service and key, from `account_of`.
            bucket: Bucket that the call is counted in.
            ticket: Name of this call.
            cost: Units of the quota that it takes.
        """

    async def done(self, account: str, bucket: Bucket, ticket: str) -> None:
        """Let a call count no longer as in flight."""

    async def pause(self, scope: str, reason: Reason, pause_s: float | None) -> float:
        """Keep all callers from a scope for a while, and return the seconds.

        Args:
            scope: An account, or an account and a bucket joined by `:`.
            reason: Why.
            pause_s: Seconds, or None for a pause that doubles with each one.
        """


def account_of(service: str, base_url: str, secret: str) -> str:
    """Name the account that a service counts by. The name does not reveal the key."""
    return sha256(f"{service}\n{base_url}\n{secret}".encode()).hexdigest()[:32]


def own_pause_s(strikes: int) -> float:
    """Return the pause after the given number of refusals in a row."""
    doublings = min(max(strikes - 1, 0), 10)
    return float(min(FIRST_PAUSE_S * 2**doublings, LONGEST_OWN_PAUSE_S))


def with_limits(bucket: Bucket, limits: Mapping[str, Limit], service: str) -> Bucket:
    """Return a bucket with the limit that a deployment sets instead of its own.

    Args:
        bucket: The bucket as the service documents it.
        limits: By `service.bucket`, `service` or `*`. The first that is there holds.
        service: Name of the service.
    """
    for name in (f"{service}.{bucket.name}", service, "*"):
        if name in limits:
            return Bucket(bucket.name, (limits[name],), None, None)
    return bucket


class OwnLimiter:
    """Holds the callers of one event loop to the limits."""

    def __init__(self) -> None:
        self._calls: defaultdict[tuple[str, str, float], list[float]] = defaultdict(list)
        self._units: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        self._flying: defaultdict[tuple[str, str], dict[str, float]] = defaultdict(dict)
        self._pauses: dict[str, tuple[float, Reason]] = {}
        self._strikes: defaultdict[str, tuple[int, float]] = defaultdict(lambda: (0, 0.0))

    async def take(self, account: str, bucket: Bucket, *, ticket: str, cost: int) -> Wait | None:
        """See `Limiter`."""
        now = time.time()
        if (refused := self._why_not(account, bucket, now, cost)) is not None:
            return refused
        for limit in bucket.limits:
            self._calls[account, bucket.name, limit.per_s].append(now)
        if bucket.quota is not None:
            self._units[account, bucket.name, bucket.quota.day(now)[0]] += cost
        if bucket.at_once is not None:
            self._flying[account, bucket.name][ticket] = now + LEASE_S
        return None

    async def done(self, account: str, bucket: Bucket, ticket: str) -> None:
        """See `Limiter`."""
        self._flying[account, bucket.name].pop(ticket, None)

    async def pause(self, scope: str, reason: Reason, pause_s: float | None) -> float:
        """See `Limiter`."""
        now = time.time()
        if pause_s is None:
            strikes, until = self._strikes[scope]
            strikes = strikes + 1 if now < until else 1
            pause_s = own_pause_s(strikes)
            self._strikes[scope] = (strikes, now + 2 * pause_s)
        self._pauses[scope] = (now + pause_s, reason)
        return pause_s

    def _why_not(self, account: str, bucket: Bucket, now: float, cost: int) -> Wait | None:
        for scope in (account, f"{account}:{bucket.name}"):
            until, reason = self._pauses.get(scope, (0.0, "rate"))
            if until > now:
                return Wait(until - now, reason)
        if (quota := bucket.quota) is not None:
            day, left_s = quota.day(now)
            if self._units[account, bucket.name, day] + cost > quota.units:
                return Wait(left_s, "quota")
        wait_s = max((self._full_for_s(account, bucket, limit, now) for limit in bucket.limits), default=0.0)
        if wait_s > 0:
            return Wait(wait_s, "rate")
        flying = self._flying[account, bucket.name]
        if bucket.at_once is not None and sum(until > now for until in flying.values()) >= bucket.at_once:
            return Wait(_BUSY_S, "rate")
        return None

    def _full_for_s(self, account: str, bucket: Bucket, limit: Limit, now: float) -> float:
        calls = self._calls[account, bucket.name, limit.per_s]
        calls[:] = [at for at in calls if at > now - limit.per_s]
        return 0.0 if len(calls) < limit.calls else calls[-limit.calls] + limit.per_s - now
