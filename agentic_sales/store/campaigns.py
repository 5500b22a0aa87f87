"""Keep campaigns and their enrollments."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Index, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from agentic_sales.contracts import CampaignId, ContactId, StopReason
from agentic_sales.store.columns import JSON_OBJECT, Table
from agentic_sales.store.statements import columns, every, first, insert_many, insert_new, narrowed

RUNNING = "running"
ACTIVE = "active"


class CampaignRow(Table):
    """One campaign."""

    __tablename__ = "campaigns"
    __table_args__ = (Index(None, "state"),)

    campaign_id: Mapped[str] = mapped_column(primary_key=True)
    """Its maker's id of letters, digits, `_` and `-`."""
    name: Mapped[str]
    """Name for people."""
    state: Mapped[str] = mapped_column(default="draft")
    """`draft`, `running`, `paused`, `stopped` or `finished`."""
    reason: Mapped[str] = mapped_column(default="")
    """Reason for the state in words for people. Empty if a person set the state."""
    plan: Mapped[dict[str, Any]]
    """A `campaigns.plan.CampaignPlan` as JSON with steps, window, mailboxes and approval."""
    plan_version: Mapped[int] = mapped_column(default=1, server_default="1")
    """Number of this plan, from 1. The plans before it are in `earlier_plans`."""
    created_at: Mapped[datetime]
    """When it was made."""
    updated_at: Mapped[datetime]
    """When the row changed last."""


class EnrollmentRow(Table):
    """One person in one campaign."""

    __tablename__ = "enrollments"
    __table_args__ = (
        Index(None, "state", "wake_at"),
        Index(None, "campaign_id", "state"),
        Index(None, "contact_id"),
        Index(None, "wake_at"),
        Index(None, "lease_until_at"),
    )

    campaign_id: Mapped[str] = mapped_column(ForeignKey("campaigns.campaign_id", ondelete="CASCADE"), primary_key=True)
    """The campaign."""
    contact_id: Mapped[str] = mapped_column(ForeignKey("contacts.contact_id", ondelete="CASCADE"), primary_key=True)
    """The person."""
    state: Mapped[str] = mapped_column(default=ACTIVE)
    """`active`, `finished`, `stopped` or `parked`. A person must look at a parked one."""
    reason: Mapped[str] = mapped_column(default="")
    """Reason for its end or for parking it."""
    plan_version: Mapped[int] = mapped_column(default=1, server_default="1")
    """Version of the campaign's plan that the person goes by."""
    step: Mapped[int] = mapped_column(default=0)
    """Next step, from 0."""
    wake_at: Mapped[datetime | None] = mapped_column(default=None)
    """Time of the next visit. None means never, or that a visit is under way."""
    not_before_at: Mapped[datetime | None] = mapped_column(default=None)
    """The next message is not due before this moment, because the person is away. None if nothing is known."""
    lease_until_at: Mapped[datetime | None] = mapped_column(default=None)
    """End of the lease on its visit. None without a claim."""
    run_id: Mapped[str | None] = mapped_column(default=None)
    """Run that visits it, or None."""
    fruitless: Mapped[int] = mapped_column(default=0, server_default="0")
    """Visits in a row without a result. Too many of them park it."""
    wakes: Mapped[int] = mapped_column(default=0, server_default="0")
    """Number of wakes. A visit must not put an enrollment to sleep that was woken meanwhile."""
    trace: Mapped[dict[str, Any] | None] = mapped_column(JSON_OBJECT, default=None)
    """Headers of the trace that its visits belong to. None: each visit begins one."""
    created_at: Mapped[datetime]
    """When the person was enrolled."""
    updated_at: Mapped[datetime]
    """When the row changed last."""


def woken(now: datetime) -> dict[str, Any]:
    """Return the columns that wake an enrollment."""
    return {"wake_at": now, "wakes": EnrollmentRow.wakes + 1, "updated_at": now}


async def add_campaign(
    connection: AsyncConnection, campaign_id: CampaignId, *, name: str, plan: Mapping[str, Any], now: datetime
) -> bool:
    """Write a new campaign as a draft. False if the id is taken."""
    row = {"campaign_id": campaign_id, "name": name, "plan": dict(plan)}
    return await insert_new(connection, CampaignRow, {**row, "created_at": now, "updated_at": now})


async def campaign(connection: AsyncConnection, campaign_id: CampaignId) -> CampaignRow | None:
    """Return a campaign or None."""
    return await first(connection, CampaignRow, select(CampaignRow).where(CampaignRow.campaign_id == campaign_id))


async def locked_campaign(connection: AsyncConnection, campaign_id: CampaignId) -> CampaignRow | None:
    """Return a campaign or None. Nobody can move, finish or send for it until this transaction ends."""
    statement = select(CampaignRow).where(CampaignRow.campaign_id == campaign_id).with_for_update(key_share=True)
    return await first(connection, CampaignRow, statement)


