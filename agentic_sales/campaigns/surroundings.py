"""Say where a campaign lives: in the real world, or in a rehearsal, whose days pass in a moment.

Whatever a campaign decides and sends, it decides by this clock and sends by this transport, so that a rehearsal takes
the very decisions that a live campaign takes.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime

from agentic_sales.campaigns.transports.chosen import open_transport
from agentic_sales.campaigns.transports.contract import Transport
from agentic_sales.settings import settings


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A world of its own."""

    now: Callable[[], datetime]
    """Its clock; aware datetimes in UTC."""
    transport: Transport
    """Where its mail goes."""


_rehearsal: ContextVar[Rehearsal | None] = ContextVar("campaign_rehearsal", default=None)


def now() -> datetime:
    """Return the present, aware, in UTC."""
    rehearsal = _rehearsal.get()
    return datetime.now(UTC) if rehearsal is None else rehearsal.now()


def transport() -> AbstractAsyncContextManager[Transport]:
    """Open the way by which mail leaves.

    Raises:
        ConfigurationError: `AGENTIC_SALES_MAIL` names none, or what it needs is missing.
    """
    rehearsal = _rehearsal.get()
    return open_transport(settings()) if rehearsal is None else nullcontext(rehearsal.transport)


@contextmanager
def rehearsing(rehearsal: Rehearsal) -> Iterator[None]:
    """Let campaigns live in a world of their own while the body runs, in this context and the tasks that it starts."""
    token = _rehearsal.set(rehearsal)
    try:
        yield
    finally:
        _rehearsal.reset(token)
