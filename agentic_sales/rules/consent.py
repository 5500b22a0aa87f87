"""Read the lawful basis of writing to a person from a contact file, with its date."""

import re
from datetime import UTC, datetime

from agentic_sales.rules.words import folded

_BASES = (
    (
        "legitimate_interest",
        ("legitimate interest", "legitimate", "berechtigtes interesse", "interet legitime", "interes legitimo"),
    ),
    ("contract", ("contract", "performance of a contract", "vertrag", "contrat", "contrato", "contratto")),
    (
        "consent",
        (
            *(
                "consent",
                "freely given consent",
                "opt in",
                "optin",
                "opted in",
                "double opt in",
                "subscribed",
                "granted",
            ),
            *(
                "explicit consent",
                "yes",
                "true",
                "1",
                "y",
                "x",
                "given",
                "agreed",
                "ja",
                "oui",
                "si",
                "sim",
                "tak",
                "да",
                "はい",
            ),
            *("einwilligung", "consentement", "consentimiento", "consenso", "согласие", "同意"),
        ),
    ),
)
_DOTTED = re.compile(
    r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})(?:,?\s+(?P<time>\d{1,2}:\d{2}(?::\d{2})?))?"
)
_YEAR_FIRST = re.compile(
    r"(?P<year>\d{4})[/.](?P<month>\d{1,2})[/.](?P<day>\d{1,2})(?:\s+(?P<time>\d{1,2}:\d{2}(?::\d{2})?))?"
)
_SLASHED = re.compile(
    r"(?P<one>\d{1,2})[/-](?P<two>\d{1,2})[/-](?P<year>\d{4})(?:,?\s+(?P<time>\d{1,2}:\d{2}(?::\d{2})?)(?:\s*[AP]M)?)?",
    re.IGNORECASE,
)
_NAMED = ("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%b %d %Y")
LONGEST_DATE_CHARS = 40
_SHORT_WORD_CHARS = 5
_MONTHS = 12


def basis_of(cell: str) -> str | None:
    """Return the lawful basis that a cell names. None if it names no known one."""
    text = folded(cell)
    for basis, words in _BASES:
        if text in words or (
            " " in text and text.startswith(tuple(f"{word} " for word in words if len(word) > _SHORT_WORD_CHARS))
        ):
            return basis
    return None


def moment_of(cell: str) -> datetime | None:
    """Return the moment that a cell names, in UTC if it names no zone. None if it names none, or one of two days."""
    text = " ".join(cell[:LONGEST_DATE_CHARS].split())
    moment = _iso(text) or _by_form(text) or _named(text)
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.removesuffix(" UTC").removesuffix(" GMT"))
    except ValueError:
        return None


def _by_form(text: str) -> datetime | None:
    if found := _DOTTED.fullmatch(text) or _YEAR_FIRST.fullmatch(text):
        return _iso(f"{found['year']}-{int(found['month']):02}-{int(found['day']):02} {_clock(found['time'])}")
    if not (found := _SLASHED.fullmatch(text)):
        return None
    one, two = int(found["one"]), int(found["two"])
    if one <= _MONTHS and two <= _MONTHS and one != two:  # Its day may be its month.
        return None
    month, day = (two, one) if one > _MONTHS else (one, two)
    return _iso(f"{found['year']}-{month:02}-{day:02} {_clock(found['time'])}")


def _clock(time: str | None) -> str:
    parts = (time or "0:00").split(":")
    return ":".join(f"{int(part):02}" for part in parts)


def _named(text: str) -> datetime | None:
    for form in _NAMED:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
