"""Let campaigns go on: each tick visits every due person.

Beat calls it every few seconds. Two beats call it twice as often. While beat is down, nobody calls it. The first tick
after that visits every due person once, in the order of their times.

A visit is claimed in the database before its run is submitted. It is given back if the run ended without settling it.
So a dead tick, a dead worker or a lost message costs some seconds and nothing else.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from uuid_utils import uuid7

from agentic_sales.campaigns.next_visits import MOST_FRUITLESS, try_again_at
from agentic_sales.campaigns.sending.door import sweep
from agentic_sales.campaigns.webhooks.events import announce_ended
from agentic_sales.contracts import RunFailure, RunId
from agentic_sales.errors import PlanUnreadable, RequestError, StateUnreadable, TransientError
from agentic_sales.runs.ledger import Outcome
from agentic_sales.side_by_side import ask_each
from agentic_sales.store.approvals import expire_approvals
from agentic_sales.store.campaigns import ACTIVE, EnrollmentRow, finish_campaigns
from agentic_sales.store.database import Database
from agentic_sales.store.faults import is_of_world
from agentic_sales.store.visits import Key, claim_due, end_visit, key_of, note_runs, taken, under_way

CAMPAIGN = "campaign"
"""The workflow that makes a visit."""
THREAD_PREFIX = "campaign-"
"""Prefix of the ids of campaigns' threads. No caller can make such a thread."""
BATCH = 500
"""Visits that are claimed at a time, in one transaction."""
LEASE = timedelta(minutes=15)
"""How long a claim holds. It is longer than the time limit of a visit's run, in case the ledger has lost the run."""
MOST_UNDER_WAY = 10 * BATCH
"""Visits at one time with a waiting or working run. So many neither fill a shared queue nor outlast a lease."""
HOPELESS = frozenset({StateUnreadable.code, PlanUnreadable.code})
"""Failures that only a deployment mends. A retry is useless, so a person must look at once."""
AT_ONCE = 16
"""Runs that are submitted side by side."""

log = structlog.get_logger()


class VisitRuns(Protocol):
    """The part of the fleet that a tick needs."""

    async def submit_visit(self, row: EnrollmentRow, run_id: RunId) -> None:
        """Submit the run of a visit. It goes to the batch lane, on the enrollment's thread and in its trace."""

    async def outcomes(self, run_ids: Sequence[RunId]) -> list[Outcome | None]:
        """Return how runs ended. None stands for a run that has not ended or is not known."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """The counts of one tick."""

    claimed: int = 0
    """Visits that it took."""
    submitted: int = 0
    """Claimed visits with a run on its queue."""
    recovered: int = 0
    """Visits that it took back from runs that had ended without settling them."""
    ambiguous: int = 0
    """Touches without a known outcome, because their sender was lost."""


@dataclass(frozen=True, slots=True)
class _Lost:
    """A visit that came to nothing."""

    why: str
    """Why, for people."""
    is_its_fault: bool = True
    """True if the run began. False if it was never submitted, which says nothing about the person."""
    is_hopeless: bool = False
    """So will every further one."""


async def tick(
    database: Database,
    fleet: VisitRuns,
    *,
    now: datetime,
    limit: int | None = None,
    most_under_way: int = MOST_UNDER_WAY,
) -> Ticked:
    """Take back lost visits, then claim due visits and submit their runs.

    Args:
        database: Where the campaigns are.
        fleet: Where visits are made.
        now: The present.
        limit: Most visits of this tick. The next tick takes the rest. None allows as many as may be under way.
        most_under_way: Most visits at one time, with those of earlier ticks. Further due people wait in the database.
            There a pause takes effect at once, and the longest wait comes first.
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
            await announce_ended(connection, campaign_id, "finished", now=now)
            log.info("campaign_finished", campaign_id=campaign_id)


