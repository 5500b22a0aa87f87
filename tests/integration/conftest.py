"""Give the unit tests of runs a ledger on a real Redis."""

from collections.abc import AsyncIterator, Iterator

import pytest
from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from agentic_sales.runs.holds import Holds
from agentic_sales.runs.ledger import Ledger
from agentic_sales.runs.submit import connect_redis
from agentic_sales.settings import Settings

LEDGER_TTL_S = 100


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """The product's client of the tests' Redis, for the test's event loop."""
    async with connect_redis(Settings.model_validate({"REDIS_URL": redis_url})) as client:
        yield client


@pytest.fixture
def ledger(redis: Redis) -> Ledger:
    """The record of runs on the tests' Redis."""
    return Ledger(redis, ttl_s=LEDGER_TTL_S)


@pytest.fixture
def holds(redis_url: str) -> Iterator[Holds]:
    """The ledger as a worker's parent process has it."""
    with BlockingRedis.from_url(redis_url) as blocking:
        yield Holds(blocking, ttl_s=LEDGER_TTL_S)
