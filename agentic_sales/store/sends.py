"""Read the rows by which the send door decides on a touch."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from agentic_sales.contracts import ContactId, MailboxId, TouchId
from agentic_sales.store.approvals import ApprovalRow
from agentic_sales.store.campaigns import CampaignRow, EnrollmentRow
from agentic_sales.store.companies import CompanyRow
from agentic_sales.store.contacts import ContactRow
from agentic_sales.store.mailboxes import MailboxRow
from agentic_sales.store.statements import every_joined, first
from agentic_sales.store.touches import TouchRow


@dataclass(frozen=True, slots=True)
class RowsOfTouch:
    """The rows of one touch, as one statement read them."""

    touch: TouchRow
    """The touch."""
    person: ContactRow
    """Its recipient."""
    enrollment: EnrollmentRow | None
    """The recipient's enrollment in the campaign. None: there is none."""
    employer: CompanyRow | None
    """The recipient's employer. None: it is not known."""
    is_approved: bool
    """Whether somebody approved exactly this message."""
    taken: int
    """Messages that count against the mailbox's cap of the day."""


async def sender_of(connection: AsyncConnection, touch_id: TouchId, *, is_locked: bool) -> MailboxRow | None:
    """Return the mailbox of a touch. None: there is no such touch.

    A locked one gives a turn to no other transaction until this one ends.
    """
    of_it = select(TouchRow.mailbox_id).where(TouchRow.touch_id == touch_id).scalar_subquery()
    statement = select(MailboxRow).where(MailboxRow.mailbox_id == of_it)
    # The lock spares the key. Messages that refer to the mailbox can be written meanwhile.
    return await first(connection, MailboxRow, statement.with_for_update(key_share=True) if is_locked else statement)


async def campaign_of(connection: AsyncConnection, touch_id: TouchId, *, is_held: bool) -> CampaignRow | None:
    """Return the campaign of a touch. None: there is no such touch.

    Nobody can pause or stop a held one until this transaction ends.
    """
    of_it = select(TouchRow.campaign_id).where(TouchRow.touch_id == touch_id).scalar_subquery()
    statement = select(CampaignRow).where(CampaignRow.campaign_id == of_it)
    return await first(connection, CampaignRow, statement.with_for_update(read=True) if is_held else statement)


async def rows_of(connection: AsyncConnection, touch_id: TouchId, *, slot_day: date) -> RowsOfTouch | None:
    """Return the other rows of a touch. None: there is no such touch.

    It is a statement of its own, after those that lock. A statement that waits for a lock shows the other rows as they
    were before it waited.

    Args:
        connection: Of the caller's transaction.
        touch_id: The touch.
        slot_day: The mailbox's day.
    """
    counted = aliased(TouchRow)
    in_campaign = EnrollmentRow.campaign_id == TouchRow.campaign_id
    agreed = (ApprovalRow.digest == TouchRow.digest) & (ApprovalRow.state == "approved")
    slots = select(func.count()).where(counted.mailbox_id == TouchRow.mailbox_id, counted.slot_day == slot_day)
    kinds = (TouchRow, ContactRow, EnrollmentRow, CompanyRow)
    statement = (
        select(
            *(kind.__table__ for kind in kinds),
            exists().where(ApprovalRow.touch_id == TouchRow.touch_id, agreed).label("is_approved"),
            slots.scalar_subquery().label("taken"),
        )
        .join_from(TouchRow.__table__, ContactRow.__table__, ContactRow.contact_id == TouchRow.contact_id)
        .outerjoin(EnrollmentRow.__table__, in_campaign & (EnrollmentRow.contact_id == TouchRow.contact_id))
        .outerjoin(CompanyRow.__table__, CompanyRow.company_id == ContactRow.company_id)
        .where(TouchRow.touch_id == touch_id)
    )
    found = await every_joined(connection, kinds, statement)
    return RowsOfTouch(*found[0]) if found else None


async def parties(
    connection: AsyncConnection, contact_id: ContactId, mailbox_id: MailboxId
) -> tuple[ContactRow | None, MailboxRow | None]:
    """Return the recipient and the sender of a message. None for each that is not known."""
    statement = (
        select(ContactRow.__table__, MailboxRow.__table__)
        .join_from(ContactRow.__table__, MailboxRow.__table__, MailboxRow.mailbox_id == mailbox_id, isouter=True)
        .where(ContactRow.contact_id == contact_id)
    )
    found = await every_joined(connection, (ContactRow, MailboxRow), statement)
    return (found[0][0], found[0][1]) if found else (None, None)
