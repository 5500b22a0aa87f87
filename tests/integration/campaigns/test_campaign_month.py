"""A month of a campaign: people in twelve time zones, a change of the clocks, three mailboxes with narrow limits.

What is checked is read off the touches alone, by a checker that knows the rules and not the code that obeys them.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from agentic_sales.campaigns.sending.transports.maildir import MaildirTransport
from agentic_sales.campaigns.visits.clock import VirtualClock
from agentic_sales.contracts import MailboxId
from agentic_sales.rehearsal.days import rehearse
from agentic_sales.settings import Settings
from agentic_sales.store.campaigns import enrollment_counts
from agentic_sales.store.mailboxes import add_mailbox
from agentic_sales.store.migrate import upgrade
from agentic_sales.store.touches import TouchRow, touches
from tests.support.rehearsals import rehearsal_of
from tests.support.small_campaign import CAMPAIGN, NOW, SmallCampaign, small_campaign
from tests.unit.campaigns.test_windows import ZONES

BEGIN = datetime(2026, 3, 16, 6, tzinfo=UTC)
"""A Monday; Berlin and London change their clocks on the 29th, New York changed them the week before."""
SPACING_S = 120.0
MAILBOXES = [MailboxId("sales"), MailboxId("sales-2"), MailboxId("sales-3")]
PLAN: dict[str, Any] = {"steps": [{}, {"delay_days": 3}, {"delay_days": 5}], "mailboxes": MAILBOXES}


class Size(NamedTuple):
    """How many people there are, and how little a mailbox may send to them."""

    per_zone: int
    """People of each time zone."""
    cap: int
    """Most messages of a mailbox in a day."""
    ramp_start: int
    """Most messages of its first day."""
    ramp_per_day: int
    """By how many that grows each day."""


SIZES: list[Any] = [Size(1, 5, 2, 1), pytest.param(Size(3, 12, 4, 2), marks=pytest.mark.long)]


async def people_of(campaign: SmallCampaign, per_zone: int) -> dict[str, str]:
    """Enroll people of every time zone; return the zone of each."""
    zones: dict[str, str] = {}
    for number, zone in enumerate(ZONES * per_zone):
        zones[await campaign.person(f"p{number}@example.com", first_name=f"P{number}", time_zone=zone)] = zone
    return zones


async def sent_in(campaign: SmallCampaign) -> list[TouchRow]:
    """Return what was sent, in the order in which it was."""
    async with campaign.database.reading() as connection:
        found = await touches(connection, campaign_id=CAMPAIGN, limit=10_000)
    return sorted((row for row in found if row.sent_at), key=lambda row: row.sent_at or BEGIN)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size.per_zone} of each zone")
class TestNarrowMailboxes:
    @pytest.fixture
    async def month(self, size: Size, tmp_path: Path) -> AsyncIterator[SmallCampaign]:
        """A running campaign from three mailboxes that may send little."""
        configuration = Settings(state_dir=tmp_path)
        await asyncio.to_thread(upgrade, configuration)
        limits: dict[str, Any] = {
            "daily_cap": size.cap,
            "ramp_start": size.ramp_start,
            "ramp_per_day": size.ramp_per_day,
            "spacing_s": SPACING_S,
        }
        async with small_campaign(configuration, plan=PLAN, **limits) as campaign:
            async with campaign.database.writing() as connection:
                for mailbox in MAILBOXES[1:]:
                    values = {"address": f"{mailbox}@sales.example", "postal_address": "1 Main Street", **limits}
                    await add_mailbox(connection, mailbox, values, now=BEGIN)
            yield campaign

    async def test_no_rule_is_broken_and_everybody_gets_everything(self, size: Size, month: SmallCampaign) -> None:
        zones, clock = await people_of(month, size.per_zone), VirtualClock(BEGIN)
        visits = await rehearse(month.database, clock, MaildirTransport(month.folder))
        sent = await sent_in(month)
        async with month.database.reading() as connection:
            standing = await enrollment_counts(connection, CAMPAIGN)
        assert standing == {("finished", "every message was sent"): len(zones)}
        assert len(sent) == len(month.mails()) == 3 * len(zones)
        assert_rules(sent, zones, size)
        assert visits < 5 * len(sent), f"{visits} visits for {len(sent)} messages"


def assert_rules(sent: list[TouchRow], zones: dict[str, str], size: Size) -> None:
    """Check caps, ramp-up, spacing, hours, working days and order, from the times alone."""
    first_day: dict[str, datetime] = {}
    by_day: Counter[tuple[str, int]] = Counter()
    for row in sent:
        assert row.sent_at is not None
        first_day.setdefault(row.mailbox_id, row.sent_at)
        by_day[row.mailbox_id, (row.sent_at.date() - first_day[row.mailbox_id].date()).days] += 1
        local = row.sent_at.astimezone(ZoneInfo(zones[row.contact_id]))
        assert (9 <= local.hour < 17, local.isoweekday() < 6) == (True, True), local
    for (_, day), count in by_day.items():
        assert count <= min(size.cap, size.ramp_start + size.ramp_per_day * day)
    for mailbox in MAILBOXES:
        times = [row.dispatched_at for row in sent if row.mailbox_id == mailbox and row.dispatched_at]
        assert all(later - earlier >= timedelta(seconds=SPACING_S) for earlier, later in pairwise(times))
    for contact_id in zones:
        mine = [row for row in sent if row.contact_id == contact_id]
        assert [row.step for row in mine] == [0, 1, 2]
        assert len({row.mailbox_id for row in mine}) == 1


async def test_a_rehearsal_writes_nothing_into_the_database_that_the_environment_names(
    migrated: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with small_campaign(migrated) as campaign:
        await campaign.person("jo@example.com")
        if migrated.database_url is not None:
            monkeypatch.setenv("DATABASE_URL", migrated.database_url)
        told = await asyncio.to_thread(rehearsal_of, migrated, CAMPAIGN, people=1, start_at=NOW)
        assert len(told) == len(PLAN["steps"])
        async with campaign.database.reading() as connection:
            assert await touches(connection, campaign_id=CAMPAIGN) == []
            assert await enrollment_counts(connection, CAMPAIGN) == {("active", ""): 1}


@pytest.mark.long
async def test_a_rehearsal_foretells_the_calendar_where_no_mailbox_is_full(tmp_path: Path) -> None:
    configuration = Settings(state_dir=tmp_path)
    await asyncio.to_thread(upgrade, configuration)
    async with small_campaign(configuration, plan={"steps": PLAN["steps"]}, daily_cap=10_000) as campaign:
        await people_of(campaign, per_zone=1)
        told = await asyncio.to_thread(rehearsal_of, configuration, CAMPAIGN, people=1000, start_at=NOW)
        await rehearse(campaign.database, VirtualClock(NOW), MaildirTransport(tmp_path))
        happened = {(row.to_email, row.step): row.sent_at for row in await sent_in(campaign)}
    foretold = {(message.to_email, message.step): message.at for message in told}
    assert foretold.keys() == happened.keys()
    assert all(abs(foretold[key] - (at or NOW)) < timedelta(minutes=1) for key, at in happened.items())
