"""Forgetting a person in the store: from the first moment on nothing can be read any more, and only a digest stays."""

from agentic_sales.campaigns.forget import erase, leave_for_good
from agentic_sales.campaigns.visits import unread_replies
from agentic_sales.settings import Settings
from agentic_sales.store.inbound import add_inbound, inbound_of
from agentic_sales.store.suppressions import suppressions
from tests.small_campaign import NOW, small_campaign

ADDRESS = "wilhelmina@forget.example"


async def test_a_visit_that_was_claimed_before_finds_nothing_to_read_and_to_hand_on(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        contact_id = await campaign.person(ADDRESS)
        reply = {
            "source": "test",
            "kind": "reply",
            "contact_id": contact_id,
            "text": "I am Wilhelmina",
            "subject": "Re:",
        }
        async with campaign.database.writing() as connection:
            await add_inbound(connection, "reply-1", {**reply, "received_at": NOW}, now=NOW)
        assert await unread_replies(campaign.database, contact_id)
        assert await leave_for_good(campaign.database, ADDRESS, now=NOW) is not None
        assert await unread_replies(campaign.database, contact_id) == []
        async with campaign.database.reading() as connection:
            assert [row.text for row in await inbound_of(connection, contact_id)] == [""]


async def test_what_was_erased_is_counted_and_a_digest_keeps_mail_away(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        touch_id = await campaign.message(ADDRESS)
        await campaign.door().send(touch_id, now=NOW)
        traces = await leave_for_good(campaign.database, ADDRESS, now=NOW)
        assert traces is not None
        erased = await erase(campaign.database, traces.contact_id)
        assert erased == {"contacts": 1, "enrollments": 1, "messages": 1, "approvals": 0, "inbound_messages": 0}
        assert await leave_for_good(campaign.database, ADDRESS, now=NOW) is None
        async with campaign.database.reading() as connection:
            [kept] = await suppressions(connection)
    assert ADDRESS not in f"{kept.email_hash}{kept.source}"
