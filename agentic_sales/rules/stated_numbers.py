"""Find the numbers that a text states, in figures and in words.

`20 %`, `20%` and `twenty percent` are one number, and so are `1,200`, `1200` and `1.2k`. Figures in an address state
nothing. Figures in a name such as `B2B` or `GPT-4` are marked.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from agentic_sales.rules.tables import table

Kind = Literal["count", "percent", "money", "multiple", "time"]
MINUTES_PER_HOUR, HOURS_OF_A_DAY = 60, 24
NOON = 12
_HUNDRED = 100
_ONES, _TENS = range(1, 10), range(20, 100, 10)


def _values_of(name: str) -> Mapping[str, int]:
    return {word: int(value) for value, words in table("stated_numbers")[name].items() for word in words}


def _one_of(words: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_WORDS = {**_values_of("words"), "one": 1}
_SCALES, _LETTERS = _values_of("scales"), _values_of("letters")
_PLURALS, _MULTIPLES = _values_of("plurals"), _values_of("multiples")
_UNITS = frozenset(table("stated_numbers")["units"]["words"])
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|[\w.+-]{1,64}@[\w.-]{1,200}\.\w+|\{\{?\w{1,64}\}?\}", re.IGNORECASE)
"""Addresses, and placeholders, which a later step fills."""
_TIME = re.compile(
    r"(?:(?<=\d)T|(?<![\w:.,]))(?P<h>[01]?\d|2[0-4])"
    r"(?::(?P<m>[0-5]\d)(?::[0-5]\d)?(?:\s?(?P<half>[ap])\.?m\b)?"
    r"|\.(?P<dotted>[0-5]\d)(?:\s?(?P<half_dotted>[ap])\.?m\b|\s?uhr\b)"
    r"|\s?(?P<half_short>[ap])\.?m\b|\s?uhr\b)",
    re.IGNORECASE,
)
_NUMBER_WORD = f"(?:{_one_of([*_values_of('words'), *_SCALES])})"
_NUMBER = re.compile(
    r"(?P<sign>(?:[$\u20ac\u00a3]|\b(?:usd|eur|gbp|chf))\s?)?"
    r"(?:(?P<figure>\d+(?:[.,'\u2019\u00a0\u202f]\d+| 000\b)*)(?P<tail>[^\W\d_]*)"
    rf"|(?<!\w)(?:(?P<words>{_NUMBER_WORD}(?:(?:[ -]| and | und ){_NUMBER_WORD})*(?:-one\b)?)"
    rf"|(?P<plural>{_one_of(_PLURALS)})|(?P<multiple>{_one_of(_MULTIPLES)}))(?=fold|fach|mal\b|\W|$))"
    rf"(?:[ -]?(?P<scale>{_one_of(_SCALES)})\b\.?)?\+?"
    r"(?:(?P<percent>[ \u00a0\u202f-]?(?:%|per ?cent|pct\b|prozent))"
    r"|(?P<currency>[ \u00a0\u202f-]?(?:[\u20ac\u00a3$]|(?:euros?|dollars?|pounds?|usd|eur|gbp|chf|cents?)\b))"
    r"|(?P<times>[ -]?(?:\u00d7|x\b|times\b|fold\b|fach|mal\b)))?",
    re.IGNORECASE,
)
_HALVED = re.compile(
    r"\b(?:(?:in|by) half|half (?:your|our|their)|halv(?:e[sd]?|ing)|halbier\w+|die hälfte)\b", re.IGNORECASE
)
_RANGE = re.compile(r"\s?(?:[-\u2013\u2014]|to|or|and|bis|oder|und)\s?", re.IGNORECASE)
_NO_UNIT = re.compile(r"\s*(?:[\n,;.|)\]}\"]|\Z)")
"""The end of a number without a unit, as in a field."""
_NAME_BEFORE = re.compile(r"[^\W\d_]\Z|\b[A-Z]{2,}-\Z")
_LONGEST_NAME_CHARS = 12
_MOST_PARTS = 8
"""Figures with more parts than a date or an address are no numbers."""
_GROUPED = re.compile(r"\d{1,3}(?:[.,]\d{3})+")


@dataclass(frozen=True)
class StatedNumber:
    """A number of a text."""

    shown: str
    """As it stands in the text."""
    values: frozenset[Decimal]
    """Its possible values: `1.200` is 1.2 or 1200. A time is in minutes after midnight."""
    kind: Kind
    """The kind of its unit."""
    start: int
    """Where it begins in the text."""
    end: int
    """Where it ends."""
    is_least: bool = False
    """Whether it means at least so many, as `hundreds` does."""
    is_in_name: bool = False
    """Whether it belongs to a name, as in `B2B`."""
    is_unitless: bool = False
    """Whether no unit is said."""


def numbers_in(text: str) -> list[StatedNumber]:
    """Return the numbers of a text in their order. Both ends of a range are of the kind of the range."""
    shown = _ADDRESS.sub(blank, text)
    times = [_time_of(match) for match in _TIME.finditer(shown)]
    rest = _TIME.sub(blank, shown)
    halves = [_percent(match[0], 50, *match.span()) for match in _HALVED.finditer(rest)]
    others = [number for match in _NUMBER.finditer(rest) for number in _numbers_of(match)]
    return _with_ranges(sorted([*times, *halves, *others], key=lambda number: number.start), rest)


def blank(match: re.Match[str]) -> str:
    """Return spaces in the place of a match, so that the places of the rest stay as they are."""
    return " " * len(match[0])


def _with_ranges(numbers: Sequence[StatedNumber], text: str) -> list[StatedNumber]:
    found = [*numbers]
    for at in range(len(found) - 1, 0, -1):
        left, right = found[at - 1], found[at]
        if "time" in {left.kind, right.kind} or not _RANGE.fullmatch(text[left.end : right.start]):
            continue
        if left.kind == "count" and not left.is_in_name:
            found[at - 1] = replace(left, kind=right.kind)
        elif right.kind == "count" and left.kind == "money":
            found[at] = replace(right, kind="money")
    return found


def _percent(shown: str, value: int, start: int, end: int) -> StatedNumber:
    return StatedNumber(shown, frozenset({Decimal(value)}), "percent", start, end)


def _time_of(match: re.Match[str]) -> StatedNumber:
    half = (match["half"] or match["half_dotted"] or match["half_short"] or "").casefold()
    hour, minutes = int(match["h"]), int(match["m"] or match["dotted"] or 0)
    hours = {"a": {hour % NOON}, "p": {hour % NOON + NOON}}.get(half, {hour, hour + NOON if hour < NOON else hour})
    values = frozenset(Decimal(one * MINUTES_PER_HOUR + minutes) for one in hours)
    return StatedNumber(match[0].strip(), values, "time", *match.span())


def _numbers_of(match: re.Match[str]) -> list[StatedNumber]:
    is_unitless = bool(_NO_UNIT.match(match.string, match.end()))
    number = StatedNumber(match[0].strip(), frozenset(), _kind_of(match), *match.span(), is_unitless=is_unitless)
    scale = _SCALES[match["scale"].casefold()] if match["scale"] else 1
    if match["figure"] is not None:
        told = replace(number, is_in_name=_is_in_name(match))
        return [replace(told, values=values) for values in _in_figures(match["figure"], match["tail"], scale)]
    if match["plural"]:
        return [replace(number, values=frozenset({Decimal(_PLURALS[match["plural"].casefold()])}), is_least=True)]
    if match["multiple"]:
        return [replace(number, values=frozenset({Decimal(_MULTIPLES[match["multiple"].casefold()])}))]
    return [replace(number, values=frozenset({value * scale})) for value in _in_words(match["words"].casefold())]


def _kind_of(match: re.Match[str]) -> Kind:
    if match["percent"]:
        return "percent"
    if match["sign"] or match["currency"]:
        return "money"
    return "multiple" if match["times"] or match["multiple"] or (match["tail"] or "") in {"x", "X"} else "count"


def _is_in_name(match: re.Match[str]) -> bool:
    """Tell whether figures are part of a name. Letters touch them that are no unit, as in `S3` and `3D`."""
    tail = match["tail"]
    is_unit = not tail or tail.casefold() in {*_LETTERS, *_SCALES, "x"} or tail in _UNITS
    start = match.start("figure")
    before = match.string[max(0, start - _LONGEST_NAME_CHARS) : start]  # A search in the whole text would be quadratic.
    return not match["sign"] and bool(not is_unit or _NAME_BEFORE.search(before))


def _in_figures(figure: str, tail: str, scale: int) -> list[frozenset[Decimal]]:
    letter = _LETTERS.get(tail.casefold(), 1)
    factors = {1, letter} if letter > 1 else {_SCALES.get(tail.casefold(), 1)}
    return [frozenset(value * scale * factor for value in values for factor in factors) for values in _readings(figure)]


def _readings(figure: str) -> list[frozenset[Decimal]]:
    """Return the possible values of figures. Several parts, as in a date, are several numbers."""
    plain = re.sub(r"[^\d.,]", "", figure)
    marks = re.findall(r"[.,]", plain)
    if len(marks) <= 1:
        whole = {Decimal(re.sub(r"[.,]", "", plain))} if _GROUPED.fullmatch(plain) else set[Decimal]()
        return [frozenset({Decimal(plain.replace(",", ".")), *whole})]
    groups, _, fraction = plain.rpartition(marks[-1]) if marks.count(marks[-1]) == 1 else (plain, "", "0")
    if _GROUPED.fullmatch(groups) and len(set(re.findall(r"[.,]", groups))) == 1:
        return [frozenset({Decimal(f"{re.sub('[.,]', '', groups)}.{fraction}")})]
    parts = re.split(r"[.,]", plain)
    return [frozenset({Decimal(part)}) for part in parts] if len(parts) <= _MOST_PARTS else []


def _in_words(words: str) -> list[Decimal]:
    """Return the numbers of words that follow each other: `two hundred and fifty` is one number, `two, three` two."""
    found: list[int] = []
    total = current = last = 0
    for word in re.findall(r"[^\W\d_]+", words):
        scale, value = _SCALES.get(word), _WORDS.get(word)
        if scale == _HUNDRED:
            current, last = (current or 1) * scale, scale
        elif scale is not None:
            total, current, last = total + (current or 1) * scale, 0, scale
        elif value is not None:
            is_next = last % _HUNDRED == 0 or (last in _TENS and value in _ONES)
            found += [] if is_next else [total + current]
            total, current, last = (total, current + value, value) if is_next else (0, value, value)
    return [Decimal(number) for number in (*found, total + current)]
