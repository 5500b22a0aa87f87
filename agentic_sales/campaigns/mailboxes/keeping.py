"""Carry out a person's commands on mailboxes: add, change, hold, release and remove."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.mailboxes.logins import checked_login
from agentic_sales.campaigns.people.addresses import normalized
from agentic_sales.campaigns.plan.windows import SendWindow, zone_named
from agentic_sales.campaigns.sending.messages import check_sender
from agentic_sales.contracts import MailboxId
from agentic_sales.errors import InvalidRequest, StateConflict, UnknownRecord
from agentic_sales.store.campaigns import campaigns
from agentic_sales.store.database import Database
from agentic_sales.store.mailboxes import (
    LET_SEND,
    MailboxRow,
    add_mailbox,
    change_mailbox,
    erase_mailbox,
    locked_mailbox,
    mailbox,
    mailboxes,
)
from agentic_sales.store.statements import known
from agentic_sales.store.touches import is_mailbox_used, unhold
from agentic_sales.store.visits import wake_senders

Switch = Literal["hold", "release", "retry"]
MOST_CAMPAIGNS = 10_000
_LOGIN = ("login", "smtp_url", "imap_url", "secret")
_FREED: Mapping[str, Any] = {**dict.fromkeys(_LOGIN, ""), "inbox_why": ""}


async def open_mailbox(database: Database, mailbox_id: str, values: Mapping[str, Any], *, now: datetime) -> None:
    """Add a mailbox from which campaigns write. One that was removed comes back under its id and address.

    Raises:
        StateConflict: Its id or address is taken.
        InvalidAddress: Its address is none, or the one for replies.
        InvalidMessage: No mail could show its name or its postal address.
        InvalidRequest: Its time zone, its login or its booking link is none.
    """
    checked = _checked(mailbox_id, values, address=normalized(values["address"]))
    checked["address"] = normalized(values["address"])
    async with database.writing() as connection:
        for row in await mailboxes(connection, removed=True):
            if row.mailbox_id != mailbox_id and row.address.lower() == checked["address"].lower():
                raise StateConflict("mailbox", mailbox_id, _taken(row))
        before = await locked_mailbox(connection, MailboxId(mailbox_id))
        if before is not None and before.removed_at is not None and before.address == checked["address"]:
            back = {"removed_at": None, "is_active": True, **LET_SEND}
            await change_mailbox(connection, MailboxId(mailbox_id), {**checked, **back})
        elif not await add_mailbox(connection, MailboxId(mailbox_id), checked, now=now):
            told = "there is one of this id already; `agentic-sales mailboxes edit` changes it"
            raise StateConflict("mailbox", mailbox_id, told)


def _taken(row: MailboxRow) -> str:
    if row.removed_at is not None:
        return f"`{row.address}` was the address of mailbox `{row.mailbox_id}`, which was removed; add it by that id"
    return f"`{row.address}` is the address of mailbox `{row.mailbox_id}`; `agentic-sales mailboxes edit` changes it"


async def edit_mailbox(
    database: Database, mailbox_id: MailboxId, values: Mapping[str, Any], *, now: datetime
) -> MailboxRow:
    """Change a mailbox. Its waiting people are visited at once, because it may be allowed more now.

    A new first cap of the ramp-up begins the ramp-up anew, with the next message. A new login is tried at once.

    Raises:
        UnknownRecord: There is no such mailbox.
        InvalidAddress: The address for replies is none.
        InvalidMessage: No mail could show its name or its postal address.
        InvalidRequest: Its time zone or its login is none.
    """
    async with database.writing() as connection:
        before = await _in_use(connection, mailbox_id)
        whole = {**before.as_data(), **values}
        checked = _checked(mailbox_id, whole, address=before.address)
        changed = {name: checked[name] for name in values}
        if "ramp_start" in changed and changed["ramp_start"] != before.ramp_start:
            changed["ramp_from"] = None
        if changed.keys() & set(_LOGIN):
            changed |= LET_SEND
        if changed:
            await change_mailbox(connection, mailbox_id, changed)
            await unhold(connection, mailbox_id, now=now)
            await wake_senders(connection, mailbox_id, now=now)
        return await _in_use(connection, mailbox_id)


async def switch_mailbox(database: Database, mailbox_id: MailboxId, verb: Switch, *, now: datetime) -> MailboxRow:
    """Hold a mailbox so that nothing is sent from it, or release it and visit its waiting people at once.

    After its server has refused a mailbox, a release also permits a retry at once. `retry` permits that alone, as after
    a new login. It releases no mailbox that a person holds.

    Raises:
        UnknownRecord: There is no such mailbox.
    """
    async with database.writing() as connection:
        await _in_use(connection, mailbox_id)
        if verb == "hold":
            await change_mailbox(connection, mailbox_id, {"is_active": False})
        else:
            active = {"is_active": True} if verb == "release" else {}
            await change_mailbox(connection, mailbox_id, {**active, **LET_SEND})
            await unhold(connection, mailbox_id, now=now)
            await wake_senders(connection, mailbox_id, now=now)
        return await _in_use(connection, mailbox_id)


async def remove_mailbox(database: Database, mailbox_id: MailboxId, *, now: datetime) -> None:
    """Remove a mailbox that no campaign needs any more. If it has messages, its row stays for them, without a login.

    Raises:
        UnknownRecord: There is no such mailbox.
        StateConflict: A campaign that may still write names it.
    """
    async with database.writing() as connection:
        await _in_use(connection, mailbox_id)
        for row in await campaigns(connection, limit=MOST_CAMPAIGNS):
            if row.state not in {"stopped", "finished"} and mailbox_id in row.plan.get("mailboxes", ()):
                told = f"campaign `{row.campaign_id}` is `{row.state}` and writes from it; stop that one first"
                raise StateConflict("mailbox", mailbox_id, told)
        if await is_mailbox_used(connection, mailbox_id):
            await change_mailbox(connection, mailbox_id, {"removed_at": now, "is_active": False, **_FREED})
        else:
            await erase_mailbox(connection, mailbox_id)


async def known_mailbox(connection: AsyncConnection, mailbox_id: MailboxId) -> MailboxRow:
    """Return a mailbox that is in use.

    Raises:
        UnknownRecord: There is none, or it was removed.
    """
    return _not_removed(known(await mailbox(connection, mailbox_id), "mailbox", mailbox_id))


async def _in_use(connection: AsyncConnection, mailbox_id: MailboxId) -> MailboxRow:
    return _not_removed(known(await locked_mailbox(connection, mailbox_id), "mailbox", mailbox_id))


def _not_removed(row: MailboxRow) -> MailboxRow:
    if row.removed_at is not None:
        raise UnknownRecord("mailbox", row.mailbox_id)
    return row


def _check_link(link: str) -> None:
    parts = urlsplit(link)
    if link and (parts.scheme != "https" or not parts.hostname or parts.username or any(map(str.isspace, link))):
        raise InvalidRequest(f"the booking link of a mailbox must be a URL such as `https://…`, not `{link[:80]}`")


def _checked(mailbox_id: str, values: Mapping[str, Any], *, address: str) -> dict[str, Any]:
    """Return the columns of a mailbox that a mail could be sent from."""
    check_sender(display_name=values.get("display_name", ""), postal_address=values["postal_address"])
    if zone_named(zone := values.get("time_zone", "UTC")) is None:
        raise InvalidRequest(f'the time zone of a mailbox must be an IANA name, such as "Europe/Berlin", not "{zone}"')
    login = {name: values.get(name) or "" for name in _LOGIN}
    if login["login"]:
        told = {"smtp": login["smtp_url"], "imap": login["imap_url"], "secret": login["secret"]}
        checked_login(mailbox_id, login["login"], address, **told)
    elif any(login.values()):
        raise InvalidRequest("servers and a secret are those of a login; say which one: password, microsoft or google")
    _check_link(values.get("booking_link") or "")
    window = values.get("window")
    hours = None if window is None else SendWindow.model_validate(window).model_dump(mode="json")
    reply_to = normalized(values["reply_to"]) if values.get("reply_to") else None
    return {**values, **login, "window": hours, "reply_to": reply_to}
