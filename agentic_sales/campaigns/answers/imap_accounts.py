"""Read from the configuration which mailboxes are read over IMAP, and how each is opened."""

import ssl
from dataclasses import dataclass, field
from importlib.util import find_spec
from urllib.parse import unquote, urlsplit

from agentic_sales.contracts import MailboxId
from agentic_sales.errors import ConfigurationError, ExtraMissing
from agentic_sales.outbound.addresses import is_loopback
from agentic_sales.settings import Settings

_PORTS = {"imap": 143, "imaps": 993}


@dataclass(frozen=True, slots=True)
class ImapAccount:
    """Where a mailbox's inbox is and how to open it."""

    host: str
    """Name or address."""
    port: int
    """TCP port."""
    username: str
    """Login."""
    password: str = field(repr=False)
    """Its password."""
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
