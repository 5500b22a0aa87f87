"""Read the days that a text names, in the forms of many languages: `4.1.`, `December 7th`, `le 5 janvier`, `12月10日`.

A day without a year is the next such day. `03/04` is the third of April or the fourth of March. In an English text it
counts only if one of the two lies ahead. In other texts the day stands first. A period such as `Q2`, `in March` or
`next week` counts as its first day. From then on the person can be asked again.
"""

import re
from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from agentic_sales.rules.day_forms import Calendar, our_calendar
from agentic_sales.rules.sentences import CJK, folded

FARTHEST_DAYS = 330
"""A day without a year that lies farther ahead was meant to be the past one."""
MONTHS = 12
QUARTER_MONTHS = 3
DAYS_OF_WEEK = 7
_EASTERN = f"[{CJK}\uac00-\ud7af]"
_BESIDE_WORDS = re.compile(rf"(?<=/\d)(?={_EASTERN})|(?<=/\d\d)(?={_EASTERN})|(?<={_EASTERN})(?=\d{{1,4}}/\d)")
"""Between a day such as `12/4` and a word without a blank between."""
_RANGE = re.compile(r"(?<=[\d.])[-\u2013\u2014](?=\d{1,2}[./]\d)")
"""The sign between two days: `30.11.-11.12.`"""


@dataclass(frozen=True, slots=True)
class Named:
    """A day that a text names."""

    day: date
    """The day."""
    is_exact: bool
    """False for the first day of a named period, such as `in March`."""


@dataclass(frozen=True, slots=True)
class DayContext:
    """The context of a form beside its words."""

    calendar: Calendar
    """The words for days."""
    came_on: date
    """The day on which the text came."""
    is_english: bool
    """True: the month may stand before the day."""
    is_eastern: bool
    """True: the month stands before the day."""


Found = re.Match[str]


def days_in(text: str, came_on: date, calendar: Calendar | None = None) -> list[Named]:
    """Return the days after `came_on` that a text names, in no order. If it names no exact day, return its periods.

    Args:
        text: The writer's text.
        came_on: The day on which the text came.
        calendar: The words for days. The default is `days.toml`.
    """
    calendar = calendar or our_calendar()
    plain = _BESIDE_WORDS.sub(" ", _RANGE.sub(" - ", folded(text)))
    is_english = calendar.english.search(plain) is not None
    reading = DayContext(calendar, came_on, is_english=is_english, is_eastern=re.search(_EASTERN, plain) is not None)
    found = [Named(day, is_exact=True) for day in _read(plain, calendar.exact, reading)]
    found = found or [Named(day, is_exact=False) for day in _read(plain, calendar.vague, reading)]
    return [named for named in found if named.day > came_on]


def _read(text: str, forms: tuple[tuple[re.Pattern[str], str], ...], reading: DayContext) -> Iterator[date]:
    for words, form in forms:
        for found in words.finditer(text):
            day = READERS[form](found, reading)
            if day is not None:
                yield day


def _day(year: str | None, month: int, day: int, came_on: date) -> date | None:
    try:
        if year:
            return date(int(year) if len(year) > 2 else 2000 + int(year), month, day)  # noqa: PLR2004  # `26` or `2026`
        return _next(month, day, came_on)
    except ValueError:  # A 31 June is no day.
        return None


def _next(month: int, day: int, came_on: date) -> date | None:
    this_year = date(came_on.year, month, day)
    if this_year >= came_on:
        return this_year
    next_year = date(came_on.year + 1, month, day)
    return next_year if (next_year - came_on).days <= FARTHEST_DAYS else None


def _named(found: Found, reading: DayContext) -> date | None:
    month = reading.calendar.numbers[f"month:{found['month']}"]
    return _day(found["year"], month, int(found["day"]), reading.came_on)


def _numbered(found: Found, reading: DayContext) -> date | None:
    return _day(found["year"], int(found["month"]), int(found["day"]), reading.came_on)


