"""A reply gets a drafted answer that waits for a word, goes out once in the thread, and ends with a later reply."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agentic_sales.campaigns.answers.events import record
from agentic_sales.campaigns.answers.inbound import Inbound
from agentic_sales.campaigns.answers.reclassify import reclassify
from agentic_sales.campaigns.mailboxes.keeping import edit_mailbox
from agentic_sales.campaigns.people.lifting import suppress_by_hand
from agentic_sales.campaigns.plan import desk
from agentic_sales.campaigns.sending.approval import approve, edit_message, reject
from agentic_sales.campaigns.sending.door import sweep
from agentic_sales.campaigns.sending.transports.maildir import MaildirTransport
from agentic_sales.campaigns.visits import answering
from agentic_sales.campaigns.visits.answering import offered
from agentic_sales.campaigns.visits.clock import VirtualClock
from agentic_sales.campaigns.visits.situation import situation_of
from agentic_sales.contracts import ApprovalId, ContactId, TouchId
from agentic_sales.errors import NotPermitted, StateConflict
from agentic_sales.rehearsal.days import InProcessFleet, rehearse
from agentic_sales.settings import Settings
from agentic_sales.store.approvals import ApprovalRow, approvals
from agentic_sales.store.database import Database
from agentic_sales.store.mailboxes import mailbox
from agentic_sales.store.migrate import upgrade
from agentic_sales.store.touches import TouchRow, touches
from tests.support.small_campaign import CAMPAIGN, MAILBOX, NOW, SmallCampaign, small_campaign

FACTS = "The rigs support ROS 2. Ten rigs cost 40,000 euros."
BOOKING = "https://calendar.example/ann"
PLAN: dict[str, Any] = {"steps": [{}, {"delay_days": 3}], "answers": {"facts": FACTS, "booking_url": BOOKING}}
ASKS = "Interesting. Could you send me the pricing?"
LATER = "Not now please, come back to us in March."


class Spring:
    """A campaign of one person, who has got the first message."""

    def __init__(self, campaign: SmallCampaign, contact_id: ContactId) -> None:
        self.campaign, self.contact_id, self.clock = campaign, contact_id, VirtualClock(NOW)
        self.fleet = InProcessFleet()
        self.replies = 0

    async def go_on(self, days: float = 1, transport: Any = None) -> None:
        """Let some time pass."""
        mail = transport or MaildirTransport(self.campaign.folder)
        until = self.clock.at + timedelta(days=days)
        await rehearse(self.campaign.database, self.clock, mail, until=until, fleet=self.fleet)

    async def reply(self, text: str, sender: str = "jo@example.com", reply_to: str = "") -> None:
        """Let the person answer the first message, also from another address."""
        self.replies += 1
        first = (await self.rows())[0]
        event = Inbound(
            event_id=f"imap:sales:{self.replies}",
            source="imap:sales",
            kind="reply",
            received_at=self.clock.at,
            about_ids=(first.message_id,),
            address=sender,
            reply_to=reply_to,
            message_id=f"<reply-{self.replies}@example.com>",
            subject=f"Re: {first.subject}",
            text=text,
        )
        async with self.campaign.database.writing() as connection:
            assert await record(connection, event, now=self.clock.at) == "recorded"

    async def rows(self) -> list[TouchRow]:
        """Return all messages to the person."""
        async with self.campaign.database.reading() as connection:
            return await touches(connection, campaign_id=CAMPAIGN)

    async def answers(self) -> list[TouchRow]:
        """Return the answers to replies."""
        return [row for row in await self.rows() if row.answers is not None]

    async def question(self) -> ApprovalRow:
        """Return the one open question."""
        async with self.campaign.database.reading() as connection:
            (asked,) = await approvals(connection)
        return asked

    async def agree(self) -> None:
        """Approve the drafted answer."""
        asked = await self.question()
        await approve(
            self.campaign.database, ApprovalId(asked.approval_id), digest=asked.digest, by="Ann", now=self.clock.at
        )


@asynccontextmanager
async def spring(configuration: Settings, **plan: Any) -> AsyncIterator[Spring]:
    """Send the first message to a person."""
    async with small_campaign(configuration, plan={**PLAN, **plan}) as campaign:
        begun = Spring(campaign, await campaign.person("jo@example.com", first_name="Jo", last_name="Example"))
        await begun.go_on()
        assert len(campaign.mails()) == 1
        yield begun


async def test_a_drafted_answer_is_withdrawn_when_a_person_reads_the_reply_otherwise(migrated: Settings) -> None:
    async with spring(migrated) as begun:
        await begun.reply(ASKS)
        await begun.go_on()
        await begun.agree()
        words: Any = {"by": "Ann", "now": begun.clock.at}
        await reclassify(begun.campaign.database, "imap:sales:1", "out_of_office", **words)
        await begun.go_on()
        (answer,) = await begun.answers()
        assert (answer.state, answer.detail) == ("suppressed", "Ann read the reply as `out_of_office`")
        assert len(begun.campaign.mails()) == 1


async def test_an_interested_reply_gets_a_drafted_answer_that_nobody_sends_without_a_word(migrated: Settings) -> None:
    async with spring(migrated) as begun:
        await begun.reply(ASKS)
        await begun.go_on(days=6)
        (answer,) = await begun.answers()
        assert (answer.state, answer.answers) == ("pending", "imap:sales:1")
        assert FACTS in answer.text and BOOKING in answer.text  # noqa: PT018 - one text
        assert len(begun.campaign.mails()) == 1
        assert (await begun.question()).touch_id == answer.touch_id


async def test_an_agreed_answer_goes_out_once_as_a_reply_in_the_thread(migrated: Settings) -> None:
    async with spring(migrated) as begun:
        await begun.reply(ASKS)
        await begun.go_on(days=1)
        await begun.agree()
        await begun.go_on(days=20)
        first, answer = sorted(begun.campaign.mails(), key=lambda mail: "In-Reply-To" in mail)
        assert answer["In-Reply-To"] == "<reply-1@example.com>"
        assert answer["References"] == f"{first['Message-ID']} <reply-1@example.com>"
        assert (answer["Subject"], answer["To"]) == (f"Re: {first['Subject']}", "Jo Example <jo@example.com>")
        assert [row.state for row in await begun.answers()] == ["sent"]


@pytest.mark.parametrize(
    ("sender", "reply_to", "expected"),
    [
        ("jo@other.example", "", "jo@other.example"),
        ("jo@example.com", "jo@desk.example", "jo@desk.example"),
        ("jo+news@example.com", "", "jo@example.com"),
        ("jo@blocked.example", "", "jo@example.com"),
        ("jo@example.com", "no-reply@desk.example", "jo@example.com"),
    ],
)
async def test_an_answer_goes_to_the_address_that_wrote_in_the_thread_unless_it_is_suppressed(
    migrated: Settings, sender: str, reply_to: str, expected: str
) -> None:
    async with spring(migrated) as begun:
        await suppress_by_hand(begun.campaign.database, "jo@blocked.example", by="Ann", now=NOW)
        await begun.reply(ASKS, sender, reply_to)
        await begun.go_on()
        (answer,) = await begun.answers()
        assert answer.to_email == expected
        await begun.agree()
        await begun.go_on(days=5)
        assert [mail["To"] for mail in begun.campaign.mails() if mail["In-Reply-To"]] == [f"Jo Example <{expected}>"]


async def test_an_answer_to_an_alias_that_is_suppressed_after_the_word_is_not_sent(migrated: Settings) -> None:
    async with spring(migrated) as begun:
        await begun.reply(ASKS, "jo@other.example")
        await begun.go_on()
        await begun.agree()
        await suppress_by_hand(begun.campaign.database, "jo@other.example", by="Ann", now=NOW)
        await begun.go_on(days=5)
        assert [row.state for row in await begun.answers()] == ["suppressed"]
        assert len(begun.campaign.mails()) == 1


async def test_the_owners_free_times_are_offered_and_a_calendar_that_is_away_keeps_no_answer_back(
    tmp_path: Path,
) -> None:
    configuration = Settings(state_dir=tmp_path)
    await asyncio.to_thread(upgrade, configuration)
    entries = [f"{MAILBOX}={tmp_path}/ann.ics", f"{MAILBOX}={tmp_path}/away.ics"]
    event = "BEGIN:VEVENT\r\nUID:a\r\nDTSTAMP:20260301T000000Z\r\nDTSTART;VALUE=DATE:20260303\r\nEND:VEVENT\r\n"
    frame = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//a//b//EN\r\n{}END:VCALENDAR\r\n"
    (tmp_path / "ann.ics").write_text(frame.format(event), "utf-8")
    async with spring(configuration) as begun, begun.campaign.database.reading() as connection:
        situation = await situation_of(connection, (CAMPAIGN, begun.contact_id))
        sender = await mailbox(connection, MAILBOX)
        whole, away = [
            await offered(Settings(AGENTIC_SALES_CALENDARS=entry), sender, situation, NOW, "de") for entry in entries
        ]
    assert (whole.split("; ")[0], away) == ("Zeit habe ich am Mittwoch, 4. März, 09:00 Uhr", "")


@pytest.mark.parametrize(("file", "has_times"), [("ann.ics", True), ("away.ics", False)])
async def test_the_booking_page_of_the_mailbox_is_named_where_no_free_time_is_known(
    migrated: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, file: str, has_times: bool
) -> None:
    link, empty = "https://calendar.example/of-the-mailbox", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"
    (tmp_path / "ann.ics").write_text(empty, "utf-8")
    monkeypatch.setenv("AGENTIC_SALES_CALENDARS", f"{MAILBOX}={tmp_path / file}")
    monkeypatch.setattr(answering, "settings", Settings)
    async with spring(migrated, answers={"facts": FACTS}) as begun:
        await edit_mailbox(begun.campaign.database, MAILBOX, {"booking_link": link}, now=NOW)
        await begun.reply(ASKS)
        await begun.go_on()
        (answer,) = await begun.answers()
        assert ("I have time on" in answer.text, link in answer.text) == (has_times, not has_times)


async def test_a_person_who_asks_for_a_later_time_gets_an_answer_without_a_page_to_book(migrated: Settings) -> None:
    async with spring(migrated) as begun:
        await begun.reply(LATER)
        await begun.go_on()
        (answer,) = await begun.answers()
        assert BOOKING not in answer.text


@pytest.mark.parametrize("text", ["Please remove me from your list.", "No thanks, not interested.", "Best, Jo"])
async def test_nobody_drafts_an_answer_to_an_opt_out_a_refusal_or_nothing(migrated: Settings, text: str) -> None:
    async with spring(migrated) as begun:
        await begun.reply(text)
        await begun.go_on(days=3)
        assert await begun.answers() == []


@pytest.mark.parametrize("told", [None, False, []])
async def test_a_plan_that_wants_no_answers_drafts_none(migrated: Settings, told: Any) -> None:
    async with spring(migrated, answers=told) as begun:
        await begun.reply(ASKS)
        await begun.go_on(days=3)
        assert await begun.answers() == []


async def test_a_plan_that_says_nothing_of_answers_drafts_one_that_waits_though_its_steps_need_no_word(
    migrated: Settings,
) -> None:
    async with small_campaign(migrated, plan={"steps": [{}], "needs_approval": False}) as campaign:
        begun = Spring(campaign, await campaign.person("jo@example.com"))
        await begun.go_on()
        await begun.reply(ASKS)
        await begun.go_on(days=6)
        (answer,) = await begun.answers()
        assert (answer.state, (await begun.question()).touch_id) == ("pending", answer.touch_id)
        assert len(campaign.mails()) == 1


async def test_an_opt_out_after_the_word_ends_the_answer(migrated: Settings) -> None:
    async with spring(migrated) as begun:
        await begun.reply(ASKS)
        await begun.go_on()
        asked = await begun.question()
        await begun.reply("Please remove me from your list.")
        await begun.go_on()
        answered = approve(
            begun.campaign.database, ApprovalId(asked.approval_id), digest=asked.digest, by="Ann", now=begun.clock.at
        )
        with pytest.raises((StateConflict, NotPermitted)):
            await answered
        await begun.go_on(days=5)
        assert [row.state for row in await begun.answers()] == ["suppressed"]
        assert len(begun.campaign.mails()) == 1


async def test_a_second_reply_ends_the_answer_to_the_first_and_is_answered_itself(migrated: Settings) -> None:
    async with spring(migrated) as begun:
        await begun.reply(ASKS)
        await begun.go_on()
        await begun.agree()
        await begun.reply("Could we also talk about delivery times?")
        await begun.go_on(days=3)
        assert [(row.state, row.answers) for row in await begun.answers()] == [
            ("suppressed", "imap:sales:1"),
            ("pending", "imap:sales:2"),
        ]


async def test_an_answer_is_edited_and_rejected_as_every_message_is(migrated: Settings) -> None:
    async with spring(migrated) as begun:
        await begun.reply(ASKS)
        await begun.go_on()
        asked = await begun.question()
        given: dict[str, Any] = {"by": "Ann", "now": begun.clock.at}
        store: Database = begun.campaign.database
        edited = await edit_message(
            store, ApprovalId(asked.approval_id), digest=asked.digest, subject="Re: hi", text="My words.", **given
        )
        assert (await begun.campaign.row(TouchId(edited.touch_id))).text == "My words."
        await reject(store, ApprovalId(edited.approval_id), digest=edited.digest, **given)
        await begun.go_on(days=5)
        assert [row.state for row in await begun.answers()] == ["suppressed"]
        assert len(begun.campaign.mails()) == 1


async def test_an_agreed_answer_waits_while_the_campaign_is_paused_and_ends_when_it_is_stopped(
    migrated: Settings,
) -> None:
    async with spring(migrated) as begun:
        await begun.campaign.person("other@example.com")
        await begun.reply(ASKS)
        await begun.go_on()
        store = begun.campaign.database
        await desk.move(store, CAMPAIGN, "pause", now=begun.clock.at)
        await begun.agree()
        await begun.go_on(days=0.1)
        assert [row.state for row in await begun.answers()] == ["pending"]
        await desk.move(store, CAMPAIGN, "stop", now=begun.clock.at)
        await begun.go_on(days=1)
        assert [row.state for row in await begun.answers()] == ["suppressed"]


class Dies(Exception):
    """The process is gone."""


@pytest.mark.parametrize("death", range(1, 10))
async def test_a_process_that_dies_at_any_transaction_sends_no_answer_twice_and_loses_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, death: int
) -> None:
    configuration = Settings(state_dir=tmp_path)
    await asyncio.to_thread(upgrade, configuration)
    async with spring(configuration) as begun:
        await begun.reply(ASKS)
        left = _dying(begun.campaign.database, monkeypatch)
        await _die_and_come_back(begun, left, death)
        await begun.agree()
        await _die_and_come_back(begun, left, death)
        (answer,) = await begun.answers()
        sent = [mail for mail in begun.campaign.mails() if mail["In-Reply-To"] == "<reply-1@example.com>"]
        assert answer.state in {"sent", "ambiguous"}
        assert len(sent) == 1


async def _die_and_come_back(begun: Spring, left: list[int], death: int) -> None:
    """Let a process die before the commit of a transaction, and another one go on."""
    left[0] = death
    with suppress(Dies):
        await begun.go_on()
    left[0] = 0
    begun.fleet = InProcessFleet()
    await begun.go_on(days=2)
    await sweep(begun.campaign.database, now=begun.clock.at + timedelta(hours=1))  # As each tick does.


def _dying(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let the process die at the end of the transaction of a number, before it is committed; 0: never."""
    left = [0]
    writing = database.writing

    @asynccontextmanager
    async def dying() -> AsyncIterator[Any]:
        async with writing() as connection:
            yield connection
            left[0] -= 1
            if left[0] == 0:
                raise Dies

    monkeypatch.setattr(database, "writing", dying)
    return left
