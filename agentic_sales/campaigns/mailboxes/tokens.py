"""Get OAuth 2 tokens for the logins of mailboxes: by a device code once, and by its refresh token from then on.

Microsoft's tokens are kept in the cache of `msal`, Google's in the form of `google-auth`, each in one file a mailbox
that its owner alone may read. Nothing of it reaches the store or a log. Every function here blocks.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex
from typing import Any

from agentic_sales.campaigns.mailboxes.google_device import google_device_login
from agentic_sales.campaigns.mailboxes.logins import MailboxLogin, read_secret
from agentic_sales.errors import ExtraMissing, LoginRefused
from agentic_sales.settings import Settings

MICROSOFT_SCOPES = (
    "https://outlook.office.com/SMTP.Send",
    "https://outlook.office.com/IMAP.AccessAsUser.All",
)
GOOGLE_SCOPES = ("https://mail.google.com/",)
TIMEOUT_S = 20.0
_PACKAGES = {"microsoft": "msal", "google": "google.auth"}

TellCode = Callable[[str], object]
"""Tells a person where to type which code."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one mailbox, for the process that logs in."""

    login: MailboxLogin
    """The login."""
    configuration: Settings
    """This process's configuration."""

    def access(self, *, renew: bool = False) -> str:
        """Return a token that opens the mailbox.

        Args:
            renew: Ask for a new one, because a server refused the one that is kept.

        Raises:
            LoginRefused: There is none any more, or the service does not answer.
            ExtraMissing: The package for it is not installed.
        """
        _require(self.login.kind)
        with _refused(self.login):
            return self._microsoft(renew) if self.login.kind == "microsoft" else self._google(renew)

    def log_in(self, tell: TellCode) -> None:
        """Get tokens by a code that a person types into a page, and keep them.

        Raises:
            LoginRefused: The service gave none, or there is no file for them.
            ExtraMissing: The package for it is not installed.
        """
        _require(self.login.kind)
        with _refused(self.login):
            if self.login.kind == "microsoft":
                self._microsoft_device(tell)
            else:
                given = google_device_login(self.configuration, self.login.mailbox_id, GOOGLE_SCOPES, tell)
                _write(self._file, json.dumps(given))

    @property
    def _file(self) -> Path:
        return self.login.token_file(self.configuration.state_dir)

    def _microsoft(self, renew: bool) -> str:  # noqa: FBT001 - as in `access`
        cache, app = self._application()
        accounts = app.get_accounts()
        if not accounts:
            raise self._again("nobody has logged in yet")
        told = app.acquire_token_silent_with_error(list(MICROSOFT_SCOPES), accounts[0], force_refresh=renew)
        if cache.has_state_changed:
            _write(self._file, cache.serialize())
        return self._token_of(told)

    def _microsoft_device(self, tell: TellCode) -> None:
        cache, app = self._application()
        flow = app.initiate_device_flow(list(MICROSOFT_SCOPES))
        if "user_code" not in flow:
            raise LoginRefused(self.login.mailbox_id, _told(flow))
        tell(flow["message"])
        self._token_of(app.acquire_token_by_device_flow(flow))
        _write(self._file, cache.serialize())

    def _application(self) -> tuple[Any, Any]:
        from msal import PublicClientApplication, SerializableTokenCache  # noqa: PLC0415 - an extra

        if self.configuration.microsoft_client_id is None:
            raise LoginRefused(self.login.mailbox_id, "AGENTIC_SALES_MICROSOFT_CLIENT_ID is not set")
        cache = SerializableTokenCache()
        if self._file.exists():
            cache.deserialize(self._file.read_text(encoding="utf-8"))
        app = PublicClientApplication(
            self.configuration.microsoft_client_id,
            authority=self.configuration.microsoft_authority,
            instance_discovery=False,  # A person has configured the authority, and so trusts it.
            token_cache=cache,
            timeout=TIMEOUT_S,
        )
        return cache, app

    def _google(self, renew: bool) -> str:  # noqa: FBT001 - as in `access`
        from google.auth.transport.requests import Request  # noqa: PLC0415 - an extra

        known = self._google_file()
        credentials = self._google_credentials(known)
        if renew or not credentials.valid:
            credentials.refresh(Request())
            if "refresh_token" in known:
                _write(self._file, json.dumps({**known, **_kept(credentials)}))
        return str(credentials.token)

    def _google_file(self) -> Mapping[str, Any]:
        if self.login.secret.startswith("env:"):
            text = read_secret(self.login)
        elif self._file.exists():
            text = self._file.read_text(encoding="utf-8")
        else:
            raise self._again("nobody has logged in yet")
        known = json.loads(text)
        if not isinstance(known, dict):
            raise TypeError("its secret is no JSON object of Google's")
        return known

    def _google_credentials(self, known: Mapping[str, Any]) -> Any:
        from google.oauth2 import credentials, service_account  # noqa: PLC0415 - an extra

        if known.get("type") == "service_account":
            user = self.login.smtp.username if self.login.smtp else ""
            account = service_account.Credentials.from_service_account_info(known, scopes=list(GOOGLE_SCOPES))
            return account.with_subject(user)
        return credentials.Credentials(
            known.get("token"),
            refresh_token=known["refresh_token"],
            token_uri=f"{self.configuration.google_oauth_url}/token",
            client_id=known["client_id"],
            client_secret=known["client_secret"],
            scopes=list(GOOGLE_SCOPES),
            expiry=_moment(known.get("expiry")),
        )

    def _token_of(self, told: Mapping[str, Any] | None) -> str:
        if told is None or "access_token" not in told:
            raise self._again(_told(told or {}))
        return str(told["access_token"])

    def _again(self, why: str) -> LoginRefused:
        again = f"run `agentic-sales mailboxes login {self.login.mailbox_id}`"
        return LoginRefused(self.login.mailbox_id, f"{why}; {again}")


