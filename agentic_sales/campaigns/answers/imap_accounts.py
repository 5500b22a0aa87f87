"""Read from the configuration and from mailboxes which of them are read over IMAP, and how each is opened."""

import ssl
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Protocol
from urllib.parse import unquote, urlsplit

from agentic_sales.campaigns.mailboxes.logins import BY_TOKEN, login_of, read_secret
from agentic_sales.campaigns.mailboxes.tokens import Tokens
from agentic_sales.contracts import MailboxId
from agentic_sales.errors import ConfigurationError, ExtraMissing
from agentic_sales.outbound.addresses import is_loopback
from agentic_sales.settings import Settings
from agentic_sales.store.mailboxes import MailboxRow

_PORTS = {"imap": 143, "imaps": 993}


class RenewedToken(Protocol):
    """Gets an OAuth 2 token, and blocks."""

    def __call__(self, *, renew: bool) -> str:
        """Return the token. With `renew` a new one, because the server refused the one before."""


@dataclass(frozen=True, slots=True)
class ImapAccount:
    """Where a mailbox's inbox is and how to open it."""

    host: str
    """Name or address."""
    port: int
    """TCP port."""
    username: str
    """Login."""
    password: str = field(default="", repr=False)
    """Its password. Empty if tokens open it."""
    token: RenewedToken | None = field(default=None, repr=False)
    """Gets an OAuth 2 token. None: it has a password."""
    is_clear: bool = False
    """True without TLS, for a server on this machine."""
    tls: ssl.SSLContext | None = None
    """Trusted certificates. None for those that this machine trusts."""


def imap_accounts(configuration: Settings) -> dict[MailboxId, ImapAccount]:
    """Read `AGENTIC_SALES_IMAP`, accounts of the form `mailbox=imaps://user:password@host:993`. A `;` separates them.

    Raises:
        ConfigurationError: It is none, or the packages for it are not installed. The message does not repeat the value,
            because it holds passwords.
    """
    told = "" if configuration.imap is None else configuration.imap.get_secret_value()
    accounts: dict[MailboxId, ImapAccount] = {}
    for entry in filter(None, (part.strip() for part in told.split(";"))):
        mailbox_id, _, url = entry.partition("=")
        parts = urlsplit(url.strip())
        host = parts.hostname or ""
        is_whole = host and parts.username and parts.password and parts.scheme in _PORTS and mailbox_id.strip()
        if not is_whole or (parts.scheme == "imap" and not is_loopback(host)):
            raise ConfigurationError(
                "AGENTIC_SALES_IMAP must be `mailbox=imaps://user:password@host:993;…`; imap:// only for this machine"
            )
        accounts[MailboxId(mailbox_id.strip())] = ImapAccount(
            host=host,
            port=parts.port or _PORTS[parts.scheme],
            username=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            is_clear=parts.scheme == "imap",
        )
    if accounts and find_spec("imap_tools") is None:
        raise ExtraMissing("AGENTIC_SALES_IMAP", "inboxes", "imap")
    return accounts


def own_account(configuration: Settings, row: MailboxRow) -> ImapAccount | None:
    """Return the account of a mailbox's own login. None if it has none, or none that reads.

    Raises:
        LoginRefused: Its secret is not there.
        ExtraMissing: The packages for it are not installed.
    """
    login = login_of(row)
    if login is None or login.imap is None:
        return None
    if find_spec("imap_tools") is None:
        raise ExtraMissing("A mailbox", "inboxes", "imap")
    place, by_token = login.imap, login.kind in BY_TOKEN
    return ImapAccount(
        host=place.host,
        port=place.port,
        username=place.username,
        password="" if by_token else read_secret(login),
        token=Tokens(login, configuration).access if by_token else None,
        is_clear=place.scheme == "imap",
    )
