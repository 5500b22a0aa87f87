"""What becomes of a message becomes feedback on the run that wrote it: once, and lost by no crash."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from agentic_sales.campaigns.answers.events import record
from agentic_sales.campaigns.answers.inbound import Inbound
from agentic_sales.campaigns.answers.replies import note_class
from agentic_sales.campaigns.outcomes.learning import tell_outcomes
from agentic_sales.campaigns.plan.desk import known_campaign
from agentic_sales.campaigns.sending.approval import approve, ask_approval, edit_message, reject
from agentic_sales.campaigns.sending.transports.smtp import SmtpTransport
from agentic_sales.contracts import ApprovalId, ContactId, RunId, TouchId
from agentic_sales.errors import BrokerUnavailable
from agentic_sales.runs.feedback import FEEDBACK_ENTRIES_KEY, FEEDBACK_KEY, KEPT_S, Feedback, FeedbackQueue
from agentic_sales.runs.ledger import Ledger
from agentic_sales.runs.submit import connect_redis
from agentic_sales.settings import Settings
from agentic_sales.store.approvals import ApprovalRow
from agentic_sales.store.campaigns import CampaignRow
from agentic_sales.store.inbound import inbound
from tests.support.small_campaign import CAMPAIGN, NOW, SmallCampaign, later, small_campaign
from tests.support.smtp_server import MailSink, smtp_server

TRACED: dict[str, Any] = {"run_id": "a-run", "langsmith_run_id": "its-run-in-langsmith"}


async def asked(campaign: SmallCampaign, touch_id: TouchId) -> ApprovalRow:
    """Ask somebody to agree to a message."""
    async with campaign.database.writing() as connection:
        return await ask_approval(connection, await campaign.row(touch_id), expires_at=later(days=1), now=NOW)


async def answer(
    campaign: SmallCampaign, contact_id: ContactId, touch_id: TouchId, reply_class: str, *, at: datetime = NOW
) -> None:
    """Let a recipient answer, and somebody say what the answer means."""
    event_id = f"{reply_class}-at-{at}"
    event = Inbound(event_id, "test", "reply", at, touch_id=touch_id, text="Tell me more.")
    async with campaign.database.writing() as connection:
        await record(connection, event, now=at)
    async with campaign.database.reading() as connection:
        reply = await inbound(connection, event_id)
    assert reply is not None
    await note_class(campaign.database, reply, contact_id, {"reply_class": reply_class}, zone=ZoneInfo("UTC"), now=at)


async def approve_and_answer(campaign: SmallCampaign, contact_id: ContactId, touch_id: TouchId) -> None:
    """Let somebody agree to a message, and its recipient answer with interest."""
    question = await asked(campaign, touch_id)
    await approve(campaign.database, ApprovalId(question.approval_id), digest=question.digest, by="Ann", now=NOW)
    await answer(campaign, contact_id, touch_id, "interested")


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


@pytest.mark.parametrize("plan", [{"steps": [{}]}, {"moon_phase": "full"}], ids=["shortened", "of another release"])
async def test_an_outcome_whose_workflow_the_plan_no_longer_names_holds_up_no_other(
    migrated: Settings, ledger: Ledger, plan: dict[str, Any]
) -> None:
    async with small_campaign(migrated) as campaign:
        contact_id = await campaign.person("jo@example.com")
        await approve_and_answer(campaign, contact_id, await campaign.write(contact_id, 1, **TRACED))
        async with campaign.database.writing() as connection:
            stored = (await known_campaign(connection, CAMPAIGN)).plan
            await connection.execute(update(CampaignRow).values(plan={**stored, **plan}))
        queue = FeedbackQueue(ledger)
        await tell_outcomes(campaign.database, queue)
        assert await everything(queue) == []
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
    ("shown", "comment"), [((), "edited"), (("email_outreach",), "edited: too long for [email]; better")]
)
async def test_a_message_that_was_edited_before_it_was_approved_is_judged_once(
    migrated: Settings, ledger: Ledger, shown: tuple[str, ...], comment: str
) -> None:
    queue = FeedbackQueue(ledger)
    async with small_campaign(migrated) as campaign:
        touch_id = await campaign.write(await campaign.person("jo@example.com"), **TRACED)
        question = await asked(campaign, touch_id)
        changed = await edit_message(
            campaign.database,
            ApprovalId(question.approval_id),
            digest=question.digest,
            subject="Shorter",
            text="Hello",
            by="Ann",
            note="too long for jo@example.com",
            now=NOW,
        )
        await tell_outcomes(campaign.database, queue, shown=shown)
        yes = ApprovalId(changed.approval_id)
        await approve(campaign.database, yes, digest=changed.digest, by="Bob", note="better", now=later(hours=1))
        await tell_outcomes(campaign.database, queue, shown=shown)
        [told] = await everything(queue)
    assert (told.key, told.score, told.comment) == ("approval", 0.5, comment)


async def test_a_message_that_is_rejected_after_an_edit_counts_as_rejected(migrated: Settings, ledger: Ledger) -> None:
    queue = FeedbackQueue(ledger)
    async with small_campaign(migrated) as campaign:
        touch_id = await campaign.write(await campaign.person("jo@example.com"), **TRACED)
        question = await asked(campaign, touch_id)
        words: dict[str, Any] = {"subject": "Shorter", "text": "Hello", "by": "Ann"}
        key = ApprovalId(question.approval_id)
        changed = await edit_message(campaign.database, key, digest=question.digest, **words, now=NOW)
        no = ApprovalId(changed.approval_id)
        await reject(campaign.database, no, digest=changed.digest, by="Bob", now=later(hours=1))
        assert await tell_outcomes(campaign.database, queue) == 2
        [told] = await everything(queue)
    assert (told.key, told.score, told.comment) == ("approval", 0.0, "rejected")


async def test_what_a_person_says_last_is_what_langsmith_hears_last(migrated: Settings, ledger: Ledger) -> None:
    queue = FeedbackQueue(ledger)
    async with small_campaign(migrated) as campaign:
        contact_id = await campaign.person("jo@example.com")
        touch_id = await campaign.write(contact_id, **TRACED)
        await answer(campaign, contact_id, touch_id, "interested")
        await tell_outcomes(campaign.database, queue)
        first = await queue.take()
        assert first is not None
        await answer(campaign, contact_id, touch_id, "not_now", at=later(days=1))
        await answer(campaign, contact_id, touch_id, "interested", at=later(days=2))
        await answer(campaign, contact_id, touch_id, "not_now", at=later(days=3))
        await tell_outcomes(campaign.database, queue)
        assert await queue.take() is None, "the first is being delivered"
        await queue.remove(first)
        [last] = await everything(queue)
    assert (first.score, last.score, last.comment) == (1.0, 0.5, "not_now")
    assert first.feedback_id == last.feedback_id


async def test_a_delivery_that_failed_makes_nobody_forget_what_was_said_meanwhile(ledger: Ledger) -> None:
    queue, first = FeedbackQueue(ledger), _feedback()
    await queue.put(first)
    assert await queue.take() == first
    last = replace(first, score=0.0)
    await queue.put(last)
    await queue.put_back(first, after_s=-1.0)
    assert await everything(queue) == [last]


async def test_an_address_that_the_server_refuses_counts_as_bounced(migrated: Settings, ledger: Ledger) -> None:
    queue = FeedbackQueue(ledger)
    async with small_campaign(migrated) as campaign:
        touch_id = await campaign.write(await campaign.person("gone@example.com"), **TRACED)
        with smtp_server(MailSink(on_recipient=lambda _: "550 5.1.1 no such user")) as server:
            assert (await campaign.door(SmtpTransport(server)).send(touch_id, now=NOW)).state == "failed"
        await tell_outcomes(campaign.database, queue)
        [told] = await everything(queue)
    assert (told.key, told.score, told.comment) == ("delivery", 0.0, "bounced")


async def test_nothing_piles_up_while_langsmith_is_switched_off(migrated: Settings, ledger: Ledger) -> None:
    async with small_campaign(migrated) as campaign:
        contact_id = await campaign.person("jo@example.com")
        await approve_and_answer(campaign, contact_id, await campaign.write(contact_id, **TRACED))
        assert await tell_outcomes(campaign.database, None) == 2
        assert await tell_outcomes(campaign.database, FeedbackQueue(ledger)) == 0


async def test_what_nobody_delivers_is_kept_for_days_and_not_for_ever(ledger: Ledger) -> None:
    await FeedbackQueue(ledger).put(_feedback())
    keys = FEEDBACK_KEY, FEEDBACK_ENTRIES_KEY
    assert [await ledger.redis.ttl(key) for key in keys] == [KEPT_S, KEPT_S]


async def test_what_waits_is_forgotten_by_the_run_that_wrote_the_message(migrated: Settings, ledger: Ledger) -> None:
    queue = FeedbackQueue(ledger)
    async with small_campaign(migrated) as campaign:
        contact_id = await campaign.person("jo@example.com")
        touch_id = await campaign.write(contact_id, **TRACED)
        await approve_and_answer(campaign, contact_id, touch_id)
        await tell_outcomes(campaign.database, queue)
    assert await queue.forget({RunId(TRACED["run_id"])}) >= 2
    assert await everything(queue) == []


def _feedback() -> Feedback:
    return Feedback("an-id", RunId("a-run"), "echo", "its-run-in-langsmith", "answer", 1.0, None, 0.0)


def _nowhere() -> Settings:
    return Settings.model_validate({"REDIS_URL": "redis://127.0.0.1:1"})
