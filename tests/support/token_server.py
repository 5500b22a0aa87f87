"""Run a small token endpoint: the logins of Microsoft 365 and Google by device code, refreshing, and introspection."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.http_server import QuietHandler, served

CLIENT = "the-application"
LIFE_S = 3600


@dataclass
class TokenServer:
    """Who may log in, and what was given out."""

    user: str
    """The one user, who types every code."""
    base: str = ""
    """URL of the server."""
    access: set[str] = field(default_factory=set)
    """Access tokens that open the mailbox."""
    refresh: set[str] = field(default_factory=set)
    """Refresh tokens that are taken."""
    given: list[str] = field(default_factory=list)
    """Every token that was ever given out."""
    pending: int = 1
    """Polls of a device code before the user has typed it."""
    numbers: Iterator[int] = field(default_factory=lambda: iter(count(1)))

    def opens(self, user: str, token: str) -> bool:
        """Tell whether a token opens the mailbox of a user."""
        return user == self.user and token in self.access

    def revoke(self) -> None:
        """Take everything back, as after a changed password."""
        self.access.clear()
        self.refresh.clear()

    def answer(self, path: str, form: dict[str, str], query: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Answer a request."""
        if path.endswith("/openid-configuration"):
            tenant = f"{self.base}/tenant"
            names = ("authorization_endpoint", "token_endpoint", "device_authorization_endpoint")
            told = dict(zip(names, (f"{tenant}/authorize", f"{tenant}/token", f"{tenant}/devicecode"), strict=True))
            return 200, {"issuer": tenant, **told}
        if path.endswith("/introspect"):
            is_known = query.get("access_token") in self.access
            return 200, {"active": is_known, **({"email": self.user} if is_known else {})}
        if path.endswith(("/devicecode", "/device/code")):
            here = {"verification_uri": f"{self.base}/here", "verification_url": f"{self.base}/here"}
            code = {"device_code": "device", "user_code": "ABCD-EFGH", "expires_in": 60, "interval": 0}
            return 200, {**code, **here, "message": f"open {self.base}/here and enter ABCD-EFGH"}
        return self._token(form)

    def _token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if "device_code" in form and self.pending > 0:
            self.pending -= 1
            return 400, {"error": "authorization_pending"}
        if "device_code" not in form and form.get("refresh_token") not in self.refresh:
            return 400, {"error": "invalid_grant", "error_description": "AADSTS700082: The refresh token has expired."}
        number = next(self.numbers)
        access, refresh = f"access-{number}-token", f"refresh-{number}-token"
        self.access.add(access)
        self.refresh.add(refresh)
        self.given += [access, refresh]
        identity = {"iss": f"{self.base}/tenant", "sub": "s", "aud": CLIENT, "exp": 4_000_000_000, "iat": 1_000_000_000}
        token = f"{_part({'alg': 'none'})}.{_part({**identity, 'preferred_username': self.user})}.{_part({})}"
        told = {"access_token": access, "refresh_token": refresh, "expires_in": LIFE_S, "token_type": "Bearer"}
        return 200, {**told, "id_token": token, "client_info": _part({"uid": "u", "utid": "t"}), "scope": "mail"}


def _part(told: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")


@contextmanager
def token_server(user: str, *, tls: tuple[Path, Path] | None = None) -> Iterator[TokenServer]:
    """Run a token endpoint for as long as the context lasts, over TLS if it gets a certificate."""
    told = TokenServer(user)

    class Handler(QuietHandler, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers.get("content-length", 0))).decode())
            self._answer({name: values[0] for name, values in form.items()})

        def do_GET(self) -> None:
            self._answer({})

        def _answer(self, form: dict[str, str]) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            status, body = told.answer(parts.path, form, query)
            self.answer_json(status, body)

    with served(Handler, tls=tls) as told.base:
        yield told
