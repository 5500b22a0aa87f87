"""Keep the rounds of flows and the plans by which new rounds begin.

A visit to a round is claimed under a lease, as a visit to an enrollment is. Of many workers only one takes it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from agentic_sales.contracts import CampaignId, ContactId
from agentic_sales.store.campaigns import ACTIVE, EnrollmentRow
from agentic_sales.store.columns import JSON_OBJECT, Table
from agentic_sales.store.statements import columns, every, first, insert_new, narrowed

RUNNING, PAUSED, FINISHED, FAILED = "running", "paused", "finished", "failed"
OWN_CAMPAIGN = "flow"
"""First part of the ids of campaigns that flows make for themselves. A `-` follows."""


class FlowRoundRow(Table):
    """One round of a flow: one discovery and the outcomes of its leads."""

    __tablename__ = "flow_rounds"
    __table_args__ = (Index(None, "flow_id", "created_at"), Index(None, "wake_at"))

    round_id: Mapped[str] = mapped_column(primary_key=True)
    """Its id, such as `open_source-20260301T0600`."""
    flow_id: Mapped[str]
    """The flow."""
    state: Mapped[str]
    """`running`, `paused`, `finished` or `failed`."""
    reason: Mapped[str] = mapped_column(default="")
    """Why it is in that state, for people."""
    given: Mapped[dict[str, Any]] = mapped_column(JSON_OBJECT)
    """Parts of the input of the discovery that replace the flow's own. `$arms` holds the arms that were dealt."""
    most_leads: Mapped[int]
    """Most leads."""
    budget_usd: Mapped[float]
    """Most that its runs may cost in USD."""
    spent_usd: Mapped[float] = mapped_column(default=0.0)
    """Cost of its ended runs in USD."""
    is_dry: Mapped[bool] = mapped_column(default=False)
    """True: the book stays as it is, and nobody is enrolled."""
    campaign_id: Mapped[str | None] = mapped_column(ForeignKey("campaigns.campaign_id", ondelete="SET NULL"))
    """Campaign that the people join, or None."""
    promoted_by: Mapped[str] = mapped_column(default="")
    """Person that lets it make contacts of people. Empty: nobody does, and each person is promoted by hand."""
    trace: Mapped[dict[str, Any]] = mapped_column(JSON_OBJECT)
    """Headers of the trace that its runs belong to."""
    discovery_run_id: Mapped[str | None] = mapped_column(default=None)
    """Run that discovers, or None."""
    tries: Mapped[int] = mapped_column(default=0)
    """Discoveries that failed."""
    found: Mapped[int | None] = mapped_column(default=None)
    """Leads that the discovery found, known ones among them. None before its end."""
    wake_at: Mapped[datetime | None] = mapped_column(default=None)
    """Time of the next visit, or None."""
    lease_until_at: Mapped[datetime | None] = mapped_column(default=None)
    """End of the lease on its visit. None without a claim."""
    run_id: Mapped[str | None] = mapped_column(default=None)
    """Run that visits it, or None."""
    fruitless: Mapped[int] = mapped_column(default=0)
    """Visits in a row that failed."""
    created_at: Mapped[datetime]
    """When it began."""
    updated_at: Mapped[datetime]
    """When the row changed last."""


class FlowPlanRow(Table):
    """When new rounds of a flow begin, and how."""

    __tablename__ = "flow_plans"

    flow_id: Mapped[str] = mapped_column(primary_key=True)
    """The flow."""
    cron: Mapped[str]
    """Five fields of cron: minute, hour, day of the month, month, day of the week."""
    time_zone: Mapped[str]
    """IANA zone of these fields."""
    missed: Mapped[str]
    """`once`: slots that were missed are made up for by one round. `skip`: they are left out."""
    request: Mapped[dict[str, Any]] = mapped_column(JSON_OBJECT)
    """Settings of the rounds, as `flows run` takes them."""
    is_paused: Mapped[bool] = mapped_column(default=False)
    """True: no round begins."""
    next_at: Mapped[datetime]
    """The next slot."""
    updated_at: Mapped[datetime]
    """When the row changed last."""


