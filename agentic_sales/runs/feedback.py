"""Keep what people said of runs until LangSmith has it: a queue in Redis that outlives every process.

Whoever takes an entry has it for a while; it comes back unless it was delivered, and LangSmith knows each by its id, so
that one delivered twice counts once.
"""

from dataclasses import asdict, dataclass

from pydantic_core import from_json, to_json
from redis.exceptions import RedisError

from agentic_sales.contracts import RunId
from agentic_sales.errors import BrokerUnavailable
from agentic_sales.runs.ledger import Ledger

FEEDBACK_KEY = "agentic:feedback"
"""Sorted set of the feedback that LangSmith does not have yet; scored by when it may be taken."""
TAKEN_FOR_S = 60.0
"""How long who has taken an entry has it; a delivery takes less."""

_TAKE = """
-- KEYS: feedback. ARGV: seconds for which it is taken.
local t = redis.call('TIME')
local now = t[1] + t[2] / 1000000
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1)
if found[1] then redis.call('ZADD', KEYS[1], now + ARGV[1], found[1]) end
return found[1]
"""
_PUT_BACK = """
-- KEYS: feedback. ARGV: entry, seconds after which it may be taken.
local t = redis.call('TIME')
return redis.call('ZADD', KEYS[1], 'XX', t[1] + ARGV[2], ARGV[1])
"""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody said of a run."""

    feedback_id: str
    """UUID, made once; LangSmith counts it once."""
    run_id: RunId
    """The run."""
    assistant_id: str
    """Its workflow."""
    langsmith_run_id: str
    """The run in LangSmith."""
    key: str
    """What was judged, such as `user_score`."""
    score: float
    """How good it was."""
    comment: str | None
    """In words, redacted; None: nothing was written."""
    given_at_s: float
    """Epoch seconds."""


class FeedbackQueue:
    """The feedback that waits for LangSmith."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._take = ledger.redis.register_script(_TAKE)
        self._put_back = ledger.redis.register_script(_PUT_BACK)

    async def put(self, feedback: Feedback) -> None:
        """Keep feedback until it is delivered.

        Raises:
            BrokerUnavailable: Redis did not answer.
        """
        try:
            async with self._ledger.in_time():
                await self._ledger.redis.zadd(FEEDBACK_KEY, {_text(feedback): 0})
        except RedisError as exc:
            raise BrokerUnavailable(f"keeping feedback on run `{feedback.run_id}`", exc) from exc

    async def take(self) -> Feedback | None:
        """Take an entry for a while; None: nothing is due."""
        async with self._ledger.in_time():
            entry = await self._take(keys=[FEEDBACK_KEY], args=[TAKEN_FOR_S])
        return None if entry is None else Feedback(**from_json(entry))

    async def remove(self, feedback: Feedback) -> None:
        """Forget an entry: it was delivered, or nobody will take it."""
        async with self._ledger.in_time():
            await self._ledger.redis.zrem(FEEDBACK_KEY, _text(feedback))

    async def put_back(self, feedback: Feedback, *, after_s: float) -> None:
        """Let an entry be taken again after a while."""
        async with self._ledger.in_time():
            await self._put_back(keys=[FEEDBACK_KEY], args=[_text(feedback), after_s])


def _text(feedback: Feedback) -> str:
    return to_json(asdict(feedback)).decode()
