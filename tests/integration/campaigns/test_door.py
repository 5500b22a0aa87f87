"""The send door: what leaves, leaves once, and only when every rule lets it."""

import asyncio
from datetime import datetime, timedelta
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agentic_sales.campaigns.mailboxes.keeping import switch_mailbox
from agentic_sales.campaigns.people.stops import stop_person
from agentic_sales.campaigns.sending import door
from agentic_sales.campaigns.sending.door import LEASE, RETRY_AFTER, TRIAL, resolve, sweep, when_and_why
from agentic_sales.campaigns.sending.transports.contract import Handover
from agentic_sales.contracts import CampaignId, TouchId
from agentic_sales.errors import InvalidMessage, NotPermitted, StateConflict, UnknownRecord
from agentic_sales.settings import Settings
from agentic_sales.store.campaigns import (
    change_enrollment,
    enroll,
    enrollment,
    finish_campaigns,
    locked_campaign,
    move_campaign,
)
from agentic_sales.store.contacts import add_contact
from agentic_sales.store.database import open_database
from agentic_sales.store.mailboxes import mailbox
from agentic_sales.store.suppressions import suppressions_of
from agentic_sales.store.visits import next_wake_at
from tests.support.processes import side_by_side
from tests.support.small_campaign import CAMPAIGN, MAILBOX, NOW, SmallCampaign, later, person_of, small_campaign

SENDERS = 4
MESSAGES = 12
CAP = 7


class Answering:
    """A transport whose other side gives fixed answers, one a try."""

    name = "answering"

    def __init__(self, *answers: Handover) -> None:
        self.answers = list(answers)
        self.tries = 0

    async def deliver(self, message: Any, *, key: TouchId) -> Handover:  # noqa: ARG002 - a transport's arguments
        self.tries += 1
        return self.answers.pop(0)


class Dying:
    """A transport in whose midst the process dies."""

    name = "dying"

    async def deliver(self, message: Any, *, key: TouchId) -> Handover:  # noqa: ARG002 - a transport's arguments
        raise KeyboardInterrupt


