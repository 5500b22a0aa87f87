"""Keep the plans that a campaign had before its present one. People under way may still go by them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from agentic_sales.contracts import CampaignId
from agentic_sales.store.columns import Table
from agentic_sales.store.statements import every, first, insert_new


class EarlierPlanRow(Table):
    """One plan that another one has replaced."""

    __tablename__ = "earlier_plans"

    campaign_id: Mapped[str] = mapped_column(ForeignKey("campaigns.campaign_id", ondelete="CASCADE"), primary_key=True)
    """The campaign."""
    version: Mapped[int] = mapped_column(primary_key=True)
    """Its number, from 1."""
    plan: Mapped[dict[str, Any]]
    """A `campaigns.plan.CampaignPlan` as JSON."""
    replaced_at: Mapped[datetime]
    """When the next plan took its place."""


async def add_earlier_plan(
    connection: AsyncConnection, campaign_id: CampaignId, version: int, plan: Mapping[str, Any], *, now: datetime
) -> None:
    """Keep a plan that is replaced now."""
    row = {"campaign_id": campaign_id, "version": version, "plan": dict(plan), "replaced_at": now}
    await insert_new(connection, EarlierPlanRow, row)


async def earlier_plan(connection: AsyncConnection, campaign_id: CampaignId, version: int) -> EarlierPlanRow | None:
    """Return a plan that was replaced, or None."""
    statement = select(EarlierPlanRow).where(
        EarlierPlanRow.campaign_id == campaign_id, EarlierPlanRow.version == version
    )
    return await first(connection, EarlierPlanRow, statement)


async def earlier_plans(connection: AsyncConnection, campaign_id: CampaignId) -> list[EarlierPlanRow]:
    """Return the replaced plans of a campaign, the oldest first."""
    statement = select(EarlierPlanRow).where(EarlierPlanRow.campaign_id == campaign_id)
    return await every(connection, EarlierPlanRow, statement.order_by(EarlierPlanRow.version))
