"""Run a real SMTP server in a thread, that takes mail or misbehaves in one of the ways in which servers do."""

import asyncio
import ssl
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from agentic_sales.campaigns.sending.transports.smtp import SmtpServer
from agentic_sales.local.ports import LOOPBACK
from tests.support.ports import free_port

Reply = Callable[["MailSink", SMTP, Envelope], str]


@dataclass
class MailSink:
    """What a server has taken, and how it answers."""

    on_recipient: Callable[[int], str] = lambda _: "250 OK"
    """Answer to the n-th RCPT, from 1."""
    on_message: Reply = lambda _sink, _server, _envelope: "250 2.0.0 taken"
    """Answer to a message that was taken."""
    takes: bool = True
    """False: what it answers 5yz or 4yz, or never, is not kept."""
    needs_login: bool = False
    """True: nobody may send who has not logged in."""
    taken: list[bytes] = field(default_factory=list)
    """Every message that was taken."""
    recipients: int = 0
    """RCPTs so far."""
    released: threading.Event = field(default_factory=threading.Event)
    """Ends the waiting of a server that hangs."""

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Answer RCPT."""
        if self.needs_login and not session.authenticated:
            return "530 5.7.0 authentication required"
        self.recipients += 1
        answer = self.on_recipient(self.recipients)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        """Take a message."""
        if self.takes:
            assert isinstance(envelope.original_content, bytes)
            self.taken.append(envelope.original_content)
        return self.on_message(self, server, envelope)


def drops_the_connection(_sink: MailSink, server: SMTP, _envelope: Envelope) -> str:
    """Take the message and hang up without a word."""
    assert isinstance(server.transport, asyncio.Transport)
    server.transport.abort()
    return "250 never heard"


def hangs(sink: MailSink, _server: SMTP, _envelope: Envelope) -> str:
    """Take the message and say nothing for as long as the test lasts; nobody else is served meanwhile."""
    sink.released.wait()
    return "250 never heard"


@contextmanager
def smtp_server(sink: MailSink, *, port: int | None = None, **options: Any) -> Iterator[SmtpServer]:
    """Run a server for as long as the context lasts; yield where it is."""
    controller = Controller(sink, hostname=LOOPBACK, port=port or free_port(), **options)
    controller.start()
    try:
        yield SmtpServer(LOOPBACK, controller.port, start_tls=None)
    finally:
        sink.released.set()
        controller.stop()


def with_login(tls: ssl.SSLContext) -> dict[str, Any]:
    """Return the options of a server that wants STARTTLS and the login `ann`/`geheim`."""

    def check(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"ann", b"geheim")
        return AuthResult(success=is_right, handled=False) if not is_right else AuthResult(success=True)

    return {"tls_context": tls, "require_starttls": True, "authenticator": check, "auth_required": True}


@dataclass
class TokenSink(MailSink):
    """A sink that takes mail only after a login by XOAUTH2, as Microsoft 365 and Gmail do."""

    opens: Callable[[str, str], bool] = lambda _user, _token: False
    """Tells whether a token opens the mailbox of a user."""
    users: list[str] = field(default_factory=list)
    """Who has logged in."""

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802 - aiosmtpd's name
        """Check a token. A wrong one is answered by a challenge with the error, as the two providers do."""
        user, token = [part.partition("=")[2] for part in b64decode(args[1]).decode().split("\x01")[:2]]
        if self.opens(user, token.removeprefix("Bearer ")):
            self.users.append(user)
            return AuthResult(success=True)
        await server.challenge_auth('{"status":"401","schemes":"bearer"}')
        return AuthResult(success=False, handled=False, message="535 5.7.3 Authentication unsuccessful")


def with_tokens() -> dict[str, Any]:
    """Return the options of a server of a `TokenSink`, without TLS."""
    return {"auth_require_tls": False, "auth_exclude_mechanism": ["PLAIN", "LOGIN"]}


def with_password(user: str, password: str) -> dict[str, Any]:
    """Return the options of a server without TLS that lets one user in."""

    def check(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        is_right = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) == (user, password)
        return AuthResult(success=is_right, handled=False)

    return {"authenticator": check, "auth_require_tls": False}
