"""Find the people that a new version of a plan concerns, and let them go by it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.contracts import CampaignId
from agentic_sales.store.approvals import ApprovalRow
from agentic_sales.store.campaigns import ACTIVE, EnrollmentRow, woken
from agentic_sales.store.touches import UNKNOWN, WAITING, TouchRow

ON_THE_WAY = (ACTIVE, "parked")
"""States of an enrollment that has not ended."""


@dataclass(frozen=True, slots=True)
class Mover:
    """One person that has not come to the end of a campaign."""

    contact_id: str
    """The person."""
    step: int
    """Next step, from 0."""
    is_begun: bool
    """A message was written, or a step was passed."""
    is_held: bool
    """A message may be on its way."""
    is_waiting: bool
    """The message of the present step waits to be sent."""
    is_approved: bool
    """Somebody agreed to this message."""


async def movers_of(connection: AsyncConnection, campaign_id: CampaignId) -> list[Mover]:
    """Return the people of a campaign that have not come to its end."""
    present = _theirs() & (TouchRow.step == EnrollmentRow.step) & TouchRow.state.in_(WAITING)
    present &= TouchRow.answers.is_(None)
    agreed = (ApprovalRow.digest == TouchRow.digest) & (ApprovalRow.state == "approved")
    approved = exists().where(present, ApprovalRow.touch_id == TouchRow.touch_id, agreed)
    columns = EnrollmentRow.contact_id, EnrollmentRow.step, _is_begun(), _is_held(), exists().where(present), approved
    statement = select(*columns).where(EnrollmentRow.campaign_id == campaign_id, EnrollmentRow.state.in_(ON_THE_WAY))
    return [Mover(*row) for row in await connection.execute(statement.order_by(EnrollmentRow.contact_id))]


async def set_version(
    connection: AsyncConnection, campaign_id: CampaignId, version: int, *, is_begun: bool, now: datetime
) -> int:
    """Let people go by a version of the plan: those under way, or those that have not begun. Return their number.

    Active ones whose visits are planned are woken. A person with a message on its way stays on the version of it.
    """
    concerned = _is_begun() & ~_is_held() if is_begun else ~_is_begun()
    is_planned = (EnrollmentRow.state == ACTIVE) & EnrollmentRow.wake_at.is_not(None)
    values = woken(now)
    statement = (
        update(EnrollmentRow)
        .where(EnrollmentRow.campaign_id == campaign_id, EnrollmentRow.state.in_(ON_THE_WAY), concerned)
        .values(
            plan_version=version,
            updated_at=now,
            wakes=values["wakes"],
            wake_at=case((is_planned, now), else_=EnrollmentRow.wake_at),
        )
        .execution_options(synchronize_session=False)
    )
    return (await connection.execute(statement)).rowcount


def _theirs() -> ColumnElement[bool]:
    return (TouchRow.campaign_id == EnrollmentRow.campaign_id) & (TouchRow.contact_id == EnrollmentRow.contact_id)


def _is_begun() -> ColumnElement[bool]:
    return or_(EnrollmentRow.step > 0, exists().where(_theirs()))


def _is_held() -> ColumnElement[bool]:
    return exists().where(_theirs(), TouchRow.state.in_(UNKNOWN))