def thread_of(key: Key) -> str:
    """Return the thread of a person in a campaign."""
    return f"{THREAD_PREFIX}{key[0]}-{key[1]}"


def request_of(key: Key) -> dict[str, Any]:
    """Return the request of the run that makes a visit."""
    return {"kind": "wake", "input": {"campaign_id": key[0], "contact_id": key[1]}, "metadata": {"campaign_id": key[0]}}


async def _claim(database: Database, now: datetime, limit: int) -> list[tuple[EnrollmentRow, RunId]]:
    """Claim due visits. The id of each run is stored first, so no run is ever unknown."""
    async with database.writing() as connection:
        rows = await claim_due(connection, now=now, lease_until_at=now + LEASE, limit=limit)
        claimed = [(row, RunId(str(uuid7()))) for row in rows]
        await note_runs(connection, {key_of(row): run_id for row, run_id in claimed})
    return claimed


async def _submit(
    database: Database, fleet: VisitRuns, batch: Iterable[tuple[EnrollmentRow, RunId]], now: datetime
) -> int:
    async def submit(claimed: tuple[EnrollmentRow, RunId]) -> bool:
        row, run_id = claimed
        try:
            await fleet.submit_visit(row, run_id)
        except (TransientError, RequestError) as exc:
            await _come_to_nothing(database, row, run_id, _Lost(str(exc), is_its_fault=False), now)
            return False
        except Exception as exc:  # One visit that raises keeps back no other one.
            if is_of_world(exc):
                raise
            log.exception("visit_not_submitted", campaign_id=row.campaign_id, contact_id=row.contact_id)
            await _come_to_nothing(database, row, run_id, _Lost(f"{type(exc).__name__}: {exc}"[:500]), now)
            return False
        return True

    return sum(await ask_each(batch, submit, at_once=AT_ONCE))


async def _recover(database: Database, fleet: VisitRuns, now: datetime) -> int:
    """Take visits back from ended runs. A run that did its work has given its visit back itself."""
    async with database.reading() as connection:
        rows = await taken(connection, limit=BATCH)
    ends = await fleet.outcomes([RunId(row.run_id or "") for row in rows])
    lost = [(row, end) for row, end in zip(rows, ends, strict=True) if end is not None]
    for row, end in lost:
        await _come_to_nothing(database, row, RunId(row.run_id or ""), _lost_of(end.failure), now)
    return len(lost)


def _lost_of(failure: RunFailure | None) -> _Lost:
    if failure is None:
        return _Lost("its run ended and left it as it was")
    return _Lost(failure.message, is_hopeless=failure.code in HOPELESS)


async def _come_to_nothing(database: Database, row: EnrollmentRow, run_id: RunId, lost: _Lost, now: datetime) -> None:
    """Give a failed visit back for a retry. Park it after too many failures, or if every retry would fail."""
    async with database.writing() as connection:
        await end_visit(connection, key_of(row), _given_back(row, lost, now), run_id=run_id, wakes=row.wakes)
    ids = {"campaign_id": row.campaign_id, "contact_id": row.contact_id, "run_id": run_id}
    log.warning("visit_came_to_nothing", **ids, why=lost.why)


def _given_back(row: EnrollmentRow, lost: _Lost, now: datetime) -> dict[str, Any]:
    """Say how an enrollment goes on. The last visit of an ended enrollment is left out rather than parked."""
    fruitless = row.fruitless + lost.is_its_fault
    if lost.is_hopeless or fruitless >= MOST_FRUITLESS:
        why = lost.why if lost.is_hopeless else f"{fruitless} visits came to nothing: {lost.why}"
        values: dict[str, Any] = {"fruitless": 0, "wake_at": None}
        told = {"state": "parked", "reason": why}
    else:
        values = {"fruitless": fruitless, "wake_at": try_again_at(fruitless, now)}
        told = {"reason": lost.why}
    return {**values, **(told if row.state == ACTIVE else {}), "updated_at": now}
