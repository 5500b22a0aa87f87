"""Decide when a touch may go: in the recipient's hours, on the recipient's working days. Pure: it has no clock.

All arithmetic is on the recipient's wall clock, so that "three days later, at nine" is at nine also across a change
of daylight saving time. An hour that a change skips begins where the skipped hour ends, one that it repeats counts
once, the first time (PEP 495, `fold=0`): a day has one window, and no change makes it none or two.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MONDAY_TO_FRIDAY = frozenset(range(5))
LONGEST_SEARCH_DAYS = 400
"""Days ahead in which a window must open; a calendar without one in more than a year is a mistake."""


class NoWindow(ValueError):
    """Raised when a window never opens: no weekday is left, or every day is a holiday."""


@dataclass(frozen=True, slots=True)
class SendWindow:
    """When mail may reach somebody, by their own clock.

    Raises:
        ValueError: It closes before it opens, or has no weekday.
    """

    opens_at: time = time(9)
    """First moment of a day, local."""
    closes_at: time = time(17)
    """First moment that is too late, local."""
    weekdays: frozenset[int] = MONDAY_TO_FRIDAY
    """Days of the week, 0 is Monday."""
    holidays: frozenset[date] = frozenset()
    """Days on which nothing goes."""

    def __post_init__(self) -> None:
        if self.opens_at >= self.closes_at:
            raise ValueError(
                f"a send window opens before it closes; this one opens at {self.opens_at} and closes at "
                f"{self.closes_at}"
            )
        if not self.weekdays or not self.weekdays <= frozenset(range(7)):
            raise ValueError(f"a send window has weekdays of 0 (Monday) to 6; these are {sorted(self.weekdays)}")

    def is_working_day(self, day: date) -> bool:
        """Say whether anything may go on a day."""
        return day.weekday() in self.weekdays and day not in self.holidays

    def is_open_at(self, moment: datetime, zone: ZoneInfo) -> bool:
        """Say whether a moment lies in the window."""
        return any(opens <= moment < closes for opens, closes in self._bounds(moment.astimezone(zone).date(), zone))

    def first_open(self, earliest: datetime, zone: ZoneInfo, *, spread_ratio: float = 0.0) -> datetime:
        """Return the first moment of the window that is not before `earliest`, in UTC.

        Args:
            earliest: Aware; a moment inside the window is returned as it is.
            zone: The recipient's time zone.
            spread_ratio: Where in a window that is still to open the moment lies, 0-1, so that what waited over night
                does not all go at the stroke of nine.

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
        """Yield when the window of a day opens and closes, in UTC; nothing on a day without one."""
        if not self.is_working_day(day):
            return
        opens, closes = (instant(day, at, zone) for at in (self.opens_at, self.closes_at))
        if opens < closes:  # a skipped hour can swallow a short window
            yield opens, closes


def instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return the instant, in UTC, of a wall-clock time; of one that is skipped, the moment of the change."""
    local = datetime.combine(day, at, tzinfo=zone)
    found = local.astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return found
    # PEP 495: of a skipped time, fold=0 has the offset of before the change, and fold=1 that of after it.
    after = local.replace(fold=1)
    skipped_s = (after.utcoffset() or timedelta()) - (local.utcoffset() or timedelta())
    return _change_between(found - skipped_s, found, zone)


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first minute with the later offset; offsets change at whole minutes."""
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
        days: Whole days are days of the calendar; a fraction is that part of 24 hours.
        window: Count its working days alone; None: count every day.
    """
    local = moment.astimezone(zone)
    day, whole = local.date(), int(days)
    while whole > 0:
        day += timedelta(days=1)
        whole -= window is None or window.is_working_day(day)
    return instant(day, local.time(), zone) + timedelta(days=days - int(days))


def spread_ratio(*parts: str) -> float:
    """Return a number of 0-1 that is always the same for the same parts: where in its window a touch lies."""
    digest = sha256("\n".join(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def time_zone(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name.

    Raises:
        ValueError: There is none of this name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise ValueError(f"`{name}` is no time zone of the IANA database, such as Europe/Berlin") from exc
