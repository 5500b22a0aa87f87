"""What a tick of the campaigns costs, beside few and beside many people whose time has not come."""

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import insert

from agentic_sales.campaigns.plan.plan import CampaignPlan
from agentic_sales.campaigns.visits.tick import tick
from agentic_sales.contracts import CampaignId, RunId
from agentic_sales.runs.ledger import Outcome
from agentic_sales.settings import Settings
from agentic_sales.store.campaigns import EnrollmentRow, add_campaign
from agentic_sales.store.contacts import ContactRow
from agentic_sales.store.database import Database, open_database
from agentic_sales.store.migrate import upgrade
from tests.support.databases import new_postgresql
from tests.support.small_campaign import NOW, PLAN

CAMPAIGN = CampaignId("bench")
LATER = NOW + timedelta(days=3)


@dataclass
class Nowhere:
    """A fleet that takes every visit and makes none, so that the tick alone is measured."""

    taken: int = 0

    async def submit_visit(self, row: EnrollmentRow, run_id: RunId) -> None:
        """Take a visit."""
        del row, run_id
        self.taken += 1

    async def outcomes(self, run_ids: Sequence[RunId]) -> list[Outcome | None]:
        """Know of no end."""
        return [None] * len(run_ids)


@dataclass(frozen=True)
class TickCost:
    """What ticks took."""

    busy_s: float
    """One that claims all who are due."""
    idle_s: float
    """The one after, that finds nobody."""


def tick_cost(where: str, *, sleeping: int, due: int) -> TickCost:
    """Time a tick that finds so many due beside so many asleep, and the idle one after it.

    Args:
        where: `SQLite` or `PostgreSQL`.
        sleeping: People whose time has not come.
        due: People whose time has.

    Raises:
        pytest.skip.Exception: There is no PostgreSQL on this machine.
    """
    with store(where) as configuration:
        return asyncio.run(_measure(configuration, sleeping, due))


@contextmanager
def store(where: str) -> Iterator[Settings]:
    """Yield a configuration that names a new database of the newest revision, `SQLite` or `PostgreSQL`."""
    with TemporaryDirectory(prefix="agentic-sales-bench-") as folder, ExitStack() as stack:
        url = stack.enter_context(new_postgresql()) if where == "PostgreSQL" else None
        configuration = Settings(state_dir=Path(folder), database_url=url)
        upgrade(configuration)
        yield configuration


async def _measure(configuration: Settings, sleeping: int, due: int) -> TickCost:
    async with open_database(configuration) as database:
        await _enroll(database, [LATER] * sleeping + [NOW] * due)
        fleet = Nowhere()
        busy_s = await _timed(database, fleet)
        assert fleet.taken == due, f"{fleet.taken} of {due} visits were taken"
        return TickCost(busy_s, min([await _timed(database, fleet) for _ in range(5)]))


async def _timed(database: Database, fleet: Nowhere) -> float:
    begun_at_s = time.perf_counter()
    await tick(database, fleet, now=NOW, most_under_way=sys.maxsize)  # so that a tick after a busy one looks too
    return time.perf_counter() - begun_at_s


async def _enroll(database: Database, wake_ats: Sequence[datetime]) -> None:
    ids = [f"person-{number}" for number in range(len(wake_ats))]
    known = {"consent_basis": "consent", "consent_source": "a fair", "consent_at": NOW}
    times = {"created_at": NOW, "updated_at": NOW}
    people = [{"contact_id": one, "email": f"{one}@example.com", "email_hash": one, **known, **times} for one in ids]
    rows = [
        {"campaign_id": CAMPAIGN, "contact_id": one, "wake_at": wake_at, **times}
        for one, wake_at in zip(ids, wake_ats, strict=True)
    ]
    async with database.writing() as connection:
        plan = CampaignPlan.model_validate(PLAN).model_dump(mode="json")
        await add_campaign(connection, CAMPAIGN, name="Bench", plan=plan, now=NOW)
        await connection.execute(insert(ContactRow), people)
        await connection.execute(insert(EnrollmentRow), rows)
