"""A campaign under way is corrected by a person: its plan, the places of people, and the classes of answers."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import pytest

from agentic_sales.campaigns.answers.events import record
from agentic_sales.campaigns.answers.inbound import Inbound
from agentic_sales.campaigns.answers.reclassify import Reclassified, reclassify
from agentic_sales.campaigns.people.places import add_person, move_person, remove_person
from agentic_sales.campaigns.plan.desk import clone, create, known_campaign, move
from agentic_sales.campaigns.plan.edits import EditedPlan, edit_plan
from agentic_sales.campaigns.plan.plan import CampaignPlan, stored_plan
from agentic_sales.campaigns.sending.approval import approve
from agentic_sales.campaigns.sending.touches import touch_key
from agentic_sales.campaigns.sending.transports.maildir import MaildirTransport
from agentic_sales.campaigns.visits.clock import VirtualClock
from agentic_sales.contracts import ApprovalId, CampaignId, ContactId
from agentic_sales.errors import InvalidRequest, NotPermitted, RequestError, StateConflict, UnknownRecord
from agentic_sales.rehearsal.days import rehearse
from agentic_sales.settings import Settings
from agentic_sales.store.approvals import approvals
from agentic_sales.store.audit import audit_entries
from agentic_sales.store.campaigns import EnrollmentRow, enroll, enrollment
from agentic_sales.store.suppressions import suppressions_of
from tests.support.small_campaign import CAMPAIGN, MAILBOX, NOW, SmallCampaign, person_of, small_campaign

LATER = {"delay_days": 3}
PLAN: dict[str, Any] = {"steps": [{}, LATER], "mailboxes": [MAILBOX], "needs_approval": True}
OTHER = CampaignId("autumn")


@pytest.fixture
async def spring(migrated: Settings) -> AsyncIterator[SmallCampaign]:
    """A running campaign of two messages that need approval."""
    async with small_campaign(migrated, plan=PLAN) as campaign:
        yield campaign


async def pass_until(campaign: SmallCampaign, days: float, *, since: float = 0) -> None:
    """Let days pass."""
    clock = VirtualClock(NOW + timedelta(days=since))
    until = NOW + timedelta(days=days)
    await rehearse(campaign.database, clock, MaildirTransport(campaign.folder), until=until)


async def agree(campaign: SmallCampaign, days: float = 0) -> int:
    """Agree to every message that waits. Return their number."""
    async with campaign.database.reading() as connection:
        waiting = await approvals(connection)
    for row in waiting:
        key, now = ApprovalId(row.approval_id), NOW + timedelta(days=days)
        await approve(campaign.database, key, digest=row.digest, by="Ann", now=now)
    return len(waiting)


async def standing(campaign: SmallCampaign, contact_id: ContactId, of: CampaignId = CAMPAIGN) -> EnrollmentRow:
    """Return an enrollment."""
    async with campaign.database.reading() as connection:
        row = await enrollment(connection, of, contact_id)
    assert row is not None
    return row


async def edited(campaign: SmallCampaign, changes: dict[str, Any], **how: Any) -> EditedPlan:
    """Change the plan."""
    plan = CampaignPlan.model_validate({**PLAN, **changes})
    return await edit_plan(campaign.database, CAMPAIGN, plan, by="Ann", now=how.pop("now", NOW), **how)


async def acts(campaign: SmallCampaign) -> list[tuple[str, str]]:
    """Return what stands on the audit list, the newest first."""
    async with campaign.database.reading() as connection:
        return [(row.act, row.by) for row in await audit_entries(connection)]


WORDS = {"steps": [{"input": {"tone": "warm and brief"}}, LATER]}


async def test_other_words_of_a_running_campaign_are_asked_about_again_before_they_go(spring: SmallCampaign) -> None:
    contact_id = await spring.person("jo@example.com")
    await pass_until(spring, 0)
    assert await agree(spring) == 1
    preview = await edited(spring, WORDS, moves=True, is_preview=True)
    assert (preview.rewritten, preview.unapproved, preview.is_done) == (1, 1, False)
    assert await acts(spring) == []
    done = await edited(spring, WORDS, moves=True)
    assert (done.rewritten, done.unapproved, done.version) == (1, 1, 2)
    await pass_until(spring, 2)
    assert spring.mails() == []
    assert await agree(spring, 2) == 1
    await pass_until(spring, 3, since=2)
    assert len(spring.mails()) == 1
    assert (await standing(spring, contact_id)).plan_version == 2
    assert await acts(spring) == [("edit", "Ann")]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"steps": [{}]}, "not `steps`; pause it first: agentic-sales campaigns pause spring"),
        ({"steps": [{}, {"delay_days": 4}], "needs_approval": False}, "not `steps`, `needs_approval`"),
        ({}, "the plan is the one that it has already"),
    ],
)
async def test_a_running_campaign_takes_other_words_alone(
    spring: SmallCampaign, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(StateConflict, match=told):
        await edited(spring, changes)


async def test_people_under_way_stay_on_their_plan_and_others_go_by_the_new_one(spring: SmallCampaign) -> None:
    begun = await spring.person("jo@example.com")
    await pass_until(spring, 0)
    await agree(spring)
    await pass_until(spring, 0.2)
    fresh = await spring.person("bo@example.com")
    await move(spring.database, CAMPAIGN, "pause", now=NOW)
    done = await edited(spring, {"steps": [{}]})
    assert (done.not_begun, done.staying, done.moved, done.ending) == (1, 1, 0, 0)
    await move(spring.database, CAMPAIGN, "resume", now=NOW)
    for day in (1, 4, 8, 12):
        await pass_until(spring, day, since=day - 1)
        await agree(spring, day)
    await pass_until(spring, 16, since=12)
    assert ((await standing(spring, begun)).step, (await standing(spring, fresh)).step) == (2, 1)
    assert sorted(mail["To"] for mail in spring.mails()) == ["bo@example.com", "jo@example.com", "jo@example.com"]


async def test_a_preview_tells_who_moves_and_who_ends_and_the_edit_does_so(spring: SmallCampaign) -> None:
    begun = await spring.person("jo@example.com")
    await pass_until(spring, 0)
    await agree(spring)
    await pass_until(spring, 0.2)
    await move(spring.database, CAMPAIGN, "pause", now=NOW)
    shorter: dict[str, Any] = {"steps": [{}]}
    preview = await edited(spring, shorter, moves=True, is_preview=True)
    assert (preview.moved, preview.ending, (await standing(spring, begun)).plan_version) == (1, 1, 1)
    done = await edited(spring, shorter, moves=True)
    assert (done.moved, done.ending) == (1, 1)
    await move(spring.database, CAMPAIGN, "resume", now=NOW)
    await pass_until(spring, 1)
    row = await standing(spring, begun)
    assert (row.state, row.reason) == ("finished", "every message was sent")


async def test_a_moved_person_gets_the_message_of_the_new_step_and_no_message_twice(spring: SmallCampaign) -> None:
    contact_id = await spring.person("jo@example.com")
    await pass_until(spring, 0)
    by: Any = {"by": "Ann", "now": NOW}
    place = await move_person(spring.database, CAMPAIGN, "jo@example.com", step=1, **by)
    assert (place.step, (await spring.row(touch_key(CAMPAIGN, contact_id, 0))).state) == (1, "suppressed")
    async with spring.database.reading() as connection:
        assert await approvals(connection) == []
    await move_person(spring.database, CAMPAIGN, contact_id, step=0, **by)
    await pass_until(spring, 0)
    assert await agree(spring) == 1
    await pass_until(spring, 0.2)
    assert len(spring.mails()) == 1
    with pytest.raises(StateConflict, match="the message of step 0 is `sent`, and a message is sent once"):
        await move_person(spring.database, CAMPAIGN, contact_id, step=0, **by)
    with pytest.raises(InvalidRequest, match="version 1 of the plan has no step 7: its steps are 0 to 1"):
        await move_person(spring.database, CAMPAIGN, contact_id, step=7, **by)
    with pytest.raises(UnknownRecord, match="plan version"):
        await move_person(spring.database, CAMPAIGN, contact_id, version=7, **by)
    assert len(spring.mails()) == 1


async def test_who_was_removed_gets_nothing_and_goes_on_when_added_again(spring: SmallCampaign) -> None:
    contact_id = await spring.person("jo@example.com")
    await pass_until(spring, 0)
    assert await agree(spring) == 1
    by: Any = {"by": "Ann", "now": NOW}
    await remove_person(spring.database, CAMPAIGN, contact_id, note="a friend of ours", **by)
    await pass_until(spring, 3)
    assert spring.mails() == []
    with pytest.raises(StateConflict, match="has ended: stopped removed by Ann"):
        await remove_person(spring.database, CAMPAIGN, contact_id, **by)
    place = await add_person(spring.database, CAMPAIGN, "jo@example.com", by="Ann", now=NOW + timedelta(days=3))
    assert (place.state, place.step) == ("active", 0)
    await pass_until(spring, 3, since=3)
    assert spring.mails() == []
    assert await agree(spring, 3) == 1
    await pass_until(spring, 4, since=3)
    assert len(spring.mails()) == 1
    with pytest.raises(StateConflict, match="the person is in it already, at step 1"):
        await add_person(spring.database, CAMPAIGN, contact_id, **by)
    assert [act for act, _ in await acts(spring)] == ["add", "remove"]


async def test_a_person_moves_to_a_copy_of_the_campaign(spring: SmallCampaign) -> None:
    contact_id = await spring.person("jo@example.com")
    made = await clone(spring.database, CAMPAIGN, OTHER, name="", by="Ann", now=NOW)
    assert (made.state, stored_plan(made)) == ("draft", CampaignPlan.model_validate(PLAN))
    place = await move_person(spring.database, CAMPAIGN, contact_id, to=OTHER, by="Ann", now=NOW)
    assert (place.campaign_id, place.state) == (OTHER, "active")
    assert (await standing(spring, contact_id)).reason == "removed by Ann"


@pytest.mark.parametrize("name", ["nobody@example.com", "no-id"])
async def test_a_person_that_nobody_knows_is_named_with_the_cure(spring: SmallCampaign, name: str) -> None:
    with pytest.raises(UnknownRecord, match=f"unknown person `{name}`; bring people in by"):
        await add_person(spring.database, CAMPAIGN, name, by="Ann", now=NOW)


async def test_every_correction_has_a_name(spring: SmallCampaign) -> None:
    contact_id = await spring.person("jo@example.com")
    with pytest.raises(InvalidRequest, match="name the person that decides"):
        await remove_person(spring.database, CAMPAIGN, contact_id, by=" ", now=NOW)


async def answered(campaign: SmallCampaign, text: str, *, days: float = 1, event_id: str = "answer-1") -> None:
    """Let the person answer, and a visit read the answer."""
    at = NOW + timedelta(days=days)
    event = Inbound(event_id, "test", "reply", at, address="jo@example.com", text=text, is_signed=True)
    async with campaign.database.writing() as connection:
        await record(connection, event, now=at)
    await pass_until(campaign, days + 0.1, since=days)


async def corrected(
    campaign: SmallCampaign, reply_class: str, *, event_id: str = "answer-1", **how: Any
) -> Reclassified:
    """Correct the class of an answer."""
    now = NOW + timedelta(days=1.5)
    return await reclassify(campaign.database, event_id, reply_class, by="Ann", now=now, **how)


async def reasons(campaign: SmallCampaign) -> set[str]:
    """Return why nothing is sent to the person."""
    async with campaign.database.reading() as connection:
        return {row.reason for row in await suppressions_of(connection, person_of("jo@example.com")["email_hash"])}


async def begun(campaign: SmallCampaign) -> ContactId:
    """Return a person that has got the first message."""
    contact_id = await campaign.person("jo@example.com")
    await pass_until(campaign, 0)
    await agree(campaign)
    await pass_until(campaign, 0.2)
    assert len(campaign.mails()) == 1
    return contact_id


async def test_after_an_answer_that_was_none_the_person_goes_on_when_back(spring: SmallCampaign) -> None:
    contact_id = await begun(spring)
    await answered(spring, "Thanks, not interested.")
    assert (await standing(spring, contact_id)).state == "stopped"
    done = await corrected(spring, "out_of_office", until=date(2026, 3, 10))
    assert (done.lifted, done.resumed, done.still_stopped_by) == (("replied",), (CAMPAIGN,), ())
    row = await standing(spring, contact_id)
    assert (row.state, row.step, row.not_before_at and row.not_before_at.date()) == ("active", 1, date(2026, 3, 10))
    for day in (3, 9):
        await pass_until(spring, day, since=day - 1)
        await agree(spring, day)
    await pass_until(spring, 10, since=9)
    assert len(spring.mails()) == 2
    assert await acts(spring) == [("reclassify", "Ann")]


async def test_a_wish_that_was_overlooked_stops_the_person_everywhere(spring: SmallCampaign) -> None:
    contact_id = await begun(spring)
    await create(spring.database, OTHER, name="", plan=CampaignPlan.model_validate(PLAN), now=NOW)
    async with spring.database.writing() as connection:
        note = Inbound("answer-1", "test", "auto_reply", NOW, address="jo@example.com", text="Away.", is_signed=True)
        await record(connection, note, now=NOW)
        await enroll(connection, OTHER, contact_id, wake_at=None, now=NOW)
    await pass_until(spring, 0.3, since=0.2)
    assert await reasons(spring) == set()
    done = await corrected(spring, "unsubscribe")
    assert set(done.stopped) == {CAMPAIGN, OTHER}
    assert await reasons(spring) == {"unsubscribed"}
    assert (await standing(spring, contact_id, OTHER)).state == "stopped"
    with pytest.raises(NotPermitted):
        await move_person(spring.database, CAMPAIGN, contact_id, step=1, by="Ann", now=NOW)


async def test_an_answer_that_was_no_opt_out_is_still_an_answer(spring: SmallCampaign) -> None:
    contact_id = await begun(spring)
    await answered(spring, "Please unsubscribe me.")
    assert await reasons(spring) == {"replied", "unsubscribed"}
    done = await corrected(spring, "interested")
    assert (done.lifted, done.still_stopped_by) == (("unsubscribed",), ("replied",))
    assert (await standing(spring, contact_id)).state == "stopped"


async def test_another_answer_keeps_the_stop_that_a_wrong_class_of_the_first_had_caused(spring: SmallCampaign) -> None:
    contact_id = await begun(spring)
    await answered(spring, "Sounds good.")
    await answered(spring, "Can we talk on Monday?", days=1.2, event_id="answer-2")
    done = await corrected(spring, "out_of_office")
    assert (done.lifted, done.resumed, done.still_stopped_by) == ((), (), ("replied",))
    assert (await standing(spring, contact_id)).state == "stopped"


@pytest.mark.parametrize(
    ("reply_class", "event_id", "how", "told"),
    [
        ("angry", "answer-1", {}, "`angry` is no class of answers; there are interested, not_now"),
        ("interested", "answer-1", {"until": date(2026, 3, 10)}, "is the end of an absence"),
        ("interested", "no-answer", {}, "unknown answer `no-answer`"),
    ],
)
async def test_a_correction_that_makes_no_sense_is_refused_with_what_to_do(
    spring: SmallCampaign, reply_class: str, event_id: str, how: dict[str, Any], told: str
) -> None:
    with pytest.raises(RequestError, match=told):
        await corrected(spring, reply_class, event_id=event_id, **how)


async def test_a_campaign_that_has_ended_is_copied_and_not_edited(spring: SmallCampaign) -> None:
    await move(spring.database, CAMPAIGN, "stop", now=NOW)
    with pytest.raises(StateConflict, match="make a copy with another plan"):
        await edited(spring, {"steps": [{}]})
    async with spring.database.reading() as connection:
        assert (await known_campaign(connection, CAMPAIGN)).plan_version == 1
