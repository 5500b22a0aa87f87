"""Keep feedback on runs until LangSmith has it. The Redis queue outlives every process.

A deliverer leases an entry. An undelivered entry comes back. LangSmith knows each entry by its id, so a second delivery
counts once. New feedback under the same id replaces the waiting entry, also during a delivery. So the last word always
arrives last.
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
"""Sorted set of the feedback ids that LangSmith does not have yet. The score is the time of the next lease."""
FEEDBACK_ENTRIES_KEY = "agentic:feedback:entries"
"""Hash from each id to its feedback."""
TAKEN_FOR_S = 60.0
"""Lease of an entry. A delivery takes less."""
KEPT_S = 8 * 86_400
"""Seconds after the last entry until all entries expire. No delivery worked for longer than one entry is tried."""

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
    """Feedback on a run."""

    feedback_id: str
    """UUID. LangSmith keeps the last feedback that it was given under this id."""
    run_id: RunId
    """The run."""
    assistant_id: str
    """Its workflow."""
    langsmith_run_id: str
    """The run in LangSmith."""
    key: str
    """Name of the judged quality, such as `user_score`."""
    score: float
    """Score of that quality."""
    comment: str | None
    """Redacted comment. None means no comment."""
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
        """Keep feedback until it is delivered. Each entry replaces the waiting one of its id.

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
        """Lease an entry. None means that no entry is due."""
        async with self._ledger.in_time():
            entry = await self._take(keys=self._keys, args=[TAKEN_FOR_S])
        return None if entry is None else Feedback(**from_wire(entry))

    async def remove(self, feedback: Feedback) -> None:
        """Forget an entry that was delivered or will be taken by nobody. Its replacement stays."""
        async with self._ledger.in_time():
            await self._remove(keys=self._keys, args=[feedback.feedback_id, _text(feedback)])

    async def put_back(self, feedback: Feedback, *, after_s: float) -> None:
        """Let an entry be leased again after a while."""
        async with self._ledger.in_time():
            await self._put_back(keys=[FEEDBACK_KEY], args=[feedback.feedback_id, after_s])

    async def forget(self, run_ids: Collection[RunId]) -> int:
        """Forget all feedback on runs. Return the number of removed entries.

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
