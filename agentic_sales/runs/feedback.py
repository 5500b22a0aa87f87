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
from agentic_sales.runs import scripts
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
        self._put = ledger.line.script(scripts.PUT_FEEDBACK)
        self._take = ledger.line.script(scripts.TAKE_FEEDBACK)
        self._remove = ledger.line.script(scripts.REMOVE_FEEDBACK)
        self._put_back = ledger.line.script(scripts.PUT_FEEDBACK_BACK)

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