async def add_round(connection: AsyncConnection, values: Mapping[str, Any], *, now: datetime) -> bool:
    """Write a new round that is due now. False if the id is taken."""
    row = {"state": RUNNING, "wake_at": now, "created_at": now, "updated_at": now}
    return await insert_new(connection, FlowRoundRow, {**row, **values})


async def flow_round(connection: AsyncConnection, round_id: str) -> FlowRoundRow | None:
    """Return a round or None."""
    return await first(connection, FlowRoundRow, select(FlowRoundRow).where(FlowRoundRow.round_id == round_id))


async def locked_round(connection: AsyncConnection, round_id: str) -> FlowRoundRow | None:
    """Return a round or None. Nobody can pause or resume it until this transaction ends."""
    statement = select(FlowRoundRow).where(FlowRoundRow.round_id == round_id).with_for_update()
    return await first(connection, FlowRoundRow, statement)


async def flow_rounds(
    connection: AsyncConnection,
    *,
    flow_id: str | None = None,
    state: str | None = None,
    limit: int = 100,
    offset: int = 0,
) -> list[FlowRoundRow]:
    """Return rounds, the newest first."""
    statement = select(FlowRoundRow).order_by(FlowRoundRow.created_at.desc(), FlowRoundRow.round_id.desc())
    statement = narrowed(statement, {FlowRoundRow.flow_id: flow_id, FlowRoundRow.state: state})
    return await every(connection, FlowRoundRow, statement.limit(limit).offset(offset))


