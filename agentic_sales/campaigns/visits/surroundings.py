"""Say where a campaign lives: in the real world, or in a rehearsal, whose days pass in a moment and whose mail stays.

Whatever a campaign sends, it sends by this transport, as it decides by the clock of `clock`.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from datetime import datetime

from agentic_sales.campaigns.sending.transports.chosen import open_transport
from agentic_sales.campaigns.sending.transports.contract import MailTransport
from agentic_sales.campaigns.visits.clock import going_by
from agentic_sales.settings import settings

_rehearsed: ContextVar[MailTransport | None] = ContextVar("campaign_transport", default=None)


def transport() -> AbstractAsyncContextManager[MailTransport]:
    """Open the way by which mail leaves.

    Raises:
        ConfigurationError: `AGENTIC_SALES_MAIL` names none, or what it needs is missing.
    """
    rehearsed = _rehearsed.get()
    return open_transport(settings()) if rehearsed is None else nullcontext(rehearsed)


@contextmanager
def rehearsing(now: Callable[[], datetime], transport: MailTransport) -> Iterator[None]:
    """Let campaigns live in a world of their own while the body runs, in this context and the tasks that it starts."""
    token = _rehearsed.set(transport)
    try:
        with going_by(now):
            yield
    finally:
        _rehearsed.reset(token)
