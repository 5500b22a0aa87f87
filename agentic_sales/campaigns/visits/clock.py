"""Tell campaigns the time.

It is the real time, a rehearsal's, or the time in a file. A file's time applies to a whole fleet.

Every decision of a campaign uses this clock. So a rehearsal decides exactly as a live campaign does. Leases of runs,
retention and logs use the real clock.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agentic_sales.errors import ConfigurationError
from agentic_sales.settings import settings

_rehearsed: ContextVar[Callable[[], datetime] | None] = ContextVar("campaign_clock", default=None)


def now() -> datetime:
    """Return the present, aware, in UTC.

    Raises:
        ConfigurationError: `AGENTIC_SALES_VIRTUAL_CLOCK` names a file that shows no time.
    """
    if (rehearsed := _rehearsed.get()) is not None:
        return rehearsed()
    file = settings().virtual_clock
    return datetime.now(UTC) if file is None else ClockFile(file).now()


def waking_now() -> datetime:
    """Return the present for what waits for runs, aware, in UTC.

    It is a rehearsal's time, else the real time. Runs take real time, also where a file shows another.
    """
    rehearsed = _rehearsed.get()
    return datetime.now(UTC) if rehearsed is None else rehearsed()


@contextmanager
def going_by(rehearsed: Callable[[], datetime]) -> Iterator[None]:
    """Let campaigns use another clock while the body runs, in this context and its tasks."""
    token = _rehearsed.set(rehearsed)
    try:
        yield
    finally:
        _rehearsed.reset(token)


@dataclass
class VirtualClock:
    """A clock that stands still until it is put forward."""

    at: datetime
    """What it shows."""

    def now(self) -> datetime:
        """Return the clock's present."""
        return self.at

    def forward_to(self, moment: datetime) -> None:
        """Put the clock forward. It never goes back."""
        self.at = max(self.at, moment)


@dataclass(frozen=True, slots=True)
class ClockFile:
    """A clock that many processes read, and that stands still until one of them puts it forward."""

    path: Path
    """The file. It holds one moment in ISO 8601 with its offset from UTC."""

    def now(self) -> datetime:
        """Return the moment in the file, in UTC.

        Raises:
            ConfigurationError: The file cannot be read, or shows no moment with an offset.
        """
        try:
            shown = datetime.fromisoformat(self.path.read_text(encoding="ascii").strip())
        except (OSError, ValueError) as exc:
            raise ConfigurationError(f"AGENTIC_SALES_VIRTUAL_CLOCK: `{self.path}` shows no time: {exc}") from exc
        if shown.tzinfo is None:
            raise ConfigurationError(f"AGENTIC_SALES_VIRTUAL_CLOCK: `{self.path}` shows a time without its offset")
        return shown.astimezone(UTC)

    def forward_to(self, moment: datetime) -> None:
        """Put the clock forward, never back. A new file begins at the moment.

        The write is atomic for concurrent readers.
        """
        shown = max(self.now(), moment) if self.path.exists() else moment
        unfinished = self.path.with_suffix(".unfinished")
        unfinished.write_text(shown.isoformat(), encoding="ascii")
        unfinished.replace(self.path)
