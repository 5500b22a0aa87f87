"""Rehearse a campaign of a fleet. Copy its data into a folder that is thrown away and let its days pass."""

import asyncio
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.table import Table as Picture
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.plan.desk import known_campaign
from agentic_sales.campaigns.plan.material import MATERIAL, Material
from agentic_sales.campaigns.plan.plan import CampaignPlan, stored_plan
from agentic_sales.campaigns.plan.windows import zone_named
from agentic_sales.campaigns.sending.transports.maildir import MaildirTransport
from agentic_sales.campaigns.visits.clock import VirtualClock
from agentic_sales.contracts import CampaignId, ContactId
from agentic_sales.rehearsal.days import rehearse
from agentic_sales.settings import Settings
from agentic_sales.store.campaigns import CampaignRow, EnrollmentRow
from agentic_sales.store.columns import Table, values_of
from agentic_sales.store.contacts import ContactRow, contact
from agentic_sales.store.database import Database, open_database
from agentic_sales.store.migrate import upgrade
from agentic_sales.store.touches import touches


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One message of a rehearsed campaign."""

    at: datetime
    """When it went or was given up, by the recipient's clock."""
    to_email: str
    """Recipient."""
    step: int
    """Step, counted from 0."""
    state: str
    """Its final state."""
    subject: str
    """Its subject."""
    why: str
    """The reason of the moment."""

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {**asdict(self), "at": self.at.isoformat()}


def rehearse_campaign(material: Material, *, start_at: datetime) -> list[Rehearsed]:
    """Let all of a campaign pass as if it began at a moment. No mail leaves, and no store but a new one is opened.

    Args:
        material: Rows of the campaign and of its people, as the fleet hands them out.
        start_at: The moment of its begin.
    """
    with TemporaryDirectory(prefix="agentic-sales-rehearsal-") as folder:
        # A rehearsal writes into a file of its own and never into the database of `DATABASE_URL`.
        scratch = Settings(state_dir=Path(folder), database_url=None)
        upgrade(scratch)
        return asyncio.run(_rehearse(scratch, material, start_at))


async def _rehearse(scratch: Settings, material: Material, start_at: datetime) -> list[Rehearsed]:
    async with open_database(scratch) as database:
        campaign_id = await _copy(database, material, start_at)
        await rehearse(database, VirtualClock(start_at), MaildirTransport(scratch.state_dir / "mail"))
        async with database.reading() as connection:
            found = await touches(connection, campaign_id=campaign_id, limit=100_000)
            plan = stored_plan(await known_campaign(connection, campaign_id))
            told = [await _told(connection, row, plan) for row in found]
    return sorted(told, key=lambda message: message.at)


async def _copy(scratch: Database, material: Material, start_at: datetime) -> CampaignId:
    [campaign] = material["campaigns"]
    campaign_id = CampaignId(campaign["campaign_id"])
    times = {"created_at": start_at, "updated_at": start_at}
    plan = {**campaign["plan"], "needs_approval": False}
    values = {"campaign_id": campaign_id, "name": campaign["name"], "state": "running", "reason": "", "plan": plan}
    joins = {"campaign_id": campaign_id, "wake_at": start_at, "state": "active", "reason": "", "step": 0}
    async with scratch.writing() as target:
        for kind in MATERIAL:
            await _insert(target, kind, [values_of(kind, row) for row in material[kind.__tablename__]])
        await _insert(target, CampaignRow, [{**values, **times}])
        people = (row["contact_id"] for row in material[ContactRow.__tablename__])
        await _insert(target, EnrollmentRow, [{**joins, "contact_id": key, "fruitless": 0, **times} for key in people])
    return campaign_id


async def _insert(connection: AsyncConnection, kind: type[Table], rows: list[dict[str, Any]]) -> None:
    if rows:
        await connection.execute(insert(kind.__table__), rows)  # type: ignore[arg-type]  # every table of ours is one


async def _told(connection: AsyncConnection, row: Any, plan: CampaignPlan) -> Rehearsed:
    person = await contact(connection, ContactId(row.contact_id))
    zone = zone_named((person.time_zone if person else None) or plan.time_zone)
    step = plan.steps[row.step]
    after = f"{step.delay_days:g} {step.counts.replace('_', ' ')} after the message before"
    why = "the first message, in the person's hours" if row.step == 0 else f"{after}, in the person's hours"
    at = (row.sent_at or row.updated_at).astimezone(zone)
    return Rehearsed(at, row.to_email, row.step, row.state, row.subject, row.detail or why)


def as_calendar(messages: list[Rehearsed]) -> Picture:
    """Lay a rehearsed campaign out as a calendar."""
    table = Picture("local time", "to", "step", "subject", "what", "why")
    for message in messages:
        when = f"{message.at:%a %Y-%m-%d %H:%M} {message.at.tzname()}"
        table.add_row(when, message.to_email, str(message.step), message.subject, message.state, message.why)
    return table
