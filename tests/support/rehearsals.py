"""Rehearse a campaign of a store, as the command does with what the facade hands out."""

import asyncio
from datetime import datetime

from agentic_sales.campaigns.plan.material import Material, material_of
from agentic_sales.contracts import CampaignId
from agentic_sales.rehearsal.rehearse import Rehearsed, rehearse_campaign
from agentic_sales.settings import Settings
from agentic_sales.store.database import open_database
from agentic_sales.wire import from_wire, to_wire


def rehearsal_of(
    configuration: Settings, campaign_id: CampaignId, *, people: int, start_at: datetime
) -> list[Rehearsed]:
    """Rehearse a campaign. What a rehearsal needs crosses as JSON."""

    async def read() -> Material:
        async with open_database(configuration) as store, store.reading() as connection:
            return await material_of(connection, campaign_id, people=people)

    material: Material = from_wire(to_wire(asyncio.run(read())))
    return rehearse_campaign(material, start_at=start_at)
