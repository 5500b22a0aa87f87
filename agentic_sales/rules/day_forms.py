"""Make the patterns that find days in a text from the words of `days.toml`. `days.py` reads the hits."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain

from agentic_sales.rules.sentences import CJK, folded
from agentic_sales.rules.tables import NOTHING, Table, extended, table

YEARS = "20[2-9][0-9]"


@dataclass(frozen=True, slots=True)
class Calendar:
    """The words for days, with their patterns."""

    numbers: Mapping[str, int]
    """Word for a month, a weekday, a number or a quarter. Its kind stands before it, such as `month:mars`."""
    exact: tuple[tuple[re.Pattern[str], str], ...]
    """Forms that name one day."""
    vague: tuple[tuple[re.Pattern[str], str], ...]
    """Forms that name a period or a distance."""
    english: re.Pattern[str]
    """Words that only English text has."""


_UNITS = {"day": 1, "week": 7, "month": 30, "quarter": 90, "year": 365}


def _either(words: list[str]) -> str:
    """Return a pattern for any of these words, the longest first."""
    plain = sorted({folded(word) for word in words}, key=len, reverse=True)
    return "|".join(re.escape(word) for word in plain)


def _all(words: Table) -> list[str]:
    return [word for words_of in words.values() for word in words_of]


def calendar_of(additions: Table = NOTHING) -> Calendar:
    """Return the calendar of `days.toml` and of a person's additions to it."""
    words = extended(table("days"), additions)
    quarters = {name: value for name, value in words["quarters"].items() if name != "words"}
    numbers = dict(
        chain(
            _numbered_words("month", words["months"]),
            _numbered_words("weekday", words["weekdays"]),
            _numbered_words("number", words["numbers"]),
            _numbered_words("quarter", quarters),
            _numbered_words("unit", {str(_UNITS[name]): value for name, value in words["units"].items()}),
            _numbered_words("next", {str(_UNITS[name]): value for name, value in words["next"].items()}),
            _numbered_words("end", {"1": words["before"]["end"]}),
        )
    )
    return Calendar(
        numbers, _exact_forms(words), _vague_forms(words, _all(quarters)), _whole(_either(words["english"]["words"]))
    )


def _numbered_words(kind: str, words: Table) -> Iterator[tuple[str, int]]:
    for number, names in words.items():
        for name in names:
            yield f"{kind}:{folded(name)}", int(number)


def _whole(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![^\W_])(?:{words})(?![^\W_])")


