"""Keep the mailboxes that campaigns write from, with their limits and how far their replies have been read."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from agentic_sales.contracts import MailboxId
from agentic_sales.store.columns import Table
from agentic_sales.store.statements import every, first, insert_new

LET_SEND: Mapping[str, Any] = {"held_until_at": None, "held_why": "", "refusals": 0}
"""Columns of a mailbox whose server has not refused it."""


class MailboxRow(Table):
    """One address that campaigns write from."""

    __tablename__ = "mailboxes"

    mailbox_id: Mapped[str] = mapped_column(primary_key=True)
    """Its id."""
    address: Mapped[str] = mapped_column(unique=True)
    """What stands in `From`."""
    display_name: Mapped[str] = mapped_column(default="")
    """The sender's name; empty: the address alone."""
    reply_to: Mapped[str | None] = mapped_column(default=None)
    """Where replies go; None: to the address."""
    postal_address: Mapped[str]
    """The sender's, which every message must show."""
    time_zone: Mapped[str] = mapped_column(default="UTC")
    """IANA name; its day is the day of the daily cap."""
    daily_cap: Mapped[int] = mapped_column(default=50)
    """Messages a day, when it is fully ramped up."""
    ramp_start: Mapped[int | None] = mapped_column(default=None)
    """Messages on the first day; None: no ramp-up."""
    ramp_per_day: Mapped[int] = mapped_column(default=0)
    """How many more on each further day, up to the cap."""
    ramp_from: Mapped[date | None] = mapped_column(default=None)
    """The first day of the ramp-up; None: the day of the first message."""
    spacing_s: Mapped[float] = mapped_column(default=0.0)
    """Least time between two messages, in seconds."""
    last_slot_at: Mapped[datetime | None] = mapped_column(default=None)
    """When a message last took its turn; None: none has."""
    is_active: Mapped[bool] = mapped_column(default=True)
    """False: nothing is sent from it until somebody releases it."""
    held_until_at: Mapped[datetime | None] = mapped_column(default=None)
    """Nothing is sent from it before, because its server refused it; None: it is not held."""
    held_why: Mapped[str] = mapped_column(default="", server_default="")
    """What the server said; empty: it is not held."""
    refusals: Mapped[int] = mapped_column(default=0, server_default="0")
    """Refusals of the server in a row, whatever the message was."""
    imap_validity: Mapped[int | None] = mapped_column(default=None)
    """UIDVALIDITY of the inbox when it was last read; None: it was never read."""
    imap_uid: Mapped[int] = mapped_column(default=0)
    """UID of the inbox up to which every message is stored."""
    created_at: Mapped[datetime]
    """When it was added."""


async def add_mailbox(
    connection: AsyncConnection, mailbox_id: MailboxId, values: Mapping[str, Any], *, now: datetime
) -> bool:
    """Write a new mailbox; False: its id or address is taken.

    Args:
        connection: Of a writing transaction.
        mailbox_id: Its id.
        values: Columns of `MailboxRow`; `address` and `postal_address` have no default.
        now: The present.
    """
    return await insert_new(connection, MailboxRow, {**values, "mailbox_id": mailbox_id, "created_at": now})


async def mailbox(connection: AsyncConnection, mailbox_id: MailboxId) -> MailboxRow | None:
    """Return a mailbox; None: it is not known."""
    return await first(connection, MailboxRow, select(MailboxRow).where(MailboxRow.mailbox_id == mailbox_id))


async def locked_mailbox(connection: AsyncConnection, mailbox_id: MailboxId) -> MailboxRow | None:
    """Return a mailbox that no other transaction can take a turn of until this one ends; None: it is not known."""
    # As an update of no key: messages that refer to the mailbox can be written meanwhile.
    statement = select(MailboxRow).where(MailboxRow.mailbox_id == mailbox_id).with_for_update(key_share=True)
    return await first(connection, MailboxRow, statement)


async def mailboxes(connection: AsyncConnection) -> list[MailboxRow]:
    """Return every mailbox, by id."""
    return await every(connection, MailboxRow, select(MailboxRow).order_by(MailboxRow.mailbox_id))


async def note_read(connection: AsyncConnection, mailbox_id: MailboxId, *, validity: int, uid: int) -> None:
    """Write down how far a mailbox's inbox was read; never back, unless its server has numbered the mails anew."""
    changed = update(MailboxRow).where(
        MailboxRow.mailbox_id == mailbox_id,
        or_(MailboxRow.imap_validity.is_distinct_from(validity), MailboxRow.imap_uid < uid),
    )
    await connection.execute(changed.values(imap_validity=validity, imap_uid=uid))


async def change_mailbox(connection: AsyncConnection, mailbox_id: MailboxId, values: Mapping[str, Any]) -> bool:
    """Change columns of a mailbox; False: it is not known."""
    changed = update(MailboxRow).where(MailboxRow.mailbox_id == mailbox_id).values(**values)
    return (await connection.execute(changed)).rowcount == 1
