"""Judge whether a diagnosis ends an address or is about something else.

Only an address without an owner may be closed, because nothing is sent to a closed address again. So the words decide
before the status code. A full mailbox is reported under `5.1.1` and a block list under `5.1.3`. Words that leave the
address alive decide before words that end it. Codes decide where no words do. A report without either decides
nothing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

from agentic_sales.rules.tables import NOTHING, Table, extended, table

Cause = Literal["full", "rate", "size", "sender", "content", "time", "system", "unknown", "domain", ""]
"""Why a server refused a message, in the order of the tries. Empty if no known reason is given."""
ENDING: frozenset[Cause] = frozenset({"unknown", "domain"})
"""Causes that end an address."""
PASSING: frozenset[Cause] = frozenset({"full", "rate", "sender", "time", "system"})
"""Causes that may be gone when the message is tried again later."""
LONGEST_DIAGNOSIS_CHARS = 2_000
_CODE = re.compile(r"(?<![\d.])[45]\.[0-7]\.\d{1,3}(?!\.?\d)")
"""An enhanced status code, and no part of an IP address."""
_NO_REASON = re.compile(r"[45]\.0\.\d{1,3}")
_FOR_NOW = re.compile(r"(?<![\d.])4[2-5]\d(?![\d.])")
_FOR_GOOD = re.compile(r"(?<![\d.])5[0-5]\d(?![\d.])")
_ASIDE = re.compile(
    r"<?[^\s<>@:;,'\"]{1,64}@[^\s<>@:;,'\"]{1,255}>?|https?:[^\s<>]+|\[?\d{1,3}(?:\.\d{1,3}){3}\]?"
    r"|return(?:ed)? to (?:the )?sender|(?:see|read) (?:the|our|their) polic(?:y|ies)"
)
"""Addresses, links, IP numbers and a phrase of every report. Words within them say nothing."""
_EASTERN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class BounceSigns:
    """The tables of this module as patterns."""

    words: dict[Cause, re.Pattern[str]]
    """Cause to its words."""
    codes: dict[Cause, re.Pattern[str]]
    """Cause to its codes, those that end an address last."""
    edge: tuple[re.Pattern[str], re.Pattern[str]]
    """A code that ends an address beside certain words alone, and these words."""


def signs_of(additions: Table = NOTHING) -> BounceSigns:
    """Return the signs of the table and of a person's additions to it."""
    given = extended(table("bounces"), additions)
    words: dict[Cause, re.Pattern[str]] = {cause: _any_of(given[cause]["words"]) for cause in get_args(Cause) if cause}
    codes: dict[Cause, re.Pattern[str]] = {cause: re.compile("|".join(each)) for cause, each in given["codes"].items()}
    edge = given["edge"]
    return BounceSigns(words, codes, (re.compile("|".join(edge["codes"])), _any_of(edge["words"])))


@cache
def our_signs() -> BounceSigns:
    """Return the signs of the table alone."""
    return signs_of()


def ends_address(told: str, signs: BounceSigns | None = None) -> bool:
    """Tell whether a diagnosis says that nobody has the address."""
    return cause_of(told, signs) in ENDING


def cause_of(told: str, signs: BounceSigns | None = None) -> Cause:
    """Return the reason of a refusal by its diagnosis.

    Args:
        told: Status and diagnosis, as a server or a report gives them.
        signs: Signs to look for. None for the table of this package.
    """
    signs = signs or our_signs()
    words = _plain(told)
    codes = [code for code in _CODE.findall(told[:LONGEST_DIAGNOSIS_CHARS]) if not _NO_REASON.fullmatch(code)]
    cause: Cause = next((cause for cause, pattern in signs.words.items() if pattern.search(words)), "")
    if cause in ENDING and _is_for_now(told, codes):
        return "time"
    return cause or _of_codes(codes, words, signs)


def _of_codes(codes: list[str], words: str, signs: BounceSigns) -> Cause:
    by_code = (cause for cause, pattern in signs.codes.items() if any(map(pattern.fullmatch, codes)))
    if (cause := next(by_code, None)) is not None:
        return cause
    is_edge = any(map(signs.edge[0].fullmatch, codes)) and signs.edge[1].search(words) is not None
    return "unknown" if is_edge else ""


def _is_for_now(told: str, codes: list[str]) -> bool:
    """Tell whether a server's refusal is temporary, for any cause."""
    if codes:
        return codes[0].startswith("4")
    head = told[:LONGEST_DIAGNOSIS_CHARS]
    return _FOR_NOW.search(head) is not None and _FOR_GOOD.search(head) is None


def _plain(told: str) -> str:
    text = told[:LONGEST_DIAGNOSIS_CHARS].lower().replace("\u2019", "'")
    return " ".join(_ASIDE.sub(" ", text).split())


def _any_of(entries: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(entry if _EASTERN.search(entry) else rf"(?<!\w)(?:{entry})(?!\w)" for entry in entries))
