"""Try the logins of a mailbox from this process, with its calendar and booking page, and log it in.

Nothing is sent, and nothing in an inbox is changed.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from agentic_sales.campaigns.answers.calendars import busy_spans, calendar_of
from agentic_sales.campaigns.answers.free_times import AHEAD
from agentic_sales.campaigns.answers.imap_accounts import imap_accounts, own_account
from agentic_sales.campaigns.mailboxes.logins import BY_TOKEN, login_of
from agentic_sales.campaigns.mailboxes.tokens import Tokens
from agentic_sales.campaigns.plan.windows import zone_named
from agentic_sales.campaigns.sending.transports.own import try_way
from agentic_sales.contracts import MailboxId
from agentic_sales.errors import ConfigurationError, FetchRefused, LoginRefused, ProviderUnavailable
from agentic_sales.outbound.addresses import AddressGuard
from agentic_sales.outbound.connections import Budget, Connections, Wanted
from agentic_sales.settings import Settings
from agentic_sales.store.columns import values_of
from agentic_sales.store.mailboxes import MailboxRow

PAGE_TIMEOUT_S = 10.0
MOST_PAGE_BYTES = 100_000


def try_logins(configuration: Settings, told: Mapping[str, Any]) -> dict[str, str]:
    """Return why each way of a mailbox is not open. Empty if it is.

    `out` is always tried, and `in` if it is read over IMAP. So are `calendar` and `booking` if there are any.

    Args:
        configuration: This process's configuration.
        told: The row of the mailbox, as the facade tells it.
    """
    row = _row(told)
    tried = {"out": asyncio.run(try_way(configuration, row)), **asyncio.run(_try_times(configuration, row))}
    try:
        own = own_account(configuration, row)
        account = own or imap_accounts(configuration).get(MailboxId(row.mailbox_id))
    except (ConfigurationError, LoginRefused) as exc:
        return {**tried, "in": str(exc)}
    if account is None:
        return tried
    from agentic_sales.campaigns.answers.imap import try_inbox  # noqa: PLC0415 - its package is an extra

    return {**tried, "in": try_inbox(account)}


async def _try_times(configuration: Settings, row: MailboxRow) -> dict[str, str]:
    """Try what answers offer times from: the calendar, and the page on which a person picks a time."""
    tried = {}
    try:
        if place := calendar_of(configuration, MailboxId(row.mailbox_id)):
            now, zone = datetime.now(UTC), zone_named(row.time_zone or "UTC") or ZoneInfo("UTC")
            await busy_spans(place, begins_at=now, ends_at=now + AHEAD, zone=zone)
            tried["calendar"] = ""
    except (ProviderUnavailable, ConfigurationError) as exc:
        tried["calendar"] = str(exc)
    if row.booking_link:
        tried["booking"] = await _try_page(row.booking_link, configuration.allow_private_hosts)
    return tried


async def _try_page(url: str, allow_private_hosts: tuple[str, ...]) -> str:
    guard = AddressGuard(allow_private_hosts)
    wanted = Wanted(MOST_PAGE_BYTES, is_head_enough=True)
    try:
        async with Connections(guard) as connections:
            await connections.ask(guard.target(url), Budget(PAGE_TIMEOUT_S), wanted)
    except (FetchRefused, ProviderUnavailable) as exc:
        return str(exc)
    return ""


def log_in(configuration: Settings, told: Mapping[str, Any], tell: Callable[[str], object]) -> Path:
    """Log a mailbox in by a device code. Return the file that has its tokens now.

    Raises:
        LoginRefused: It has a login without tokens, or the service gave none.
        ExtraMissing: The package for it is not installed.
    """
    row = _row(told)
    login = login_of(row)
    if login is None or login.kind not in BY_TOKEN:
        kind = row.login or "that of the deployment"
        raise LoginRefused(
            row.mailbox_id, f"its login is `{kind}`, which needs no code; --login microsoft or google do"
        )
    Tokens(login, configuration).log_in(tell)
    return login.token_file(configuration.state_dir)


def _row(told: Mapping[str, Any]) -> MailboxRow:
    return MailboxRow(**values_of(MailboxRow, told))
