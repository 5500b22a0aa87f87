"""Let campaigns go on: once per tick, visit everyone whose time has come.

Beat calls it every few seconds, two beats call it twice as often, and none while all is down: what is due then is due
at the first tick after, in the order of its time, each once. A visit is claimed in the database before its run is
submitted, and given back when the run ended without settling it; so a tick that dies, a run whose worker dies, and a
queue that loses a message each cost some seconds and nothing else.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from uuid_utils import uuid7

from agentic_sales.campaigns.door import sweep
from agentic_sales.contracts import RunId
from agentic_sales.errors import RequestError, TransientError
from agentic_sales.runs.ledger import Outcome
from agentic_sales.store.approvals import expire_approvals
from agentic_sales.store.campaigns import EnrollmentRow, finish_campaigns
from agentic_sales.store.database import Database
from agentic_sales.store.visits import Key, claim_due, end_visit, key_of, note_runs, taken, under_way

CAMPAIGN = "campaign"
"""The workflow that makes a visit."""
BATCH = 500
"""Visits that are claimed at a time, in one transaction."""
LEASE = timedelta(minutes=15)
"""How long a claim holds: longer than the time limit of a visit's run, for when the ledger has lost the run."""
MOST_FRUITLESS = 5
"""Visits in a row that may come to nothing; then a person must look."""
BACK_OFF = timedelta(seconds=15)
"""Pause after the first visit that came to nothing; it doubles with each further one."""
MOST_UNDER_WAY = 10 * BATCH
"""Visits whose runs wait or work at one time: fewer than fill a queue that others use too, and than outlast a lease."""
AT_ONCE = 16
"""Runs that are submitted side by side."""

log = structlog.get_logger()


class Fleet(Protocol):
    """What a tick needs of the fleet."""

    async def submit_visit(self, key: Key, run_id: RunId) -> None:
        """Submit the run that makes a visit, in the batch lane, on the enrollment's thread."""

    async def outcomes(self, run_ids: Sequence[RunId]) -> list[Outcome | None]:
        """Return how runs ended; None: one has not, or is not known."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """What a tick did."""

    claimed: int = 0
    """Visits that it took."""
    submitted: int = 0
    """Of those, visits whose run is on its queue."""
    recovered: int = 0
    """Visits that it took back from runs that had ended without settling them."""
    ambiguous: int = 0
    """Touches whose sender was lost."""


async def tick(
    database: Database, fleet: Fleet, *, now: datetime, limit: int | None = None, most_under_way: int = MOST_UNDER_WAY
) -> Ticked:
    """Take back what was lost, then claim what is due and submit its runs.

    Args:
        database: Where the campaigns are.
        fleet: Where visits are made.
        now: The present.
        limit: Most visits of this tick; the rest is left to the next one. None: as many as may be under way.
        most_under_way: Most visits at one time, with those of earlier ticks; who is due beyond them waits in the
            database, where a pause takes effect at once and who waits longest comes first.
    """
    ambiguous = await sweep(database, now=now)
    async with database.writing() as connection:
        await expire_approvals(connection, now=now)
    recovered = await _recover(database, fleet, now)
    async with database.reading() as connection:
        room = most_under_way - await under_way(connection, now=now)
    left = room if limit is None else min(room, limit)
    claimed = submitted = 0
    while left > claimed:
        batch = await _claim(database, now, min(BATCH, left - claimed))
        claimed += len(batch)
        submitted += await _submit(database, fleet, batch, now)
        if len(batch) < BATCH:
            break
    await _finish(database, now)
    return Ticked(claimed, submitted, recovered, len(ambiguous))


async def _finish(database: Database, now: datetime) -> None:
    async with database.writing() as connection:
        for campaign_id in await finish_campaigns(connection, now=now):
            log.info("campaign_finished", campaign_id=campaign_id)


def thread_of(key: Key) -> str:
    """Return the thread of a person in a campaign."""
    return f"campaign-{key[0]}-{key[1]}"


def request_of(key: Key) -> dict[str, Any]:
    """Return the request of the run that makes a visit."""
    return {"kind": "wake", "input": {"campaign_id": key[0], "contact_id": key[1]}, "metadata": {"campaign_id": key[0]}}


async def _claim(database: Database, now: datetime, limit: int) -> list[tuple[EnrollmentRow, RunId]]:
    """Claim due visits, and write down beforehand which run each will be, so that no run is ever unknown."""
    async with database.writing() as connection:
        rows = await claim_due(connection, now=now, lease_until_at=now + LEASE, limit=limit)
        claimed = [(row, RunId(str(uuid7()))) for row in rows]
        await note_runs(connection, {key_of(row): run_id for row, run_id in claimed})
    return claimed


async def _submit(database: Database, fleet: Fleet, batch: Iterable[tuple[EnrollmentRow, RunId]], now: datetime) -> int:
    slots = asyncio.Semaphore(AT_ONCE)

    async def submit(row: EnrollmentRow, run_id: RunId) -> bool:
        async with slots:
            try:
                await fleet.submit_visit(key_of(row), run_id)
            except (TransientError, RequestError) as exc:
                await _come_to_nothing(database, row, run_id, str(exc), now, is_its_fault=False)
                return False
            return True

    return sum(await asyncio.gather(*(submit(row, run_id) for row, run_id in batch)))


async def _recover(database: Database, fleet: Fleet, now: datetime) -> int:
    """Take visits back from runs that have ended: a run that did its work has given its visit back itself."""
    async with database.reading() as connection:
        rows = await taken(connection, limit=BATCH)
    ends = await fleet.outcomes([RunId(row.run_id or "") for row in rows])
    lost = [(row, end) for row, end in zip(rows, ends, strict=True) if end is not None]
    for row, end in lost:
        why = end.failure.message if end.failure else "its run ended and left it as it was"
        await _come_to_nothing(database, row, RunId(row.run_id or ""), why, now)
    return len(lost)


async def _come_to_nothing(
    database: Database, row: EnrollmentRow, run_id: RunId, why: str, now: datetime, *, is_its_fault: bool = True
) -> None:
    """Give a visit back, to be tried again later; park it when it came to nothing too often."""
    fruitless = row.fruitless + 1 if is_its_fault else row.fruitless
    values: Mapping[str, Any] = {
        "fruitless": fruitless,
        "wake_at": now + BACK_OFF * 2 ** min(fruitless, 8),
        "reason": why,
    }
    if fruitless >= MOST_FRUITLESS and row.state == "active":
        values = {
            "fruitless": 0,
            "state": "parked",
            "wake_at": None,
            "reason": f"{fruitless} visits came to nothing: {why}",
        }
    async with database.writing() as connection:
        await end_visit(connection, key_of(row), {**values, "updated_at": now}, run_id=run_id)
    log.warning("visit_came_to_nothing", campaign_id=row.campaign_id, contact_id=row.contact_id, run_id=run_id, why=why)
