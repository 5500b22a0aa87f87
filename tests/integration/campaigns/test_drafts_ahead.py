"""A message is written and asked about before it may go, and an approval counts for the facts that it saw."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from agentic_sales.campaigns.answers.events import record
from agentic_sales.campaigns.answers.inbound import Inbound
from agentic_sales.campaigns.sending.approval import approve, edit_message
from agentic_sales.campaigns.sending.touches import touch_key
from agentic_sales.campaigns.sending.transports.maildir import MaildirTransport
from agentic_sales.campaigns.visits.clock import VirtualClock
from agentic_sales.campaigns.visits.coming import ComingVisit, coming_visits
from agentic_sales.contracts import ApprovalId, ContactId
from agentic_sales.errors import StateConflict
from agentic_sales.rehearsal.days import rehearse
from agentic_sales.settings import Settings
from agentic_sales.store.approvals import ApprovalRow, approvals
from agentic_sales.store.campaigns import enroll
from agentic_sales.store.contacts import add_contact
from agentic_sales.store.mailboxes import MailboxRow
from agentic_sales.store.touches import held_turns
from agentic_sales.store.visits import wake
from tests.support.small_campaign import CAMPAIGN, NOW, SmallCampaign, person_of, small_campaign

SUNDAY = NOW - timedelta(days=1)
"""10:00 on the day before NOW, outside every window."""
PLAN: dict[str, Any] = {"needs_approval": True, "steps": [{}, {"delay_days": 3}]}


@pytest.fixture
async def spring(migrated: Settings) -> AsyncIterator[SmallCampaign]:
    """A running campaign of two messages that need approval."""
    async with small_campaign(migrated, plan=PLAN) as campaign:
        yield campaign


async def join(campaign: SmallCampaign, email: str, *, now: datetime = SUNDAY, **values: Any) -> ContactId:
    """Add a person and enroll it."""
    async with campaign.database.writing() as connection:
        contact_id = await add_contact(connection, {**person_of(email), **values}, now=now)
        assert contact_id is not None
        await enroll(connection, CAMPAIGN, contact_id, wake_at=now, now=now)
    return contact_id


async def pass_until(campaign: SmallCampaign, at: datetime, *, since: datetime = SUNDAY) -> None:
    """Let time pass."""
    clock = VirtualClock(since)
    await rehearse(campaign.database, clock, MaildirTransport(campaign.folder), until=at)


async def asked(campaign: SmallCampaign) -> list[ApprovalRow]:
    """Return the questions that wait for a word."""
    async with campaign.database.reading() as connection:
        return await approvals(connection)


async def agree(campaign: SmallCampaign, *, now: datetime) -> ApprovalRow:
    """Agree to the only message that waits for a word."""
    (question,) = await asked(campaign)
    key = ApprovalId(question.approval_id)
    return await approve(campaign.database, key, digest=question.digest, by="Ann", now=now)


async def coming(campaign: SmallCampaign, now: datetime) -> list[ComingVisit]:
    """Return the coming visits."""
    async with campaign.database.reading() as connection:
        return await coming_visits(connection, CAMPAIGN, now=now, limit=10)


async def renamed(campaign: SmallCampaign, contact_id: Any, now: datetime) -> None:
    """Correct the name of a person whose next visit is then at once."""
    await campaign.change(contact_id, first_name="Joanna", last_name="Doe")
    async with campaign.database.writing() as connection:
        await wake(connection, now=now, campaign_id=CAMPAIGN)


async def test_a_message_is_asked_about_on_sunday_and_goes_on_monday_within_the_window(spring: SmallCampaign) -> None:
    await join(spring, "jo@example.com", time_zone="Europe/Berlin")
    await pass_until(spring, SUNDAY)
    await agree(spring, now=SUNDAY)
    (visit,) = await coming(spring, SUNDAY)
    assert (visit.word, visit.act) == ("approved", "sleep")
    assert visit.goes_at is not None
    assert NOW.replace(hour=8) <= visit.goes_at <= NOW.replace(hour=16)
    await pass_until(spring, NOW.replace(hour=7, minute=59))
    assert spring.mails() == []
    await pass_until(spring, NOW.replace(hour=16))
    assert len(spring.mails()) == 1


@pytest.mark.parametrize("hours", [2, 24, 60])
async def test_a_message_is_written_as_many_hours_ahead_as_the_plan_says_and_not_earlier(
    migrated: Settings, hours: float
) -> None:
    friday = NOW - timedelta(days=3) + timedelta(hours=8)
    async with small_campaign(migrated, plan={**PLAN, "draft_ahead_h": hours}) as campaign:
        await join(campaign, "jo@example.com", now=friday)
        opens = NOW.replace(hour=9)
        await pass_until(campaign, opens - timedelta(hours=hours, seconds=1), since=friday)
        assert await asked(campaign) == []
        await pass_until(campaign, opens - timedelta(hours=hours), since=friday)
        assert len(await asked(campaign)) == 1


async def test_a_follow_up_is_asked_about_a_day_before_it_is_due(spring: SmallCampaign) -> None:
    contact_id = await join(spring, "jo@example.com")
    await pass_until(spring, SUNDAY)
    await agree(spring, now=SUNDAY)
    await pass_until(spring, NOW + timedelta(days=1, hours=14))
    first = await spring.row(touch_key(CAMPAIGN, contact_id, 0))
    assert first.sent_at is not None
    assert await asked(spring) == []
    await pass_until(spring, first.sent_at + timedelta(days=2), since=NOW)
    (question,) = await asked(spring)
    assert question.expires_at == first.sent_at + timedelta(days=3 + 7)


async def test_an_approved_message_whose_facts_changed_is_written_and_asked_about_again(spring: SmallCampaign) -> None:
    contact_id = await join(spring, "jo@example.com", first_name="Jo", last_name="Doe")
    await pass_until(spring, SUNDAY)
    old = await agree(spring, now=SUNDAY)
    await renamed(spring, contact_id, SUNDAY)
    await pass_until(spring, NOW + timedelta(days=1))
    assert spring.mails() == []
    (question,) = await asked(spring)
    touch = await spring.row(touch_key(CAMPAIGN, contact_id, 0))
    assert "Joanna" in touch.text
    assert question.digest == touch.digest != old.digest
    with pytest.raises(StateConflict, match="has changed, so the message is written and asked about again"):
        await approve(spring.database, ApprovalId(old.approval_id), digest=old.digest, by="Ann", now=NOW)
    await agree(spring, now=NOW + timedelta(days=1))
    await pass_until(spring, NOW + timedelta(days=1, hours=6), since=NOW + timedelta(days=1))
    assert len(spring.mails()) == 1


async def test_the_same_words_are_asked_about_again_each_time_the_facts_changed(spring: SmallCampaign) -> None:
    contact_id = await join(spring, "jo@example.com", first_name="Jo", last_name="Doe")
    await pass_until(spring, SUNDAY)
    digests = set()
    for role in ("Buyer", "Head", "Buyer", "Head"):
        digests.add((await agree(spring, now=SUNDAY)).digest)
        await spring.change(contact_id, position=role)
        async with spring.database.writing() as connection:
            await wake(connection, now=SUNDAY, campaign_id=CAMPAIGN)
        await pass_until(spring, SUNDAY)
        assert len(await asked(spring)) == 1
    assert spring.mails() == []
    assert len(digests) < 4


async def test_words_of_a_person_stay_when_the_facts_changed_and_are_asked_about_again(spring: SmallCampaign) -> None:
    contact_id = await join(spring, "jo@example.com", first_name="Jo", last_name="Doe")
    await pass_until(spring, SUNDAY)
    (question,) = await asked(spring)
    words: Any = {"subject": "My subject", "text": "My own words.", "by": "Ann", "now": SUNDAY}
    await edit_message(spring.database, ApprovalId(question.approval_id), digest=question.digest, **words)
    await agree(spring, now=SUNDAY)
    await renamed(spring, contact_id, SUNDAY)
    await pass_until(spring, NOW + timedelta(days=1))
    assert spring.mails() == []
    await agree(spring, now=NOW + timedelta(days=1))
    await pass_until(spring, NOW + timedelta(days=1, hours=6), since=NOW + timedelta(days=1))
    (mail,) = spring.mails()
    assert mail["Subject"] == "My subject"


async def test_an_approved_message_to_a_person_who_is_away_is_asked_about_again_before_the_return(
    spring: SmallCampaign,
) -> None:
    await join(spring, "jo@example.com")
    await pass_until(spring, SUNDAY)
    await agree(spring, now=SUNDAY)
    text = "I am out of the office until 2026-03-12."
    note = Inbound("away-1", "test", "auto_reply", SUNDAY, address="jo@example.com", text=text, is_signed=True)
    async with spring.database.writing() as connection:
        await record(connection, note, now=SUNDAY)
        await wake(connection, now=SUNDAY, campaign_id=CAMPAIGN)
    await pass_until(spring, SUNDAY)
    assert await asked(spring) == []
    (visit,) = await coming(spring, SUNDAY)
    assert visit.word is None
    await pass_until(spring, datetime.fromisoformat("2026-03-12T08:00:00+00:00"))
    assert spring.mails() == []
    assert len(await asked(spring)) == 1


async def test_the_send_door_itself_lets_no_message_of_other_facts_go(spring: SmallCampaign) -> None:
    await join(spring, "jo@example.com")
    await pass_until(spring, SUNDAY)
    approved = await agree(spring, now=SUNDAY)
    async with spring.database.writing() as connection:
        await connection.execute(update(MailboxRow).values(signature="Best, Ann"))
    touch_key_of = (await spring.row(approved.touch_id)).touch_id  # type: ignore[arg-type]  # ids are texts there
    row = await spring.door().send(touch_key_of, now=NOW + timedelta(hours=5))  # type: ignore[arg-type]
    assert (row.state, spring.mails()) == ("pending", [])
    assert row.detail.startswith("what it was written from has changed")


async def test_drafts_ahead_take_no_turn_of_their_mailbox_before_they_are_due(spring: SmallCampaign) -> None:
    await join(spring, "jo@example.com")
    waiting = await spring.message("bo@example.com")
    await pass_until(spring, SUNDAY)
    async with spring.database.reading() as connection:
        assert await held_turns(connection, await spring.row(waiting), after=SUNDAY) == []


async def test_coming_visits_tell_the_next_one_first_and_why_each_message_waits(spring: SmallCampaign) -> None:
    await join(spring, "late@example.com", time_zone="America/New_York")
    await join(spring, "jo@example.com", time_zone="Asia/Tokyo")
    before = await coming(spring, SUNDAY - timedelta(days=1))
    assert [visit.email for visit in before] == ["jo@example.com", "late@example.com"]
    assert all("24 h before it may go" in visit.why for visit in before)
    await pass_until(spring, SUNDAY)
    first = next(visit for visit in await coming(spring, SUNDAY) if visit.email == "jo@example.com")
    assert (first.word, first.step) == ("pending", 0)
    assert "nobody has approved this message" in first.why
    assert first.goes_at is not None
    assert first.goes_at >= SUNDAY
