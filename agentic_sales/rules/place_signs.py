"""Take the signs of countries out of a location text: flags, postal codes, codes of ISO 3166-2."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agentic_sales.rules.gazetteer import Meanings, is_country

SURE = 0.98
"""Chance that a flag, a postal code or a code of ISO 3166-2 is right."""

_FLAG = re.compile("([\U0001f1e6-\U0001f1ff])([\U0001f1e6-\U0001f1ff])")
_BRITISH_FLAG = re.compile("\U0001f3f4[\U000e0061-\U000e007a]{2,}\U000e007f")
_SYMBOLS = re.compile(
    "[\U0001f000-\U0001faff\U000e0000-\U000e007f\u2190-\u21ff\u2300-\u27bf\u2b00-\u2bff\ufe0f\u200d\u200b]+"
)
_ISO_PART = re.compile(r"([A-Z]{2})-([A-Z0-9]{1,3})(?:-[A-Z0-9]{1,4}){0,2}")
_POSTAL_CODES: Sequence[tuple[re.Pattern[str], str]] = (
    (re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]? ?\d[ABD-HJLNP-UW-Z]{2}\b"), "GB"),
    (re.compile(r"\b[ABCEGHJ-NPRSTVXY]\d[ABCEGHJ-NPRSTV-Z] ?\d[ABCEGHJ-NPRSTV-Z]\d\b"), "CA"),
    (re.compile(r"\b[1-9]\d{3} [A-Z]{2}\b(?=\s+[A-Z][a-z]|$)"), "NL"),
    (re.compile(r"\b[AC-FHKNPRTV-Y]\d[\dW] [AC-FHKNPRTV-Y\d]{4}\b"), "IE"),
    (re.compile(r"\bAD[1-7]\d\d\b"), "AD"),
    (re.compile(r"\bLV-\d{4}\b"), "LV"),
    (re.compile(r"\bLT-\d{5}\b"), "LT"),
    (re.compile(r"〒\s?\d{3}-\d{4}"), "JP"),
)
_PREFIXED_POSTAL_CODE = re.compile(r"\b([A-Z]{1,3})[- ](\d{2}-\d{3}|\d{3} \d{2}|\d{3,6})\b")
_CAR_CODES = {"A": "AT", "B": "BE", "D": "DE", "E": "ES", "F": "FR", "FIN": "FI", "FL": "LI", "H": "HU", "I": "IT"}
_CAR_CODES |= {"L": "LU", "N": "NO", "P": "PT", "S": "SE", "SLO": "SI"}
"""Signs of cars. They stand before postal codes, as in D-80331."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Some words of a location."""

    text: str
    """The words as they were written."""
    meanings: Meanings
    """The places that they can mean. Empty if none is known."""
    is_code: bool = False
    """Whether it is a code and no name."""
    is_weak: bool = False
    """Whether words that are not known stand beside it in its part."""


def take_signs(text: str) -> tuple[list[Phrase], str]:
    """Take flags, postal codes and codes of ISO 3166-2 out of a text."""
    found: dict[str, Phrase] = {}

    def take(country: str, sign: str) -> str:
        if is_country(country):
            found.setdefault(country, Phrase(sign.strip(), {country: SURE}, is_code=True))
        return " , "

    text = _FLAG.sub(lambda flag: take("".join(chr(ord(x) - 0x1F1E6 + 65) for x in flag.groups()), flag[0]), text)
    text = _BRITISH_FLAG.sub(lambda flag: take("GB", flag[0][:1]), text)
    for pattern, country in _POSTAL_CODES:
        text = pattern.sub(lambda code, country=country: take(country, code[0]), text)  # type: ignore[misc]  # a default binds
    text = _PREFIXED_POSTAL_CODE.sub(lambda code: _taken_prefix(code, take), text)
    if iso := _ISO_PART.fullmatch(text.strip()):
        text = take(iso[1], text)
    return list(found.values()), _SYMBOLS.sub(" ", text)


def _taken_prefix(code: re.Match[str], take: Callable[[str, str], str]) -> str:
    country = _CAR_CODES.get(code[1], code[1])
    if "-" in code[0][: len(code[1]) + 1] and is_country(country):
        return take(country, code[0])
    return code[0]
