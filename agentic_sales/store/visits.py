"""Keep visits to enrollments with their leases and ends.

A visit is claimed under a lease. Of many workers only one takes it. A visit that nobody ended comes back after its
lease.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.contracts import CampaignId, ContactId, MailboxId
from agentic_sales.store.approvals import REPLACED, ApprovalRow
from agentic_sales.store.campaigns import ACTIVE, CampaignRow, EnrollmentRow, woken
from agentic_sales.store.companies import CompanyRow
from agentic_sales.store.contacts import ContactRow
from agentic_sales.store.inbound import InboundRow
from agentic_sales.store.statements import columns, every, every_joined, first
from agentic_sales.store.touches import WAITING, TouchRow

Key = tuple[CampaignId, ContactId]


def key_of(enrollment: EnrollmentRow) -> Key:
    """Return the key of an enrollment."""
    return CampaignId(enrollment.campaign_id), ContactId(enrollment.contact_id)


@dataclass(frozen=True, slots=True)
class RowsOfVisit:
    """The rows of one person in one campaign, as one statement read them."""

    campaign: CampaignRow
    """The campaign."""
    person: ContactRow
    """The person."""
    enrollment: EnrollmentRow
    """The person's way through the campaign."""
    employer: CompanyRow | None
    """The person's employer. None: it is not known."""
    touches: Sequence[TouchRow]
    """Every message of the campaign to the person, the oldest first."""
    approvals: Mapping[str, ApprovalRow]
    """Latest question about exactly the message of a touch, by the id of the touch. Replaced ones are left out."""


async def visited(connection: AsyncConnection, key: Key) -> RowsOfVisit | None:
    """Return the rows of a visit. None if the campaign, the person or the enrollment is missing."""
    kinds = (CampaignRow, ContactRow, EnrollmentRow, CompanyRow, TouchRow, ApprovalRow)
    theirs = (TouchRow.campaign_id == EnrollmentRow.campaign_id) & (TouchRow.contact_id == EnrollmentRow.contact_id)
    about_it = (ApprovalRow.touch_id == TouchRow.touch_id) & (ApprovalRow.digest == TouchRow.digest)
    statement = (
        select(*(kind.__table__ for kind in kinds))
        .join_from(EnrollmentRow.__table__, CampaignRow.__table__)
        .join(ContactRow.__table__, ContactRow.contact_id == EnrollmentRow.contact_id)
        .outerjoin(CompanyRow.__table__, CompanyRow.company_id == ContactRow.company_id)
        .outerjoin(TouchRow.__table__, theirs)
        .outerjoin(ApprovalRow.__table__, about_it & ApprovalRow.state.not_in(REPLACED))
        .where(_is(key))
        .order_by(TouchRow.created_at, TouchRow.touch_id, ApprovalRow.created_at, ApprovalRow.approval_id)
    )
    found = await every_joined(connection, kinds, statement)
    if not found:
        return None
    campaign, person, enrollment, employer, *_ = found[0]
    touches = {row.touch_id: row for *_, row, _ in found if row is not None}
    approvals = {row.touch_id: row for *_, row in found if row is not None}  # The latest one is the last.
    return RowsOfVisit(campaign, person, enrollment, employer, [*touches.values()], approvals)


async def came_back(
    connection: AsyncConnection, key: Key, kinds: Collection[str]
) -> tuple[int | None, list[InboundRow]]:
    """Return how often a person was woken, and the person's inbound items of some kinds, the oldest first.

    One statement reads both. So an item that it does not show wakes the person again. The number is None if the person
    is not enrolled.
    """
    statement = (
        select(InboundRow.__table__, EnrollmentRow.wakes)
        .join_from(EnrollmentRow.__table__, InboundRow.__table__, _came(kinds), isouter=True)
        .where(_is(key))
        .order_by(InboundRow.received_at, InboundRow.created_at, InboundRow.event_id)
    )
    found = await every_joined(connection, [InboundRow], statement)
    return (found[0][1] if found else None), [row for row, _ in found if row is not None]


def _came(kinds: Collection[str]) -> ColumnElement[bool]:
    return (InboundRow.contact_id == EnrollmentRow.contact_id) & InboundRow.kind.in_(kinds)