async def campaigns(
    connection: AsyncConnection, *, state: str | None = None, limit: int = 100, offset: int = 0
) -> list[CampaignRow]:
    """Return campaigns, the newest first. `state` keeps those in that state."""
    statement = select(CampaignRow).order_by(CampaignRow.created_at.desc(), CampaignRow.campaign_id)
    statement = narrowed(statement, {CampaignRow.state: state})
    return await every(connection, CampaignRow, statement.limit(limit).offset(offset))


async def move_campaign(
    connection: AsyncConnection,
    campaign_id: CampaignId,
    *,
    expected: Collection[str],
    to: str,
    now: datetime,
    reason: str = "",
) -> CampaignRow | None:
    """Move a campaign to another state. None without any change if it is in no expected state."""
    statement = (
        update(CampaignRow)
        .where(CampaignRow.campaign_id == campaign_id, CampaignRow.state.in_(expected))
        .values(state=to, reason=reason, updated_at=now)
        .returning(*columns(CampaignRow))
    )
    return await first(connection, CampaignRow, statement)


async def replace_plan(
    connection: AsyncConnection, campaign_id: CampaignId, plan: Mapping[str, Any], *, version: int
) -> None:
    """Give a campaign a new version of its plan.

    Its `updated_at` stays. The guardrail counts from there.
    """
    changed = update(CampaignRow).where(CampaignRow.campaign_id == campaign_id)
    await connection.execute(changed.values(plan=dict(plan), plan_version=version))


async def finish_campaigns(connection: AsyncConnection, *, now: datetime) -> list[CampaignId]:
    """Finish every running campaign with enrollments that have all ended. Return the campaigns."""
    joined = select(EnrollmentRow.contact_id).where(EnrollmentRow.campaign_id == CampaignRow.campaign_id)
    on_the_way = joined.where(EnrollmentRow.state.in_((ACTIVE, "parked")))
    is_through = (CampaignRow.state == RUNNING, joined.exists(), ~on_the_way.exists())
    # An enrollment that begins meanwhile holds the campaign. Only a statement after the wait for it sees the
    # enrollment.
    held = select(CampaignRow.campaign_id).where(*is_through).with_for_update(key_share=True)
    candidates = (await connection.execute(held)).scalars().all()
    if not candidates:
        return []
    statement = (
        update(CampaignRow)
        .where(CampaignRow.campaign_id.in_(candidates), *is_through)
        .values(state="finished", updated_at=now)
        .returning(CampaignRow.campaign_id)
    )
    return [CampaignId(found) for found in (await connection.execute(statement)).scalars()]


async def enroll(
    connection: AsyncConnection,
    campaign_id: CampaignId,
    contact_id: ContactId,
    *,
    wake_at: datetime | None,
    now: datetime,
) -> bool:
    """Enroll a person for a visit at a moment. None waits for a wake. False if the person is enrolled already."""
    row: dict[str, Any] = {"campaign_id": campaign_id, "contact_id": contact_id, "wake_at": wake_at}
    row["plan_version"] = await _version(connection, campaign_id)
    return await insert_new(connection, EnrollmentRow, {**row, "created_at": now, "updated_at": now})


async def enroll_many(
    connection: AsyncConnection,
    campaign_id: CampaignId,
    people: Iterable[ContactId],
    *,
    wake_at: datetime | None,
    now: datetime,
    trace: Mapping[str, str] | None = None,
) -> int:
    """Enroll people, with the trace of their visits. Return the number of people that were never enrolled before."""
    times = {"wake_at": wake_at, "created_at": now, "updated_at": now}
    of = {"campaign_id": campaign_id, "plan_version": await _version(connection, campaign_id), "trace": trace}
    same: dict[str, Any] = {**of, **times}
    rows = [{"contact_id": contact_id, **same} for contact_id in sorted(set(people))]
    return len(await insert_many(connection, EnrollmentRow, rows))


async def _version(connection: AsyncConnection, campaign_id: CampaignId) -> int:
    """Return the version of a campaign's present plan. A missing campaign is found by the foreign key."""
    statement = select(CampaignRow.plan_version).where(CampaignRow.campaign_id == campaign_id)
    return (await connection.execute(statement)).scalar_one_or_none() or 1


async def enrollment(
    connection: AsyncConnection, campaign_id: CampaignId, contact_id: ContactId
) -> EnrollmentRow | None:
    """Return a person's enrollment in a campaign, or None."""
    statement = select(EnrollmentRow).where(
        EnrollmentRow.campaign_id == campaign_id, EnrollmentRow.contact_id == contact_id
    )
    return await first(connection, EnrollmentRow, statement)


async def change_enrollment(
    connection: AsyncConnection,
    campaign_id: CampaignId,
    contact_id: ContactId,
    values: Mapping[str, Any],
    *,
    now: datetime,
    expected_step: int | None = None,
) -> EnrollmentRow | None:
    """Change columns of an active enrollment. None if it is not active or not at the expected step."""
    statement = update(EnrollmentRow).where(
        EnrollmentRow.campaign_id == campaign_id, EnrollmentRow.contact_id == contact_id, EnrollmentRow.state == ACTIVE
    )
    if expected_step is not None:
        statement = statement.where(EnrollmentRow.step == expected_step)
    changed = statement.values(updated_at=now, **values).returning(*columns(EnrollmentRow))
    return await first(connection, EnrollmentRow, changed)


