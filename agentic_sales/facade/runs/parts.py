"""Answer part by part. Tell a caller that left from a fault of ours.

Both end the parts with the same cancellation or exception. Only the server's message `http.disconnect` says that the
caller has left. After it Starlette calls an answer's background task although the parts did not end. It does so only
then.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from starlette.background import BackgroundTask
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send


class PartsAnswer(StreamingResponse):
    """An answer of status 200. Its parts are sent as they come."""

    def __init__(
        self,
        parts: AsyncIterator[bytes],
        *,
        when_left: Callable[[], Awaitable[None]],
        when_over: Callable[[], object] = lambda: None,
        headers: Mapping[str, str],
        media_type: str,
    ) -> None:
        """Make the answer.

        Args:
            parts: Its body.
            when_left: Called when the caller leaves before the last part.
            when_over: Called at any end of the answer.
            headers: Its headers.
            media_type: Media type of its body.
        """
        self._is_complete = False
        self._when_left = when_left
        self._when_over = when_over
        background = BackgroundTask(self._after)
        super().__init__(self._sent(parts), headers=headers, media_type=media_type, background=background)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._when_over()

    async def _sent(self, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for part in parts:
            yield part
        self._is_complete = True

    async def _after(self) -> None:
        if not self._is_complete:
            await self._when_left()
