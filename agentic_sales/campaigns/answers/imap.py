"""Read new mail from a mailbox's inbox over IMAP. Each mail is read once, and nothing in the inbox is changed.

The inbox stays a person's. It is opened for reading only, so no mail is marked as read, not even a stored one. The
position is written in the transaction that stores a mail. A mail that could not be stored is read again.
"""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from imaplib import IMAP4, Internaldate2tuple
from time import mktime

import structlog
from imap_tools import AND, BaseMailBox, MailBox, MailBoxUnencrypted, U
from imap_tools.errors import ImapToolsError
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.answers.events import Recorded, record
from agentic_sales.campaigns.answers.imap_accounts import ImapAccount
from agentic_sales.campaigns.answers.inbound import parse_mail
from agentic_sales.campaigns.answers.mails import MOST_BYTES
from agentic_sales.campaigns.answers.unreadable import keep_unreadable
from agentic_sales.contracts import MailboxId
from agentic_sales.errors import LoginRefused, ProviderUnavailable
from agentic_sales.store.database import Database
from agentic_sales.store.faults import is_of_world
from agentic_sales.store.mailboxes import MailboxRow, mailbox, note_inbox, note_read
from agentic_sales.store.statements import known

MAILS_AT_ONCE = 100
"""Mails of one poll. The next poll goes on from there."""
TIMEOUT_S = 20.0
INBOX = "INBOX"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Mail:
    validity: int
    """Of the numbers of the inbox."""
    uid: int
    raw: bytes
    received_at: datetime


async def poll_mailbox(database: Database, mailbox_id: MailboxId, account: ImapAccount, *, now: datetime) -> int:
    """Store the mails that came into a mailbox since the last poll. Return how many were about a campaign.

    Raises:
        UnknownRecord: The store does not have the mailbox.
        ProviderUnavailable: The server cannot be reached, or does not let us in.
        LoginRefused: There is no token any more that opens it.
    """
    async with database.reading() as connection:
        row = known(await mailbox(connection, mailbox_id), "mailbox", mailbox_id)
    try:
        mails = await asyncio.to_thread(_read, account, row.imap_validity, row.imap_uid, _first_day(row))
    except (ImapToolsError, OSError, IMAP4.error) as exc:
        raise ProviderUnavailable(f"the inbox of {mailbox_id}", exc) from exc
    if row.inbox_why:
        async with database.writing() as connection:
            await note_inbox(connection, mailbox_id, "")
    recorded = 0
    for mail in mails:
        try:
            recorded += await _store(database, row, mail, now) == "recorded"
        except Exception as exc:
            if is_of_world(exc):
                raise
            await _keep(database, row, mail, exc, now)
    if mails:
        log.info("mailbox_read", mailbox_id=mailbox_id, mails=len(mails), recorded=recorded)
    return recorded


async def _store(database: Database, row: MailboxRow, mail: _Mail, now: datetime) -> Recorded:
    event = parse_mail(mail.raw, source=_source(row), received_at=mail.received_at)
    async with database.writing() as connection:
        await _note(connection, row, mail)
        return await record(connection, event, now=now)


async def _keep(database: Database, row: MailboxRow, mail: _Mail, exc: Exception, now: datetime) -> None:
    """Keep a mail that raised for people, and go on behind it. It must not delay an opt-out that came later."""
    async with database.writing() as connection:
        await _note(connection, row, mail)
        source = _source(row)
        await keep_unreadable(connection, mail.raw, exc, source=source, received_at=mail.received_at, now=now)


async def _note(connection: AsyncConnection, row: MailboxRow, mail: _Mail) -> None:
    await note_read(connection, MailboxId(row.mailbox_id), validity=mail.validity, uid=mail.uid)


def _source(row: MailboxRow) -> str:
    return f"imap:{row.mailbox_id}"


def _first_day(row: MailboxRow) -> date:
    """Return the first day on which a mail can be about a campaign. Years of older mails are left alone."""
    return (row.created_at - timedelta(days=1)).date()


def _read(account: ImapAccount, validity: int | None, uid: int, first_day: date) -> list[_Mail]:
    """Read the mails behind a UID, oldest first. Read all of them if the server has numbered its mails anew."""
    with _connected(account) as box:
        box.folder.set(INBOX, readonly=True)
        now_valid = int(box.folder.status(INBOX, ["UIDVALIDITY"])["UIDVALIDITY"])
        start = uid + 1 if now_valid == validity else 1
        found = box.uids(AND(uid=U(str(start), "*"), date_gte=first_day))
        # `*` is the last mail, so a range that begins behind it holds it all the same.
        wanted = sorted(int(text) for text in found if int(text) >= start)[:MAILS_AT_ONCE]
        return list(_before_the_line_breaks(_mails(box, now_valid, wanted)))


def _before_the_line_breaks(mails: Iterator[_Mail]) -> Iterator[_Mail]:
    """Yield the mails that could be read. If a server hangs up midway, the next poll goes on from there."""
    is_first = True
    try:
        for mail in mails:
            yield mail
            is_first = False
    except (IMAP4.abort, OSError):
        if is_first:
            raise


def _mails(box: BaseMailBox, validity: int, uids: list[int]) -> Iterator[_Mail]:
    for uid in uids:
        status, answer = box.client.uid("fetch", str(uid), f"(INTERNALDATE BODY.PEEK[]<0.{MOST_BYTES}>)")
        part = next((part for part in answer if isinstance(part, tuple)), None)
        if status != "OK" or part is None:  # It was removed meanwhile.
            continue
        moment = Internaldate2tuple(part[0])
        received_at = datetime.fromtimestamp(mktime(moment), UTC) if moment else datetime.now(UTC)
        yield _Mail(validity, uid, part[1], received_at)


@contextmanager
def _connected(account: ImapAccount) -> Iterator[BaseMailBox]:
    box: BaseMailBox
    if account.is_clear:
        box = MailBoxUnencrypted(account.host, account.port, timeout=TIMEOUT_S)
    else:
        context = account.tls or ssl.create_default_context()
        box = MailBox(account.host, account.port, timeout=TIMEOUT_S, ssl_context=context)
    try:
        yield _logged_in(box, account)
    finally:
        _disconnect(box)


def _logged_in(box: BaseMailBox, account: ImapAccount) -> BaseMailBox:
    """Log in. A kept token that the server refuses is renewed once."""
    if account.token is None:
        return box.login(account.username, account.password, initial_folder=None)
    try:
        return box.xoauth2(account.username, account.token(renew=False), initial_folder=None)
    except (ImapToolsError, IMAP4.error) as exc:
        if isinstance(exc, IMAP4.abort):  # The line is broken, and no token mends it.
            raise
        return box.xoauth2(account.username, account.token(renew=True), initial_folder=None)


def try_inbox(account: ImapAccount) -> str:
    """Log in to an inbox and change nothing. Return why that failed, or nothing. It blocks."""
    try:
        with _connected(account) as box:
            box.folder.set(INBOX, readonly=True)
    except (ImapToolsError, OSError, IMAP4.error, LoginRefused) as exc:
        return f"{type(exc).__name__}: {exc}"[:500]
    return ""


def _disconnect(box: BaseMailBox) -> None:
    try:
        box.client.logout()
    except (IMAP4.error, OSError):  # The line is broken already. Its rest is closed.
        with suppress(OSError):
            box.client.shutdown()
