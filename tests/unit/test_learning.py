"""What becomes of a message becomes feedback on the run that wrote it: once, and lost by no crash."""

from typing import Any

import pytest

from agentic_sales.campaigns.approval import approve, ask_approval
from agentic_sales.campaigns.events import record
from agentic_sales.campaigns.inbound import Inbound
from agentic_sales.campaigns.learning import tell_outcomes
from agentic_sales.campaigns.replies import note_class
from agentic_sales.campaigns.report import share
from agentic_sales.contracts import ApprovalId, ContactId, TouchId
from agentic_sales.errors import BrokerUnavailable
from agentic_sales.runs.feedback import Feedback, FeedbackQueue
from agentic_sales.runs.ledger import Ledger
from agentic_sales.runs.submit import connect_redis
from agentic_sales.settings import Settings
from agentic_sales.store.inbound import inbound
from tests.small_campaign import NOW, SmallCampaign, later, small_campaign

TRACED: dict[str, Any] = {"run_id": "a-run", "langsmith_run_id": "its-run-in-langsmith"}


async def approve_and_answer(campaign: SmallCampaign, contact_id: ContactId, touch_id: TouchId) -> None:
    """Let somebody agree to a message, and its recipient answer with interest."""
    async with campaign.database.writing() as connection:
        question = await ask_approval(connection, await campaign.row(touch_id), expires_at=later(days=1), now=NOW)
    await approve(campaign.database, ApprovalId(question.approval_id), digest=question.digest, by="Ann", now=NOW)
    event = Inbound("an-event", "test", "reply", NOW, touch_id=touch_id, text="Tell me more.")
    async with campaign.database.writing() as connection:
        await record(connection, event, now=NOW)
    async with campaign.database.reading() as connection:
        reply = await inbound(connection, "an-event")
    assert reply is not None
    await note_class(campaign.database, reply, contact_id, {"reply_class": "interested"}, now=NOW)


async def everything(queue: FeedbackQueue) -> list[Feedback]:
    """Take all feedback that waits."""
    found = []
    while (feedback := await queue.take()) is not None:
        found.append(feedback)
    return found


async def test_each_outcome_is_told_once_as_feedback_on_the_run_that_wrote(migrated: Settings, ledger: Ledger) -> None:
    queue = FeedbackQueue(ledger)
    async with small_campaign(migrated) as campaign:
        contact_id = await campaign.person("jo@example.com")
        touch_id = await campaign.write(contact_id, **TRACED)
        await approve_and_answer(campaign, contact_id, touch_id)
        assert await tell_outcomes(campaign.database, queue) == 2
        told = {(f.key, f.score, f.comment, f.langsmith_run_id, f.assistant_id) for f in await everything(queue)}
        about = TRACED["langsmith_run_id"], "email_outreach"
        assert told == {("approval", 1.0, "approved", *about), ("answer", 1.0, "interested", *about)}
        assert await tell_outcomes(campaign.database, queue) == 0


async def test_what_the_queue_could_not_take_is_told_later(migrated: Settings, ledger: Ledger) -> None:
    async with small_campaign(migrated) as campaign, connect_redis(_nowhere()) as away:
        contact_id = await campaign.person("jo@example.com")
        await approve_and_answer(campaign, contact_id, await campaign.write(contact_id, **TRACED))
        with pytest.raises(BrokerUnavailable):
            await tell_outcomes(campaign.database, FeedbackQueue(Ledger(away, ttl_s=60)))
        queue = FeedbackQueue(ledger)
        assert await tell_outcomes(campaign.database, queue) == len(await everything(queue)) == 2


async def test_nothing_is_kept_of_a_run_that_langsmith_does_not_have(migrated: Settings, ledger: Ledger) -> None:
    async with small_campaign(migrated) as campaign:
        contact_id = await campaign.person("jo@example.com")
        await approve_and_answer(campaign, contact_id, await campaign.write(contact_id, run_id="a-run"))
        assert await tell_outcomes(campaign.database, FeedbackQueue(ledger)) == 0


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [(0, 0, 0.0, 1.0), (0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0)],
)
def test_a_share_has_the_interval_that_wilson_gives(count: int, of: int, low: float, high: float) -> None:
    assert share(count, of).low_ratio == pytest.approx(low, abs=1e-4)
    assert share(count, of).high_ratio == pytest.approx(high, abs=1e-4)


def _nowhere() -> Settings:
    return Settings.model_validate({"REDIS_URL": "redis://127.0.0.1:1"})
