"""How a campaign does is counted once per message, for the one that was answered, with honest intervals."""

from dataclasses import asdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from agentic_sales.campaigns.answers.events import record, unsubscribe
from agentic_sales.campaigns.answers.inbound import Inbound, Kind
from agentic_sales.campaigns.answers.replies import note_class
from agentic_sales.campaigns.outcomes.report import VariantReport, report_of
from agentic_sales.campaigns.sending.approval import approve, ask_approval, edit_message, reject
from agentic_sales.cli.views.campaigns import as_picture
from agentic_sales.contracts import ApprovalId, ContactId, TouchId
from agentic_sales.rules.shares import Share, share
from agentic_sales.settings import Settings
from agentic_sales.store.inbound import inbound, inbound_messages
from tests.support.small_campaign import CAMPAIGN, NOW, SmallCampaign, later, small_campaign

NOTHING = Share(0, 0, None, None)
ANSWERS = ("replied", "interested", "bounced", "unsubscribed", "complained")


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        *((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)),
        *((0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (1, 1, 0.2065, 1.0)),
    ],
)
def test_a_share_has_the_interval_that_the_literature_has(count: int, of: int, low: float, high: float) -> None:
    """The first four are Newcombe's (Statistics in Medicine 17, 1998, table I, method 3)."""
    assert share(count, of) == Share(count, of, low, high)


def test_out_of_nothing_no_share_is_told() -> None:
    assert share(0, 0) == NOTHING


class Sent:
    """People of a campaign, each with what became of it."""

    def __init__(self, campaign: SmallCampaign) -> None:
        self.campaign = campaign

    async def message(self, name: str, *, step: int = 0, variant: str = "a") -> tuple[ContactId, TouchId]:
        """Send a message to a new person."""
        contact_id = await self.campaign.person(f"{name}@example.com")
        return contact_id, await self.send(contact_id, step=step, variant=variant)

    async def send(self, contact_id: ContactId, *, step: int, variant: str = "a") -> TouchId:
        """Send a message to a person."""
        touch_id = await self.campaign.write(contact_id, step, variant=variant)
        assert (await self.campaign.door().send(touch_id, now=NOW)).state == "sent"
        return touch_id

    async def event(
        self, contact_id: ContactId, touch_id: TouchId, kind: Kind, reply_class: str = "", *, at: datetime = NOW
    ) -> None:
        """Let something come back, and somebody say what it means."""
        event_id = f"{kind}-{touch_id}-{at}"
        async with self.campaign.database.writing() as connection:
            await record(connection, Inbound(event_id, "test", kind, at, touch_id=touch_id), now=at)
        if reply_class:
            async with self.campaign.database.reading() as connection:
                reply = await inbound(connection, event_id)
            assert reply is not None
            await note_class(
                self.campaign.database, reply, contact_id, {"reply_class": reply_class}, zone=ZoneInfo("UTC"), now=at
            )

    async def variants(self) -> dict[tuple[int, str], VariantReport]:
        """Return the table, by step and variant."""
        async with self.campaign.database.reading() as connection:
            report = await report_of(connection, CAMPAIGN, steps=3)
        return {(found.step, found.variant): found for found in report.variants}


def counts(report: VariantReport, *names: str) -> list[int]:
    """Return how many were counted under each name."""
    return [report.shares[name].count for name in names]


