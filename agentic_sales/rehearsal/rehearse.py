"""Rehearse a campaign of the store. Copy its data into a folder that is thrown away and let its days pass."""

import asyncio
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.table import Table as Picture
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.plan.desk import known_campaign
from agentic_sales.campaigns.plan.plan import CampaignPlan, stored_plan
from agentic_sales.campaigns.plan.windows import zone_named
from agentic_sales.campaigns.sending.transports.maildir import MaildirTransport
from agentic_sales.campaigns.visits.clock import VirtualClock
from agentic_sales.contracts import CampaignId, ContactId
from agentic_sales.errors import InvalidRequest
from agentic_sales.rehearsal.days import rehearse
from agentic_sales.settings import Settings
from agentic_sales.store.campaigns import CampaignRow, EnrollmentRow
from agentic_sales.store.columns import Table
from agentic_sales.store.companies import CompanyRow
from agentic_sales.store.contacts import ContactRow, contact
from agentic_sales.store.database import Database, open_database
from agentic_sales.store.mailboxes import MailboxRow
from agentic_sales.store.migrate import ensure_migrated, upgrade
from agentic_sales.store.products import ProductRow
from agentic_sales.store.suppressions import SuppressionRow
from agentic_sales.store.touches import touches

_WHOLE: tuple[type[Table], ...] = (CompanyRow, MailboxRow, SuppressionRow, ProductRow)
"""Tables that a rehearsal needs whole."""


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


def rehearse_campaign(configuration: Settings, campaign_id: str, *, people: int, start_at: datetime) -> list[Rehearsed]:
    """Let all of a campaign pass as if it began at a moment. The store does not change and no mail leaves.

    Args:
        configuration: Names the store.
        campaign_id: The campaign in any state.
        people: Most people of the rehearsal. These are the people that joined it, else the first of the store.
        start_at: The moment of its begin.

    Raises:
        UnknownRecord: There is no such campaign.
        InvalidRequest: There is nobody to rehearse with.
        ConfigurationError: The store cannot be used.
    """
    ensure_migrated(configuration)
    with TemporaryDirectory(prefix="agentic-sales-rehearsal-") as folder:
        # A rehearsal writes into a file of its own and never into the database of `DATABASE_URL`.
        scratch = Settings(state_dir=Path(folder), database_url=None)
        upgrade(scratch)
        return asyncio.run(_rehearse(configuration, scratch, CampaignId(campaign_id), people, start_at))


async def _rehearse(
    configuration: Settings, scratch: Settings, campaign_id: CampaignId, people: int, start_at: datetime
) -> list[Rehearsed]:
    async with open_database(configuration) as store, open_database(scratch) as database:
        await _copy(store, database, campaign_id, people, start_at)
        await rehearse(database, VirtualClock(start_at), MaildirTransport(scratch.state_dir / "mail"))
        async with database.reading() as connection:
            found = await touches(connection, campaign_id=campaign_id, limit=100_000)
            plan = stored_plan(await known_campaign(connection, campaign_id))
            told = [await _told(connection, row, plan) for row in found]
    return sorted(told, key=lambda message: message.at)


async def _copy(store: Database, scratch: Database, campaign_id: CampaignId, people: int, start_at: datetime) -> None:
    async with store.reading() as source, scratch.writing() as target:
        campaign = await known_campaign(source, campaign_id)
        for kind in _WHOLE:
            await _insert(target, kind, await _rows(source, select(kind.__table__)))
        joined = select(EnrollmentRow.contact_id).where(EnrollmentRow.campaign_id == campaign_id)
        chosen = select(ContactRow.__table__).where(ContactRow.contact_id.in_(joined)).limit(people)
        rows = await _rows(source, chosen) or await _rows(source, select(ContactRow.__table__).limit(people))
        if not rows:
            raise InvalidRequest("there is nobody to rehearse with; import people first")
        await _insert(target, ContactRow, rows)
        plan = {**campaign.plan, "needs_approval": False}
        values = {"campaign_id": campaign_id, "name": campaign.name, "state": "running", "reason": "", "plan": plan}
        times = {"created_at": start_at, "updated_at": start_at}
        await _insert(target, CampaignRow, [{**values, **times}])
        enrolled = [{"campaign_id": campaign_id, "contact_id": row["contact_id"], "wake_at": start_at} for row in rows]
        blank = {"state": "active", "reason": "", "step": 0, "fruitless": 0}
        await _insert(target, EnrollmentRow, [{**row, **blank, **times} for row in enrolled])


async def _rows(connection: AsyncConnection, statement: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in (await connection.execute(statement)).mappings()]


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
