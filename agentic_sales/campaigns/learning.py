"""Learn from outcomes: what became of a message becomes feedback on the run that wrote it, once per outcome.

An outcome is kept in the transaction that notes it, and told later by a tick, over the queue of all feedback; a crash
in between tells it again, under the same id. Where LangSmith does not have the run, nothing is kept.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.plan import CampaignPlan
from agentic_sales.contracts import CampaignId, RunId, TouchId
from agentic_sales.runs.feedback import Feedback, FeedbackQueue
from agentic_sales.store.campaigns import campaign
from agentic_sales.store.database import Database
from agentic_sales.store.outcomes import OutcomeRow, add_outcome, remove_told, untold
from agentic_sales.store.touches import touch

JUDGED: Mapping[str, tuple[str, float]] = {
    "approved": ("approval", 1.0),
    "edited": ("approval", 0.5),
    "rejected": ("approval", 0.0),
    "interested": ("answer", 1.0),
    "not_now": ("answer", 0.5),
    "not_interested": ("answer", 0.0),
    "unsubscribe": ("answer", 0.0),
    "unsubscribed": ("answer", 0.0),
    "complained": ("answer", 0.0),
    "bounced": ("delivery", 0.0),
}
"""Outcome to what it judges, and how well the message did; what is not here judges nothing."""
AT_ONCE = 200


async def learn(connection: AsyncConnection, touch_id: TouchId, outcome: str, *, now: datetime) -> None:
    """Keep an outcome of a message, if it judges the run that wrote it and LangSmith has that run."""
    if outcome not in JUDGED:
        return
    found = await touch(connection, touch_id)
    if found is not None and found.langsmith_run_id is not None:
        await add_outcome(connection, touch_id, outcome, now=now)


async def tell_outcomes(database: Database, queue: FeedbackQueue) -> int:
    """Put the outcomes that were not told into the queue of feedback; return how many.

    Raises:
        BrokerUnavailable: Redis did not answer; they are told by a later tick.
    """
    async with database.reading() as connection:
        rows = await untold(connection, limit=AT_ONCE)
        told = [await _feedback(connection, row) for row in rows]
    if not rows:
        return 0
    for feedback in filter(None, told):
        await queue.put(feedback)
    async with database.writing() as connection:
        await remove_told(connection, rows)
    return len(rows)


async def _feedback(connection: AsyncConnection, row: OutcomeRow) -> Feedback | None:
    found = await touch(connection, TouchId(row.touch_id))
    of = None if found is None else await campaign(connection, CampaignId(found.campaign_id))
    if found is None or of is None or found.langsmith_run_id is None:
        return None
    key, score = JUDGED[row.outcome]
    return Feedback(
        feedback_id=str(uuid5(NAMESPACE_URL, f"agentic-sales:{row.touch_id}:{row.outcome}")),
        run_id=RunId(found.run_id or ""),
        assistant_id=CampaignPlan.model_validate(of.plan).steps[found.step].workflow,
        langsmith_run_id=found.langsmith_run_id,
        key=key,
        score=score,
        comment=row.outcome,
        given_at_s=row.at.timestamp(),
    )
