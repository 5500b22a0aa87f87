"""Share the pause that a provider asks for between all workers: nobody calls it before the pause is over.

A pause belongs to a model and a key, and expires in Redis by itself. No child waits for a longer one: a run whose
workflow has rules takes them, unless it is a batch run, which rather waits for its model; a run that waits is put back
into its lane (`lanes`), spends no attempt, and is delivered again when the pause is over.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from hashlib import sha256

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = structlog.get_logger()

SLOT_PATIENCE_S = 2.0
"""Longest pause that a child waits for itself, in seconds; putting a run back and delivering it again takes as long."""
LONGEST_PAUSE_S = 3600.0
"""Longest pause that a run is put back for; one that is asked to wait for longer fails."""
MOST_PAUSES = 50
"""How often one run is put back; then it fails."""


@dataclass(slots=True)
class Pauses:
    """The pauses of all providers, as the run that is executed sees them."""

    redis: Redis
    """Redis of the ledger."""
    is_patient: bool
    """The run rather waits for its model than takes the rules."""
    met_s: float = 0.0
    """What was left of the pause that the run met last, in seconds; 0: it met none."""
    has_declined_rules: bool = False
    """The run was offered the rules and rather waits; what it made of that is not its result."""

    async def left_s(self, key: str) -> float:
        """Return how long a pause still lasts, in seconds; 0 when there is none, or when that cannot be said."""
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
"""Set by a worker for the run that it executes; None outside a worker."""


def pause_key(model: str, secret: str) -> str:
    """Name the pause of a model under one key; the key itself cannot be told from the name."""
    both = f"{model}\n{secret}"
    return f"agentic:pause:{sha256(both.encode()).hexdigest()[:32]}"
