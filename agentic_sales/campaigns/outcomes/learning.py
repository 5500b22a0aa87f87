"""Learn from outcomes. The outcome of a message becomes feedback on the run that wrote it.

A message is judged under three keys of LangSmith, each from 0 to 1, once under each. A later judgement replaces an
earlier one, because its id is made of the message and the key.

    approval   1 approved as it was written, 0.5 only after somebody had edited it, 0 rejected
    answer     1 interested, 0.5 not now, 0 not interested, unsubscribed or complained
    delivery   0 bounced

The comment names the outcome. People's notes on their answers follow it, redacted. Only workflows with visible inputs
and outputs on traces get the notes (`AGENTIC_SALES_TRACE_PAYLOADS`).

An outcome is kept in the transaction that notes it. A tick takes it out in the transaction that fills the queue of all
feedback. After a crash in between it is told again, under the same id. Nothing is kept of a run that LangSmith does not
have.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.plan.versions import plan_at
from agentic_sales.contracts import CampaignId, ContactId, RunId, TouchId
from agentic_sales.errors import PlanUnreadable
from agentic_sales.observability.redaction import redacted
from agentic_sales.runs.feedback import Feedback, FeedbackQueue
from agentic_sales.store.approvals import approvals_of
from agentic_sales.store.campaigns import CampaignRow, campaign, enrollment
from agentic_sales.store.database import Database
from agentic_sales.store.faults import is_of_world
from agentic_sales.store.outcomes import OutcomeRow, add_outcome, is_any_untold, take_untold
from agentic_sales.store.touches import TouchRow, touch

APPROVAL = "approval"
JUDGED: Mapping[str, tuple[str, float]] = {
    "approved": (APPROVAL, 1.0),
    "edited": (APPROVAL, 0.5),
    "rejected": (APPROVAL, 0.0),
    "interested": ("answer", 1.0),
    "not_now": ("answer", 0.5),
    "not_interested": ("answer", 0.0),
    "unsubscribe": ("answer", 0.0),
    "unsubscribed": ("answer", 0.0),
    "complained": ("answer", 0.0),
    "bounced": ("delivery", 0.0),
}
"""Outcome to the key that it judges, with the score. An outcome outside this table judges nothing."""
AT_ONCE = 200

log = structlog.get_logger()


async def learn(connection: AsyncConnection, touch_id: TouchId, outcome: str, *, now: datetime) -> None:
    """Keep an outcome of a message, if it judges the run that wrote it and LangSmith has that run."""
    if outcome not in JUDGED:
        return
    found = await touch(connection, touch_id)
    if found is not None and found.langsmith_run_id is not None:
        await add_outcome(connection, touch_id, outcome, now=now)


async def tell_outcomes(database: Database, queue: FeedbackQueue | None, *, shown: Collection[str] = ()) -> int:
    """Put the untold outcomes into the queue of feedback. Return how many.

    Args:
        database: Where they are.
        queue: Where they go. None if LangSmith is switched off, then they are dropped.
        shown: Workflows with notes that LangSmith may see, redacted.

    Raises:
        BrokerUnavailable: Redis did not answer. A later tick tells them.
    """
    async with database.reading() as connection:
        if not await is_any_untold(connection):
            return 0
    async with database.writing() as connection:
        rows = await take_untold(connection, limit=AT_ONCE)
        told = [feedback for row in rows if (feedback := await _readable(connection, row, shown)) is not None]
        if queue is not None and told:
            await queue.put(*told)
        return len(rows)


def _feedback_id(touch_id: str, key: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"agentic-sales:{touch_id}:{key}"))


async def _workflow_of(connection: AsyncConnection, campaign: CampaignRow, written: TouchRow) -> str | None:
    """Return the workflow that wrote a message. None if the person's plan does not say, or no longer."""
    enrolled = await enrollment(connection, CampaignId(written.campaign_id), ContactId(written.contact_id))
    try:
        steps = (
            await plan_at(connection, campaign, enrolled.plan_version if enrolled else campaign.plan_version)
        ).steps
    except PlanUnreadable:
        return None
    return steps[written.step].workflow if written.step < len(steps) else None


async def _readable(connection: AsyncConnection, row: OutcomeRow, shown: Collection[str]) -> Feedback | None:
    """Return the feedback of an outcome. None if there is none, or if it raises. It then delays no other outcome."""
    try:
        return await _feedback(connection, row, shown)
    except Exception as exc:
        if is_of_world(exc):
            raise
        log.exception("outcome_unreadable", touch_id=row.touch_id, outcome=row.outcome)
        return None


async def _feedback(connection: AsyncConnection, row: OutcomeRow, shown: Collection[str]) -> Feedback | None:
    found = await touch(connection, TouchId(row.touch_id))
    of = None if found is None else await campaign(connection, CampaignId(found.campaign_id))
    if found is None or of is None or found.langsmith_run_id is None:
        return None
    workflow = await _workflow_of(connection, of, found)
    if workflow is None:
        return None
    key, score = JUDGED[row.outcome]
    notes = await _notes(connection, row) if workflow in shown else ""
    return Feedback(
        feedback_id=_feedback_id(row.touch_id, key),
        run_id=RunId(found.run_id or ""),
        assistant_id=workflow,
        langsmith_run_id=found.langsmith_run_id,
        key=key,
        score=score,
        comment=f"{row.outcome}: {redacted(notes)}" if notes else row.outcome,
        given_at_s=row.at.timestamp(),
    )


async def _notes(connection: AsyncConnection, row: OutcomeRow) -> str:
    """Return people's notes on their answers to the questions about a message. Empty if there are none."""
    if JUDGED[row.outcome][0] != APPROVAL:
        return ""
    return "; ".join(asked.note for asked in await approvals_of(connection, TouchId(row.touch_id)) if asked.note)