def _require(kind: str) -> None:
    try:
        is_there = find_spec(_PACKAGES[kind]) is not None
    except ModuleNotFoundError:
        is_there = False
    if not is_there:
        raise ExtraMissing("A mailbox", f"a login of {kind.title()}", "mailboxes")


@contextmanager
def _refused(login: MailboxLogin) -> Iterator[None]:
    """Describe the failure of a login in one way. The libraries raise many kinds of errors."""
    from requests import RequestException  # noqa: PLC0415 - comes with the extra's packages

    errors: list[type[Exception]] = [OSError, ValueError, TypeError, KeyError, RequestException]
    if find_spec("google") is not None and find_spec("google.auth") is not None:
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - an extra

        errors.append(GoogleAuthError)
    try:
        yield
    except tuple(errors) as exc:
        again = f"if that lasts, run `agentic-sales mailboxes login {login.mailbox_id}`"
        raise LoginRefused(login.mailbox_id, f"{_short(exc)}; {again}") from exc


def _short(exc: Exception) -> str:
    first = exc.args[0] if exc.args else exc
    return f"{type(exc).__name__}: {str(first).splitlines()[0] if str(first) else ''}"[:300]


def _told(answer: Mapping[str, Any]) -> str:
    """Return a service's message of a refusal. Its first line has no token."""
    said = str(answer.get("error_description") or answer.get("error") or "the login has expired")
    return said.splitlines()[0][:300]


def _kept(credentials: Any) -> dict[str, Any]:
    expiry = credentials.expiry
    return {"token": credentials.token, "expiry": None if expiry is None else expiry.isoformat()}


def _moment(told: str | None) -> datetime:
    """Return the end of a token as google-auth has it, in UTC without an offset."""
    if told is None:
        return datetime(1970, 1, 1)  # noqa: DTZ001 - google-auth compares naive times in UTC
    return datetime.fromisoformat(told).replace(tzinfo=None)


def _write(path: Path, text: str) -> None:
    """Write a file that its owner alone may read. Another process sees the old one or the new one, whole."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{token_hex(4)}")
    unfinished.touch(mode=0o600)
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
