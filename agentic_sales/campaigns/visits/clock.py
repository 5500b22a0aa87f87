"""Tell campaigns the time: the real one, a rehearsal's, or that of a file, by which the days of a whole fleet pass.

Whatever a campaign decides, it decides by this clock, so that a rehearsal takes the very decisions that a live campaign
takes. What is not about campaigns (leases of runs, retention, logs) lives by the real one.
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


@contextmanager
def going_by(rehearsed: Callable[[], datetime]) -> Iterator[None]:
    """Let campaigns go by another clock while the body runs, in this context and the tasks that it starts."""
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
        """Return what it shows."""
        return self.at

    def forward_to(self, moment: datetime) -> None:
        """Put it forward; never back."""
        self.at = max(self.at, moment)


@dataclass(frozen=True, slots=True)
class ClockFile:
    """A clock that many processes read, and that stands still until one of them puts it forward."""

    path: Path
    """The file: one moment in ISO 8601, with its offset from UTC."""

    def now(self) -> datetime:
        """Return what it shows, in UTC.

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
        """Put it forward, never back, in one step for whoever reads it meanwhile; a new file begins at the moment."""
        shown = max(self.now(), moment) if self.path.exists() else moment
        unfinished = self.path.with_suffix(".unfinished")
        unfinished.write_text(shown.isoformat(), encoding="ascii")
        unfinished.replace(self.path)
