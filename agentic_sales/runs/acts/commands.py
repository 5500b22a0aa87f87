"""Ask Redis within bounds: so many commands of one event loop at once, each for so long."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from redis.asyncio import Redis
from redis.exceptions import TimeoutError as RedisTimeoutError

from agentic_sales.contracts import RunId
from agentic_sales.errors import BrokerUnavailable
from agentic_sales.runs.line import Line
from agentic_sales.runs.turns import NextRun

log = structlog.get_logger()

COMMANDS_AT_ONCE = 32
"""Commands of one event loop that Redis sees at the same time. Further ones wait. Scripts share a connection."""
ANSWER_TIMEOUT_S = 5.0
"""How long Redis may take to answer before it counts as away. The wait for a connection is included."""

PublishNext = Callable[[RunId, str, str], Awaitable[None]]
"""Publishes a run at its turn on its thread. It takes the id and the assistant and the queue."""


class Commands:
    """The connection of one event loop to the ledger, and what all acts on it share."""

    def __init__(self, redis: Redis, *, ttl_s: int, publish_next: PublishNext | None = None) -> None:
        self.redis = redis
        self.line = Line(redis)
        """Runs the scripts."""
        self._ttl_s = ttl_s
        self._publish_next = publish_next
        self._slots = asyncio.Semaphore(COMMANDS_AT_ONCE)

    @asynccontextmanager
    async def in_time(self) -> AsyncIterator[None]:
        """Bound the time and the number of simultaneous commands of a body that asks Redis.

        Raises:
            redis.exceptions.TimeoutError: Redis did not answer in time.
        """
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S), self._slots:
                yield
        except TimeoutError as exc:
            raise RedisTimeoutError(f"no answer within {ANSWER_TIMEOUT_S:g} s") from exc

    async def _pass_on(self, run: NextRun | None) -> None:
        """Publish the run at its turn. After a failure the sweeper finds it without a message."""
        if run is None or self._publish_next is None:
            return
        try:
            await self._publish_next(run.run_id, run.assistant_id, run.queue)
        except BrokerUnavailable as exc:
            log.warning("next_run_not_published", run_id=run.run_id, queue=run.queue, reason=str(exc))