async def claim_due_rounds(
    connection: AsyncConnection, *, now: datetime, lease_until_at: datetime, limit: int
) -> list[FlowRoundRow]:
    """Claim due rounds, the longest waiting first."""
    due = (
        select(FlowRoundRow.round_id)
        .where(FlowRoundRow.wake_at <= now)
        .where(or_(FlowRoundRow.lease_until_at.is_(None), FlowRoundRow.lease_until_at <= now))
        .order_by(FlowRoundRow.wake_at, FlowRoundRow.round_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = (await connection.execute(due)).scalars().all()
    claimed = update(FlowRoundRow).where(FlowRoundRow.round_id.in_(ids)).values(lease_until_at=lease_until_at)
    rows = await every(connection, FlowRoundRow, claimed.returning(*columns(FlowRoundRow))) if ids else []
    return sorted(rows, key=lambda row: (row.wake_at or now, row.round_id))


async def note_round_run(connection: AsyncConnection, round_id: str, run_id: str) -> None:
    """Write the run of a visit."""
    await connection.execute(update(FlowRoundRow).where(FlowRoundRow.round_id == round_id).values(run_id=run_id))


async def taken_rounds(connection: AsyncConnection) -> list[FlowRoundRow]:
    """Return the rounds that runs visit."""
    statement = select(FlowRoundRow).where(FlowRoundRow.run_id.is_not(None), FlowRoundRow.lease_until_at.is_not(None))
    return await every(connection, FlowRoundRow, statement.order_by(FlowRoundRow.round_id))


async def end_round_visit(
    connection: AsyncConnection, round_id: str, values: Mapping[str, Any], *, run_id: str | None = None
) -> FlowRoundRow | None:
    """End a visit and write its changes. None if another run visits the round by now.

    Args:
        connection: Connection of a writing transaction.
        round_id: The round.
        values: Columns of `FlowRoundRow`.
        run_id: The visit must be this run's. None allows any.
    """
    statement = update(FlowRoundRow).where(FlowRoundRow.round_id == round_id)
    if run_id is not None:
        statement = statement.where(FlowRoundRow.run_id == run_id)
    ended = statement.values({"lease_until_at": None, "run_id": None, **values}).returning(*columns(FlowRoundRow))
    return await first(connection, FlowRoundRow, ended)


async def change_round(
    connection: AsyncConnection,
    round_id: str,
    values: Mapping[str, Any],
    *,
    now: datetime,
    states: Collection[str] = (),
) -> FlowRoundRow | None:
    """Change columns of a round. None if it is in none of the states. No states allow any."""
    statement = update(FlowRoundRow).where(FlowRoundRow.round_id == round_id)
    if states:
        statement = statement.where(FlowRoundRow.state.in_(states))
    changed = statement.values({"updated_at": now, **values}).returning(*columns(FlowRoundRow))
    return await first(connection, FlowRoundRow, changed)


async def end_discovery(
    connection: AsyncConnection, round_id: str, run_id: str, values: Mapping[str, Any], *, now: datetime
) -> bool:
    """Write the end of a discovery. False if another process has written it."""
    mine = FlowRoundRow.round_id == round_id, FlowRoundRow.discovery_run_id == run_id
    statement = update(FlowRoundRow).where(*mine).values({"discovery_run_id": None, "updated_at": now, **values})
    return (await connection.execute(statement)).rowcount == 1


async def spend(connection: AsyncConnection, round_id: str, usd: float) -> None:
    """Add to the cost of a round."""
    added = update(FlowRoundRow).where(FlowRoundRow.round_id == round_id)
    await connection.execute(added.values(spent_usd=FlowRoundRow.spent_usd + usd))


async def round_states(connection: AsyncConnection) -> dict[tuple[str, str], int]:
    """Count the rounds by flow and state."""
    statement = select(FlowRoundRow.flow_id, FlowRoundRow.state, func.count()).group_by(
        FlowRoundRow.flow_id, FlowRoundRow.state
    )
    return {(flow_id, state): int(count) for flow_id, state, count in await connection.execute(statement)}


async def flow_plan(connection: AsyncConnection, flow_id: str) -> FlowPlanRow | None:
    """Return the plan of a flow or None."""
    return await first(connection, FlowPlanRow, select(FlowPlanRow).where(FlowPlanRow.flow_id == flow_id))


async def flow_plans(connection: AsyncConnection) -> list[FlowPlanRow]:
    """Return every plan."""
    return await every(connection, FlowPlanRow, select(FlowPlanRow).order_by(FlowPlanRow.flow_id))


async def due_plans(connection: AsyncConnection, *, now: datetime) -> list[FlowPlanRow]:
    """Return the plans with a slot that has come. Nobody else gets them before the end of this transaction."""
    due = FlowPlanRow.next_at <= now, FlowPlanRow.is_paused.is_(False)
    statement = select(FlowPlanRow).where(*due).order_by(FlowPlanRow.flow_id).with_for_update(skip_locked=True)
    return await every(connection, FlowPlanRow, statement)


async def save_plan(connection: AsyncConnection, values: Mapping[str, Any], *, now: datetime) -> None:
    """Write the plan of a flow in the place of the one before."""
    row = {**values, "updated_at": now}
    if not await insert_new(connection, FlowPlanRow, row):
        mine = FlowPlanRow.flow_id == values["flow_id"]
        await connection.execute(update(FlowPlanRow).where(mine).values(row))


async def change_plan(connection: AsyncConnection, flow_id: str, values: Mapping[str, Any], *, now: datetime) -> bool:
    """Change columns of a plan. False if the flow has none."""
    statement = update(FlowPlanRow).where(FlowPlanRow.flow_id == flow_id).values({"updated_at": now, **values})
    return (await connection.execute(statement)).rowcount == 1


def is_own_campaign(campaign_id: str) -> bool:
    """Tell whether a flow made a campaign for itself."""
    return campaign_id.startswith(f"{OWN_CAMPAIGN}-")


async def flow_campaign_of(
    connection: AsyncConnection, contact_id: ContactId, *, besides: CampaignId
) -> CampaignId | None:
    """Return a campaign of a flow in which a person is under way. None: the person is in none besides the given one."""
    of_rounds = select(FlowRoundRow.campaign_id).where(FlowRoundRow.campaign_id.is_not(None))
    statement = select(EnrollmentRow.campaign_id).where(
        EnrollmentRow.contact_id == contact_id,
        EnrollmentRow.campaign_id != besides,
        EnrollmentRow.state.in_((ACTIVE, "parked")),
        or_(
            EnrollmentRow.campaign_id.startswith(f"{OWN_CAMPAIGN}-", autoescape=True),
            EnrollmentRow.campaign_id.in_(of_rounds),
        ),
    )
    found = (await connection.execute(statement.order_by(EnrollmentRow.created_at).limit(1))).scalar_one_or_none()
    return CampaignId(found) if found else None
