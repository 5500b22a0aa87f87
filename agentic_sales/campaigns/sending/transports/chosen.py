"""Open the transport that the configuration names."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import unquote, urlsplit

from agentic_sales.campaigns.sending.links import MAILDIR
from agentic_sales.campaigns.sending.transports.contract import MailTransport
from agentic_sales.campaigns.sending.transports.maildir import MaildirTransport
from agentic_sales.campaigns.sending.transports.resend import TIMEOUT, ResendTransport
from agentic_sales.campaigns.sending.transports.smtp import SmtpServer, SmtpTransport
from agentic_sales.errors import ConfigurationError
from agentic_sales.outbound.addresses import is_loopback
from agentic_sales.outbound.http import httpx
from agentic_sales.settings import Settings

RESEND = "resend"
_PORTS = {"smtp": 587, "smtps": 465}


@asynccontextmanager
async def open_transport(configuration: Settings) -> AsyncIterator[MailTransport]:
    """Open the transport of `AGENTIC_SALES_MAIL`. It connects at its first use.

    Raises:
        ConfigurationError: The variable names none, or a setting that it needs is missing. Or mail would leave this
            machine while a virtual clock tells the time.
    """
    if configuration.virtual_clock is not None and not _stays_here(configuration):
        raise ConfigurationError(
            f"nothing may be sent by `{configuration.mail}` while AGENTIC_SALES_VIRTUAL_CLOCK tells the time, whose "
            "days are not real; unset one of the two"
        )
    if configuration.mail == MAILDIR:
        yield local_maildir(configuration)
    elif configuration.mail == RESEND:
        if configuration.resend_api_key is None:
            raise ConfigurationError("AGENTIC_SALES_MAIL=resend needs RESEND_API_KEY")
        async with httpx.AsyncClient(base_url=configuration.resend_url, timeout=TIMEOUT) as client:
            yield ResendTransport(client, configuration.resend_api_key)
    else:
        yield SmtpTransport(smtp_server(configuration))


def local_maildir(configuration: Settings) -> MaildirTransport:
    """Return the maildir of this machine, even if another transport is configured by now."""
    return MaildirTransport(configuration.state_dir / "mail")


def _stays_here(configuration: Settings) -> bool:
    """Tell whether mail goes into a maildir, or to a server on this machine."""
    host = urlsplit(configuration.mail).hostname
    return configuration.mail == MAILDIR or (host is not None and is_loopback(host))


def smtp_server(configuration: Settings) -> SmtpServer:
    """Read the SMTP server: `smtp://user@host:587` (STARTTLS) or `smtps://…` (TLS from the first byte).

    Only a server on this machine may be used without TLS.

    Raises:
        ConfigurationError: `AGENTIC_SALES_MAIL` is no such URL, or the user has no password.
    """
    parts = urlsplit(configuration.mail)
    if parts.scheme not in _PORTS or not parts.hostname or parts.password:
        raise ConfigurationError("AGENTIC_SALES_MAIL must be `maildir`, `resend` or smtp(s)://user@host:port")
    password = configuration.mail_password
    if parts.username and password is None:
        raise ConfigurationError("AGENTIC_SALES_MAIL names a user, who needs AGENTIC_SALES_MAIL_PASSWORD")
    return SmtpServer(
        host=parts.hostname,
        port=parts.port or _PORTS[parts.scheme],
        username=unquote(parts.username) if parts.username else None,
        password=password.get_secret_value() if parts.username and password else None,
        use_tls=parts.scheme == "smtps",
        start_tls=None if is_loopback(parts.hostname) else True,
    )
