"""Wait for a Redis that is away, where giving up would cost more: in a worker, before, during and after a run."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from redis.exceptions import RedisError

from agentic_sales.contracts import RunId

log = structlog.get_logger()

T = TypeVar("T")

LEDGER_PATIENCE_S = 60.0
"""How long a run waits for a Redis that is away."""
_LEDGER_PAUSE_S = 0.5


async def patiently(step: Callable[[], Awaitable[T]], run_id: RunId) -> T:
    """Repeat a step of the ledger until Redis takes it: what is done must be neither lost nor done again.

    Also where Redis answers and refuses, as one that is full or was made a replica does.
    """
    clock = asyncio.get_running_loop().time
    give_up_at_s = clock() + LEDGER_PATIENCE_S
    while True:
        try:
            return await step()
        except RedisError as exc:
            if clock() > give_up_at_s:
                raise
            log.warning("ledger_unreachable", run_id=run_id, reason=str(exc))
            await asyncio.sleep(_LEDGER_PAUSE_S)
