"""What a person does with campaigns by hand is checked when it is done."""

from itertools import pairwise

import pytest

from agentic_sales.campaigns.mailboxes.keeping import open_mailbox
from agentic_sales.campaigns.plan.desk import create, enroll_people, move
from agentic_sales.campaigns.plan.plan import CampaignPlan
from agentic_sales.campaigns.sending.touches import touch_named
from agentic_sales.contracts import CampaignId, ContactId
from agentic_sales.errors import InvalidRequest, RequestError, UnknownRecord
from agentic_sales.settings import Settings
from agentic_sales.store.contacts import add_contact
from agentic_sales.store.database import open_database
from agentic_sales.store.mailboxes import mailboxes
from agentic_sales.store.visits import claim_due
from tests.support.small_campaign import NOW, PLAN, person_of, set_up, small_campaign


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"address": "nonsense"}, "`nonsense` is not an e-mail address"),
        ({"reply_to": "Ann <ann@x.example>"}, "is not an e-mail address"),
        ({"display_name": "Ann\nBcc: all@x.example"}, "`From` cannot be sent: it contains a line break"),
        ({"postal_address": " "}, "`postal address` cannot be sent: it is empty"),
        ({"postal_address": "1 Main\x00 Street"}, "contains U\\+0000"),
        ({"time_zone": "Mars"}, 'must be an IANA name, such as "Europe/Berlin", not "Mars"'),
    ],
)
async def test_a_mailbox_from_which_nothing_could_be_sent_is_refused(
    migrated: Settings, values: dict[str, str], told: str
) -> None:
    right = {"address": "ann@faß.example", "postal_address": "1 Main Street"}
    async with open_database(migrated) as database:
        with pytest.raises(RequestError, match=told):
            await open_mailbox(database, "sales", {**right, **values}, now=NOW)
        await open_mailbox(database, "sales", right, now=NOW)
        async with database.reading() as connection:
            assert [row.address for row in await mailboxes(connection)] == ["ann@xn--fa-hia.example"]


async def test_who_joins_a_campaign_that_does_not_run_costs_no_visit_before_it_does(migrated: Settings) -> None:
    async with open_database(migrated) as database:
        await set_up(database)
        await create(database, "autumn", name="", plan=CampaignPlan.model_validate(PLAN), now=NOW)
        autumn = CampaignId("autumn")
        async with database.writing() as connection:
            people = [await add_contact(connection, person_of(f"p{number}@x.example"), now=NOW) for number in range(3)]
        first, second, third = [ContactId(found or "") for found in people]

        async def due() -> set[str]:
            async with database.writing() as connection:
                claimed = await claim_due(connection, now=NOW, lease_until_at=NOW, limit=10)
            return {row.contact_id for row in claimed if row.campaign_id == autumn}

        assert await enroll_people(database, autumn, [first], now=NOW) == 1
        assert await due() == set()
        await move(database, autumn, "start", now=NOW)
        assert await due() == {first}
        assert await enroll_people(database, autumn, [second], now=NOW) == 1
        assert await due() == {first, second}
        await move(database, autumn, "pause", now=NOW)
        assert await enroll_people(database, autumn, [third], now=NOW) == 1
        assert third not in await due()
        await move(database, autumn, "resume", now=NOW)
        assert await due() == {first, second, third}


async def test_the_begin_of_an_id_names_a_message_if_it_is_of_one_alone(migrated: Settings) -> None:
    async with small_campaign(migrated) as campaign:
        ids = sorted([await campaign.message(f"p{number}@x.example") for number in range(17)])
        async with campaign.database.reading() as connection:
            for touch_id in ids:
                assert await touch_named(connection, touch_id) == touch_id
                assert await touch_named(connection, f"{touch_id[:12]}…") == touch_id
            shared = next(a[0] for a, b in pairwise(ids) if a[0] == b[0])
            with pytest.raises(InvalidRequest, match=f"several messages have an id that begins with `{shared}`"):
                await touch_named(connection, shared)
            for unknown in ("", "…", "%", "zz"):
                with pytest.raises(UnknownRecord):
                    await touch_named(connection, unknown)
