"""Limit the size of a request's body. An import or a document may be larger than everything else."""

import re
from dataclasses import dataclass

from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

_IMPORT = re.compile(r"/(?:(?:campaigns/[^/]+|companies|people)/import|documents)")


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """The largest bodies that the facade reads."""

    other_bytes: int
    """Limit of everything but imports."""
    import_bytes: int
    """Limit of a file of people or companies. It is not held in memory."""

    def of(self, method: str, path: str) -> int:
        """Return the limit of a request."""
        is_import = method == "POST" and _IMPORT.fullmatch(path) is not None
        return max(self.import_bytes, self.other_bytes) if is_import else self.other_bytes


class LimitedBodies:
    """ASGI middleware that stops reading a body at its limit."""

    def __init__(self, app: ASGIApp, *, limits: BodyLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        longest = self._limits.of(scope["method"], scope["path"])
        await RequestBodyLimitMiddleware(self._app, max_body_size=longest)(scope, receive, send)
