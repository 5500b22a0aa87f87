"""Keep what people said of runs until LangSmith has it: a queue in Redis that outlives every process.

Whoever takes an entry has it for a while; it comes back unless it was delivered, and LangSmith knows each by its id, so
that one delivered twice counts once. What is said anew under the same id takes the place of what waits, also while that
is being delivered: whatever way it takes, the last word arrives last.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass

from redis.exceptions import RedisError

from agentic_sales.contracts import RunId
from agentic_sales.errors import BrokerUnavailable
from agentic_sales.runs.ledger import Ledger
from agentic_sales.runs.reaching import reaching_redis
from agentic_sales.wire import from_wire, to_wire

FEEDBACK_KEY = "agentic:feedback"
"""Sorted set of the ids of the feedback that LangSmith does not have yet; scored by when it may be taken."""
FEEDBACK_ENTRIES_KEY = "agentic:feedback:entries"
"""Hash of what each id says."""
TAKEN_FOR_S = 60.0
"""How long who has taken an entry has it; a delivery takes less."""
KEPT_S = 8 * 86_400
"""Seconds after the last entry came when all of them go: nobody has delivered any for longer than one is tried."""

_PUT = """
-- KEYS: ids, entries. ARGV: seconds that all is kept, then an id and an entry for each.
for i = 2, #ARGV, 2 do
  redis.call('ZADD', KEYS[1], 'NX', 0, ARGV[i])
  redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
end
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[1]) end
"""
_TAKE = """
-- KEYS: ids, entries. ARGV: seconds for which it is taken.
local t = redis.call('TIME')
local now = t[1] + t[2] / 1000000
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1)
if not found[1] then return nil end
redis.call('ZADD', KEYS[1], now + ARGV[1], found[1])
return redis.call('HGET', KEYS[2], found[1])
"""
_REMOVE = """
-- KEYS: ids, entries. ARGV: id, entry. What took its place meanwhile is due at once.
if redis.call('HGET', KEYS[2], ARGV[1]) == ARGV[2] then
  redis.call('HDEL', KEYS[2], ARGV[1])
  redis.call('ZREM', KEYS[1], ARGV[1])
else
  redis.call('ZADD', KEYS[1], 'XX', 0, ARGV[1])
end
"""
_PUT_BACK = """
-- KEYS: ids. ARGV: id, seconds after which it may be taken.
local t = redis.call('TIME')
return redis.call('ZADD', KEYS[1], 'XX', t[1] + ARGV[2], ARGV[1])
"""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody said of a run."""

    feedback_id: str
    """UUID; LangSmith has one feedback of it, the last that it was given."""
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
        self._keys = [FEEDBACK_KEY, FEEDBACK_ENTRIES_KEY]
        self._put = ledger.redis.register_script(_PUT)
        self._take = ledger.redis.register_script(_TAKE)
        self._remove = ledger.redis.register_script(_REMOVE)
        self._put_back = ledger.redis.register_script(_PUT_BACK)

    async def put(self, *feedback: Feedback) -> None:
        """Keep feedback until it is delivered, each instead of what waits under its id.

        Raises:
            BrokerUnavailable: Redis did not answer.
        """
        entries = [part for each in feedback for part in (each.feedback_id, _text(each))]
        try:
            async with self._ledger.in_time():
                await self._put(keys=self._keys, args=[KEPT_S, *entries])
        except RedisError as exc:
            runs = ", ".join(f"`{each.run_id}`" for each in feedback[:3])
            raise BrokerUnavailable(f"keeping feedback on run {runs}", exc) from exc

    async def take(self) -> Feedback | None:
        """Take an entry for a while; None: nothing is due."""
        async with self._ledger.in_time():
            entry = await self._take(keys=self._keys, args=[TAKEN_FOR_S])
        return None if entry is None else Feedback(**from_wire(entry))

    async def remove(self, feedback: Feedback) -> None:
        """Forget an entry: it was delivered, or nobody will take it; what took its place meanwhile stays."""
        async with self._ledger.in_time():
            await self._remove(keys=self._keys, args=[feedback.feedback_id, _text(feedback)])

    async def put_back(self, feedback: Feedback, *, after_s: float) -> None:
        """Let an entry be taken again after a while."""
        async with self._ledger.in_time():
            await self._put_back(keys=[FEEDBACK_KEY], args=[feedback.feedback_id, after_s])

    async def forget(self, run_ids: Collection[RunId]) -> int:
        """Forget whatever was said of runs; return how much that was.

        Raises:
            BrokerUnavailable: Redis did not answer.
        """
        with reaching_redis("forgetting feedback"):
            async with self._ledger.in_time():
                entries = await self._ledger.redis.hgetall(FEEDBACK_ENTRIES_KEY)
            ids = [feedback_id for feedback_id, entry in entries.items() if from_wire(entry)["run_id"] in run_ids]
            if ids:
                async with self._ledger.in_time(), self._ledger.redis.pipeline(transaction=True) as pipeline:
                    pipeline.zrem(FEEDBACK_KEY, *ids)
                    pipeline.hdel(FEEDBACK_ENTRIES_KEY, *ids)
                    await pipeline.execute()
        return len(ids)


def _text(feedback: Feedback) -> str:
    return to_wire(asdict(feedback)).decode()