def _exact_forms(words: Table) -> tuple[tuple[re.Pattern[str], str], ...]:
    month = rf"(?P<month>{_either(_all(words['months']))})"
    month_first = rf"(?P<month>{_either(words['months_first']['words'])})"
    year = rf"(?:[., /-]{{1,2}}(?:de |del |do )?(?P<year>{YEARS}))?"
    short = rf"(?P<year>{YEARS}|[2-9][0-9])"
    before = _either(words["before"]["dotted"])
    forms = (
        (rf"(?P<year>{YEARS})[-/.](?P<month>\d{{1,2}})[-/.](?P<day>\d{{1,2}})", "numbered"),
        (rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th|er|[.\u00ba\u00aa])? ?(?:of |de |d'|[-/])?{month}{year}", "named"),
        (rf"{month_first}\.? \d{{1,2}}(?:st|nd|rd|th)? ?- ?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?{year}", "named"),
        (rf"{month_first}\.? (?:the )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:,? (?P<year>{YEARS}))?", "named"),
        (rf"(?P<day>\d{{1,2}})\.(?P<month>\d{{1,2}})\.{short}", "numbered"),
        (rf"(?P<day>\d{{1,2}})-(?P<month>\d{{1,2}})-{short}", "slashed"),
        (r"(?P<day>\d{1,2})\. ?(?P<month>\d{1,2})\.(?P<year>(?!.))?", "numbered"),
        (rf"(?:{before}) (?P<day>\d{{1,2}})\.(?P<month>\d{{1,2}})(?P<year>(?!.))?", "numbered"),
        (rf"(?!24/7)(?P<day>\d{{1,2}})/(?P<month>\d{{1,2}})(?:/{short})?", "slashed"),
    )
    eastern_year = rf"(?:(?P<year>{YEARS})[\u5e74\ub144] ?)?"
    eastern = eastern_year + r"(?P<month>\d{1,2})[\u6708\uc6d4] ?(?P<day>\d{1,2})[\u65e5\uc77c\u53f7]"
    return (
        *((re.compile(rf"(?<![\w/.:-]){form}(?![\w/:]|[.-]\d)"), name) for form, name in forms),
        (re.compile(eastern), "numbered"),
    )


def _vague_forms(words: Table, ordinals: list[str]) -> tuple[tuple[re.Pattern[str], str], ...]:
    before = words["before"]
    number = rf"(?P<number>\d{{1,2}}|{_either(_all(words['numbers']))})"
    parts = _either([*before["middle"], *before["end"]])
    quarter = _either(words["quarters"]["words"])
    no_clock = rf"(?!\.\d| ?(?:{_either(words['clock']['words'])}|[:%]))"
    weekdays = _either(_all(words["weekdays"]))
    return (
        (_whole(rf"(?:{weekdays}),? (?:the |den |dem |le |el |il )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?"), "day"),
        (_whole(rf"(?:{_either(before['day'])}) (?P<day>\d{{1,2}})(?:st|nd|rd|th|er)?{no_clock}"), "day"),
        (re.compile(r"(?<![\d\u6708])(?P<day>\d{1,2})\u65e5(?!\u9593)"), "day"),
        (_whole(rf"(?:{_either(words['weeks']['words'])})\.? ?(?P<week>\d{{1,2}})"), "week"),
        (_whole(rf"(?P<weekday>{_either(_latin(_all(words['weekdays'])))})"), "weekday"),
        (re.compile(rf"(?P<weekday>{_either(_eastern(_all(words['weekdays'])))})"), "weekday"),
        (_whole(rf"(?:{_either(before['span'])}) {number} (?P<unit>{_either(_all(words['units']))})"), "span"),
        (
            _whole(
                rf"(?:(?P<part>{parts})(?: of| de)?[- ]|(?:{_either(before['month'])})[ -])"
                rf"(?P<month>{_either(_all(words['months']))})(?:,? (?:de |del )?(?P<year>{YEARS}))?(?!\.? \d)"
            ),
            "month",
        ),
        (
            re.compile(
                rf"(?:(?P<year>{YEARS})\u5e74|(?P<next>\u6765\u5e74|\u660e\u5e74)\u306e?)?(?P<month>\d{{1,2}})\u6708(?!\d)"
            ),
            "month_by_number",
        ),
        (
            _whole(
                rf"(?:(?P<through>through|throughout|after|until after|nach) )?(?:the )?"
                rf"(?:[qt](?P<number>[1-4])|(?P<ordinal>{_either(ordinals)})\.? (?:{quarter}))"
                rf"(?: (?:of )?(?P<year>{YEARS}))?"
            ),
            "quarter",
        ),
        (_whole(rf"(?P<next>{_either(_latin(_all(words['next'])))})"), "period"),
        (re.compile(rf"(?P<next>{_either(_eastern(_all(words['next'])))})(?!\u306e?\d)"), "period"),
        (_whole(rf"(?P<year>{YEARS})"), "year"),
    )


def _is_eastern(word: str) -> bool:
    return re.search(f"[{CJK}\uac00-\ud7af]", word) is not None


def _latin(words: list[str]) -> list[str]:
    return [word for word in words if not _is_eastern(word)]


def _eastern(words: list[str]) -> list[str]:
    return [word for word in words if _is_eastern(word)]


@cache
def our_calendar() -> Calendar:
    """Return the calendar of `days.toml` alone."""
    return calendar_of()
