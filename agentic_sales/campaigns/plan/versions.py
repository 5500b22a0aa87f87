"""Return the plan by which a person goes. It is the campaign's present one, or an earlier one that was kept."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.plan.plan import CampaignPlan, read_stored, stored_plan
from agentic_sales.contracts import CampaignId
from agentic_sales.store.campaigns import CampaignRow
from agentic_sales.store.earlier_plans import earlier_plan, earlier_plans
from agentic_sales.store.statements import known


async def plan_at(connection: AsyncConnection, campaign: CampaignRow, version: int) -> CampaignPlan:
    """Return a version of a campaign's plan.

    Raises:
        UnknownRecord: The campaign has no such version.
        PlanUnreadable: Another release stored it. A field of it is none here, or has another form now.
    """
    if version == campaign.plan_version:
        return stored_plan(campaign)
    campaign_id = CampaignId(campaign.campaign_id)
    found = await earlier_plan(connection, campaign_id, version)
    return read_stored(campaign_id, known(found, "plan version", f"{campaign_id}/{version}").plan)


async def versions_of(connection: AsyncConnection, campaign: CampaignRow) -> list[Mapping[str, Any]]:
    """Return every version of a campaign's plan as plain data, the newest first."""
    rows = await earlier_plans(connection, CampaignId(campaign.campaign_id))
    earlier = [{"version": row.version, "replaced_at": row.replaced_at.isoformat(), "plan": row.plan} for row in rows]
    return [{"version": campaign.plan_version, "replaced_at": None, "plan": campaign.plan}, *reversed(earlier)]
