"""Say where a campaign lives: in the real world or in a rehearsal.

The days of a rehearsal pass in a moment, and its mail stays here. A campaign sends all mail by this transport. It
decides by the clock of `clock`.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from contextvars import ContextVar
from datetime import datetime
from functools import partial

from agentic_sales.campaigns.sending.door import Door, OwnWay
from agentic_sales.campaigns.sending.links import open_links
from agentic_sales.campaigns.sending.transports.chosen import open_transport
from agentic_sales.campaigns.sending.transports.contract import MailTransport
from agentic_sales.campaigns.sending.transports.own import open_own
from agentic_sales.campaigns.visits.clock import going_by
from agentic_sales.settings import settings
from agentic_sales.store.database import Database

_rehearsed: ContextVar[MailTransport | None] = ContextVar("campaign_transport", default=None)


def transport() -> AbstractAsyncContextManager[MailTransport]:
    """Open the transport for mail.

    Raises:
        ConfigurationError: `AGENTIC_SALES_MAIL` names none, or a setting that it needs is missing.
    """
    rehearsed = _rehearsed.get()
    return open_transport(settings()) if rehearsed is None else nullcontext(rehearsed)


@asynccontextmanager
async def open_door(database: Database) -> AsyncIterator[Door]:
    """Open the send door. The errors are those of `transport`."""
    async with transport() as opened:
        yield Door(database, opened, open_links(settings()), own_way=own_way())


def own_way() -> OwnWay | None:
    """Return what opens the own ways of mailboxes. None in a rehearsal, whose mail stays here."""
    return partial(open_own, settings()) if _rehearsed.get() is None else None


@contextmanager
def rehearsing(now: Callable[[], datetime], transport: MailTransport) -> Iterator[None]:
    """Let campaigns live in a world of their own while the body runs, in this context and its tasks."""
    token = _rehearsed.set(transport)
    try:
        with going_by(now):
            yield
    finally:
        _rehearsed.reset(token)
