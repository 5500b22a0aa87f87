"""Say by which servers the mail of a mailbox leaves, as far as the configuration tells."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from agentic_sales.campaigns.mailboxes.logins import login_of
from agentic_sales.campaigns.sending.links import MAILDIR
from agentic_sales.errors import ConfigurationError
from agentic_sales.outbound.addresses import is_loopback
from agentic_sales.rules.mail_providers import OTHER, PROVIDERS, MailProvider, provider_of
from agentic_sales.settings import Settings
from agentic_sales.store.mailboxes import MailboxRow

RESEND = "resend"


@dataclass(frozen=True, slots=True)
class WayOut:
    """Where the mail of one mailbox leaves."""

    provider: MailProvider
    """The service. `OTHER` for a server of nobody that is known."""
    host: str = ""
    """Its server. Empty for Resend, and for mail that stays here."""
    stays_here: bool = False
    """The mail goes into the state directory and to nobody."""

    @property
    def is_here(self) -> bool:
        """Tell whether the server is on this machine, so that nobody here knows from where its mail goes on."""
        return bool(self.host) and is_loopback(self.host)

    @property
    def name(self) -> str:
        """Name for people."""
        return self.host or self.provider.name


def way_out_of(configuration: Settings, sender: MailboxRow) -> WayOut:
    """Return the way out of a mailbox. No secret is needed for it.

    Raises:
        LoginRefused: Its row has a login that no release of this kind writes.
        ConfigurationError: `AGENTIC_SALES_MAIL` names none.
    """
    login = login_of(sender)
    if login is not None:
        host = login.smtp.host if login.smtp else ""
    elif configuration.mail == MAILDIR:
        return WayOut(OTHER, stays_here=True)
    elif configuration.mail == RESEND:
        host = ""
    else:
        host = urlsplit(configuration.mail).hostname or ""
        if not host:
            raise ConfigurationError("AGENTIC_SALES_MAIL must be `maildir`, `resend` or smtp(s)://user@host:port")
    return WayOut(provider_of(host), host) if host else WayOut(PROVIDERS[RESEND])
