"""Decide when mail to a person is decent, in that person's own time. Pure: the present is an argument.

All arithmetic is on the recipient's wall clock. So "three days later, at nine" is at nine also across a change of
daylight saving time. An hour that a change skips begins where the skipped hour ends. An hour that it repeats counts
once, the first time (PEP 495, `fold=0`). A day has one window, and no change makes it none or two.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from hashlib import sha256
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

DAYS_OF_A_WEEK = 7
LONGEST_SEARCH_DAYS = 400
"""Days ahead in which a window must open. A calendar without one in more than a year is a mistake."""


class NoWindow(ValueError):
    """Raised when a window never opens, because every day is a holiday."""


class SendWindow(BaseModel):
    """The hours of the week in which messages are sent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    starts: time = Field(default=time(9), description="Local time of the first message of a day.")
    ends: time = Field(default=time(17), description="Local time from which on none is sent.")
    days: tuple[int, ...] = Field(default=(1, 2, 3, 4, 5), min_length=1, description="ISO weekdays; 1 is Monday.")
    holidays: frozenset[date] = Field(default=frozenset(), description="Days on which nothing is sent.")

    @field_validator("days")
    @classmethod
    def _are_weekdays(cls, days: tuple[int, ...]) -> tuple[int, ...]:
        if not set(days) <= set(range(1, DAYS_OF_A_WEEK + 1)):
            raise ValueError("weekdays are numbers from 1 (Monday) to 7")
        return tuple(sorted(set(days)))

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> "SendWindow":
        if self.starts >= self.ends:
            raise ValueError("the window must start before it ends, on the same day")
        return self

    def is_working_day(self, day: date) -> bool:
        """Say whether anything may go on a day."""
        return day.isoweekday() in self.days and day not in self.holidays

    def is_open_at(self, moment: datetime, zone: ZoneInfo) -> bool:
        """Say whether a moment lies in the window."""
        return any(opens <= moment < closes for opens, closes in self._bounds(moment.astimezone(zone).date(), zone))

    def first_open(self, earliest: datetime, zone: ZoneInfo, *, spread_ratio: float = 0.0) -> datetime:
        """Return the first moment of the window that is not before `earliest`, in UTC.

        Args:
            earliest: Aware. A moment inside the window is returned as it is.
            zone: The recipient's time zone.
            spread_ratio: Place of the moment in a window that is still to open, 0-1. Without it the messages that
                waited over night would all go at the stroke of nine.

        Raises:
            NoWindow: It never opens.
        """
        first_day = earliest.astimezone(zone).date()
        for offset in range(LONGEST_SEARCH_DAYS):
            for opens, closes in self._bounds(first_day + timedelta(days=offset), zone):
                if opens <= earliest < closes:
                    return earliest.astimezone(UTC)
                if earliest < opens:
                    return opens + (closes - opens) * spread_ratio
        raise NoWindow(f"no day within {LONGEST_SEARCH_DAYS} days after {earliest:%Y-%m-%d} is a working day")

    def _bounds(self, day: date, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
        """Yield when the window of a day opens and closes, in UTC. Yield nothing on a day without one."""
        if not self.is_working_day(day):
            return
        opens, closes = (instant(day, at, zone) for at in (self.starts, self.ends))
        if opens < closes:  # a skipped hour can swallow a short window
            yield opens, closes


def instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return the instant of a wall-clock time, in UTC. For a skipped time return the moment of the change."""
    local = datetime.combine(day, at.replace(fold=0), tzinfo=zone)
    found = local.astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return found
    # PEP 495: of a skipped time, fold=0 has the offset of before the change, and fold=1 that of after it.
    after = local.replace(fold=1)
    skipped_s = (after.utcoffset() or timedelta()) - (local.utcoffset() or timedelta())
    return _change_between(found - skipped_s, found, zone)


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first minute with the later offset. Offsets change at whole minutes."""
    old = before.astimezone(zone).utcoffset()
    low, high = 0, round((after - before).total_seconds() / 60)
    while low < high:
        middle = (low + high) // 2
        if (before + timedelta(minutes=middle)).astimezone(zone).utcoffset() == old:
            low = middle + 1
        else:
            high = middle
    return (before + timedelta(minutes=low)).replace(second=0, microsecond=0)


def later(moment: datetime, zone: ZoneInfo, *, days: float, window: SendWindow | None = None) -> datetime:
    """Return the moment so many days later by the recipient's clock, in UTC.

    Args:
        moment: Aware.
        zone: The recipient's time zone.
        days: Whole days are days of the calendar. A fraction is that part of 24 hours.
        window: Count its working days alone. None counts every day.
    """
    local = moment.astimezone(zone)
    day, whole = local.date(), int(days)
    while whole > 0:
        day += timedelta(days=1)
        whole -= window is None or window.is_working_day(day)
    return instant(day, local.time(), zone) + timedelta(days=days - int(days))


def spread_ratio(*parts: str) -> float:
    """Return a touch's place in its window, a number of 0-1. The same parts always give the same number."""
    digest = sha256("\n".join(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


@cache
def zone_named(name: str) -> ZoneInfo | None:
    """Return the time zone of an IANA name. None if there is none of this name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