async def place_enrollment(
    connection: AsyncConnection, found: EnrollmentRow, values: Mapping[str, Any], *, is_visited: bool, now: datetime
) -> None:
    """Let a person go on at a place, in any state of the enrollment. `is_visited` plans a visit at once."""
    going_on = {"state": ACTIVE, "reason": "", "fruitless": 0, **woken(now), **values}
    if not is_visited:
        going_on["wake_at"] = None
    mine = (EnrollmentRow.campaign_id == found.campaign_id) & (EnrollmentRow.contact_id == found.contact_id)
    await connection.execute(update(EnrollmentRow).where(mine).values(**going_on))


async def go_on(connection: AsyncConnection, campaign_id: CampaignId, contact_id: ContactId, *, now: datetime) -> bool:
    """Let a parked enrollment go on now, or one that a visit may be about to park. False if it has ended."""
    mine = (EnrollmentRow.campaign_id == campaign_id) & (EnrollmentRow.contact_id == contact_id)
    return await _go_on(connection, mine & EnrollmentRow.state.in_((ACTIVE, "parked")), now) == 1


async def unpark(
    connection: AsyncConnection, campaign_id: CampaignId, contact_id: ContactId | None, *, now: datetime
) -> int:
    """Let one parked enrollment go on now, or all of the campaign. Return their number."""
    parked = (EnrollmentRow.campaign_id == campaign_id) & (EnrollmentRow.state == "parked")
    return await _go_on(
        connection, parked if contact_id is None else parked & (EnrollmentRow.contact_id == contact_id), now
    )


async def _go_on(connection: AsyncConnection, which: ColumnElement[bool], now: datetime) -> int:
    going_on = {"state": ACTIVE, "reason": "", "fruitless": 0, **woken(now)}
    return (await connection.execute(update(EnrollmentRow).where(which).values(**going_on))).rowcount


async def enrollments(
    connection: AsyncConnection, campaign_id: CampaignId, *, state: str | None = None, limit: int = 100, offset: int = 0
) -> list[EnrollmentRow]:
    """Return a campaign's enrollments in the order of joining. `state` keeps those in that state."""
    statement = select(EnrollmentRow).order_by(EnrollmentRow.created_at, EnrollmentRow.contact_id)
    statement = narrowed(statement, {EnrollmentRow.campaign_id: campaign_id, EnrollmentRow.state: state})
    return await every(connection, EnrollmentRow, statement.limit(limit).offset(offset))


async def coming_enrollments(
    connection: AsyncConnection, campaign_id: CampaignId, *, limit: int, offset: int = 0
) -> list[EnrollmentRow]:
    """Return a campaign's active enrollments by their next visits. Those that wait for a wake come last."""
    statement = select(EnrollmentRow).where(EnrollmentRow.campaign_id == campaign_id, EnrollmentRow.state == ACTIVE)
    order = EnrollmentRow.wake_at.is_(None), EnrollmentRow.wake_at, EnrollmentRow.contact_id
    return await every(connection, EnrollmentRow, statement.order_by(*order).limit(limit).offset(offset))


async def enrollment_counts(connection: AsyncConnection, campaign_id: CampaignId) -> dict[tuple[str, str], int]:
    """Count a campaign's enrollments by state and reason."""
    statement = (
        select(EnrollmentRow.state, EnrollmentRow.reason, func.count())
        .where(EnrollmentRow.campaign_id == campaign_id)
        .group_by(EnrollmentRow.state, EnrollmentRow.reason)
    )
    return {(state, reason): count for state, reason, count in await connection.execute(statement)}


async def stopped_since(
    connection: AsyncConnection, contact_id: ContactId, reasons: Collection[str], *, since: datetime
) -> list[EnrollmentRow]:
    """Return a person's enrollments that were stopped for one of these reasons since a moment."""
    statement = select(EnrollmentRow).where(EnrollmentRow.contact_id == contact_id, EnrollmentRow.state == "stopped")
    statement = statement.where(EnrollmentRow.reason.in_(reasons), EnrollmentRow.updated_at >= since)
    return await every(connection, EnrollmentRow, statement.order_by(EnrollmentRow.campaign_id))


async def stop_enrollments(
    connection: AsyncConnection, contact_id: ContactId, reason: StopReason, *, now: datetime
) -> list[CampaignId]:
    """Stop a person's enrollments in every campaign. One last visit ends their threads. Return the campaigns."""
    statement = (
        update(EnrollmentRow)
        .where(EnrollmentRow.contact_id == contact_id, EnrollmentRow.state.in_((ACTIVE, "parked")))
        .values(state="stopped", reason=reason, **woken(now))
        .returning(EnrollmentRow.campaign_id)
    )
    return [CampaignId(found) for found in (await connection.execute(statement)).scalars()]
