"""Read from a mailbox's row how it logs in to send and to read, and refuse a login that could not work.

A row has the reference of a secret and never a secret: `env:NAME` or `file:/path`. The process that logs in reads it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import SplitResult, unquote, urlsplit

from agentic_sales.campaigns.mailboxes.secret_places import ENVIRONMENT, FILE, check_place, secret_at
from agentic_sales.contracts import MailboxId
from agentic_sales.errors import InvalidRequest, LoginRefused
from agentic_sales.outbound.addresses import is_loopback
from agentic_sales.store.mailboxes import MailboxRow

LoginKind = Literal["password", "microsoft", "google", "resend"]
"""How a mailbox proves to its servers that it is itself. A row without one uses the server of `AGENTIC_SALES_MAIL`."""
KINDS: tuple[str, ...] = get_args(LoginKind)
BY_TOKEN = frozenset({"microsoft", "google"})
"""Kinds with servers that take OAuth 2 tokens (XOAUTH2)."""
_PORTS = {"smtp": 587, "smtps": 465, "imap": 143, "imaps": 993}
_SERVERS = {
    "microsoft": ("smtp://smtp.office365.com:587", "imaps://outlook.office365.com:993"),
    "google": ("smtps://smtp.gmail.com:465", "imaps://imap.gmail.com:993"),
}


@dataclass(frozen=True, slots=True)
class ServerPlace:
    """The place of a server, and the user that logs in."""

    scheme: str
    """`smtp`, `smtps`, `imap` or `imaps`."""
    host: str
    """Name or address."""
    port: int
    """TCP port."""
    username: str
    """Login."""

    @property
    def is_here(self) -> bool:
        """Tell whether it is on this machine."""
        return is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class MailboxLogin:
    """How one mailbox logs in."""

    mailbox_id: MailboxId
    """The mailbox."""
    kind: LoginKind
    """How it proves itself."""
    secret: str
    """Reference of its secret. Empty for a token file in the state directory."""
    smtp: ServerPlace | None
    """Where its mail leaves. None for Resend."""
    imap: ServerPlace | None
    """Where its inbox is. None if it is not read over IMAP."""

    def token_file(self, state_dir: Path) -> Path:
        """Return the file of its tokens.

        Raises:
            LoginRefused: Its secret is in the environment, where no token can be kept.
        """
        if self.secret.startswith(FILE):
            return Path(self.secret.removeprefix(FILE))
        if self.secret:
            raise LoginRefused(self.mailbox_id, "its tokens need a file: give `file:/path` as its secret, or none")
        return state_dir.absolute() / "mailboxes" / f"{self.mailbox_id}.token"


def login_of(row: MailboxRow) -> MailboxLogin | None:
    """Return the login of a mailbox. None if it uses the server of `AGENTIC_SALES_MAIL`.

    Raises:
        LoginRefused: Its row has a login that no release of this kind writes.
    """
    if not row.login:
        return None
    try:
        return checked_login(
            row.mailbox_id, row.login, row.address, smtp=row.smtp_url, imap=row.imap_url, secret=row.secret
        )
    except InvalidRequest as exc:
        raise LoginRefused(row.mailbox_id, str(exc)) from exc


def checked_login(mailbox_id: str, kind: str, address: str, *, smtp: str, imap: str, secret: str) -> MailboxLogin:
    """Return a login with parts that fit together.

    Args:
        mailbox_id: The mailbox.
        kind: A `LoginKind`.
        address: The mailbox's address, which is the user where a URL names none.
        smtp: URL of its SMTP server. Empty for that of the kind.
        imap: URL of its IMAP server. Empty for that of the kind, or for none.
        secret: Reference of its secret.

    Raises:
        InvalidRequest: They do not. No secret is repeated.
    """
    if kind not in KINDS:
        raise InvalidRequest(f"the login of a mailbox must be one of {', '.join(KINDS)}, not `{kind}`")
    usual_smtp, usual_imap = _SERVERS.get(kind, ("", ""))
    if kind == "resend" and smtp:
        raise InvalidRequest("a mailbox that sends by Resend has no SMTP server; leave it out")
    _check_secret(kind, secret)
    out = _place(smtp or usual_smtp, "smtp", address) if kind != "resend" else None
    inbox = _place(imap or usual_imap, "imap", address) if imap or usual_imap else None
    if kind == "resend" and inbox is not None:
        raise InvalidRequest("the secret of a mailbox that sends by Resend opens no inbox; replies come by webhook")
    return MailboxLogin(MailboxId(mailbox_id), kind, secret, out, inbox)  # type: ignore[arg-type]  # checked above


def _check_secret(kind: str, secret: str) -> None:
    if secret:
        check_place(secret, "the secret of a mailbox")
    if not secret and kind not in BY_TOKEN:
        raise InvalidRequest(f"a mailbox with the login `{kind}` needs the place of its secret: env:NAME or file:/path")
    if kind == "microsoft" and secret.startswith(ENVIRONMENT):
        raise InvalidRequest("the tokens of Microsoft change, so they need a file: file:/path, or no secret")


def _place(url: str, protocol: str, address: str) -> ServerPlace:
    parts = _split(url)
    wanted = f"{protocol}://host:port or {protocol}s://host:port"
    if parts is None or parts.password is not None:
        raise InvalidRequest(f"the {protocol.upper()} server of a mailbox is {wanted}, without a password")
    if parts.scheme not in {protocol, f"{protocol}s"} or not parts.hostname:
        raise InvalidRequest(f"the {protocol.upper()} server of a mailbox must be {wanted}, not `{url}`")
    if parts.scheme == "imap" and not is_loopback(parts.hostname):
        raise InvalidRequest("an inbox on another machine is opened over TLS: imaps://host:993")
    user = unquote(parts.username) if parts.username else address
    return ServerPlace(parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme], user)


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def read_secret(login: MailboxLogin) -> str:
    """Return the secret that a login refers to.

    Raises:
        LoginRefused: It is not there.
    """
    try:
        return secret_at(login.secret)
    except ValueError as exc:
        raise LoginRefused(login.mailbox_id, str(exc)) from exc
