"""Let activations of verticals go on: each tick visits those that are due, one after the other.

The graph has no row in the registry, so a visit is no run. It is claimed in the database under a short lease. If its
process dies, a later tick visits the activation again after the lease.
"""

from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from agentic_sales.campaigns.next_visits import MOST_FRUITLESS, look_again_at, try_again_at
from agentic_sales.errors import AgenticSalesError, TransientError
from agentic_sales.store.activations import (
    FAILED,
    RUNNING,
    WAITING,
    ActivationRow,
    claim_due_activation,
    end_activation_visit,
    locked_activation,
)
from agentic_sales.store.database import Database

log = structlog.get_logger()

BATCH = 50
"""Activations that a tick visits."""
LEASE = timedelta(seconds=30)
"""How long a claim holds. A visit waits for nothing, and is ended sooner if it hangs."""


class ActivationVisits(Protocol):
    """The part of a worker that a tick needs."""

    async def visit(self, row: ActivationRow) -> None:
        """Let the thread of an activation go on until it waits or ends."""


async def tick_activations(database: Database, visits: ActivationVisits, *, now: datetime) -> int:
    """Visit due activations, and return how many. One that fails stops no other one."""
    for count in range(BATCH):
        async with database.writing() as connection:
            row = await claim_due_activation(connection, now=now, lease_until_at=now + LEASE)
        if row is None:
            return count
        try:
            await visits.visit(row)
        except (AgenticSalesError, TimeoutError) as exc:
            log.warning("activation_visit_came_to_nothing", activation_id=row.activation_id, reason=str(exc))
            await _given_back(database, row, exc, now)
        except Exception as exc:
            log.exception("activation_visit_came_to_nothing", activation_id=row.activation_id)
            await _given_back(database, row, exc, now)
        else:
            await _end_visit(database, row, now)
    return BATCH


async def _end_visit(database: Database, row: ActivationRow, now: datetime) -> None:
    """Write when the next visit is. A word that was said during this one is taken at once."""
    async with database.writing() as connection:
        after = await locked_activation(connection, row.slug) or row
        values: dict[str, Any] = {"fruitless": 0, "wake_at": None}
        if after.state == WAITING and after.word:
            values["wake_at"] = now
        elif after.state == RUNNING:
            values["wake_at"] = look_again_at(after.updated_at, now)
        await end_activation_visit(connection, row, values)
    log.info("activation_visited", activation_id=row.activation_id, stage=after.stage, state=after.state)


async def _given_back(database: Database, row: ActivationRow, exc: Exception, now: datetime) -> None:
    fruitless, why = row.fruitless + 1, str(exc)[:500] or type(exc).__name__
    values: dict[str, Any] = {"fruitless": fruitless, "wake_at": try_again_at(fruitless, now), "reason": why}
    if not isinstance(exc, TransientError | TimeoutError) or fruitless >= MOST_FRUITLESS:
        values = {"fruitless": 0, "wake_at": None, "state": FAILED, "reason": why}
    async with database.writing() as connection:
        await end_activation_visit(connection, row, values)