async def claim_due(
    connection: AsyncConnection, *, now: datetime, lease_until_at: datetime, limit: int
) -> list[EnrollmentRow]:
    """Claim due enrollments, the longest waiting first, then by id.

    The cost does not depend on enrollments that are not due.
    """
    due = (
        select(EnrollmentRow.campaign_id, EnrollmentRow.contact_id)
        .where(EnrollmentRow.wake_at <= now)
        .where(or_(EnrollmentRow.lease_until_at.is_(None), EnrollmentRow.lease_until_at <= now))
        .order_by(EnrollmentRow.wake_at, EnrollmentRow.contact_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    # A statement with the keys themselves is slow. PostgreSQL plans it to read every enrollment while it does not know
    # their number.
    chosen = due.cte("due")
    claimed = (
        update(EnrollmentRow)
        .where(
            tuple_(EnrollmentRow.campaign_id, EnrollmentRow.contact_id).in_(
                select(chosen.c.campaign_id, chosen.c.contact_id)
            )
        )
        .values(lease_until_at=lease_until_at, run_id=None)
        .returning(*columns(EnrollmentRow))
    )
    rows = await every(connection, EnrollmentRow, claimed)
    return sorted(rows, key=lambda row: (row.wake_at or now, row.contact_id))  # `RETURNING` has no order of its own


async def note_runs(connection: AsyncConnection, runs: Mapping[Key, str]) -> None:
    """Write the run of each visit."""
    if not runs:
        return
    table = EnrollmentRow.__table__
    is_it = (table.c.campaign_id == bindparam("of")) & (table.c.contact_id == bindparam("whom"))
    rows = [{"of": campaign, "whom": contact, "run": run_id} for (campaign, contact), run_id in runs.items()]
    await connection.execute(update(table).where(is_it).values(run_id=bindparam("run")), rows)  # type: ignore[arg-type]


async def taken(connection: AsyncConnection, *, limit: int) -> list[EnrollmentRow]:
    """Return the enrollments that runs visit, the oldest visit first."""
    statement = select(EnrollmentRow).where(
        EnrollmentRow.run_id.is_not(None), EnrollmentRow.lease_until_at.is_not(None)
    )
    return await every(connection, EnrollmentRow, statement.order_by(EnrollmentRow.lease_until_at).limit(limit))


async def under_way(connection: AsyncConnection, *, now: datetime) -> int:
    """Count the visits with a lease that has not ended."""
    statement = select(func.count()).where(EnrollmentRow.lease_until_at > now)
    return int((await connection.execute(statement)).scalar_one())


async def end_visit(
    connection: AsyncConnection,
    key: Key,
    values: dict[str, Any],
    *,
    run_id: str | None = None,
    wakes: int | None = None,
) -> EnrollmentRow | None:
    """End a visit and write its changes. An enrollment that was woken meanwhile is visited again instead.

    Args:
        connection: Connection of a writing transaction.
        key: The enrollment.
        values: Columns of `EnrollmentRow`.
        run_id: The visit must be this run's. None allows any.
        wakes: Number of wakes at the start of the visit. The visit saw all events up to then. None skips the test.

    Returns:
        The enrollment. None if another run visits it by now or it was woken. The changes were then dropped.
    """
    statement = update(EnrollmentRow).where(_is(key))
    if run_id is not None:
        statement = statement.where(EnrollmentRow.run_id == run_id)
    given_back: dict[str, Any] = {"lease_until_at": None, "run_id": None}
    ending = statement.values(**given_back, **values).returning(*columns(EnrollmentRow))
    if wakes is not None:
        ending = ending.where(EnrollmentRow.wakes == wakes)
    ended = await first(connection, EnrollmentRow, ending)
    if ended is None and wakes is not None:
        await connection.execute(statement.values(**given_back, fruitless=0))
    return ended


async def wake(
    connection: AsyncConnection,
    *,
    now: datetime,
    campaign_id: CampaignId | None = None,
    contact_id: ContactId | None = None,
    states: Collection[str] = (ACTIVE,),
) -> int:
    """Make enrollments of a campaign, a person or both due now. Return their number."""
    statement = update(EnrollmentRow).where(EnrollmentRow.state.in_(states)).values(**woken(now))
    if campaign_id is not None:
        statement = statement.where(EnrollmentRow.campaign_id == campaign_id)
    if contact_id is not None:
        statement = statement.where(EnrollmentRow.contact_id == contact_id)
    return (await connection.execute(statement)).rowcount


async def wake_senders(connection: AsyncConnection, mailbox_id: MailboxId, *, now: datetime) -> int:
    """Make the enrollments due now that have a message waiting in a mailbox. Return their number."""
    waiting = select(TouchRow.campaign_id, TouchRow.contact_id).where(
        TouchRow.mailbox_id == mailbox_id, TouchRow.state.in_(WAITING)
    )
    theirs = tuple_(EnrollmentRow.campaign_id, EnrollmentRow.contact_id).in_(waiting)
    statement = update(EnrollmentRow).where(EnrollmentRow.state == ACTIVE, theirs).values(**woken(now))
    return (await connection.execute(statement)).rowcount


async def next_wake_at(connection: AsyncConnection) -> datetime | None:
    """Return the time of the next possible claim, or None."""
    wake_at, lease_until_at = EnrollmentRow.wake_at, EnrollmentRow.lease_until_at
    claimable_at = case((lease_until_at > wake_at, lease_until_at), else_=wake_at)
    statement = select(claimable_at).where(wake_at.is_not(None)).order_by(claimable_at).limit(1)
    return (await connection.execute(statement)).scalar_one_or_none()


def _is(key: Key) -> ColumnElement[bool]:
    campaign_id, contact_id = key
    return (EnrollmentRow.campaign_id == campaign_id) & (EnrollmentRow.contact_id == contact_id)
