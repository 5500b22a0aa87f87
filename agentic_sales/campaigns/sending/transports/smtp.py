"""Hand messages to an SMTP server. Each failure is known to lie before or after the message.

The server has taken nothing before the message itself goes over the line. A failure before that is certain. A failure
after it, without the server's answer, has an unknown outcome. RFC 1047 explains why the protocol cannot close this gap.
"""

import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Literal, Protocol

from aiosmtplib import SMTP, SMTPAuthenticationError, SMTPException, SMTPResponseException

from agentic_sales.campaigns.answers.signs import bounce_signs
from agentic_sales.campaigns.sending.messages import envelope_of, to_bytes
from agentic_sales.campaigns.sending.transports.contract import Handover
from agentic_sales.contracts import TouchId
from agentic_sales.errors import LoginRefused
from agentic_sales.rules.bounces import ENDING, PASSING, cause_of

ANSWER_TIMEOUT_S = 20.0
"""How long the server may take to answer a command."""
DATA_TIMEOUT_S = 90.0
"""How long the server may take to accept the message. Many servers scan it before they answer."""
QUIT_TIMEOUT_S = 2.0


class AccessToken(Protocol):
    """Gets an OAuth 2 token for a login."""

    async def __call__(self, *, renew: bool) -> str:
        """Return the token. With `renew` a new one, because the server refused the one before.

        Raises:
            LoginRefused: There is none any more.
        """


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where the server is and how to speak to it."""

    host: str
    """Name or address."""
    port: int
    """TCP port."""
    username: str | None = None
    """Login; None: none."""
    password: str | None = field(default=None, repr=False)
    """Its password."""
    token: AccessToken | None = field(default=None, repr=False)
    """What its OAuth 2 tokens come from. None: it has a password, or no login."""
    use_tls: bool = False
    """True: TLS from the first byte."""
    start_tls: bool | None = True
    """True refuses to go on without STARTTLS. None uses it where the server offers it."""


class SmtpTransport:
    """An SMTP server."""

    name = "smtp"

    def __init__(
        self,
        server: SmtpServer,
        *,
        tls: ssl.SSLContext | None = None,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
        data_timeout_s: float = DATA_TIMEOUT_S,
    ) -> None:
        self._server = server
        self._tls = tls
        self._answer_timeout_s = answer_timeout_s
        self._data_timeout_s = data_timeout_s

    async def deliver(self, message: EmailMessage, *, key: TouchId) -> Handover:  # noqa: ARG002 - SMTP has no such key
        """Hand over the message in a connection of its own."""
        client = self._client()
        try:
            if why := await self._connect(client):
                # Also a refused login: it is this deployment that is wrong, not the message.
                return Handover("deferred", why, is_our_fault=True)
            return await self._hand_over(client, message)
        finally:
            with suppress(SMTPException, OSError):
                await client.quit(timeout=QUIT_TIMEOUT_S)
            client.close()

    async def try_login(self) -> str:
        """Log in, and send nothing. Return why that failed, or nothing."""
        client = self._client()
        try:
            return await self._connect(client)
        finally:
            with suppress(SMTPException, OSError):
                await client.quit(timeout=QUIT_TIMEOUT_S)
            client.close()

    async def _connect(self, client: SMTP) -> str:
        """Open a session. Return why there is none, or nothing."""
        try:
            await client.connect()
            if self._server.token is not None:
                await self._log_in(client, self._server.token)
        except LoginRefused as exc:
            return str(exc)
        except (SMTPException, OSError) as exc:
            return f"no session with {self._server.host}: {_told(exc)}"
        return ""

    async def _log_in(self, client: SMTP, token: AccessToken) -> None:
        """Log in by a token. A kept token that the server refuses is renewed once."""
        user = self._server.username or ""
        try:
            await client.auth_xoauth2(user, await token(renew=False))
        except SMTPAuthenticationError:
            await client.auth_xoauth2(user, await token(renew=True))

    def _client(self) -> SMTP:
        server = self._server
        return SMTP(
            hostname=server.host,
            port=server.port,
            username=None if server.token else server.username,
            password=None if server.token else server.password,
            use_tls=server.use_tls,
            start_tls=False if server.use_tls else server.start_tls,
            tls_context=self._tls,
            timeout=self._answer_timeout_s,
            local_hostname=socket.gethostname(),
        )

    async def _hand_over(self, client: SMTP, message: EmailMessage) -> Handover:
        sender, recipient = envelope_of(message)
        try:
            await client.mail(sender)
        except (SMTPException, OSError) as exc:
            return Handover("deferred", f"{sender} may not send: {_told(exc)}", is_our_fault=True)
        try:
            await client.rcpt(recipient)
        except SMTPResponseException as exc:
            return _answered(exc, unclear="deferred")
        except (SMTPException, OSError) as exc:
            return Handover("deferred", f"before the message: {_told(exc)}")
        try:
            answer = await client.data(to_bytes(message), timeout=self._data_timeout_s)
        except SMTPResponseException as exc:
            return _answered(exc, unclear="ambiguous")
        except (SMTPException, OSError) as exc:
            return Handover(
                "ambiguous", f"the server has the message and did not say whether it takes it: {_told(exc)}"
            )
        return Handover("sent", provider_id=answer.message[:200])


def _answered(exc: SMTPResponseException, *, unclear: Literal["deferred", "ambiguous"]) -> Handover:
    """Sort the server's answer by its class. 4yz is temporary. 5yz is permanent if it is about the recipient."""
    told = _told(exc)
    match exc.code // 100:
        case 4:
            return Handover("deferred", told)
        case 5 if cause_of(told, bounce_signs()) in PASSING:  # The next server, or tomorrow, may think otherwise.
            return Handover("deferred", told)
        case 5:
            return Handover("failed", told, is_bad_address=cause_of(told, bounce_signs()) in ENDING)
        case _:  # It speaks something that is not SMTP.
            return Handover(unclear, told)


def _told(exc: Exception) -> str:
    if isinstance(exc, SMTPResponseException):
        return f"{exc.code} {exc.message}"[:500]
    return f"{type(exc).__name__}: {exc}"[:500]
