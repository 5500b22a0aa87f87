"""Report on rounds and flows: how many leads are how far, what became of them, and what they cost."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.rules.shares import share
from agentic_sales.store.database import Database
from agentic_sales.store.flow_rounds import FlowRoundRow, flow_round
from agentic_sales.store.leads import arm_counts, stage_counts
from agentic_sales.store.statements import known

KEPT = frozenset({"kept", "waiting", "enrolled"})
ANSWERED = frozenset({"replied", "interested", "unsubscribed", "complained"})
CONTACTED = frozenset({"sent", "bounced", *ANSWERED})
"""Outcomes of people to whom a message was sent."""


async def report_of_round(database: Database, round_id: str) -> dict[str, Any]:
    """Report on one round.

    Raises:
        UnknownRecord: There is no such round.
    """
    async with database.reading() as connection:
        row = known(await flow_round(connection, round_id), "flow round", round_id)
        return await described_round(connection, row)


async def described_round(connection: AsyncConnection, row: FlowRoundRow) -> dict[str, Any]:
    """Describe a round with its leads by stage and its arms."""
    shown = ("flow_id", "round_id", "state", "reason", "found", "spent_usd", "budget_usd", "is_dry", "campaign_id")
    told = {name: value for name, value in row.as_data().items() if name in shown}
    return {
        **told,
        "leads": await stage_counts(connection, round_id=row.round_id),
        "arms": await arms_of(connection, flow_id=row.flow_id, round_id=row.round_id),
    }


async def arms_of(connection: AsyncConnection, *, flow_id: str, round_id: str | None = None) -> list[dict[str, Any]]:
    """Count per arm: found, kept, contacted, answered and interested. The last two have Wilson intervals."""
    counted = await arm_counts(connection, flow_id=flow_id, round_id=round_id)
    arms: list[dict[str, Any]] = []
    for arm, stage, outcome, count in counted:
        if (told := next((one for one in arms if one["arm"] == arm), None)) is None:
            told = {"arm": arm, **dict.fromkeys(("found", "kept", "contacted", "answered", "interested"), 0)}
            arms.append(told)
        for name in _columns(stage, outcome):
            told[name] += count
    for told in arms:
        for name in ("answered", "interested"):
            told[f"{name}_share"] = asdict(share(told[name], told["contacted"]))
    return arms


def _columns(stage: str, outcome: str) -> Iterable[str]:
    yield "found"
    if stage in KEPT:
        yield "kept"
    if outcome in CONTACTED:
        yield "contacted"
    if outcome in ANSWERED:
        yield "answered"
    if outcome == "interested":
        yield "interested"
