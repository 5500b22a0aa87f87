"""What a person does with campaigns by hand is checked when it is done."""

import pytest

from agentic_sales.campaigns.plan.desk import create, enroll_people, move, open_mailbox
from agentic_sales.campaigns.plan.plan import CampaignPlan
from agentic_sales.contracts import CampaignId, ContactId
from agentic_sales.errors import RequestError
from agentic_sales.settings import Settings
from agentic_sales.store.contacts import add_contact
from agentic_sales.store.database import open_database
from agentic_sales.store.mailboxes import mailboxes
from agentic_sales.store.visits import claim_due
from tests.support.small_campaign import NOW, PLAN, person_of, set_up


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
