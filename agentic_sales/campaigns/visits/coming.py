"""Foretell the coming visits of a campaign: who is next, when, and why not now.

The decision of a visit and the rules of the send door are asked. So the reasons are those that act.
"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.sending.door import forecast_of
from agentic_sales.campaigns.visits.machine import NextAct, Situation, decide, due_at
from agentic_sales.campaigns.visits.situation import situation_of
from agentic_sales.contracts import CampaignId, TouchId
from agentic_sales.store.campaigns import EnrollmentRow, coming_enrollments
from agentic_sales.store.touches import WAITING
from agentic_sales.store.visits import key_of


@dataclass(frozen=True, slots=True)
class ComingVisit:
    """The next visit to one person."""

    contact_id: str
    """The person."""
    email: str
    """The person's address."""
    step: int
    """Step of the next message, from 0."""
    act: str
    """What the visit does, such as `write`, `ask` or `send`. `sleep`: nothing before `at`."""
    at: datetime | None
    """When the visit is. None if it waits for a person or an event."""
    goes_at: datetime | None
    """When the next message goes at the earliest. None if that is not known."""
    why: str
    """Why not earlier, for people."""
    touch_id: str | None
    """The next message. None before it is written."""
    needs_approval: bool
    """True if somebody must agree to this message before it goes."""
    word: str | None
    """State of the question about this message, such as `pending` or `approved`. None if nobody was asked."""

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        told = asdict(self)
        return {name: at.isoformat() if isinstance(at, datetime) else at for name, at in told.items()}


async def coming_visits(
    connection: AsyncConnection, campaign_id: CampaignId, *, now: datetime, limit: int, offset: int = 0
) -> list[ComingVisit]:
    """Return the coming visits of a campaign's active people, the next one first."""
    rows = await coming_enrollments(connection, campaign_id, limit=limit, offset=offset)
    found = [await _coming(connection, row, now) for row in rows]
    return sorted(found, key=lambda visit: (visit.at or datetime.max.replace(tzinfo=UTC), visit.goes_at or now))


async def _coming(connection: AsyncConnection, row: EnrollmentRow, now: datetime) -> ComingVisit:
    situation = await situation_of(connection, key_of(row))
    decision = decide(situation, now)
    if decision.act != "sleep" and row.fruitless and row.wake_at is not None and row.wake_at > now:
        decision = NextAct(decision.act, f"the last visit came to nothing: {row.reason}", row.wake_at)
    touch, approval = situation.touch, situation.approval
    goes_at, reasons = await _goes(connection, situation, now)
    at = decision.at if decision.act == "sleep" or decision.at else now
    return ComingVisit(
        contact_id=row.contact_id,
        email=situation.person.email,
        step=row.step,
        act=decision.act,
        at=at,
        goes_at=goes_at,
        why="; ".join(reasons) or decision.why,
        touch_id=touch.touch_id if touch else None,
        needs_approval=situation.plan.needs_approval,
        word=approval.state if approval else None,
    )


async def _goes(
    connection: AsyncConnection, situation: Situation, now: datetime
) -> tuple[datetime | None, tuple[str, ...]]:
    """Return when the next message goes, as far as time decides, and what the send door says against it now."""
    if situation.step is None or situation.campaign.state != "running":
        return None, ()
    due = max(due_at(situation), now)
    opens = situation.plan.window.first_open(due, situation.zone)
    if situation.touch is None or situation.touch.state not in WAITING:
        return opens, ()
    forecast = await forecast_of(connection, TouchId(situation.touch.touch_id), now=now)
    return max(forecast.at, opens) if forecast.at else opens, forecast.why
