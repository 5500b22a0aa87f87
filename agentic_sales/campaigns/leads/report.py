"""Report on rounds and flows: the leads by stage, their outcomes, their cost, and the learning."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.leads.arms import learnt_of, names_for, plan_of, trials_of
from agentic_sales.campaigns.visits import clock
from agentic_sales.control import control_plane
from agentic_sales.flows import Flow
from agentic_sales.rules.arms import ArmPlan
from agentic_sales.rules.flow_report import ArmReport, flow_report
from agentic_sales.rules.outcome_rewards import ARM_KINDS, rewards_of_outcomes
from agentic_sales.store.database import Database
from agentic_sales.store.flow_rounds import FlowRoundRow, flow_round
from agentic_sales.store.leads import stage_counts
from agentic_sales.store.statements import known


async def report_of_round(database: Database, round_id: str) -> dict[str, Any]:
    """Report on one round.

    Raises:
        UnknownRecord: There is no such round.
    """
    async with database.reading() as connection:
        row = known(await flow_round(connection, round_id), "flow round", round_id)
        return await described_round(connection, row)


async def described_round(connection: AsyncConnection, row: FlowRoundRow) -> dict[str, Any]:
    """Describe a round: its leads by stage and by arm, the arms that it dealt, and its threshold with the reason."""
    shown = ("flow_id", "round_id", "state", "reason", "found", "spent_usd", "budget_usd", "is_dry", "campaign_id")
    told = {name: value for name, value in row.as_data().items() if name in shown}
    trials, plan = await trials_of(connection, [row], now=clock.now()), plan_of(row)
    plans = [ArmPlan(kind, plan.get("contacts", {}).get(kind, {}), {}) for kind in ARM_KINDS]
    report = flow_report(row.flow_id, trials, plans, rewards=rewards_of_outcomes())
    return {
        **told,
        "leads": await stage_counts(connection, round_id=row.round_id),
        "arms": [_arm(arm) for arm in report.arms],
        "dealt": plan.get("contacts", {}),
        "stopped": plan.get("stopped", {}),
        "threshold": plan.get("threshold"),
        "threshold_why": plan.get("why", ""),
    }


async def described_flow(connection: AsyncConnection, flow_id: str) -> dict[str, Any]:
    """Describe the learning of a flow, per arm and in sentences, and the changes of its next round.

    Raises:
        UnknownFlow: There is no such flow.
    """
    flow, now = control_plane().flow(flow_id), clock.now()
    learnt = await learnt_of(connection, flow_id, now=now)
    last: Mapping[str, Any] = next((plan for row in learnt.rounds if not row.is_dry and (plan := plan_of(row))), {})
    names = names_for(flow, {})
    plans = learnt.plans(flow, names, flow.limits.leads, seed=_next_seed(flow, now))
    threshold, before = learnt.threshold(flow), last.get("threshold", flow.score.threshold)
    report = flow_report(
        flow_id,
        learnt.trials,
        plans,
        rewards=rewards_of_outcomes(),
        before=last.get("contacts", {}),
        calibration=learnt.calibration if "score_band" in flow.learns_from else None,
        thresholds=(before, threshold),
    )
    return {
        "flow_id": flow_id,
        "rounds": len(learnt.rounds),
        "found": sum(row.found or 0 for row in learnt.rounds),
        "spent_usd": sum(row.spent_usd for row in learnt.rounds),
        "leads": await stage_counts(connection, flow_id=flow_id),
        "counts": dict(report.counts),
        "arms": [
            {**_arm(arm), "contacts_before": arm.contacts_before, "contacts_next": arm.contacts_next}
            for arm in report.arms
        ],
        "sentences": list(report.sentences),
        "threshold": threshold,
        "threshold_why": learnt.score_told(flow),
    }


def _next_seed(flow: Flow, now: datetime) -> str:
    """Return the seed of a round that would begin on this day."""
    return f"{flow.flow_id}-{now:%Y%m%d}"


def _arm(arm: ArmReport) -> dict[str, Any]:
    """Describe an arm as plain data. Shares of those contacted have Wilson intervals."""
    shares = {f"{name}_share": asdict(share) for name, share in arm.shares.items()}
    counts = {str(name): count for name, count in arm.counts.items()}
    return {"kind": arm.kind, "arm": arm.name, **counts, **shares, "stopped": arm.stopped}
