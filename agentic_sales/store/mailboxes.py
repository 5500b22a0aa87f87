"""Keep campaigns' mailboxes with their limits and the position in their inboxes."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from agentic_sales.contracts import MailboxId
from agentic_sales.store.columns import Table
from agentic_sales.store.statements import every, first, insert_new

LET_SEND: Mapping[str, Any] = {"held_until_at": None, "held_why": "", "refusals": 0}
"""Columns of a mailbox without refusals of its server."""


class MailboxRow(Table):
    """One address that campaigns write from."""

    __tablename__ = "mailboxes"

    mailbox_id: Mapped[str] = mapped_column(primary_key=True)
    """Its id."""
    address: Mapped[str] = mapped_column(unique=True)
    """Address in `From`."""
    display_name: Mapped[str] = mapped_column(default="")
    """The sender's name. Empty sends the address alone."""
    reply_to: Mapped[str | None] = mapped_column(default=None)
    """Address for replies. None means the mailbox's own."""
    postal_address: Mapped[str]
    """The sender's postal address, which every message must show."""
    time_zone: Mapped[str] = mapped_column(default="UTC")
    """IANA name. Its day is the day of the daily cap."""
    daily_cap: Mapped[int] = mapped_column(default=50)
    """Messages a day after the ramp-up."""
    ramp_start: Mapped[int | None] = mapped_column(default=None)
    """Messages on the first day. None means no ramp-up."""
    ramp_per_day: Mapped[int] = mapped_column(default=0)
    """Additional messages on each further day, up to the cap."""
    ramp_from: Mapped[date | None] = mapped_column(default=None)
    """The first day of the ramp-up. None means the day of the first message."""
    spacing_s: Mapped[float] = mapped_column(default=0.0)
    """Least time between two messages in seconds."""
    last_slot_at: Mapped[datetime | None] = mapped_column(default=None)
    """Time of the last message's turn. None before the first."""
    is_active: Mapped[bool] = mapped_column(default=True)
    """False stops all sending until a person releases it."""
    held_until_at: Mapped[datetime | None] = mapped_column(default=None)
    """End of the hold after its server's refusal. None without a hold."""
    held_why: Mapped[str] = mapped_column(default="", server_default="")
    """The server's message. Empty without a hold."""
    refusals: Mapped[int] = mapped_column(default=0, server_default="0")
    """Refusals of the server in a row for any messages."""
    imap_validity: Mapped[int | None] = mapped_column(default=None)
    """UIDVALIDITY of the inbox at the last reading. None before the first."""
    imap_uid: Mapped[int] = mapped_column(default=0)
    """Every message of the inbox up to this UID is stored."""
    login: Mapped[str] = mapped_column(default="", server_default="")
    """A `campaigns.mailboxes.logins.LoginKind`. Empty uses the server of the whole deployment."""
    smtp_url: Mapped[str] = mapped_column(default="", server_default="")
    """URL of its SMTP server without a password. Empty for the usual one of its login."""
    imap_url: Mapped[str] = mapped_column(default="", server_default="")
    """URL of its IMAP server without a password. Empty for the usual one of its login, or for none."""
    secret: Mapped[str] = mapped_column(default="", server_default="")
    """Place of its secret, `env:NAME` or `file:/path`. It is never the secret. Empty for a file of tokens."""
    signature: Mapped[str] = mapped_column(default="", server_default="")
    """Signature of the messages that workflows write for it. Empty makes one of the name and the role."""
    sender_role: Mapped[str] = mapped_column(default="", server_default="")
    """The sender's role. Empty if it is not told."""
    booking_link: Mapped[str] = mapped_column(default="", server_default="")
    """Page on which a person picks a time. Answers name it where no free time is known. Empty if there is none."""
    window: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    """Hours in which it sends, a `campaigns.plan.windows.SendWindow` as JSON. None for every hour of a plan."""
    inbox_why: Mapped[str] = mapped_column(default="", server_default="")
    """Why its inbox could not be read at the last try. Empty if it was read, or is not read."""
    removed_at: Mapped[datetime | None] = mapped_column(default=None)
    """When it was removed. Its messages keep its row. None if it is in use."""
    created_at: Mapped[datetime]
    """When it was added."""


async def add_mailbox(
    connection: AsyncConnection, mailbox_id: MailboxId, values: Mapping[str, Any], *, now: datetime
) -> bool:
    """Write a new mailbox. False if its id or address is taken.

    Args:
        connection: Connection of a writing transaction.
        mailbox_id: Its id.
        values: Columns of `MailboxRow`. `address` and `postal_address` have no default.
        now: The present.
    """
    return await insert_new(connection, MailboxRow, {**values, "mailbox_id": mailbox_id, "created_at": now})


async def mailbox(connection: AsyncConnection, mailbox_id: MailboxId) -> MailboxRow | None:
    """Return a mailbox or None."""
    return await first(connection, MailboxRow, select(MailboxRow).where(MailboxRow.mailbox_id == mailbox_id))


async def locked_mailbox(connection: AsyncConnection, mailbox_id: MailboxId) -> MailboxRow | None:
    """Return a mailbox or None. No other transaction can take a turn of it until this one ends."""
    # The lock spares the key. Messages that refer to the mailbox can be written meanwhile.
    statement = select(MailboxRow).where(MailboxRow.mailbox_id == mailbox_id).with_for_update(key_share=True)
    return await first(connection, MailboxRow, statement)


async def mailboxes(connection: AsyncConnection, *, removed: bool = False) -> list[MailboxRow]:
    """Return every mailbox in the order of ids. `removed` adds those that were removed."""
    statement = select(MailboxRow).order_by(MailboxRow.mailbox_id)
    return await every(
        connection, MailboxRow, statement if removed else statement.where(MailboxRow.removed_at.is_(None))
    )


async def erase_mailbox(connection: AsyncConnection, mailbox_id: MailboxId) -> None:
    """Erase the row of a mailbox without messages."""
    await connection.execute(delete(MailboxRow).where(MailboxRow.mailbox_id == mailbox_id))


async def note_inbox(connection: AsyncConnection, mailbox_id: MailboxId, why: str) -> None:
    """Write why an inbox could not be read, or that it was. A row that says so already stays as it is."""
    changed = update(MailboxRow).where(MailboxRow.mailbox_id == mailbox_id, MailboxRow.inbox_why != why)
    await connection.execute(changed.values(inbox_why=why))


async def note_read(connection: AsyncConnection, mailbox_id: MailboxId, *, validity: int, uid: int) -> None:
    """Write the position in a mailbox's inbox. It never goes back, unless the server has renumbered the mails."""
    changed = update(MailboxRow).where(
        MailboxRow.mailbox_id == mailbox_id,
        or_(MailboxRow.imap_validity.is_distinct_from(validity), MailboxRow.imap_uid < uid),
    )
    await connection.execute(changed.values(imap_validity=validity, imap_uid=uid))


async def change_mailbox(connection: AsyncConnection, mailbox_id: MailboxId, values: Mapping[str, Any]) -> bool:
    """Change columns of a mailbox. False if it is unknown."""
    changed = update(MailboxRow).where(MailboxRow.mailbox_id == mailbox_id).values(**values)
    return (await connection.execute(changed)).rowcount == 1
