"""Decide when mail to a person is decent, in that person's own time. Pure: the present is an argument.

All arithmetic is on the recipient's wall clock. So "three days later, at nine" is at nine also across a change of
daylight saving time. An hour that a change skips begins where the skipped hour ends. An hour that it repeats counts
once, the first time (PEP 495, `fold=0`). A day has one window, and no change makes it none or two.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from hashlib import sha256
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

DAYS_OF_A_WEEK = 7
LONGEST_SEARCH_DAYS = 400
"""Days ahead in which a window must open. A calendar without one in more than a year is a mistake."""


KNOWN_YEAR = 2026
"""A year for which every calendar is known."""


class NoWindow(ValueError):
    """Raised when a window never opens, because every day is a holiday."""


class SendWindow(BaseModel):
    """The hours of the week in which messages are sent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    starts: time = Field(default=time(9), description="Local time of the first message of a day.")
    ends: time = Field(default=time(17), description="Local time from which on none is sent.")
    days: tuple[int, ...] = Field(default=(1, 2, 3, 4, 5), min_length=1, description="ISO weekdays; 1 is Monday.")
    holidays: frozenset[date] = Field(default=frozenset(), description="Days on which nothing is sent.")
    holiday_calendars: tuple[str, ...] = Field(
        default=(),
        max_length=20,
        description="Countries or their parts: `DE`, `DE-BY`, `US-CA`. Nothing is sent on their public holidays.",
    )

    @field_validator("days")
    @classmethod
    def _are_weekdays(cls, days: tuple[int, ...]) -> tuple[int, ...]:
        if not set(days) <= set(range(1, DAYS_OF_A_WEEK + 1)):
            raise ValueError("weekdays are numbers from 1 (Monday) to 7")
        return tuple(sorted(set(days)))

    @field_validator("holiday_calendars")
    @classmethod
    def _are_calendars(cls, calendars: tuple[str, ...]) -> tuple[str, ...]:
        for calendar in calendars:
            public_holidays(calendar, KNOWN_YEAR)
        return calendars

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> "SendWindow":
        if self.starts >= self.ends:
            raise ValueError("the window must start before it ends, on the same day")
        return self

    def is_working_day(self, day: date) -> bool:
        """Say whether anything may go on a day."""
        if day.isoweekday() not in self.days or day in self.holidays:
            return False
        return not any(day in public_holidays(calendar, day.year) for calendar in self.holiday_calendars)

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


@lru_cache(maxsize=256)
def public_holidays(calendar: str, year: int) -> frozenset[date]:
    """Return the public holidays of a country, or of a part of it, in a year.

    Raises:
        ValueError: There is no such calendar, or the package that knows them is not installed.
    """
    try:
        from holidays import country_holidays  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as exc:
        raise ValueError("calendars of holidays need `pip install 'agentic-sales[calendars]'`") from exc
    country, _, part = calendar.partition("-")
    try:
        return frozenset(country_holidays(country, subdiv=part or None, years=year))
    except (NotImplementedError, ValueError) as exc:
        raise ValueError(f"`{calendar}` is no calendar of holidays; write a country, such as DE, or DE-BY") from exc


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
