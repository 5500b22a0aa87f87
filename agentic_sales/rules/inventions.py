"""Find the numbers in a draft that nobody gave. A model invented them.

A percentage, a sum of money and a multiple such as `3x` need a given number of the same kind or without a unit.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from agentic_sales.rules.stated_numbers import (
    HOURS_OF_A_DAY,
    MINUTES_PER_HOUR,
    NOON,
    StatedNumber,
    blank,
    numbers_in,
)

_ARTICLE = r"(?:an?|one|eine?[nrs]?)"
_PHRASE = re.compile(
    rf"^\s*\d{{1,2}}[.)](?=\s)|\b24/7\b|\b1[:-](?:on-)?1\b|\b{_ARTICLE} (?:\w+ )?(?:or|oder) (?:two|zwei)\b"
    r"|\b(?:two or three|zwei oder drei)\b|\btwo of (?:us|you)\b",
    re.IGNORECASE | re.MULTILINE,
)
"""Numbers that state nothing: marks of a list, and ways to speak."""
_HALF = re.compile(r"\b(?:half|halv|halb|hälfte)", re.IGNORECASE)
_WAYS_TO_SPEAK = frozenset({Decimal(0), Decimal(1)})


def invented_numbers(text: str, given: Iterable[str]) -> list[str]:
    """Return the numbers that a text states and no given text has, as they stand there, each once.

    Args:
        text: The draft.
        given: All that it was written from.
    """
    told = [number for number in numbers_in(_PHRASE.sub(blank, text)) if _is_statement(number)]
    known = [number for one in given for number in _repeatable(one)] if told else []
    return list(dict.fromkeys(number.shown for number in told if not any(_backs(one, number) for one in known)))


def texts_in(value: Any) -> Iterator[str]:
    """Return every text in plain data, to look numbers up in."""
    match value:
        case str():
            yield value
        case Mapping():
            yield from (text for one in value.values() for text in texts_in(one))
        case list():
            yield from (text for one in value for text in texts_in(one))
        case _:
            return


def fault_of(number: str) -> str:
    """Return the order to an editor about an invented number."""
    return f'it states "{number}", a number that nobody gave; leave it out'


def _is_statement(number: StatedNumber) -> bool:
    return not number.is_in_name and not (number.kind == "count" and number.values <= _WAYS_TO_SPEAK)


def _backs(known: StatedNumber, told: StatedNumber) -> bool:
    if told.is_least:
        return known.kind != "time" and max(known.values) >= min(told.values)
    is_of_kind = told.kind == known.kind or (known.is_unitless and "time" not in {told.kind, known.kind})
    return bool(known.values & told.values) and (is_of_kind or (told.kind == "count" and known.kind != "time"))


def _repeatable(text: str) -> Iterator[StatedNumber]:
    """Return the numbers of a given text in every way in which they may be repeated. `at 3` is `at 3 pm`."""
    for number in numbers_in(text):
        yield number
        if number.kind == "time":
            hours = {value / MINUTES_PER_HOUR for value in number.values if value % MINUTES_PER_HOUR == 0}
            yield replace(number, values=frozenset(hours), kind="count")
        elif number.kind == "count" and all(value <= HOURS_OF_A_DAY for value in number.values):
            hours = {hour for value in number.values for hour in (value, value + NOON)}
            yield replace(number, values=frozenset(hour * MINUTES_PER_HOUR for hour in hours), kind="time")
    if _HALF.search(text):
        yield StatedNumber("half", frozenset({Decimal(50)}), "percent", 0, 0)
        yield StatedNumber("half", frozenset({Decimal("0.5"), Decimal(30)}), "count", 0, 0)
