"""Keep the approval questions. Each is about one exact message and is answered once."""

from datetime import datetime

from sqlalchemy import ColumnElement, ForeignKey, Index, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from agentic_sales.contracts import ApprovalId, CampaignId, ContactId, TouchId
from agentic_sales.store.campaigns import EnrollmentRow
from agentic_sales.store.columns import Table
from agentic_sales.store.statements import columns, every, first, insert_new, narrowed
from agentic_sales.store.touches import WAITING, TouchRow

REPLACED = ("edited", "outdated")
"""States of questions that count no more, because another question takes their place."""


class ApprovalRow(Table):
    """One question to a person."""

    __tablename__ = "approvals"
    __table_args__ = (
        Index(None, "state", "expires_at"),
        Index(None, "touch_id"),
        Index(None, "decided_by", "decided_at"),
    )

    approval_id: Mapped[str] = mapped_column(primary_key=True)
    """Digest of the touch and of the exact message. The same message is asked about once."""
    touch_id: Mapped[str] = mapped_column(ForeignKey("touches.touch_id", ondelete="CASCADE"))
    """The touch."""
    digest: Mapped[str]
    """Digest of the exact message and recipient."""
    state: Mapped[str] = mapped_column(default="pending")
    """`pending`, `approved`, `rejected`, `edited` (another question took its place), `expired` or `outdated`.

    An outdated one counts for nothing, because what its message was written from has changed since.
    """
    decided_by: Mapped[str | None] = mapped_column(default=None)
    """Person that answered."""
    decided_at: Mapped[datetime | None] = mapped_column(default=None)
    """Time of the answer."""
    note: Mapped[str] = mapped_column(default="")
    """Note of the answer."""
    expires_at: Mapped[datetime]
    """End of the time for an answer."""
    created_at: Mapped[datetime]
    """Time of the question."""


async def ask(
    connection: AsyncConnection,
    approval_id: ApprovalId,
    *,
    touch_id: TouchId,
    digest: str,
    expires_at: datetime,
    now: datetime,
) -> bool:
    """Write a new question. False if there is or was a question about this message."""
    row = {"approval_id": approval_id, "touch_id": touch_id, "digest": digest}
    return await insert_new(connection, ApprovalRow, {**row, "expires_at": expires_at, "created_at": now})


async def approval(connection: AsyncConnection, approval_id: ApprovalId) -> ApprovalRow | None:
    """Return a question or None."""
    return await first(connection, ApprovalRow, select(ApprovalRow).where(ApprovalRow.approval_id == approval_id))


async def approvals(
    connection: AsyncConnection,
    *,
    state: str | None = "pending",
    campaign_id: CampaignId | None = None,
    limit: int = 100,
    offset: int = 0,
) -> list[ApprovalRow]:
    """Return questions, the oldest first.

    The message of a `pending` one still waits. The other arguments narrow the list.
    """
    statement = select(ApprovalRow).order_by(ApprovalRow.created_at, ApprovalRow.approval_id)
    statement = narrowed(statement, {ApprovalRow.state: state})
    if state == "pending":
        statement = statement.where(_waits())
    if campaign_id is not None:
        of_it = select(TouchRow.touch_id).where(TouchRow.campaign_id == campaign_id)
        statement = statement.where(ApprovalRow.touch_id.in_(of_it))
    return await every(connection, ApprovalRow, statement.limit(limit).offset(offset))


async def pending_count(connection: AsyncConnection, *, now: datetime) -> int:
    """Count the questions that can still be answered."""
    statement = select(func.count()).where(ApprovalRow.state == "pending", ApprovalRow.expires_at > now, _waits())
    return (await connection.execute(statement)).scalar_one()


def _waits() -> ColumnElement[bool]:
    """Test that the message still waits. A person that was stopped since then has no question to approve."""
    return exists().where(TouchRow.touch_id == ApprovalRow.touch_id, TouchRow.state.in_(WAITING))


async def approvals_of(connection: AsyncConnection, touch_id: TouchId) -> list[ApprovalRow]:
    """Return every question about a touch, the oldest first. An edited question stands before its replacement."""
    order = ApprovalRow.created_at, ApprovalRow.state != "edited", ApprovalRow.approval_id
    return await every(
        connection, ApprovalRow, select(ApprovalRow).where(ApprovalRow.touch_id == touch_id).order_by(*order)
    )


