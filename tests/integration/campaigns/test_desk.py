"""What a person does with campaigns by hand is checked when it is done."""

import pytest

from agentic_sales.campaigns.plan.desk import open_mailbox
from agentic_sales.errors import RequestError
from agentic_sales.settings import Settings
from agentic_sales.store.database import open_database
from agentic_sales.store.mailboxes import mailboxes
from tests.support.small_campaign import NOW


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