def _slashed(found: Found, reading: DayContext) -> date | None:
    """Return the day of `3/4`. The day comes first, or the month if only that date lies ahead."""
    first, second = int(found["day"]), int(found["month"])
    read = (_day(found["year"], month, day, reading.came_on) for month, day in ((second, first), (first, second)))
    days = [day for day in read if day is not None and day > reading.came_on]
    if reading.is_eastern:
        return _day(found["year"], first, second, reading.came_on)
    is_certain = len(set(days)) == 1 or not reading.is_english
    return days[0] if days and is_certain else None


def _day_alone(found: Found, reading: DayContext) -> date | None:
    """Return the next day of this number, in this month or the next one."""
    number = int(found["day"])
    for first in (reading.came_on.replace(day=1), _months_later(reading.came_on.replace(day=1), 1)):
        day = _day(str(first.year), first.month, number, reading.came_on)
        if day is not None and day > reading.came_on:
            return day
    return None


def _week(found: Found, reading: DayContext) -> date | None:
    """Return the Monday of a calendar week, of this year or the next one."""
    for year in (reading.came_on.year, reading.came_on.year + 1):
        try:
            monday = date.fromisocalendar(year, int(found["week"]), 1)
        except ValueError:  # No year has a week 54.
            return None
        if monday > reading.came_on:
            return monday
    return None


def _weekday(found: Found, reading: DayContext) -> date:
    ahead = (reading.calendar.numbers[f"weekday:{found['weekday']}"] - reading.came_on.isoweekday()) % DAYS_OF_WEEK
    return reading.came_on + timedelta(days=ahead or DAYS_OF_WEEK)


def _span(found: Found, reading: DayContext) -> date:
    told = found["number"]
    number = int(told) if told.isdecimal() else reading.calendar.numbers[f"number:{told}"]
    match reading.calendar.numbers[f"unit:{found['unit']}"]:
        case 1 | 7 as days:
            return reading.came_on + timedelta(days=number * days)
        case months:
            return _months_later(reading.came_on, number * (1 if months == 30 else MONTHS))  # noqa: PLR2004  # `_UNITS`


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * MONTHS + day.month - 1 + months, MONTHS)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _period(found: Found, reading: DayContext) -> date:
    match reading.calendar.numbers[f"next:{found['next']}"]:
        case 1:
            return reading.came_on + timedelta(days=1)
        case 7:
            return reading.came_on + timedelta(days=8 - reading.came_on.isoweekday())
        case 30:
            return _months_later(reading.came_on.replace(day=1), 1)
        case 90:
            return _months_later(
                reading.came_on.replace(day=1), QUARTER_MONTHS - (reading.came_on.month - 1) % QUARTER_MONTHS
            )
        case _:
            return date(reading.came_on.year + 1, 1, 1)


def _month(found: Found, reading: DayContext) -> date | None:
    month = reading.calendar.numbers[f"month:{found['month']}"]
    day = _day(found["year"], month, 1, reading.came_on.replace(day=1))
    if day is None or found["part"] is None:
        return day
    is_end = reading.calendar.numbers.get(f"end:{found['part']}") is not None
    return day.replace(day=monthrange(day.year, day.month)[1] if is_end else 15)


def _month_by_number(found: Found, reading: DayContext) -> date | None:
    return _day(
        str(reading.came_on.year + 1) if found["next"] else found["year"], int(found["month"]), 1, reading.came_on
    )


def _quarter(found: Found, reading: DayContext) -> date | None:
    told = found["number"] or found["ordinal"]
    number = int(told) if told.isdecimal() else reading.calendar.numbers[f"quarter:{told}"]
    is_through = found["through"] is not None
    first = _day(found["year"], (number - 1) * QUARTER_MONTHS + 1, 1, reading.came_on)
    return _months_later(first, QUARTER_MONTHS) if first and is_through else first


def _year(found: Found, reading: DayContext) -> date | None:
    return date(int(found["year"]), 1, 1) if int(found["year"]) > reading.came_on.year else None


READERS: Mapping[str, Callable[[Found, DayContext], date | None]] = {
    "named": _named,
    "numbered": _numbered,
    "slashed": _slashed,
    "day": _day_alone,
    "week": _week,
    "weekday": _weekday,
    "span": _span,
    "period": _period,
    "month": _month,
    "month_by_number": _month_by_number,
    "quarter": _quarter,
    "year": _year,
}
