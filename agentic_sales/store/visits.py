"""Keep visits to enrollments with their leases and ends.

A visit is claimed under a lease. Of many workers only one takes it. A visit that nobody ended comes back after its
lease.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.contracts import CampaignId, ContactId, MailboxId
from agentic_sales.store.campaigns import ACTIVE, CampaignRow, EnrollmentRow, woken
from agentic_sales.store.contacts import ContactRow
from agentic_sales.store.statements import columns, every, first, first_joined
from agentic_sales.store.touches import WAITING, TouchRow

Key = tuple[CampaignId, ContactId]


def key_of(enrollment: EnrollmentRow) -> Key:
    """Return the key of an enrollment."""
    return CampaignId(enrollment.campaign_id), ContactId(enrollment.contact_id)


async def visited(connection: AsyncConnection, key: Key) -> tuple[CampaignRow, ContactRow, EnrollmentRow] | None:
    """Return the campaign, the person and the enrollment of a visit. None if one of them is missing."""
    kinds = (CampaignRow, ContactRow, EnrollmentRow)
    statement = (
        select(*(kind.__table__ for kind in kinds))
        .join_from(EnrollmentRow.__table__, CampaignRow.__table__)
        .join(ContactRow.__table__, ContactRow.contact_id == EnrollmentRow.contact_id)
        .where(_is(key))
    )
    return await first_joined(connection, kinds, statement)


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
