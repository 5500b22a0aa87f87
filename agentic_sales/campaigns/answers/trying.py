"""Try the logins of a mailbox from this process, and log it in. Nothing is sent, and nothing in an inbox is changed."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agentic_sales.campaigns.answers.imap_accounts import imap_accounts, own_account
from agentic_sales.campaigns.mailboxes.logins import BY_TOKEN, login_of
from agentic_sales.campaigns.mailboxes.tokens import Tokens
from agentic_sales.campaigns.sending.transports.own import try_way
from agentic_sales.contracts import MailboxId
from agentic_sales.errors import ConfigurationError, LoginRefused
from agentic_sales.settings import Settings
from agentic_sales.store.columns import values_of
from agentic_sales.store.mailboxes import MailboxRow


def try_logins(configuration: Settings, told: Mapping[str, Any]) -> dict[str, str]:
    """Return why each way of a mailbox is not open: `out`, and `in` if it is read over IMAP. Empty if it is.

    Args:
        configuration: This process's configuration.
        told: The row of the mailbox, as the facade tells it.
    """
    row = _row(told)
    tried = {"out": asyncio.run(try_way(configuration, row))}
    try:
        own = own_account(configuration, row)
        account = own or imap_accounts(configuration).get(MailboxId(row.mailbox_id))
    except (ConfigurationError, LoginRefused) as exc:
        return {**tried, "in": str(exc)}
    if account is None:
        return tried
    from agentic_sales.campaigns.answers.imap import try_inbox  # noqa: PLC0415 - its package is an extra

    return {**tried, "in": try_inbox(account)}


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
