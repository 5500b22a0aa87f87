"""Wait for an absent Redis in a worker before and during and after a run. Giving up would cost more."""

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
    """Repeat a step of the ledger until Redis takes it. The work must be neither lost nor done again.

    This also covers a Redis that answers and refuses. A full Redis and a demoted replica refuse.
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