async def test_each_message_counts_once_for_each_thing_that_its_recipient_said(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        sent = Sent(campaign)
        keen = await sent.message("keen")
        await sent.event(*keen, "reply", "interested")
        await sent.event(*keen, "reply", "interested", at=later(hours=1))
        async with campaign.database.writing() as connection:
            await unsubscribe(connection, CAMPAIGN, keen[0], now=later(days=1))
        leaving = await sent.message("leaving")
        await sent.event(*leaving, "reply", "unsubscribe")
        await sent.event(*await sent.message("gone"), "reply", "bounced")
        await sent.event(*await sent.message("lost"), "bounced")
        await sent.event(*await sent.message("angry"), "complained")
        await sent.event(*await sent.message("away"), "auto_reply", "out_of_office")
        await sent.event(*await sent.message("new"), "reply")
        await sent.message("silent")
        other = await sent.message("other", variant="b")
        await sent.event(*other, "reply", "not_interested")
        for variant in ("a", "c"):
            waiting = await campaign.person(f"waiting-{variant}@example.com")
            await sent.event(waiting, await campaign.write(waiting, variant=variant), "bounced")
        found = await sent.variants()
        outcomes = [(await campaign.row(touch_id)).outcome for _, touch_id in (keen, leaving, other)]
    assert list(found) == [(0, "a"), (0, "b")], "what was not sent yet has no line"
    first, second = found[0, "a"], found[0, "b"]
    assert (first.sent, counts(first, *ANSWERS)) == (8, [3, 1, 2, 2, 1])
    assert first.shares["replied"] == Share(3, 8, 0.1368, 0.6943)
    assert (second.sent, counts(second, *ANSWERS)) == (1, [1, 0, 0, 0, 0])
    assert first.shares["edited"] == first.shares["rejected"] == NOTHING
    assert outcomes == ["unsubscribed", "unsubscribed", "replied"]


async def test_a_doubtful_opt_out_asks_a_person_until_somebody_has_decided(migrated: Settings) -> None:
    async def undecided(campaign: SmallCampaign) -> int:
        async with campaign.database.reading() as connection:
            return (await report_of(connection, CAMPAIGN, steps=3)).undecided

    async with small_campaign(migrated) as campaign:
        sent = Sent(campaign)
        contact_id, touch_id = await sent.message("unclear")
        await sent.event(contact_id, touch_id, "reply", "maybe_unsubscribe")
        await sent.event(*await sent.message("clear"), "reply", "interested")
        before = await undecided(campaign)
        async with campaign.database.reading() as connection:
            listed = await inbound_messages(connection, reply_class="maybe_unsubscribe")
        async with campaign.database.writing() as connection:
            await unsubscribe(connection, CAMPAIGN, contact_id, now=later(days=1))
        after = await undecided(campaign)
    assert (before, [row.touch_id for row in listed], after) == (1, [touch_id], 0)


async def test_an_answer_counts_for_the_step_that_was_answered(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        sent = Sent(campaign)
        contact_id, first = await sent.message("jo")
        await sent.send(contact_id, step=1)
        earlier = (await campaign.row(first)).message_id
        event = Inbound("late", "test", "reply", NOW, about_ids=(earlier,), address="jo@example.com")
        async with campaign.database.writing() as connection:
            await record(connection, event, now=NOW)
        found = await sent.variants()
    assert [counts(found[step, "a"], "replied") for step in (0, 1)] == [[1], [0]]


async def test_drafts_are_counted_when_somebody_has_decided(migrated: Settings) -> None:
    words: dict[str, Any] = {"subject": "Shorter", "text": "Hello", "by": "Ann", "now": NOW}
    async with small_campaign(migrated, plan={"needs_approval": True}) as campaign:
        database, answers = campaign.database, ("yes", "edited", "edited and refused", "no", "still edited", "waiting")
        for number, answer in enumerate(answers):
            touch_id = await campaign.write(await campaign.person(f"{number}@example.com"), variant="a")
            async with database.writing() as connection:
                row = await campaign.row(touch_id)
                question = await ask_approval(connection, row, expires_at=later(days=1), now=NOW)
            if "edited" in answer:
                key = ApprovalId(question.approval_id)
                question = await edit_message(database, key, digest=question.digest, **words)
            key = ApprovalId(question.approval_id)
            if answer in {"yes", "edited"}:
                await approve(database, key, digest=question.digest, by="Ann", now=NOW)
            elif answer in {"no", "edited and refused"}:
                await reject(database, key, digest=question.digest, by="Ann", now=NOW)
        [found] = (await Sent(campaign).variants()).values()
    assert (found.sent, found.decided, counts(found, "edited", "rejected")) == (0, 4, [1, 2])
    assert found.shares["rejected"] == Share(2, 4, 0.15, 0.85)
    assert {found.shares[name] for name in ANSWERS} == {NOTHING}


async def test_the_terminal_shows_the_numbers_that_http_tells(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        sent = Sent(campaign)
        await sent.event(*await sent.message("keen"), "reply", "interested")
        await sent.message("silent")
        async with campaign.database.reading() as connection:
            report = asdict(await report_of(connection, CAMPAIGN, steps=3))
    steps = [{"workflow": "email_outreach", "delay_days": 0, "counts": "days"}] * 3
    head = {"campaign_id": CAMPAIGN, "name": "Spring", "state": "running", "reason": "", "plan": {"steps": steps}}
    console = Console(width=200)
    with console.capture() as captured:
        console.print(as_picture({**head, **report}))
    assert report["confidence_ratio"] == 0.95
    assert report["variants"][0]["shares"]["replied"] == {
        "count": 1,
        "of": 2,
        "low_ratio": 0.0945,
        "high_ratio": 0.9055,
    }
    assert "95% intervals" in captured.get()
    rows = [line.split() for line in captured.get().splitlines()]
    assert ["0", "a", "0", "-", "-"] in rows, "drafts that were decided: none was edited or rejected"
    assert ["0", "a", "2", "1", "1", "0", "0", "0"] in rows, "mails that were sent, with the answers to them"
    assert [*["9%-91%"] * 2, *["0%-66%"] * 3] in rows