async def was_edited(connection: AsyncConnection, touch_id: TouchId) -> bool:
    """Tell whether a person edited the message of a touch."""
    statement = select(ApprovalRow.approval_id).where(ApprovalRow.touch_id == touch_id, ApprovalRow.state == "edited")
    return (await connection.execute(statement.limit(1))).first() is not None


async def unanswered_of_parked(
    connection: AsyncConnection, campaign_id: CampaignId, contact_id: ContactId | None, *, now: datetime
) -> list[ApprovalRow]:
    """Return expired questions about the present messages of a campaign's parked people. One contact narrows them."""
    statement = (
        select(ApprovalRow)
        .join(TouchRow, (TouchRow.touch_id == ApprovalRow.touch_id) & (TouchRow.digest == ApprovalRow.digest))
        .join(
            EnrollmentRow,
            (EnrollmentRow.campaign_id == TouchRow.campaign_id)
            & (EnrollmentRow.contact_id == TouchRow.contact_id)
            & (EnrollmentRow.step == TouchRow.step),
        )
        .where(EnrollmentRow.campaign_id == campaign_id, EnrollmentRow.state == "parked")
        .where(TouchRow.state.in_(WAITING), TouchRow.answers.is_(None))
        .where(ApprovalRow.state.in_(("pending", "expired")), ApprovalRow.expires_at <= now)
    )
    if contact_id is not None:
        statement = statement.where(EnrollmentRow.contact_id == contact_id)
    return await every(connection, ApprovalRow, statement)


async def decide(
    connection: AsyncConnection,
    approval_id: ApprovalId,
    state: str,
    *,
    digest: str,
    by: str,
    note: str,
    now: datetime,
) -> ApprovalRow | None:
    """Answer a question. None without any change if it was answered, has expired or is about another message."""
    statement = (
        update(ApprovalRow)
        .where(ApprovalRow.approval_id == approval_id, ApprovalRow.digest == digest)
        .where(ApprovalRow.state == "pending", ApprovalRow.expires_at > now)
        .values(state=state, decided_by=by, decided_at=now, note=note)
        .returning(*columns(ApprovalRow))
    )
    return await first(connection, ApprovalRow, statement)


async def expire_approvals(connection: AsyncConnection, *, now: datetime) -> list[ApprovalRow]:
    """Close the questions that nobody answered in time, and return them."""
    statement = (
        update(ApprovalRow)
        .where(ApprovalRow.state == "pending", ApprovalRow.expires_at <= now)
        .values(state="expired", decided_at=now)
        .returning(*columns(ApprovalRow))
    )
    return await every(connection, ApprovalRow, statement)


async def outdate(connection: AsyncConnection, touch_id: TouchId) -> int:
    """Withdraw every open or approved question about a touch. Return their number."""
    withdrawn = update(ApprovalRow).where(
        ApprovalRow.touch_id == touch_id, ApprovalRow.state.in_(("pending", "approved", "expired"))
    )
    return (await connection.execute(withdrawn.values(state="outdated"))).rowcount


async def outdated_of(connection: AsyncConnection, touch_id: TouchId) -> list[str]:
    """Return the ids of the withdrawn questions about a touch."""
    statement = select(ApprovalRow.approval_id).where(ApprovalRow.touch_id == touch_id, ApprovalRow.state == "outdated")
    return list((await connection.execute(statement.order_by(ApprovalRow.approval_id))).scalars())


async def approved_since(connection: AsyncConnection, by: str, *, since: datetime) -> int:
    """Count the messages that a person has approved from a moment on, also if the word was withdrawn since."""
    mine = (ApprovalRow.decided_by == by, ApprovalRow.decided_at >= since)
    agreed = ApprovalRow.state.in_(("approved", "outdated"))
    return (await connection.execute(select(func.count()).where(*mine, agreed))).scalar_one()


async def is_approved(connection: AsyncConnection, touch_id: TouchId, digest: str) -> bool:
    """Tell whether a person approved exactly this message."""
    statement = select(ApprovalRow.approval_id).where(
        ApprovalRow.touch_id == touch_id, ApprovalRow.digest == digest, ApprovalRow.state == "approved"
    )
    return (await connection.execute(statement)).first() is not None
