"""Answer a request that met a bug of this process with the documented body. Write the bug to the log."""

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agentic_sales.facade.answers import error_answer

log = structlog.get_logger()


class Bugs:
    """ASGI middleware below the guard. So the answer has the request's id and is counted."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. An answer that has begun is cut off. So its reader knows that it is not whole."""
        has_begun = False

        async def send_noted(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        except ClientDisconnect:
            log.info("caller_left")  # in the middle of its request, so nobody reads an answer
        except Exception:
            if has_begun or scope["type"] != "http":
                raise
            log.exception("request_failed", path=getattr(scope.get("route"), "path", None))
            detail = "the facade met a bug; its log has the `x-request-id` of this answer"
            await error_answer(500, "bug", detail)(scope, receive, send)
