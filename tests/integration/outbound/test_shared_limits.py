"""What all workers together may ask of an outside service, on a real Redis."""

import asyncio
import multiprocessing
import time
from itertools import pairwise

import pytest
from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from agentic_sales.errors import BrokerUnavailable
from agentic_sales.outbound.answer_cache import INDEX_KEY, MOST_ENTRIES, KeptAnswer, SharedCache
from agentic_sales.outbound.limits import Bucket, Limit, OwnLimiter, Quota, account_of
from agentic_sales.outbound.shared_limits import SharedLimiter

ACCOUNT = account_of("github", "https://api.github.example", "a key")
PROCESSES, CALLS, PER_S = 8, 5, 0.25


@pytest.fixture(autouse=True)
async def _no_counts(redis: Redis) -> None:
    await redis.flushdb()


def _hurry(url: str, until: float) -> None:
    """Take every place that there is until a moment, and write down between which moments each was taken."""

    async def run() -> None:
        async with Redis.from_url(url) as redis:
            limiter, bucket = SharedLimiter(redis), Bucket("core", (Limit(CALLS, PER_S),))
            while time.time() < until:
                asked_at = time.time()
                if (wait := await limiter.take(ACCOUNT, bucket, ticket=f"{time.time_ns()}", cost=1)) is None:
                    await redis.rpush("taken", f"{asked_at} {time.time()}")
                else:
                    await asyncio.sleep(min(wait.wait_s, 0.02))

    asyncio.run(run())


def test_several_processes_share_one_limit_and_never_exceed_it(redis_url: str) -> None:
    context = multiprocessing.get_context("fork")
    until = time.time() + 5 * PER_S
    workers = [context.Process(target=_hurry, args=(redis_url, until)) for _ in range(PROCESSES)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with BlockingRedis.from_url(redis_url) as redis:
        counted = redis.zcard(f"agentic:limit:{ACCOUNT}:core:{PER_S:g}")
        taken = sorted(tuple(map(float, entry.split())) for entry in redis.lrange("taken", 0, -1))
    assert [worker.exitcode for worker in workers] == [0] * PROCESSES
    assert int(counted) <= CALLS
    assert len(taken) >= 2 * CALLS  # The limit lets through what it should.
    # One place more than a span has was taken between the first question for it and the last answer.
    groups = [taken[start : start + CALLS + 1] for start in range(len(taken) - CALLS)]
    assert min(max(end for _, end in group) - group[0][0] for group in groups) > PER_S


async def _taken(limiter: SharedLimiter | OwnLimiter, bucket: Bucket, ticket: str = "1", cost: int = 1) -> str | None:
    wait = await limiter.take(ACCOUNT, bucket, ticket=ticket, cost=cost)
    return None if wait is None else wait.reason


@pytest.fixture(params=["shared", "own"])
def limiter(request: pytest.FixtureRequest, redis: Redis) -> SharedLimiter | OwnLimiter:
    return SharedLimiter(redis) if request.param == "shared" else OwnLimiter()


async def test_a_full_span_says_how_long_to_wait(limiter: SharedLimiter | OwnLimiter) -> None:
    bucket = Bucket("search", (Limit(2, 60.0),))
    assert [await _taken(limiter, bucket, str(n)) for n in range(3)] == [None, None, "rate"]
    wait = await limiter.take(ACCOUNT, bucket, ticket="4", cost=1)
    assert wait is not None
    assert 59.0 < wait.wait_s <= 60.0
    assert await _taken(limiter, Bucket("core", (Limit(2, 60.0),))) is None


async def test_a_quota_counts_units_and_ends_with_its_day(limiter: SharedLimiter | OwnLimiter) -> None:
    bucket = Bucket("search", quota=Quota(100, "America/Los_Angeles"))
    assert [await _taken(limiter, bucket, str(n), cost=50) for n in range(3)] == [None, None, "quota"]
    wait = await limiter.take(ACCOUNT, bucket, ticket="4", cost=1)
    assert wait is not None
    assert 0 < wait.wait_s <= 25 * 3600


async def test_calls_in_flight_are_bounded_until_they_end(limiter: SharedLimiter | OwnLimiter) -> None:
    bucket = Bucket("api", at_once=1)
    assert [await _taken(limiter, bucket, "1"), await _taken(limiter, bucket, "2")] == [None, "rate"]
    await limiter.done(ACCOUNT, bucket, "1")
    assert await _taken(limiter, bucket, "2") is None


async def test_a_pause_of_the_account_holds_for_every_bucket_and_one_of_a_bucket_for_it_alone(
    limiter: SharedLimiter | OwnLimiter,
) -> None:
    core, search = Bucket("core"), Bucket("search")
    assert await limiter.pause(f"{ACCOUNT}:search", "rate", 30.0) == 30.0
    assert (await _taken(limiter, core), await _taken(limiter, search)) == (None, "rate")
    await limiter.pause(ACCOUNT, "credential", 30.0)
    assert (await _taken(limiter, core), await _taken(limiter, search)) == ("credential", "credential")


async def test_a_pause_without_a_length_doubles(limiter: SharedLimiter | OwnLimiter) -> None:
    pauses = [await limiter.pause(ACCOUNT, "rate", None) for _ in range(8)]
    assert pauses[:3] == [60.0, 120.0, 240.0]
    assert all(later >= earlier for earlier, later in pairwise(pauses))
    assert pauses[-1] == 3600.0


async def test_nobody_asks_while_nobody_counts() -> None:
    async with Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0)) as away:
        with pytest.raises(BrokerUnavailable):
            await SharedLimiter(away).take(ACCOUNT, Bucket("core"), ticket="1", cost=1)


async def test_kept_answers_come_back_are_bounded_and_can_all_be_dropped(redis: Redis) -> None:
    cache, answer = SharedCache(redis), KeptAnswer(time.time(), {"etag": 'W/"1"'}, "é".encode() * 1000)
    await cache.put("a", answer)
    assert await cache.get("a") == answer
    await redis.zadd(INDEX_KEY, {f"old{n}": n for n in range(MOST_ENTRIES)})
    await cache.put("b", answer)
    assert await redis.zcard(INDEX_KEY) == MOST_ENTRIES
    await cache.clear()
    assert (await cache.get("a"), await cache.get("b"), await redis.keys("agentic:answers:*")) == (None, None, [])
