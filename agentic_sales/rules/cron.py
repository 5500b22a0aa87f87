"""Read schedules of five fields as cron has them, and tell their slots in a time zone.

The fields are minute, hour, day of the month, month and day of the week (0 or 7 is Sunday). A field is `*`, a number, a
range `1-5`, a list `1,3`, or any of them with a step as `*/15`. If both days are restricted, either one will do. A slot
that the change of the clocks leaves out comes as much later. One that comes twice is used the first time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

RANGES = {
    "minute": (0, 59),
    "hour": (0, 23),
    "day of the month": (1, 31),
    "month": (1, 12),
    "day of the week": (0, 7),
}
LONGEST_SEARCH_DAYS = 366 * 8
"""Days that are searched for a slot. The rarest one, a 29 February, comes within eight years."""
MOST_SLOTS = 1_000
"""Slots that are listed of a span. Of more, the last ones count."""


class CronError(ValueError):
    """Raised when a text is no schedule, or one that never comes."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A schedule."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday."""
    is_either_day: bool
    """Both kinds of days are restricted, so either will do."""

    def is_day(self, day: date) -> bool:
        """Tell whether slots are on a day."""
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        fits = in_month or in_week if self.is_either_day else in_month and in_week
        return day.month in self.months and fits


def read_cron(text: str) -> Cron:
    """Read a schedule.

    Raises:
        CronError: It is none. The message names the field and the value.
    """
    fields = text.split()
    if len(fields) != len(RANGES):
        raise CronError(f"`{text}` is no schedule: it has {len(fields)} fields; expected {', '.join(RANGES)}")
    minutes, hours, days, months, weekdays = (_values(name, field) for name, field in zip(RANGES, fields, strict=True))
    is_either_day = not fields[2].startswith("*") and not fields[4].startswith("*")
    return Cron(minutes, hours, days, months, frozenset(day % 7 for day in weekdays), is_either_day)


def next_slot(text: str, after: datetime, zone: tzinfo) -> datetime:
    """Return the first slot after a moment, in UTC.

    Raises:
        CronError: It is no schedule, or it never comes, as the 30 February.
    """
    cron = read_cron(text)
    day = after.astimezone(zone).date()
    for _ in range(LONGEST_SEARCH_DAYS):
        if cron.is_day(day):
            for slot in _slots_of(cron, day, zone):
                if slot > after:
                    return slot
        day += timedelta(days=1)
    raise CronError(f"`{text}` never comes")


def slots_between(text: str, first: datetime, last: datetime, zone: tzinfo) -> list[datetime]:
    """Return the slots from a slot to a moment, both included, in UTC. At least the first one is returned."""
    cron, slots = read_cron(text), [first.astimezone(UTC)]
    day, end = max(first, last - timedelta(days=400)).astimezone(zone).date(), last.astimezone(zone).date()
    while day <= end:
        slots += [slot for slot in _slots_of(cron, day, zone) if first < slot <= last] if cron.is_day(day) else []
        slots, day = slots[-MOST_SLOTS:], day + timedelta(days=1)
    return slots


def _slots_of(cron: Cron, day: date, zone: tzinfo) -> Iterable[datetime]:
    local = (time(hour, minute) for hour in sorted(cron.hours) for minute in sorted(cron.minutes))
    return sorted({datetime.combine(day, at, tzinfo=zone).astimezone(UTC) for at in local})


def _values(name: str, field: str) -> frozenset[int]:
    low, high = RANGES[name]
    found: set[int] = set()
    for part in field.split(","):
        span, has_step, step = part.partition("/")
        first, has_end, last = ("", "", "") if span == "*" else span.partition("-")
        numbers = [text for text, is_there in ((first, span != "*"), (last, has_end), (step, has_step)) if is_there]
        if not all(text.isascii() and text.isdigit() for text in numbers) or (has_step and int(step) == 0):
            raise CronError(f"the {name} of a schedule is `{field}`; expected `*`, {low}-{high}, lists or steps")
        start = low if span == "*" else int(first)
        end = high if span == "*" or (has_step and not has_end) else int(last or first)
        if not low <= start <= end <= high:
            raise CronError(f"the {name} of a schedule is `{field}`; it must be within {low} and {high}")
        found.update(range(start, end + 1, int(step or 1)))
    return frozenset(found)
