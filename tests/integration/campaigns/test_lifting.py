"""What keeps mail away is put on the list and taken off it by name; what a person asked for, only if it asked anew."""

from datetime import datetime

import pytest

from agentic_sales.campaigns.people.addresses import email_hash
from agentic_sales.campaigns.people.forget import leave_for_good
from agentic_sales.campaigns.people.lifting import lift_suppressions, suppress_by_hand
from agentic_sales.campaigns.people.permission import refusal
from agentic_sales.campaigns.people.stops import stop_person
from agentic_sales.contracts import StopReason
from agentic_sales.errors import StateConflict, UnknownRecord
from agentic_sales.settings import Settings
from agentic_sales.store.approvals import approvals
from agentic_sales.store.inbound import add_inbound, inbound_messages, inbound_of
from agentic_sales.store.suppressions import LiftRow, lifts, suppressions, suppressions_of
from tests.support.small_campaign import CAMPAIGN, NOW, SmallCampaign, later, small_campaign

JO = "jo@example.com"


async def lift(campaign: SmallCampaign, email: str = JO, *, now: datetime = NOW, **options: object) -> list[LiftRow]:
    """Take a person off the list, as Ann does it."""
    by_ann = {"by": "Ann", "why": "she called", "now": now, **options}
    return await lift_suppressions(campaign.database, email, **by_ann)  # type: ignore[arg-type]  # as named in the tests


async def stop(campaign: SmallCampaign, reason: StopReason, *, at: datetime = NOW, source: str = "an-event") -> None:
    """Put Jo on the list."""
    async with campaign.database.writing() as connection:
        await stop_person(connection, email_hash(JO), reason, source=source, now=at)


async def reasons(campaign: SmallCampaign) -> list[str]:
    """Return why nothing is sent to Jo."""
    async with campaign.database.reading() as connection:
        return [row.reason for row in await suppressions_of(connection, email_hash(JO))]


async def test_who_was_stopped_by_hand_may_be_written_to_again_and_it_is_kept_who_said_so(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        contact_id = await campaign.person(JO)
        touch_id = await campaign.write(contact_id)
        stopped = await suppress_by_hand(campaign.database, JO, by="Bob", now=NOW)
        assert (stopped.touches, stopped.campaigns) == ((touch_id,), (CAMPAIGN,))
        async with campaign.database.reading() as connection:
            assert await refusal(connection, contact_id) == "stopped"
        [row] = await lift(campaign, now=later(days=1))
        async with campaign.database.reading() as connection:
            assert await refusal(connection, contact_id) is None
            [kept] = await lifts(connection, email_hash=row.email_hash)
            assert await lifts(connection, email_hash="another") == []
        told = (kept.reason, kept.source, kept.suppressed_at, kept.lifted_by, kept.why, kept.lifted_at)
        assert told == ("stopped", "Bob", NOW, "Ann", "she called", later(days=1))
        assert (await campaign.row(touch_id)).state == "suppressed", "what was stopped stays stopped"
        with pytest.raises(UnknownRecord, match=r"unknown suppression `jo@example\.com`"):
            await lift(campaign)


@pytest.mark.parametrize("reason", ["unsubscribed", "complained"])
async def test_what_a_person_asked_for_is_lifted_only_if_it_asked_for_mail_since(
    migrated: Settings, reason: StopReason
) -> None:
    async with small_campaign(migrated) as campaign:
        await campaign.person(JO)
        await stop(campaign, "bounced")
        await stop(campaign, reason, at=later(days=1))
        with pytest.raises(StateConflict, match="the person's own wish on 2026-03-03; say `has_opted_in`"):
            await lift(campaign)
        assert await reasons(campaign) == ["bounced", reason], "all entries are lifted, or none"
        assert [row.reason for row in await lift(campaign, reason="bounced")] == ["bounced"]
        assert [row.reason for row in await lift(campaign, has_opted_in=True)] == [reason]
        await stop(campaign, reason, at=later(days=2))
        assert await reasons(campaign) == [reason], "who asks again is on the list again"


async def test_who_asked_to_be_forgotten_is_not_written_to_again_by_somebody_elses_word(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        await campaign.person(JO)
        await stop(campaign, "replied")
        await lift(campaign, why="Jo Smith of Example wants it")
        await leave_for_good(campaign.database, JO, now=NOW)
        with pytest.raises(StateConflict, match="own wish"):
            await lift(campaign)
        async with campaign.database.reading() as connection:
            [kept] = await lifts(connection)
        assert (kept.source, kept.lifted_by, kept.why) == ("forgotten", "forgotten", "forgotten")
        assert [row.reason for row in await lift(campaign, has_opted_in=True)] == ["stopped"]


async def test_lists_are_narrowed_down_and_read_page_by_page_each_row_once(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        contact_id = await campaign.person(JO)
        touch_id = await campaign.write(contact_id)
        wanted: tuple[StopReason, ...] = ("replied", "bounced", "complained")
        for reason in wanted:
            await stop(campaign, reason)
        await suppress_by_hand(campaign.database, "kim@example.com", by="Bob", now=NOW)
        async with campaign.database.writing() as connection:
            for number, kind in enumerate(("reply", "bounced", "reply")):
                about = {"source": "imap:sales", "kind": kind, "contact_id": contact_id, "received_at": NOW}
                named = {"touch_id": touch_id} if number else {}
                await add_inbound(connection, f"event-{number}", {**about, **named}, now=NOW)
        async with campaign.database.reading() as connection:
            pages = [await suppressions(connection, limit=1, offset=offset) for offset in range(5)]
            assert sorted(row.reason for page in pages for row in page) == [
                "bounced",
                "complained",
                "replied",
                "stopped",
            ]
            assert [row.reason for row in await suppressions(connection, reason="bounced")] == ["bounced"]
            assert [row.reason for row in await suppressions(connection, source="Bob")] == ["stopped"]
            assert len(await suppressions(connection, email_hash=email_hash(JO))) == 3
            came = [await inbound_messages(connection, limit=1, offset=offset) for offset in range(4)]
            assert [row.event_id for page in came for row in page] == ["event-0", "event-1", "event-2"]
            assert [row.event_id for row in await inbound_of(connection, contact_id)] == [
                "event-0",
                "event-1",
                "event-2",
            ]
            of_it = await inbound_messages(connection, campaign_id=CAMPAIGN, contact_id=contact_id, kind="reply")
            assert [row.event_id for row in of_it] == ["event-2"]
            assert await approvals(connection, campaign_id=CAMPAIGN) == []
