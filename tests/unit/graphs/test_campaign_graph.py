"""A campaign goes on by itself: days pass in a moment, the decisions are the live ones."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, update

from agentic_sales.campaigns.answers.events import record
from agentic_sales.campaigns.answers.inbound import Inbound
from agentic_sales.campaigns.next_visits import MOST_FRUITLESS
from agentic_sales.campaigns.people.stops import stop_person
from agentic_sales.campaigns.plan import desk
from agentic_sales.campaigns.plan.desk import enroll_people, known_campaign
from agentic_sales.campaigns.sending.approval import approve, reject
from agentic_sales.campaigns.sending.door import resolve
from agentic_sales.campaigns.sending.transports.contract import Handover
from agentic_sales.campaigns.sending.transports.maildir import MaildirTransport
from agentic_sales.campaigns.visits.clock import VirtualClock
from agentic_sales.campaigns.visits.machine import NextAct
from agentic_sales.campaigns.visits.tick import tick
from agentic_sales.campaigns.visits.visit import begin, settle
from agentic_sales.contracts import ApprovalId, RunFailure, RunId, TouchId
from agentic_sales.errors import StateConflict
from agentic_sales.graphs.campaign import State, generate_touch
from agentic_sales.rehearsal.days import InProcessFleet, rehearse
from agentic_sales.rehearsal.in_process import InProcessSubRunner
from agentic_sales.runs.ledger import Outcome
from agentic_sales.runs.subruns import SubRun, current_sub_runner
from agentic_sales.settings import Settings
from agentic_sales.store.approvals import approvals
from agentic_sales.store.campaigns import (
    CampaignRow,
    EnrollmentRow,
    change_enrollment,
    enrollment,
    move_campaign,
    stop_enrollments,
)
from agentic_sales.store.campaigns import go_on as unparked
from agentic_sales.store.contacts import add_contact
from agentic_sales.store.database import as_current
from agentic_sales.store.inbound import add_inbound, inbound_of
from agentic_sales.store.migrate import upgrade
from agentic_sales.store.suppressions import suppressions
from agentic_sales.store.visits import next_wake_at, wake
from tests.support.small_campaign import CAMPAIGN, NOW, SmallCampaign, person_of, small_campaign

THREE_STEPS = {"steps": [{}, {"delay_days": 3}, {"delay_days": 5}]}


@pytest.fixture
async def spring(tmp_path: Path) -> AsyncIterator[SmallCampaign]:
    """A running campaign of three messages."""
    configuration = Settings(state_dir=tmp_path)
    await asyncio.to_thread(upgrade, configuration)
    async with small_campaign(configuration, plan=THREE_STEPS) as campaign:
        yield campaign


async def go_on(campaign: SmallCampaign, clock: VirtualClock | None = None, until: datetime | None = None) -> int:
    """Let days pass."""
    return await rehearse(campaign.database, clock or VirtualClock(NOW), MaildirTransport(campaign.folder), until=until)


async def standing(campaign: SmallCampaign, contact_id: Any) -> tuple[str, str, int]:
    """Return how an enrollment stands."""
    async with campaign.database.reading() as connection:
        row = await enrollment(connection, CAMPAIGN, contact_id)
    assert row is not None
    return row.state, row.reason, row.step


async def test_a_person_gets_every_message_of_the_sequence_in_order_and_in_office_hours(spring: SmallCampaign) -> None:
    contact_id = await spring.person("jo@example.com", first_name="Jo", time_zone="America/New_York")
    await go_on(spring)
    assert await standing(spring, contact_id) == ("finished", "every message was sent", 3)
    rows = [await spring.row(await spring.write(contact_id, step)) for step in range(3)]
    local = [row.sent_at.astimezone(ZoneInfo("America/New_York")) for row in rows if row.sent_at]
    assert len(local) == 3
    assert all(9 <= at.hour < 17 and at.isoweekday() < 6 for at in local)
    assert [(b.date() - a.date()).days for a, b in pairwise(local)] == [3, 7]
    assert len(spring.mails()) == 3


async def test_a_campaign_is_finished_when_everybody_is_through_and_goes_on_with_who_joins_later(
    spring: SmallCampaign,
) -> None:
    await spring.person("jo@example.com")
    await go_on(spring)
    assert await state_of(spring) == "finished"
    async with spring.database.writing() as connection:
        late = await add_contact(connection, person_of("late@example.com"), now=NOW)
    assert late is not None
    assert await enroll_people(spring.database, CAMPAIGN, [late], now=NOW) == 1
    assert await state_of(spring) == "running"
    await go_on(spring)
    assert (await standing(spring, late))[0] == "finished"
    assert await state_of(spring) == "finished"


async def state_of(campaign: SmallCampaign) -> str:
    """Return the state of the campaign."""
    async with campaign.database.reading() as connection:
        return (await known_campaign(connection, CAMPAIGN)).state


class Careless(InProcessSubRunner):
    """Lets workflows write as they do, and puts a second header into their subjects."""

    async def run(self, assistant_id: str, values: Mapping[str, Any]) -> SubRun:
        """Run an assistant to its end."""
        written = await super().run(assistant_id, values)
        return replace(written, output={**written.output, "subject": "Hi\r\nBcc: all@example.com"})


async def test_a_message_that_nobody_can_send_is_for_a_person_to_look_at_and_is_written_anew(
    spring: SmallCampaign,
) -> None:
    contact_id = await spring.person("jo@example.com")
    token = current_sub_runner.set(Careless())
    try:
        async with as_current(spring.database):
            await generate_touch(State(campaign_id=CAMPAIGN, contact_id=contact_id))
    finally:
        current_sub_runner.reset(token)
    why = "the message's `Subject` cannot be sent: it contains a line break or a control character"
    assert await standing(spring, contact_id) == ("parked", why, 0)
    await go_on(spring)
    assert spring.mails() == []
    await desk.unpark_people(spring.database, CAMPAIGN, contact_id, now=NOW)
    await go_on(spring)
    assert await standing(spring, contact_id) == ("finished", "every message was sent", 3)


async def test_people_in_other_time_zones_each_get_theirs_by_their_own_clock(spring: SmallCampaign) -> None:
    zones = ("Asia/Tokyo", "Europe/Berlin", "America/Los_Angeles")
    people = [await spring.person(f"{n}@example.com", time_zone=zone) for n, zone in enumerate(zones)]
    await go_on(spring, until=NOW + timedelta(days=2))
    for contact_id, zone in zip(people, zones, strict=True):
        sent_at = (await spring.row(await spring.write(contact_id))).sent_at
        assert sent_at is not None
        assert 9 <= sent_at.astimezone(ZoneInfo(zone)).hour < 17


async def inbound_from(campaign: SmallCampaign, contact_id: Any, kind: str, text: str, at: datetime) -> None:
    """Let something come back from a person."""
    event = {"source": "test", "kind": kind, "contact_id": contact_id, "text": text, "received_at": at}
    async with campaign.database.writing() as connection:
        await add_inbound(connection, f"{kind}-{at}", event, now=at)


async def test_a_reply_is_read_and_ends_the_sequence(spring: SmallCampaign) -> None:
    contact_id = await spring.person("jo@example.com")
    clock = VirtualClock(NOW)
    await go_on(spring, clock, until=NOW + timedelta(days=1))
    await inbound_from(spring, contact_id, "reply", "Sounds good, tell me more.", clock.at)
    await go_on(spring, clock)
    assert await standing(spring, contact_id) == ("stopped", "replied", 1)
    assert len(spring.mails()) == 1


async def test_an_opt_out_in_a_reply_suppresses_the_person_for_every_campaign(spring: SmallCampaign) -> None:
    contact_id = await spring.person("jo@example.com")
    clock = VirtualClock(NOW)
    await go_on(spring, clock, until=NOW + timedelta(days=1))
    await inbound_from(spring, contact_id, "reply", "Please remove me from your list.", clock.at)
    await go_on(spring, clock)
    assert await standing(spring, contact_id) == ("stopped", "unsubscribed", 1)


@pytest.mark.parametrize(
    ("text", "told", "reason"),
    [
        ("Please remove me from your list.", "unsubscribe", "unsubscribed"),
        ("Sounds good, let us talk.", "interested", "replied"),
    ],
)
async def test_an_answer_after_the_last_message_is_read_too(
    spring: SmallCampaign, text: str, told: str, reason: str
) -> None:
    contact_id = await spring.person("jo@example.com")
    clock = VirtualClock(NOW)
    await go_on(spring, clock)
    last = await spring.row(await spring.write(contact_id, 2))
    answer = Inbound("late", "test", "reply", clock.at, about_ids=(last.message_id,), subject="Re: Hi", text=text)
    async with spring.database.writing() as connection:
        assert await record(connection, answer, now=clock.at) == "recorded"
    await go_on(spring, clock)
    assert await standing(spring, contact_id) == ("finished", "every message was sent", 3)
    async with spring.database.reading() as connection:
        assert [row.reply_class for row in await inbound_of(connection, contact_id)] == [told]
        assert reason in [row.reason for row in await suppressions(connection)]
        assert await next_wake_at(connection) is None
    assert len(spring.mails()) == 3


async def test_a_doubtful_opt_out_stops_the_person_and_is_kept_for_a_person_to_read(spring: SmallCampaign) -> None:
    contact_id = await spring.person("jo@example.com")
    clock = VirtualClock(NOW)
    await go_on(spring, clock, until=NOW + timedelta(days=1))
    await inbound_from(spring, contact_id, "reply", "I never signed up for this.", clock.at)
    await go_on(spring, clock)
    assert await standing(spring, contact_id) == ("stopped", "replied", 1)
    async with spring.database.reading() as connection:
        assert [row.reply_class for row in await inbound_of(connection, contact_id)] == ["maybe_unsubscribe"]


async def test_an_absence_note_puts_the_next_message_off_until_the_person_is_back(spring: SmallCampaign) -> None:
    contact_id = await spring.person("jo@example.com", time_zone="Asia/Tokyo")
    clock = VirtualClock(NOW)
    await go_on(spring, clock, until=NOW + timedelta(days=1))
    await inbound_from(spring, contact_id, "auto_reply", "I am out of office until 20 March 2026.", clock.at)
    async with spring.database.writing() as connection:
        await wake(connection, now=clock.at, contact_id=contact_id)
    await go_on(spring, clock, until=clock.at + timedelta(hours=1))
    async with spring.database.reading() as connection:
        row = await enrollment(connection, CAMPAIGN, contact_id)
    assert row is not None
    assert row.not_before_at == datetime(2026, 3, 20, tzinfo=ZoneInfo("Asia/Tokyo"))
    await go_on(spring, clock)
    second = await spring.row(await spring.write(contact_id, 1))
    assert second.sent_at is not None
    assert second.sent_at.astimezone(ZoneInfo("Asia/Tokyo")).date() >= date(2026, 3, 20)
    assert (await standing(spring, contact_id))[0] == "finished"


async def test_who_leaves_while_it_sleeps_gets_nothing_more_and_the_thread_ends(spring: SmallCampaign) -> None:
    contact_id = await spring.person("jo@example.com")
    clock = VirtualClock(NOW)
    await go_on(spring, clock, until=NOW + timedelta(days=1))
    digest = (await spring.row(await spring.write(contact_id))).email_hash
    async with spring.database.writing() as connection:
        await stop_person(connection, digest, "unsubscribed", source="test", now=clock.at)
    await go_on(spring, clock)
    assert await standing(spring, contact_id) == ("stopped", "unsubscribed", 1)
    assert len(spring.mails()) == 1


async def test_a_paused_campaign_sends_nothing_until_it_goes_on(spring: SmallCampaign) -> None:
    contact_id = await spring.person("jo@example.com")
    clock = VirtualClock(NOW)
    async with spring.database.writing() as connection:
        await move_campaign(connection, CAMPAIGN, expected=("running",), to="paused", now=NOW)
    await go_on(spring, clock)
    assert spring.mails() == []
    async with spring.database.writing() as connection:
        await move_campaign(connection, CAMPAIGN, expected=("paused",), to="running", now=clock.at)
        assert await wake(connection, now=clock.at, campaign_id=CAMPAIGN) == 1
    await go_on(spring, clock)
    assert (await standing(spring, contact_id))[0] == "finished"


async def test_a_step_that_is_not_for_a_person_is_left_out(tmp_path: Path) -> None:
    plan = {"steps": [{}, {"delay_days": 1, "only_if": {"plan": "pro"}}, {"delay_days": 1}]}
    configuration = Settings(state_dir=tmp_path)
    await asyncio.to_thread(upgrade, configuration)
    async with small_campaign(configuration, plan=plan) as campaign:
        pro = await campaign.person("pro@example.com", fields={"plan": "pro"})
        free = await campaign.person("free@example.com", fields={"plan": "free"})
        await go_on(campaign)
        assert (await standing(campaign, pro))[0] == (await standing(campaign, free))[0] == "finished"
        assert sorted(mail["To"] for mail in campaign.mails()) == ["free@example.com"] * 2 + ["pro@example.com"] * 3


async def shorten(campaign: SmallCampaign, steps: int) -> None:
    """Leave so many steps of the plan."""
    async with campaign.database.writing() as connection:
        plan = (await known_campaign(connection, CAMPAIGN)).plan
        shorter = {**plan, "steps": plan["steps"][:steps]}
        await connection.execute(update(CampaignRow).values(plan=shorter))


@pytest.mark.parametrize(
    ("steps", "why"), [(2, "every message was sent"), (1, "the plan was shortened: its last step is 0")]
)
async def test_who_is_beyond_the_end_of_a_plan_that_was_shortened_is_through(
    spring: SmallCampaign, steps: int, why: str
) -> None:
    contact_id, clock = await spring.person("jo@example.com"), VirtualClock(NOW)
    await go_on(spring, clock, until=NOW + timedelta(days=4))
    assert await standing(spring, contact_id) == ("active", "the message is not due", 2)
    await shorten(spring, steps)
    await go_on(spring, clock)
    assert await standing(spring, contact_id) == ("finished", why, 2)
    assert len(spring.mails()) == 2


async def test_a_message_of_a_step_that_the_plan_has_lost_is_never_sent(spring: SmallCampaign) -> None:
    contact_id = await spring.person("jo@example.com")
    async with spring.database.writing() as connection:
        await change_enrollment(connection, CAMPAIGN, contact_id, {"step": 2}, now=NOW)
    lost = await spring.write(contact_id, 2)
    await shorten(spring, 2)
    await go_on(spring)
    assert await standing(spring, contact_id) == ("stopped", "the plan was shortened: its last step is 1", 2)
    assert (await spring.row(lost)).state == "suppressed"
    assert spring.mails() == []


async def test_a_plan_that_this_release_cannot_read_parks_people_at_once_with_what_does_not_fit(
    spring: SmallCampaign,
) -> None:
    contact_id, clock = await spring.person("jo@example.com"), VirtualClock(NOW)
    async with spring.database.writing() as connection:
        plan = (await known_campaign(connection, CAMPAIGN)).plan
        await connection.execute(update(CampaignRow).values(plan={**plan, "moon_phase": "full"}))
    assert await rehearse(spring.database, clock, MaildirTransport(spring.folder)) == 1
    told = (
        "the stored plan of campaign `spring` does not fit this release: `moon_phase`: Extra inputs are not permitted"
    )
    state, reason, step = await standing(spring, contact_id)
    assert (state, reason.partition(";")[0], step) == ("parked", told, 0)
    async with spring.database.writing() as connection:
        await connection.execute(update(CampaignRow).values(plan=plan))
    await desk.unpark_people(spring.database, CAMPAIGN, None, now=clock.at)
    await go_on(spring, clock)
    assert (await standing(spring, contact_id))[0] == "finished"


class TestApproval:
    @pytest.fixture
    async def careful(self, tmp_path: Path) -> AsyncIterator[SmallCampaign]:
        """A campaign of one message, to which somebody must agree."""
        configuration = Settings(state_dir=tmp_path)
        await asyncio.to_thread(upgrade, configuration)
        async with small_campaign(configuration, plan={"steps": [{}], "needs_approval": True}) as campaign:
            yield campaign

    async def asked(self, campaign: SmallCampaign) -> tuple[ApprovalId, str]:
        """Return the one question that stands."""
        async with campaign.database.reading() as connection:
            [row] = await approvals(connection)
        return ApprovalId(row.approval_id), row.digest

    async def test_nothing_goes_before_somebody_agrees_and_it_goes_then(self, careful: SmallCampaign) -> None:
        contact_id, clock = await careful.person("jo@example.com"), VirtualClock(NOW)
        await go_on(careful, clock, until=NOW + timedelta(hours=1))
        assert careful.mails() == []
        question, digest = await self.asked(careful)
        await approve(careful.database, question, digest=digest, by="Ann", now=clock.at)
        async with careful.database.writing() as connection:
            await wake(connection, now=clock.at, contact_id=contact_id)
        await go_on(careful, clock, until=NOW + timedelta(hours=2))
        assert (await standing(careful, contact_id))[0] == "finished"
        assert len(careful.mails()) == 1

    async def test_a_refused_message_ends_the_sequence(self, careful: SmallCampaign) -> None:
        contact_id, clock = await careful.person("jo@example.com"), VirtualClock(NOW)
        await go_on(careful, clock, until=NOW + timedelta(hours=1))
        question, digest = await self.asked(careful)
        await reject(careful.database, question, digest=digest, by="Ann", now=clock.at)
        async with careful.database.writing() as connection:
            await wake(connection, now=clock.at, contact_id=contact_id)
        await go_on(careful, clock)
        assert await standing(careful, contact_id) == ("stopped", "rejected by Ann", 0)
        assert careful.mails() == []

    async def test_a_question_that_nobody_answers_parks_the_enrollment(self, careful: SmallCampaign) -> None:
        contact_id = await careful.person("jo@example.com")
        await go_on(careful)
        why = "nobody answered in time whether step 0 may be sent"
        assert await standing(careful, contact_id) == ("parked", why, 0)

    async def test_who_is_let_go_on_after_nobody_answered_is_asked_about_anew_as_often_as_that_happens(
        self, careful: SmallCampaign
    ) -> None:
        contact_id, clock = await careful.person("jo@example.com"), VirtualClock(NOW)
        await go_on(careful, clock)
        seen = set()
        for _ in range(2):
            assert await desk.unpark_people(careful.database, CAMPAIGN, contact_id, now=clock.at) == 1
            await go_on(careful, clock, until=clock.at + timedelta(hours=1))
            assert await standing(careful, contact_id) == ("active", "nobody has agreed to it yet", 0)
            seen.add(await self.asked(careful))
            await go_on(careful, clock)
            assert (await standing(careful, contact_id))[0] == "parked"
        assert len(seen) == 2
        await desk.unpark_people(careful.database, CAMPAIGN, None, now=clock.at)
        question, digest = await self.asked(careful)
        await approve(careful.database, question, digest=digest, by="Ann", now=clock.at)
        await go_on(careful, clock)
        assert (await standing(careful, contact_id))[0] == "finished"
        assert len(careful.mails()) == 1


class Unsure:
    """A transport that never knows whether its message was taken."""

    name = "unsure"

    async def deliver(self, message: object, *, key: TouchId) -> Handover:
        """Lose the answer."""
        del message, key
        return Handover("ambiguous", "the line went dead after the last byte")


@pytest.mark.parametrize("woken_at", [NOW, NOW + timedelta(seconds=1)], ids=["at its very moment", "later"])
async def test_who_is_woken_while_a_visit_is_made_is_visited_again(spring: SmallCampaign, woken_at: datetime) -> None:
    contact_id = await spring.person("jo@example.com")
    key, later_on = (CAMPAIGN, contact_id), NOW + timedelta(days=7)
    wakes, _ = await begin(spring.database, key)
    async with spring.database.writing() as connection:
        await wake(connection, now=woken_at, contact_id=contact_id)
    await settle(spring.database, key, NextAct("park", "too late"), wakes=wakes, now=NOW)
    async with spring.database.reading() as connection:
        assert await next_wake_at(connection) == woken_at
    assert (await standing(spring, contact_id))[0] == "active"
    wakes, _ = await begin(spring.database, key)
    await settle(spring.database, key, NextAct("sleep", "in time", later_on), wakes=wakes, now=NOW)
    async with spring.database.reading() as connection:
        assert await next_wake_at(connection) == later_on


async def test_an_unknown_outcome_parks_the_enrollment_until_a_person_says_what_it_was(spring: SmallCampaign) -> None:
    contact_id, clock = await spring.person("jo@example.com"), VirtualClock(NOW)
    await rehearse(spring.database, clock, Unsure())
    state, reason, step = await standing(spring, contact_id)
    assert (state, step) == ("parked", 0)
    assert "nobody knows whether step 0 was sent" in reason
    touch_id = await spring.write(contact_id)
    assert (await spring.row(touch_id)).state == "ambiguous"
    assert spring.mails() == []


async def test_whoever_says_what_it_was_lets_the_person_go_on_also_one_whom_a_visit_is_about_to_park(
    spring: SmallCampaign,
) -> None:
    contact_id, clock = await spring.person("jo@example.com"), VirtualClock(NOW)
    key = (CAMPAIGN, contact_id)
    await rehearse(spring.database, clock, Unsure())
    touch_id, at = await spring.write(contact_id), clock.now() + timedelta(hours=1)
    async with spring.database.writing() as connection:
        await unparked(connection, *key, now=clock.now())
    wakes, _ = await begin(spring.database, key)
    await resolve(spring.database, touch_id, "sent", by="Ann", now=at)
    await settle(spring.database, key, NextAct("park", "nobody knows"), wakes=wakes, now=at)
    async with spring.database.reading() as connection:
        assert await next_wake_at(connection) == at
    assert await standing(spring, contact_id) == ("active", "", 0)


@dataclass
class Changed(InProcessFleet):
    """A fleet whose campaign graph was changed so that it cannot go on with the threads that it finds."""

    code: str = "bug"
    """As what its runs fail."""

    async def submit_visit(self, row: EnrollmentRow, run_id: RunId) -> None:
        """Fail as a run fails whose state does not fit its graph."""
        del row
        failure = RunFailure(code=self.code, message="`step` is no number", is_retryable=False, error="ValidationError")
        self.ends[run_id] = Outcome(run_id, "error", None, failure)


async def test_visits_that_only_fail_are_tried_a_few_times_and_then_parked_with_the_reason(
    spring: SmallCampaign,
) -> None:
    contact_id, clock = await spring.person("jo@example.com"), VirtualClock(NOW)
    visits = await rehearse(spring.database, clock, MaildirTransport(spring.folder), fleet=Changed())
    assert visits == MOST_FRUITLESS
    state, reason, step = await standing(spring, contact_id)
    assert (state, step) == ("parked", 0)
    assert reason == f"{MOST_FRUITLESS} visits came to nothing: `step` is no number"
    assert clock.at - NOW < timedelta(hours=1)


async def test_a_state_that_no_visit_can_read_parks_at_once_and_an_ended_person_stays_as_it_is(
    spring: SmallCampaign,
) -> None:
    contact_id, gone = await spring.person("jo@example.com"), await spring.person("eve@example.com")
    async with spring.database.writing() as connection:
        await stop_enrollments(connection, gone, "unsubscribed", now=NOW)
    fleet = Changed(code="state_unreadable")
    assert await rehearse(spring.database, VirtualClock(NOW), MaildirTransport(spring.folder), fleet=fleet) == 2
    assert await standing(spring, contact_id) == ("parked", "`step` is no number", 0)
    assert await standing(spring, gone) == ("stopped", "unsubscribed", 0)


async def test_who_stops_while_a_visit_comes_to_nothing_stays_stopped(spring: SmallCampaign) -> None:
    contact_id = await spring.person("jo@example.com")

    class Interrupted(Changed):
        """A fleet that learns how a run ended just when its person leaves."""

        async def outcomes(self, run_ids: Sequence[RunId]) -> list[Outcome | None]:
            if run_ids:
                async with spring.database.writing() as connection:
                    await stop_enrollments(connection, contact_id, "unsubscribed", now=NOW)
            return await super().outcomes(run_ids)

    fleet = Interrupted(code="state_unreadable")
    for _ in range(2):
        await tick(spring.database, fleet, now=NOW)
    assert await standing(spring, contact_id) == ("stopped", "unsubscribed", 0)
    async with spring.database.reading() as connection:
        assert await next_wake_at(connection) is not None


@dataclass
class Counting(InProcessFleet):
    """A fleet that counts what each of its visits asks the database."""

    asked: int = 0
    """Statements since the last visit began."""
    statements: list[int] = field(default_factory=list)
    """Statements of each visit."""

    async def submit_visit(self, row: EnrollmentRow, run_id: RunId) -> None:
        """Make a visit, counted by itself."""
        self.asked = 0
        await super().submit_visit(row, run_id)
        self.statements.append(self.asked)

    def count(self, *_: Any) -> None:
        """Count a statement."""
        self.asked += 1


async def test_a_visit_that_writes_and_sends_asks_the_database_no_more_than_thirty_times(spring: SmallCampaign) -> None:
    await spring.person("jo@example.com")
    fleet = Counting()
    event.listen(spring.database.engine.sync_engine, "before_cursor_execute", fleet.count)
    await rehearse(spring.database, VirtualClock(NOW), MaildirTransport(spring.folder), fleet=fleet)
    assert len(spring.mails()) == len(fleet.statements) == 3
    assert max(fleet.statements) <= 30


async def test_a_parked_person_goes_on_when_somebody_says_so_and_nobody_else_does(spring: SmallCampaign) -> None:
    parked, other = await spring.person("ada@example.com"), await spring.person("eve@example.com")
    values = {"state": "parked", "reason": "five visits came to nothing", "wake_at": None}
    async with spring.database.writing() as connection:
        await change_enrollment(connection, CAMPAIGN, parked, values, now=NOW)
    with pytest.raises(StateConflict, match="nobody is parked there"):
        await desk.unpark_people(spring.database, CAMPAIGN, other, now=NOW)
    assert await desk.unpark_people(spring.database, CAMPAIGN, None, now=NOW) == 1
    async with spring.database.reading() as connection:
        found = await enrollment(connection, CAMPAIGN, parked)
    assert found is not None
    assert (found.state, found.reason, found.wake_at) == ("active", "", NOW)
