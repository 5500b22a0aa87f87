"""A campaign on a real fleet: beat ticks, core visits, the email pool writes, the send door sends."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from agentic_sales.settings import Settings
from agentic_sales.store.campaigns import EnrollmentRow, enrollment
from agentic_sales.store.database import open_database
from tests.fleet import WEB, Fleet, fleet_of
from tests.services import redis_server
from tests.small_campaign import CAMPAIGN, SmallCampaign, set_up
from tests.waiting import eventually

ALWAYS = {"starts": "00:00:00", "ends": "23:59:59", "days": [1, 2, 3, 4, 5, 6, 7]}
PLAN = {"steps": [{}, {"delay_days": 0.00002, "counts": "days"}], "window": ALWAYS}


@pytest.fixture(scope="module")
def ticking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """A fleet with beat, and the pools that a campaign needs."""
    directory = tmp_path_factory.mktemp("campaigns")
    names = (WEB, "worker-core", "worker-email", "worker-classify", "beat")
    environment = {"DISCOVERY_WORKER_QUEUE": ""}
    with redis_server(directory) as redis, fleet_of(directory, redis, environment, names=names) as fleet:
        fleet.wait_until_ready()
        yield fleet
        fleet.stop()


def test_a_sequence_is_sent_to_its_end_by_a_fleet_that_nobody_watches(ticking: Fleet) -> None:
    configuration = Settings(state_dir=ticking.directory)

    async def begin() -> str:
        async with open_database(configuration) as database:
            await set_up(database, plan=PLAN)
            campaign = SmallCampaign(database, ticking.directory / "mail")
            return await campaign.person("jo@example.com", first_name="Jo")

    async def standing(contact_id: str) -> EnrollmentRow | None:
        async with open_database(configuration) as database, database.reading() as connection:
            return await enrollment(connection, CAMPAIGN, contact_id)  # type: ignore[arg-type]  # its id

    contact_id = asyncio.run(begin())
    row = eventually(
        "the sequence is finished",
        lambda: asyncio.run(standing(contact_id)),
        lambda found: found is not None and found.state != "active",
        within_s=60,
    )
    assert row is not None
    assert (row.state, row.reason, row.step) == ("finished", "every message was sent", 2)
    mails = list((ticking.directory / "mail" / "new").iterdir())
    assert len(mails) == 2
    assert datetime.now(UTC) > row.updated_at
