"""Find the free times of a mailbox's owner: outside the busy spans, within the hours of both sides. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from agentic_sales.campaigns.plan.windows import NoWindow, SendWindow

LENGTH = timedelta(minutes=30)
NOTICE = timedelta(hours=20)
"""Shortest notice: an answer may wait for a word for hours."""
AHEAD = timedelta(days=14)
"""How far ahead a calendar is read."""
MOST_TIMES = 3


@dataclass(frozen=True, slots=True)
class Busy:
    """A span in which somebody has no time."""

    begins_at: datetime
    """Its begin."""
    ends_at: datetime
    """Its end, which is free again."""


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours of one side."""

    window: SendWindow
    """Its days and hours."""
    zone: ZoneInfo
    """Its time zone."""

    def hold(self, begins_at: datetime) -> bool:
        """Tell whether a time of `LENGTH` lies within the hours."""
        last = begins_at + LENGTH - timedelta(minutes=1)
        return self.window.is_open_at(begins_at, self.zone) and self.window.is_open_at(last, self.zone)


def free_times(busy: Sequence[Busy], *, ours: Hours, theirs: Hours, now: datetime) -> list[datetime]:
    """Return the begins of at most `MOST_TIMES` free times, each on another day of the owner, in UTC's order.

    Args:
        busy: Spans of the owner's calendar, in any order. They may overlap.
        ours: Hours of the mailbox's owner.
        theirs: Hours of the person that is answered.
        now: The present.
    """
    found: list[datetime] = []
    for begins_at in _candidates(ours, now):
        day = begins_at.astimezone(ours.zone).date()
        if any(day == other.astimezone(ours.zone).date() for other in found) or not theirs.hold(begins_at):
            continue
        if not any(span.begins_at < begins_at + LENGTH and begins_at < span.ends_at for span in busy):
            found.append(begins_at)
        if len(found) == MOST_TIMES:
            break
    return found


def _candidates(ours: Hours, now: datetime) -> Iterator[datetime]:
    """Yield the full and half hours of the owner's days that are far enough ahead."""
    at, last = now + NOTICE, now + AHEAD - LENGTH
    while at <= last:
        try:
            at = ours.window.first_open(at, ours.zone)
        except NoWindow:
            return
        local = at.astimezone(ours.zone)
        at += timedelta(minutes=-local.minute % 30, seconds=-local.second, microseconds=-local.microsecond)
        if at <= last and ours.hold(at):
            yield at
        at += LENGTH
