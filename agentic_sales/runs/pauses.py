"""Share a provider's pause between all workers. No worker calls the provider before the pause is over.

A pause belongs to a model and a key. It expires in Redis by itself. No child waits for a longer pause. A run whose
workflow has rules takes the rules. A batch run rather waits for its model. A waiting run is put back into its lane
(`lanes`) and spends no attempt. It is delivered again after the pause.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from hashlib import sha256

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = structlog.get_logger()

SLOT_PATIENCE_S = 2.0
"""Longest pause in seconds that a child waits for itself. A put-back with its new delivery takes as long."""
LONGEST_PAUSE_S = 3600.0
"""Longest pause that a run is put back for. A run with a longer pause fails."""
MOST_PAUSES = 50
"""Put-backs of one run before it fails."""


@dataclass(slots=True)
class Pauses:
    """The pauses of all providers, as the run that is executed sees them."""

    redis: Redis
    """Redis of the ledger."""
    is_patient: bool
    """The run rather waits for its model than takes the rules."""
    met_s: float = 0.0
    """Seconds left of the pause that the run met last. 0 means that it met none."""
    has_declined_rules: bool = False
    """The run was offered the rules, or to go on without a source, and rather waits. Its answer is not its result."""

    def pass_to(self, outer: "Pauses | None") -> None:
        """Let the run that asked for this one in place be put back for what this one met."""
        if outer is not None:
            outer.met_s = max(self.met_s, outer.met_s)
            outer.has_declined_rules = outer.has_declined_rules or self.has_declined_rules

    async def left_s(self, key: str) -> float:
        """Return the remaining seconds of a pause. 0 means no pause or no answer from Redis."""
        try:
            left_s = max(0, await self.redis.pttl(key)) / 1000
        except RedisError as exc:
            log.warning("pause_not_read", reason=str(exc))
            return 0.0
        self.met_s = left_s or self.met_s
        return left_s

    async def note(self, key: str, pause_s: float) -> None:
        """Let all workers know of a pause."""
        self.met_s = pause_s
        try:
            await self.redis.set(key, "1", px=max(1, round(1000 * pause_s)))
        except RedisError as exc:
            log.warning("pause_not_shared", reason=str(exc))


current_pauses: ContextVar[Pauses | None] = ContextVar("current_pauses", default=None)
"""Set by a worker for the run that it executes. None outside a worker."""


def pause_key(model: str, secret: str) -> str:
    """Name the pause of a model under one key. The name does not reveal the key."""
    both = f"{model}\n{secret}"
    return f"agentic:pause:{sha256(both.encode()).hexdigest()[:32]}"
