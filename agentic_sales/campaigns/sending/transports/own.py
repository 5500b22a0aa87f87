"""Open the way by which the mail of one mailbox leaves: its own login, where it has one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from pydantic import SecretStr

from agentic_sales.campaigns.mailboxes.logins import BY_TOKEN, MailboxLogin, login_of, read_secret
from agentic_sales.campaigns.mailboxes.tokens import Tokens
from agentic_sales.campaigns.sending.links import check_leaving
from agentic_sales.campaigns.sending.transports.chosen import open_transport
from agentic_sales.campaigns.sending.transports.contract import MailTransport
from agentic_sales.campaigns.sending.transports.resend import TIMEOUT, ResendTransport
from agentic_sales.campaigns.sending.transports.smtp import SmtpServer, SmtpTransport
from agentic_sales.errors import ConfigurationError, LoginRefused
from agentic_sales.outbound.http import httpx
from agentic_sales.settings import Settings
from agentic_sales.store.mailboxes import MailboxRow


@asynccontextmanager
async def open_own(configuration: Settings, sender: MailboxRow, usual: MailTransport) -> AsyncIterator[MailTransport]:
    """Open the transport of a mailbox. It connects at its first use.

    Args:
        configuration: This process's configuration.
        sender: The mailbox.
        usual: Transport of the deployment, for a mailbox without a login of its own.

    Raises:
        LoginRefused: Its secret is not there.
        ConfigurationError: Mail would leave this machine, and recipients could not unsubscribe, or the days are not
            real ones.
    """
    login = login_of(sender)
    if login is None:
        yield usual
        return
    check_own(configuration, login)
    if login.smtp is None:
        key = await asyncio.to_thread(read_secret, login)
        async with httpx.AsyncClient(base_url=configuration.resend_url, timeout=TIMEOUT) as client:
            yield ResendTransport(client, SecretStr(key))
    else:
        yield SmtpTransport(await asyncio.to_thread(own_server, configuration, login))


def check_own(configuration: Settings, login: MailboxLogin) -> None:
    """Refuse a login whose mail would leave this machine without a way to unsubscribe, or on days that are not real.

    Raises:
        ConfigurationError: It would.
    """
    if login.smtp is not None and login.smtp.is_here:
        return
    if configuration.virtual_clock is not None:
        raise ConfigurationError(
            f"nothing may be sent from `{login.mailbox_id}` while AGENTIC_SALES_VIRTUAL_CLOCK tells the time"
        )
    check_leaving(configuration)


def own_server(configuration: Settings, login: MailboxLogin) -> SmtpServer:
    """Return the SMTP server of a login with what opens it.

    Raises:
        LoginRefused: Its secret is not there.
    """
    place = login.smtp
    assert place is not None  # noqa: S101 - Resend has none, and is opened otherwise
    by_token = login.kind in BY_TOKEN
    return SmtpServer(
        host=place.host,
        port=place.port,
        username=place.username,
        password=None if by_token else read_secret(login),
        token=partial(_token, Tokens(login, configuration)) if by_token else None,
        use_tls=place.scheme == "smtps",
        start_tls=None if place.is_here else True,
    )


async def _token(tokens: Tokens, *, renew: bool) -> str:
    return await asyncio.to_thread(tokens.access, renew=renew)


async def try_way(configuration: Settings, sender: MailboxRow) -> str:
    """Log in to where a mailbox's mail leaves, and send nothing. Return why that fails, or nothing.

    A way that has no login, such as a maildir or Resend, is checked as far as it can be.
    """
    try:
        login = login_of(sender)
        if login is None:
            async with open_transport(configuration) as usual:
                return await usual.try_login() if isinstance(usual, SmtpTransport) else ""
        check_own(configuration, login)
        if login.smtp is None:
            await asyncio.to_thread(read_secret, login)
            return ""
        return await SmtpTransport(await asyncio.to_thread(own_server, configuration, login)).try_login()
    except (ConfigurationError, LoginRefused) as exc:
        return str(exc)
