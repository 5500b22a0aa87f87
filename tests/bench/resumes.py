"""How many sleeping people a real fleet visits a second: beat ticks, the queue carries, core resumes each thread."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, or_, select, update

from agentic_sales.settings import Settings
from agentic_sales.store.campaigns import EnrollmentRow
from agentic_sales.store.database import Database, open_database
from agentic_sales.store.visits import wake
from tests.bench.campaigns import store
from tests.support.fleet import ONLY_CORE, WEB, fleet_of
from tests.support.services import redis_server
from tests.support.small_campaign import SmallCampaign, set_up

NAMES = (WEB, "worker-core", "beat")
TICK_S = 0.5
LONGEST_S = 120.0
_POLL_S = 0.05


def resumes_per_s(where: str, *, people: int) -> float:
    """Wake people whose threads sleep, all at once; return how many of them are asleep again per second.

    Args:
        where: Kind of the database: `SQLite` or `PostgreSQL`.
        people: How many.

    Raises:
        pytest.skip.Exception: There is no PostgreSQL on this machine.
    """
    with store(where) as configuration, redis_server(configuration.state_dir) as redis:
        environment = {
            **ONLY_CORE,
            "DATABASE_URL": configuration.database_url,
            "AGENTIC_SALES_CAMPAIGN_TICK_S": str(TICK_S),
        }
        with fleet_of(configuration.state_dir, redis, environment, names=NAMES) as fleet:
            fleet.wait_until_ready()
            return asyncio.run(_measure(configuration, people))


async def _measure(configuration: Settings, people: int) -> float:
    async with open_database(configuration) as database:
        # Whose message is due next year has nothing to do but to be looked at, and to go to sleep again.
        await set_up(database, plan={"steps": [{"delay_days": 365, "counts": "days"}]})
        campaign = SmallCampaign(database, Path())
        for number in range(people):
            await campaign.person(f"p{number}@example.com")
        async with database.writing() as connection:
            await connection.execute(update(EnrollmentRow).values(created_at=datetime.now(UTC)))
        await _until_all_sleep(database)
        async with database.writing() as connection:
            await wake(connection, now=datetime.now(UTC))
        begun_at_s = time.perf_counter()
        await _until_all_sleep(database)
        return people / (time.perf_counter() - begun_at_s)


async def _until_all_sleep(database: Database) -> None:
    soon, give_up_at_s = datetime.now(UTC) + timedelta(days=1), time.monotonic() + LONGEST_S
    awake = select(func.count()).where(or_(EnrollmentRow.wake_at < soon, EnrollmentRow.run_id.is_not(None)))
    while time.monotonic() < give_up_at_s:
        async with database.reading() as connection:
            if not (await connection.execute(awake)).scalar_one():
                return
        await asyncio.sleep(_POLL_S)
    raise AssertionError(f"not all were asleep after {LONGEST_S:g} s")
