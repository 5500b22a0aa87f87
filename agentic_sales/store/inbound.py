"""Keep replies, bounces, complaints and receipts. Each is stored once, however often it is delivered."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from agentic_sales.contracts import CampaignId, ContactId
from agentic_sales.store.columns import Table
from agentic_sales.store.contacts import ContactRow
from agentic_sales.store.statements import every, first, insert_new, narrowed
from agentic_sales.store.suppressions import SuppressionRow
from agentic_sales.store.touches import TouchRow

UNREADABLE = "unreadable"
"""Kind of an item that could not be read. Its text holds the reason and the raw item."""

MAYBE_UNSUBSCRIBE = "maybe_unsubscribe"
"""Class of a doubtful opt-out. Nothing more is sent, and a person is asked to read it: see `undecided_count`.

The person confirms it by `suppressions add`, or lifts the stop as after every reply.
"""


class InboundRow(Table):
    """One message or event that came in."""

    __tablename__ = "inbound_messages"
    __table_args__ = (Index(None, "contact_id", "received_at"), Index(None, "touch_id"), Index(None, "kind"))

    event_id: Mapped[str] = mapped_column(primary_key=True)
    """The provider's id of the event. A mail from a mailbox has its place there as id."""
    source: Mapped[str]
    """`resend`, or `imap:` and the mailbox."""
    kind: Mapped[str]
    """`reply`, `auto_reply`, `bounced`, `delayed`, `complained`, `unsubscribed`, `sent`, `delivered`, `failed`,
    `suppressed`, `other` or `unreadable`."""
    touch_id: Mapped[str | None] = mapped_column(ForeignKey("touches.touch_id", ondelete="CASCADE"))
    """Touch of the item, or None."""
    contact_id: Mapped[str | None] = mapped_column(ForeignKey("contacts.contact_id", ondelete="CASCADE"))
    """Person of the item, or None."""
    answer_to: Mapped[str] = mapped_column(default="", server_default="")
    """Address that wants the answer to a reply of a known thread. Empty if it is the person's own."""
    message_id: Mapped[str] = mapped_column(default="")
    """Its own `Message-ID`. Empty for an event and for a mail without one."""
    subject: Mapped[str] = mapped_column(default="")
    """Subject. Empty for an event."""
    text: Mapped[str] = mapped_column(default="")
    """Its text, or the diagnosis of a bounce."""
    reply_class: Mapped[str | None] = mapped_column(default=None)
    """Class by `classify_reply`, or None so far."""
    received_at: Mapped[datetime]
    """Time of arrival by its source's clock."""
    created_at: Mapped[datetime]
    """When it was stored."""


async def add_inbound(connection: AsyncConnection, event_id: str, values: Mapping[str, Any], *, now: datetime) -> bool:
    """Store an event. False if it was stored before."""
    return await insert_new(connection, InboundRow, {**values, "event_id": event_id, "created_at": now})


async def unreadable_count(connection: AsyncConnection) -> int:
    """Count the items that could not be read."""
    statement = select(func.count()).where(InboundRow.kind == UNREADABLE)
    return int((await connection.execute(statement)).scalar_one())


async def erase_unreadable(connection: AsyncConnection, email: str) -> int:
    """Erase unreadable items that hold an address. Return their number."""
    holds = func.lower(InboundRow.text).contains(email.lower(), autoescape=True)
    gone = await connection.execute(delete(InboundRow).where(InboundRow.kind == UNREADABLE, holds))
    return gone.rowcount


async def inbound(connection: AsyncConnection, event_id: str) -> InboundRow | None:
    """Return an event or None."""
    return await first(connection, InboundRow, select(InboundRow).where(InboundRow.event_id == event_id))


async def inbound_of(connection: AsyncConnection, contact_id: ContactId) -> list[InboundRow]:
    """Return a person's inbound items, the oldest first."""
    statement = select(InboundRow).where(InboundRow.contact_id == contact_id)
    order = InboundRow.received_at, InboundRow.created_at, InboundRow.event_id  # IMAP gives times in whole seconds.
    return await every(connection, InboundRow, statement.order_by(*order))


async def inbound_messages(
    connection: AsyncConnection,
    *,
    campaign_id: CampaignId | None = None,
    contact_id: ContactId | None = None,
    kind: str | None = None,
    reply_class: str | None = None,
    limit: int = 100,
    offset: int = 0,
) -> list[InboundRow]:
    """Return inbound items, the newest first. The arguments narrow them. A campaign keeps answers to its messages."""
    order = InboundRow.received_at.desc(), InboundRow.created_at.desc(), InboundRow.event_id
    statement = select(InboundRow).order_by(*order).limit(limit).offset(offset)
    if campaign_id is not None:
        of_it = select(TouchRow.touch_id).where(TouchRow.campaign_id == campaign_id)
        statement = statement.where(InboundRow.touch_id.in_(of_it))
    given = {InboundRow.contact_id: contact_id, InboundRow.kind: kind, InboundRow.reply_class: reply_class}
    return await every(connection, InboundRow, narrowed(statement, given))


async def undecided_count(connection: AsyncConnection, campaign_id: CampaignId) -> int:
    """Count the people with a possible opt-out in a campaign that nobody has decided on yet."""
    for_reason = {
        reason: select(SuppressionRow.reason)
        .where(SuppressionRow.email_hash == ContactRow.email_hash, SuppressionRow.reason == reason)
        .exists()
        for reason in ("replied", "unsubscribed")
    }
    statement = (
        select(func.count(InboundRow.contact_id.distinct()))
        .join(TouchRow, TouchRow.touch_id == InboundRow.touch_id)
        .join(ContactRow, ContactRow.contact_id == InboundRow.contact_id)
        .where(TouchRow.campaign_id == campaign_id, InboundRow.reply_class == MAYBE_UNSUBSCRIBE)
        .where(for_reason["replied"], ~for_reason["unsubscribed"])
    )
    return int((await connection.execute(statement)).scalar_one())


async def classify_inbound(connection: AsyncConnection, event_id: str, reply_class: str) -> bool:
    """Write the class of an unread reply. False if the reply is unknown, or a person has given it a class meanwhile."""
    unread = (InboundRow.event_id == event_id) & InboundRow.reply_class.is_(None)
    changed = update(InboundRow).where(unread).values(reply_class=reply_class)
    return (await connection.execute(changed)).rowcount == 1


async def correct_inbound(connection: AsyncConnection, event_id: str, reply_class: str, *, kind: str) -> None:
    """Write the class of an answer as a person gives it, and whether a person or a machine wrote the answer."""
    changed = update(InboundRow).where(InboundRow.event_id == event_id)
    await connection.execute(changed.values(reply_class=reply_class, kind=kind))
