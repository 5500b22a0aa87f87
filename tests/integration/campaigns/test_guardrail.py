"""A campaign whose messages come back, or are complained of, stops by itself until somebody has looked."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import update

from agentic_sales.campaigns.answers import events
from agentic_sales.campaigns.answers.inbound import Inbound, Kind
from agentic_sales.campaigns.plan import desk
from agentic_sales.campaigns.sending.transports.smtp import SmtpTransport
from agentic_sales.contracts import TouchId
from agentic_sales.settings import Settings
from agentic_sales.store.campaigns import CampaignRow, campaign
from agentic_sales.store.migrate import upgrade
from tests.support.small_campaign import CAMPAIGN, NOW, SmallCampaign, later, small_campaign
from tests.support.smtp_server import MailSink, smtp_server

ALL_DAY = {"window": {"starts": "00:00", "ends": "23:59:59", "days": [1, 2, 3, 4, 5, 6, 7]}}


async def sent(spring: SmallCampaign, count: int, *, begin: int = 0) -> list[TouchId]:
    """Send messages to new people."""
    written = [await spring.message(f"p{number}@example.com") for number in range(begin, begin + count)]
    for touch_id in written:
        assert (await spring.door().send(touch_id, now=NOW)).state == "sent"
    return written


async def happened(spring: SmallCampaign, kind: Kind, *touch_ids: TouchId) -> None:
    """Let something become of messages."""
    for touch_id in touch_ids:
        event = Inbound(f"{kind}-{touch_id}", "test", kind, NOW, touch_id=touch_id)
        async with spring.database.writing() as connection:
            await events.record(connection, event, now=NOW)


async def standing(spring: SmallCampaign) -> CampaignRow:
    """Return the campaign as it is."""
    async with spring.database.reading() as connection:
        found = await campaign(connection, CAMPAIGN)
    assert found is not None
    return found


@pytest.mark.parametrize(("kind", "words"), [("bounced", "3 of 10 messages came back"), ("complained", "3 of 10")])
async def test_a_campaign_whose_messages_do_harm_pauses_itself_and_says_why(
    migrated: Settings, kind: Kind, words: str
) -> None:
    async with small_campaign(migrated) as spring:
        written = await sent(spring, 10)
        await happened(spring, kind, *written[:2])
        assert (await standing(spring)).state == "running"
        await happened(spring, kind, written[2])
        found = await standing(spring)
    assert (found.state, found.reason.startswith(words)) == ("paused", True), found.reason


async def test_a_bounce_is_kept_whatever_the_plan_that_this_release_cannot_read(migrated: Settings) -> None:
    async with small_campaign(migrated) as spring:
        [touch_id] = await sent(spring, 1)
        async with spring.database.writing() as connection:
            await connection.execute(update(CampaignRow).values(plan={"moon_phase": "full"}))
        await happened(spring, "bounced", touch_id)
        assert (await spring.row(touch_id)).outcome == "bounced"


async def test_a_few_bounces_of_many_messages_pause_nothing(migrated: Settings) -> None:
    async with small_campaign(migrated, daily_cap=100) as spring:
        written = await sent(spring, 60)
        await happened(spring, "bounced", *written[:3])
        assert (await standing(spring)).state == "running"


async def test_answers_and_opt_outs_pause_nothing(migrated: Settings) -> None:
    async with small_campaign(migrated) as spring:
        written = await sent(spring, 10)
        await happened(spring, "reply", *written[:5])
        await happened(spring, "unsubscribed", *written[5:])
        assert (await standing(spring)).state == "running"


async def test_a_plan_may_let_a_campaign_go_on_whatever_comes_back(migrated: Settings) -> None:
    async with small_campaign(migrated, plan={"guardrail": {"most_bounced_ratio": 1.0}}) as spring:
        await happened(spring, "bounced", *await sent(spring, 10))
        assert (await standing(spring)).state == "running"


async def test_whoever_resumes_the_campaign_has_looked_and_the_count_begins_anew(migrated: Settings) -> None:
    async with small_campaign(migrated) as spring:
        written = await sent(spring, 10)
        await happened(spring, "bounced", *written[:3])
        await desk.move(spring.database, CAMPAIGN, "resume", now=later(minutes=1))
        await happened(spring, "bounced", *written[3:6])
        assert (await standing(spring)).state == "running"


async def test_addresses_that_the_server_refuses_count_as_what_came_back(migrated: Settings) -> None:
    async with small_campaign(migrated) as spring:
        written = [await spring.message(f"gone{number}@example.com") for number in range(3)]
        with smtp_server(MailSink(on_recipient=lambda _: "550 5.1.1 no such user")) as server:
            door = spring.door(SmtpTransport(server))
            states = [(await door.send(touch_id, now=NOW)).state for touch_id in written]
        last = await spring.message("next@example.com")
        held = await spring.door().send(last, now=NOW)
        assert (states, (await standing(spring)).state) == (["failed"] * 3, "paused")
    assert (held.state, "paused" in held.detail) == ("pending", True)


async def test_messages_that_leave_while_others_come_back_wait_for_each_other_in_no_circle(
    postgresql_settings: Settings,
) -> None:
    await asyncio.to_thread(upgrade, postgresql_settings)
    plan: dict[str, Any] = {**ALL_DAY, "guardrail": {"most_bounced_ratio": 1.0}}
    async with small_campaign(postgresql_settings, plan=plan, daily_cap=1000) as spring:
        people = [await spring.person(f"p{number}@example.com") for number in range(12)]
        first = [await spring.write(person) for person in people]
        for touch_id in first:
            await spring.door().send(touch_id, now=NOW)
        second = [await spring.write(person, 1) for person in people]
        both = [
            one
            for before, after in zip(first, second, strict=True)
            for one in (happened(spring, "bounced", before), spring.door().send(after, now=NOW))
        ]
        await asyncio.gather(*both)
        states = {(await spring.row(touch_id)).state for touch_id in second}
    assert states <= {"sent", "suppressed"}