async def test_a_message_is_sent_with_everything_that_the_law_asks_for(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        touch_id = await campaign.message()
        sent = await campaign.door().send(touch_id, now=NOW)
        (mail,) = campaign.mails()
    assert (sent.state, sent.attempts, sent.provider, sent.sent_at is not None) == ("sent", 1, "maildir", True)
    assert (mail["From"], mail["To"]) == ("Ann <ann@sales.example>", "jo@example.com")
    assert mail["Message-ID"] == f"<{touch_id}@sales.example>" == sent.message_id
    assert mail["List-Unsubscribe"].startswith("<https://sales.example/unsubscribe/")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    for kind in ("plain", "html"):
        body = mail.get_body((kind,))
        assert body is not None
        assert "1 Main Street" in body.get_content()


async def test_what_was_sent_is_not_sent_again(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        touch_id = await campaign.message()
        transport = Answering(Handover("sent"))
        await campaign.door(transport).send(touch_id, now=NOW)
        again = await campaign.door(transport).send(touch_id, now=later(days=1))
    assert (again.state, again.attempts, transport.tries) == ("sent", 1, 1)


def send_all(configuration: Settings, touch_ids: list[TouchId]) -> list[str]:
    """Try to send messages, as a process of its own."""

    async def send() -> list[str]:
        async with open_database(configuration) as database:
            door = SmallCampaign(database, configuration.state_dir / "mail").door()
            return [(await door.send(touch_id, now=NOW)).state for touch_id in touch_ids]

    return asyncio.run(send())


async def test_of_processes_that_send_the_same_messages_each_message_leaves_once_and_the_cap_holds(
    migrated: Settings,
) -> None:
    async with small_campaign(migrated, daily_cap=CAP) as campaign:
        touch_ids = [await campaign.message(f"person{number}@example.com") for number in range(MESSAGES)]
    senders = [partial(send_all, migrated, touch_ids[i:] + touch_ids[:i]) for i in range(SENDERS)]
    side_by_side(*senders)
    async with open_database(migrated) as database:
        campaign = SmallCampaign(database, migrated.state_dir / "mail")
        rows = [await campaign.row(touch_id) for touch_id in touch_ids]
    assert len(campaign.mails()) == CAP
    assert sorted(row.state for row in rows) == ["pending"] * (MESSAGES - CAP) + ["sent"] * CAP
    assert {row.attempts for row in rows if row.state == "sent"} == {1}


async def test_a_sender_that_died_leaves_an_unknown_that_only_a_person_ends(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        touch_id = await campaign.message()
        with pytest.raises(KeyboardInterrupt):
            await campaign.door(Dying()).send(touch_id, now=NOW)
        assert (await campaign.door().send(touch_id, now=later(minutes=1))).state == "dispatching"
        assert await sweep(campaign.database, now=NOW + LEASE - timedelta(seconds=1)) == []
        assert await sweep(campaign.database, now=NOW + LEASE) == [touch_id]
        assert (await campaign.door().send(touch_id, now=later(days=30))).state == "ambiguous"
        assert campaign.mails() == []
        with pytest.raises(StateConflict, match="somebody with a name"):
            await resolve(campaign.database, touch_id, "sent", by=" ", now=NOW)
        resolved = await resolve(campaign.database, touch_id, "failed", by="Ann", now=NOW)
        assert (resolved.state, resolved.resolved_by) == ("failed", "Ann")
        with pytest.raises(StateConflict, match="it is `failed`"):
            await resolve(campaign.database, touch_id, "sent", by="Bob", now=NOW)


async def test_a_sender_whose_lease_ended_is_found_by_the_next_one(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        touch_id = await campaign.message()
        with pytest.raises(KeyboardInterrupt):
            await campaign.door(Dying()).send(touch_id, now=NOW)
        assert (await campaign.door().send(touch_id, now=NOW + LEASE)).state == "ambiguous"


async def test_a_slow_sender_may_still_say_what_happened_after_its_touch_was_called_ambiguous(
    migrated: Settings,
) -> None:
    async with small_campaign(migrated) as campaign:
        touch_id = await campaign.message()

        class Slow(Answering):
            async def deliver(self, message: Any, *, key: TouchId) -> Handover:
                assert await sweep(campaign.database, now=NOW + LEASE) == [key]
                return await super().deliver(message, key=key)

        assert (await campaign.door(Slow(Handover("sent"))).send(touch_id, now=NOW)).state == "sent"


async def test_a_person_who_was_parked_for_a_slow_sender_goes_on_when_it_says_what_happened(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        contact_id = await campaign.person("jo@example.com")
        touch_id = await campaign.write(contact_id)

        class Slow(Answering):
            async def deliver(self, message: Any, *, key: TouchId) -> Handover:
                await sweep(campaign.database, now=NOW + LEASE)
                async with campaign.database.writing() as connection:
                    await change_enrollment(connection, CAMPAIGN, contact_id, {"state": "parked"}, now=NOW)
                return await super().deliver(message, key=key)

        await campaign.door(Slow(Handover("sent"))).send(touch_id, now=NOW)
        async with campaign.database.reading() as connection:
            row = await enrollment(connection, CAMPAIGN, contact_id)
    assert row is not None
    assert row.state == "active"


async def test_a_campaign_that_somebody_is_joining_is_not_finished_meanwhile(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        through = await campaign.person("jo@example.com")
        async with campaign.database.writing() as connection:
            await change_enrollment(connection, CAMPAIGN, through, {"state": "finished"}, now=NOW)
            joins = await add_contact(connection, person_of("kim@example.com"), now=NOW)
        assert joins is not None

        async def finish() -> list[CampaignId]:
            async with campaign.database.writing() as connection:
                return await finish_campaigns(connection, now=NOW)

        async with campaign.database.writing() as connection:
            await locked_campaign(connection, CAMPAIGN)
            await enroll(connection, CAMPAIGN, joins, wake_at=NOW, now=NOW)
            finishing = asyncio.create_task(finish())
            await asyncio.wait([finishing], timeout=0.5)  # it waits for this transaction, or it is wrong already
        assert await finishing == []


async def test_what_is_refused_for_now_is_tried_again_later_with_the_same_identity_and_then_given_up(
    migrated: Settings,
) -> None:
    async with small_campaign(migrated, daily_cap=1) as campaign:
        touch_id = await campaign.message()
        transport = Answering(*[Handover("deferred", "450 busy")] * (len(RETRY_AFTER) + 1))
        door, now = campaign.door(transport), NOW
        for pause in RETRY_AFTER:
            row = await door.send(touch_id, now=now)
            assert row.state == "deferred"
            assert row.slot_day is None
            assert pause <= row.not_before_at - now < pause + timedelta(minutes=1)
            assert (await door.send(touch_id, now=now)).attempts == row.attempts
            now = NOW + timedelta(days=row.attempts)
            now += timedelta(days=2) if now.isoweekday() > 5 else timedelta()
        row = await door.send(touch_id, now=now)
    assert (row.state, row.detail) == ("failed", f"gave up after {len(RETRY_AFTER) + 1} tries: 450 busy")


async def test_a_refused_login_costs_nobody_the_message(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        touch_id = await campaign.message()
        wrong = Handover("deferred", "535 wrong password", is_our_fault=True)
        door = campaign.door(Answering(*[wrong] * (len(RETRY_AFTER) + 2), Handover("sent")))
        states = [(await door.send(touch_id, now=later(weeks=week))).state for week in range(len(RETRY_AFTER) + 3)]
    assert states == ["deferred"] * (len(RETRY_AFTER) + 2) + ["sent"]


async def test_a_provider_that_asks_for_a_longer_pause_gets_it(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        touch_id = await campaign.message()
        door = campaign.door(Answering(Handover("deferred", "429", retry_after_s=3600)))
        row = await door.send(touch_id, now=NOW)
    assert row.not_before_at >= later(hours=1)


async def test_an_address_that_nobody_has_is_never_written_to_again(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        contact_id = await campaign.person("gone@example.com")
        first, second = await campaign.write(contact_id), await campaign.write(contact_id, 1)
        door = campaign.door(Answering(Handover("failed", "550 5.1.1 no such user", is_bad_address=True)))
        assert (await door.send(first, now=NOW)).state == "failed"
        assert (await door.send(second, now=NOW)).state == "suppressed"
        with pytest.raises(NotPermitted, match="bounced"):
            await campaign.write(contact_id, 2)


async def test_a_stop_ends_every_message_and_enrollment_of_a_person_and_of_nobody_else(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        jo, bo = await campaign.person("jo+news@example.com"), await campaign.person("bo@example.com")
        waiting = [await campaign.write(jo), await campaign.write(jo, 1)]
        other = await campaign.write(bo)
        digest = (await campaign.row(waiting[0])).email_hash
        async with campaign.database.writing() as connection:
            stopped = await stop_person(connection, digest, "unsubscribed", source="link", now=NOW)
            assert (sorted(stopped.touches), stopped.campaigns) == (sorted(waiting), (CAMPAIGN,))
            again = await stop_person(connection, digest, "unsubscribed", source="link", now=NOW)
            assert (again.touches, again.campaigns) == ((), ())
            assert [row.reason for row in await suppressions_of(connection, digest)] == ["unsubscribed"]
            way = await enrollment(connection, CAMPAIGN, jo)
            assert way is not None
            assert (way.state, way.reason) == ("stopped", "unsubscribed")
        assert (await campaign.door().send(waiting[0], now=NOW)).state == "suppressed"
        assert (await campaign.door().send(other, now=NOW)).state == "sent"


async def test_a_suppression_that_comes_after_the_draft_is_seen_at_the_door(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        contact_id = await campaign.person("jo@example.com")
        touch_id = await campaign.write(contact_id)
        await campaign.change(contact_id, consent_source="")
        row = await campaign.door().send(touch_id, now=NOW)
    assert (row.state, row.detail) == ("suppressed", "no lawful basis for writing is recorded")


@pytest.mark.parametrize("state", ["paused", "stopped"])
async def test_a_campaign_that_does_not_run_sends_nothing(migrated: Settings, state: str) -> None:
    async with small_campaign(migrated) as campaign:
        touch_id = await campaign.message()
        async with campaign.database.writing() as connection:
            await move_campaign(connection, CAMPAIGN, expected=("running",), to=state, now=NOW)
        row = await campaign.door().send(touch_id, now=NOW)
        forecast = await when_and_why(campaign.database, touch_id, now=NOW)
    assert row.state == {"paused": "pending", "stopped": "suppressed"}[state]
    assert (forecast.at, f"the campaign is {state}" in forecast.why) == (None, True)


async def test_a_message_waits_for_the_recipients_morning_and_the_forecast_says_so(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        touch_id = await campaign.write(await campaign.person("jo@example.com", time_zone="America/Los_Angeles"))
        nine_there, one_there = later(hours=7), later(hours=11)
        forecast = await when_and_why(campaign.database, touch_id, now=NOW)
        assert forecast.at is not None
        assert nine_there <= forecast.at < one_there
        assert "`America/Los_Angeles`" in forecast.why[0]
        row = await campaign.door().send(touch_id, now=NOW)
        assert (row.state, row.not_before_at) == ("pending", forecast.at)
        assert (await campaign.door().send(touch_id, now=forecast.at)).state == "sent"


async def test_what_waits_for_a_morning_is_spread_over_it_and_not_sent_at_one_stroke(migrated: Settings) -> None:
    evening = later(hours=12)
    async with small_campaign(migrated) as campaign:
        touch_ids = [await campaign.message(f"p{number}@example.com") for number in range(40)]
        told = [(await campaign.door().send(touch_id, now=evening)).not_before_at for touch_id in touch_ids]
        again = [(await when_and_why(campaign.database, touch_id, now=evening)).at for touch_id in touch_ids]
    assert told == again
    assert all(later(hours=23) <= at < later(hours=27) for at in told)
    assert len({at.replace(minute=0, second=0, microsecond=0) for at in told}) == 4


async def test_a_message_that_is_written_waits_for_somebody_who_is_away(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        contact_id = await campaign.person("jo@example.com")
        touch_id = await campaign.write(contact_id)
        async with campaign.database.writing() as connection:
            await change_enrollment(connection, CAMPAIGN, contact_id, {"not_before_at": later(days=2)}, now=NOW)
        held = await campaign.door().send(touch_id, now=NOW)
        assert (held.state, held.not_before_at, held.detail) == (
            "pending",
            later(days=2),
            "the person is away until then",
        )
        assert (await campaign.door().send(touch_id, now=later(days=2))).state == "sent"


async def test_a_mailbox_spaces_its_messages_and_the_forecast_counts_those_ahead(migrated: Settings) -> None:
    async with small_campaign(migrated, spacing_s=600) as campaign:
        touch_ids = sorted([await campaign.message(f"p{number}@example.com") for number in range(3)])
        assert (await campaign.door().send(touch_ids[0], now=NOW)).state == "sent"
        held = await campaign.door().send(touch_ids[1], now=later(minutes=1))
        assert (held.state, held.not_before_at) == ("pending", later(minutes=10))
        forecast = await when_and_why(campaign.database, touch_ids[1], now=later(minutes=1))
        assert forecast.at in {later(minutes=10), later(minutes=20)}
        assert (await campaign.door().send(touch_ids[1], now=later(minutes=10))).state == "sent"
        sent = await when_and_why(campaign.database, touch_ids[1], now=later(minutes=11))
        assert (sent.state, sent.why) == ("sent", ())


async def test_a_mailbox_ramps_up_from_its_first_message_on(migrated: Settings) -> None:
    async with small_campaign(migrated, daily_cap=3, ramp_start=1, ramp_per_day=1) as campaign:
        touch_ids = [await campaign.message(f"p{number}@example.com") for number in range(6)]
        sent = []
        for day in range(3):
            rows = [await campaign.door().send(touch_id, now=later(days=day, hours=4)) for touch_id in touch_ids]
            sent.append(sum(row.state == "sent" for row in rows))
    assert sent == [1, 3, 6]


async def test_a_mailbox_that_is_held_keeps_its_messages_asleep_and_its_release_wakes_whom_they_are_for(
    migrated: Settings,
) -> None:
    async with small_campaign(migrated) as campaign:
        touch_id = await campaign.message()
        await switch_mailbox(campaign.database, MAILBOX, "hold", now=NOW)
        row = await campaign.door().send(touch_id, now=NOW)
        assert (row.state, row.detail) == ("pending", "the mailbox `sales` is held until somebody releases it")
        assert row.not_before_at == later(days=1)
        released_at = later(minutes=7)
        await switch_mailbox(campaign.database, MAILBOX, "release", now=released_at)
        async with campaign.database.reading() as connection:
            assert await next_wake_at(connection) == released_at
        assert (await campaign.door().send(touch_id, now=released_at)).state == "sent"


WRONG_PASSWORD = Handover("deferred", "535 wrong password", is_our_fault=True)


async def held(campaign: SmallCampaign) -> tuple[datetime | None, int]:
    """Return until when the mailbox is held, and how often its server refused it."""
    async with campaign.database.reading() as connection:
        row = await mailbox(connection, MAILBOX)
    assert row is not None
    return row.held_until_at, row.refusals


async def test_a_server_that_refuses_a_mailbox_is_asked_again_by_one_message_at_a_time_and_ever_less_often(
    migrated: Settings,
) -> None:
    always = {"starts": "00:00", "ends": "23:59:59", "days": [1, 2, 3, 4, 5, 6, 7]}
    async with small_campaign(migrated, plan={"window": always}) as campaign:
        first, second = [await campaign.message(f"p{number}@example.com") for number in range(2)]
        tries = len(RETRY_AFTER) + 2
        transport = Answering(*[WRONG_PASSWORD] * tries, Handover("sent"), Handover("sent"))
        door, now = campaign.door(transport), NOW
        for number in range(tries):
            refused = await door.send(first, now=now)
            pause = RETRY_AFTER[min(number, len(RETRY_AFTER) - 1)]
            assert pause <= refused.not_before_at - now < pause + timedelta(minutes=1)
            told = await door.send(second, now=now)
            assert (told.state, told.not_before_at, told.attempts) == ("pending", refused.not_before_at, 0)
            assert told.detail.startswith("the mailbox is held, because its server refused it: 535 wrong password")
            now = refused.not_before_at
        assert (await held(campaign))[1] == tries
        assert (await door.send(first, now=now)).state == "sent"
        assert await held(campaign) == (None, 0)
        assert (await door.send(second, now=now + timedelta(hours=1))).state == "sent"


async def test_while_one_message_tries_a_server_that_refused_the_others_wait(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        first, second = [await campaign.message(f"p{number}@example.com") for number in range(2)]
        await campaign.door(Answering(WRONG_PASSWORD)).send(first, now=NOW)
        now = later(hours=1)
        with pytest.raises(KeyboardInterrupt):
            await campaign.door(Dying()).send(first, now=now)
        assert (await campaign.door().send(second, now=now)).not_before_at == now + TRIAL
        assert (await campaign.door().send(second, now=now + TRIAL)).state == "sent"


async def test_a_pause_that_a_provider_asks_for_holds_the_mailbox_no_longer(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        first, second = [await campaign.message(f"p{number}@example.com") for number in range(2)]
        busy = Handover("deferred", "429 slow", retry_after_s=7, is_our_fault=True)
        row = await campaign.door(Answering(busy)).send(first, now=NOW)
        assert row.not_before_at < later(seconds=8)
        assert (await campaign.door().send(second, now=NOW)).not_before_at == row.not_before_at
        assert (await held(campaign))[1] == 0


async def test_whoever_releases_a_mailbox_lets_its_server_be_asked_at_once(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        touch_id = await campaign.message()
        await campaign.door(Answering(WRONG_PASSWORD)).send(touch_id, now=NOW)
        forecast = await when_and_why(campaign.database, touch_id, now=later(minutes=1))
        assert "the mailbox is held, because its server refused it: 535 wrong password" in forecast.why
        row = await switch_mailbox(campaign.database, MAILBOX, "release", now=later(minutes=1))
        assert (row.held_until_at, row.held_why, row.refusals) == (None, "", 0)
        assert (await campaign.door().send(touch_id, now=later(minutes=1))).state == "sent"


async def test_the_same_step_is_written_once_and_a_follow_up_knows_what_it_follows(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        contact_id = await campaign.person("jo@example.com")
        first = await campaign.write(contact_id)
        assert await campaign.write(contact_id, subject="Another") == first
        assert (await campaign.row(first)).subject == "Your forecasts"
        await campaign.door().send(first, now=NOW)
        second = await campaign.row(await campaign.write(contact_id, 1))
        await campaign.door().send(TouchId(second.touch_id), now=NOW)
        third = await campaign.row(await campaign.write(contact_id, 2))
    ids = [f"<{first}@sales.example>", f"<{second.touch_id}@sales.example>"]
    assert (second.in_reply_to, second.references) == (ids[0], ids[0])
    assert (third.in_reply_to, third.references) == (ids[1], " ".join(ids))


async def test_a_message_that_would_break_its_headers_fails_and_never_leaves(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        contact_id = await campaign.person("jo@example.com", first_name="Jo\r\nBcc: all@example.com")
        touch_id = await campaign.write(contact_id)
        row = await campaign.door().send(touch_id, now=NOW)
    assert (row.state, campaign.mails()) == ("failed", [])
    assert "line break" in row.detail


async def test_a_message_of_which_no_mail_can_be_made_fails_at_once_and_is_not_stuck_in_dispatching(
    migrated: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> EmailMessage:
        raise ValueError("a header of the library's own mind")

    async with small_campaign(migrated) as campaign:
        touch_id = await campaign.message()
        monkeypatch.setattr(door, "build_message", refuse)
        row = await campaign.door().send(touch_id, now=NOW)
    assert (row.state, campaign.mails()) == ("failed", [])
    assert "the library's own mind" in row.detail


@pytest.mark.parametrize("subject", ["next\u0085line", "=?utf-8?q?Hi=0D=0ABcc:_x@evil.example?="])
async def test_a_subject_that_no_header_can_hold_is_refused_when_it_is_written(
    migrated: Settings, subject: str
) -> None:
    async with small_campaign(migrated) as campaign:
        contact_id = await campaign.person("jo@example.com")
        with pytest.raises(InvalidMessage, match="Subject"):
            await campaign.write(contact_id, subject=subject)


async def test_a_touch_that_is_not_there_is_named(migrated: Settings, tmp_path: Path) -> None:
    async with small_campaign(migrated) as campaign:
        with pytest.raises(UnknownRecord, match="unknown touch `nothing`"):
            await campaign.door().send(TouchId("nothing"), now=NOW)
        with pytest.raises(UnknownRecord):
            await resolve(campaign.database, TouchId("nothing"), "sent", by="Ann", now=NOW)
    assert not (tmp_path / "mail").exists()
