"""Check every request for its path decision and key and body size. Give it a request id.

No request gets in without a key. Keys are compared as digests and in constant time. So neither their length nor a
common prefix shows in the time of an answer.
"""

import hmac
from hashlib import sha256

from pydantic import SecretStr
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars
from uuid_utils import uuid7

from agentic_sales.facade.answers import body_too_large, error_answer
from agentic_sales.facade.body_limits import BodyLimits
from agentic_sales.observability.spans import refuse_caller
from agentic_sales.routing import METRICS_PATH, path_decision

LONGEST_REQUEST_ID_CHARS = 128
REFUSALS = {
    401: ("unauthorized", "send `Authorization: Bearer <key>` (or `x-api-key`) with the fleet's key"),
    403: ("forbidden", "this path is internal"),
    404: ("not_found", "nothing is served at this path"),
}


class Guard:
    """ASGI middleware that lets a request through or answers it."""

    def __init__(
        self, app: ASGIApp, *, token: SecretStr | None, metrics_token: SecretStr | None = None, limits: BodyLimits
    ) -> None:
        self._app = app
        self._limits = limits
        self._digest = None if token is None else _digest(token.get_secret_value())
        self._metrics_digest = None if metrics_token is None else _digest(metrics_token.get_secret_value())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Decide about one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = headers.get("x-request-id", "")[:LONGEST_REQUEST_ID_CHARS] or str(uuid7())
        bind_contextvars(request_id=request_id)  # for the task of this request, which ends with it

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        refusal = self._refusal(scope["method"], scope["path"], headers)
        if refusal is not None:
            refuse_caller()
        await (refusal or self._app)(scope, receive, send_with_id)

    def _refusal(self, method: str, path: str, headers: Headers) -> Response | None:
        status = self._decide(method, path, headers)
        if status in REFUSALS:
            code, detail = REFUSALS[status]
            extra = {"www-authenticate": "Bearer"} if code == "unauthorized" else None
            return error_answer(status, code, detail, headers=extra)
        declared = headers.get("content-length", "")
        longest = self._limits.of(method, path)
        return body_too_large(longest) if declared.isdecimal() and int(declared) > longest else None

    def _decide(self, method: str, path: str, headers: Headers) -> int:
        if self._digest is None:
            return path_decision(method, path, has_auth=True, auth_matches=True)
        key = _presented_key(headers)
        presented = _digest(key or "")
        matches = hmac.compare_digest(presented, self._digest)
        if self._metrics_digest is not None and path == METRICS_PATH:
            matches = hmac.compare_digest(presented, self._metrics_digest) or matches
        return path_decision(method, path, has_auth=key is not None, auth_matches=matches)


def _presented_key(headers: Headers) -> str | None:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key.strip():
        return key.strip()
    return headers.get("x-api-key", "").strip() or None


def digest_of_key(headers: Headers) -> str:
    """Return the digest of a request's key. It stands for the caller. It is empty where the facade needs no key."""
    key = _presented_key(headers)
    return "" if key is None else _digest(key).hex()


def _digest(key: str) -> bytes:
    return sha256(key.encode()).digest()
