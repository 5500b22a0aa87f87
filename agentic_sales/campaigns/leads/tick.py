"""Let rounds of flows go on: each tick begins planned rounds, visits every due round, and notes outcomes.

A visit is claimed in the database before its run is submitted, and given back if the run ended without settling it. So
a dead tick, a dead worker or a lost message costs some seconds and nothing else. A slot of a plan makes one round,
since the slot names the round.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import structlog
from uuid_utils import uuid7

from agentic_sales.campaigns.leads.desk import RoundOrder, begin_round_over
from agentic_sales.campaigns.leads.outcomes import note_outcomes
from agentic_sales.campaigns.next_visits import MOST_FRUITLESS, try_again_at
from agentic_sales.contracts import RunId
from agentic_sales.errors import RequestError, TransientError
from agentic_sales.rules.cron import next_slot, slots_between
from agentic_sales.runs.ledger import Outcome
from agentic_sales.store.database import Database
from agentic_sales.store.flow_rounds import (
    FAILED,
    RUNNING,
    FlowPlanRow,
    FlowRoundRow,
    change_plan,
    change_round,
    claim_due_rounds,
    due_plans,
    end_round_visit,
    note_round_run,
    taken_rounds,
)
from agentic_sales.store.leads import let_contacts_go_on

log = structlog.get_logger()

BATCH = 50
"""Rounds that a tick visits."""
LEASE = timedelta(minutes=15)
"""How long a claim holds, in case the ledger has lost the run."""
LATE = timedelta(minutes=15)
"""A slot is missed if nobody looked for so long."""


class RoundRuns(Protocol):
    """The part of the fleet that a tick needs."""

    async def submit_round(self, row: FlowRoundRow, run_id: RunId) -> None:
        """Submit the run of a visit. It goes to the batch lane, on the round's thread."""

    async def outcomes(self, run_ids: Sequence[RunId]) -> list[Outcome | None]:
        """Return how runs ended. None stands for a run that has not ended or is not known."""


@dataclass(frozen=True, slots=True)
class RoundsTicked:
    """The counts of one tick."""

    begun: int = 0
    """Rounds that plans began."""
    submitted: int = 0
    """Visits with a run on its queue."""
    recovered: int = 0
    """Visits that were taken back from runs that had ended without settling them."""
    outcomes: int = 0
    """Leads with another outcome than before."""


async def tick_rounds(database: Database, fleet: RoundRuns, *, now: datetime) -> RoundsTicked:
    """Begin planned rounds, take back lost visits, submit due visits, and note outcomes."""
    begun = await begin_planned(database, now=now)
    recovered = await _recover(database, fleet, now)
    async with database.writing() as connection:
        outcomes = await note_outcomes(connection, now=now)
        for round_id in await let_contacts_go_on(connection, now=now):
            going_on = {"state": RUNNING, "reason": "", "wake_at": now}
            await change_round(connection, round_id, going_on, now=now, states=(RUNNING, "finished"))
    async with database.writing() as connection:
        rows = await claim_due_rounds(connection, now=now, lease_until_at=now + LEASE, limit=BATCH)
        claimed = [(row, RunId(str(uuid7()))) for row in rows]
        for row, run_id in claimed:
            await note_round_run(connection, row.round_id, run_id)
    submitted = sum([await _submit(database, fleet, row, run_id, now) for row, run_id in claimed])
    return RoundsTicked(len(begun), submitted, recovered, outcomes)


async def begin_planned(database: Database, *, now: datetime) -> list[str]:
    """Begin the rounds of the slots that have come, and return their ids. A slot begins one round, however many ask."""
    begun: list[str] = []
    async with database.writing() as connection:
        for plan in await due_plans(connection, now=now):
            zone = ZoneInfo(plan.time_zone)
            slot = slot_to_use(plan, zone, now)
            if slot is not None:
                round_id = f"{plan.flow_id}-{slot:%Y%m%dT%H%M}"
                order = RoundOrder(**plan.request)
                await begin_round_over(connection, round_id, order, trace={}, now=now)
                begun.append(round_id)
            await change_plan(connection, plan.flow_id, {"next_at": next_slot(plan.cron, now, zone)}, now=now)
    return begun


def slot_to_use(plan: FlowPlanRow, zone: ZoneInfo, now: datetime) -> datetime | None:
    """Return the slot for which a round begins, in UTC. Of missed slots the last one counts, or none with `skip`."""
    last = slots_between(plan.cron, plan.next_at, now, zone)[-1].astimezone(UTC)
    return None if plan.missed == "skip" and now - last > LATE else last


async def _submit(database: Database, fleet: RoundRuns, row: FlowRoundRow, run_id: RunId, now: datetime) -> bool:
    try:
        await fleet.submit_round(row, run_id)
    except (TransientError, RequestError) as exc:
        await _given_back(database, row, run_id, str(exc), now, is_its_fault=False)
        return False
    return True


async def _recover(database: Database, fleet: RoundRuns, now: datetime) -> int:
    async with database.reading() as connection:
        rows = await taken_rounds(connection)
    ends = await fleet.outcomes([RunId(row.run_id or "") for row in rows])
    lost = [(row, end) for row, end in zip(rows, ends, strict=True) if end is not None]
    for row, end in lost:
        why = end.failure.message if end.failure else "its run ended and left it as it was"
        await _given_back(database, row, RunId(row.run_id or ""), why, now)
    return len(lost)


async def _given_back(
    database: Database, row: FlowRoundRow, run_id: RunId, why: str, now: datetime, *, is_its_fault: bool = True
) -> None:
    fruitless = row.fruitless + is_its_fault
    values: Mapping[str, Any] = {
        "fruitless": fruitless,
        "wake_at": try_again_at(fruitless, now),
        "reason": why,
    }
    if fruitless >= MOST_FRUITLESS:
        told = f"{fruitless} visits came to nothing: {why}"
        values = {"fruitless": 0, "wake_at": None, "state": FAILED, "reason": told}
    async with database.writing() as connection:
        await end_round_visit(connection, row.round_id, values, run_id=run_id)
    log.warning("round_visit_came_to_nothing", round_id=row.round_id, run_id=run_id, why=why)
