"""Tell the meanings of a contact file's columns by their headings in many tools and languages."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast, get_args

from agentic_sales.rules.tables import NOTHING, Table, every, extended, table
from agentic_sales.rules.words import folded, forms

Meaning = Literal[
    "email",
    "other_email",
    "first_name",
    "last_name",
    "first_or_whole_name",
    "last_or_whole_name",
    "name",
    "position",
    "title_or_position",
    "salutation",
    "company",
    "other_company",
    "domain",
    "time_zone",
    "consent_basis",
    "consent_source",
    "consent_at",
]
"""Meaning of a column."""
LONGEST_HEADING_CHARS = 120

_EITHER = re.compile(r"(?<!\s)\s*[/|]\s*|(?<!\s)\s+or\s+", re.IGNORECASE)
_BRACKETS = re.compile(r"(?<=\S)\s?\([^()]*\)|\[[^\[\]]*\]|\uff08[^\uff08\uff09]*\uff09|[*:]+\s*\Z")
_EMAIL_AT_END = re.compile(
    r"\A(?:\w+ ){0,3}"
    r"(?:e?mail|e?mail address|email ?adresse|emailadres|courriel|correo|メールアドレス|邮箱|이메일)"
    r"(?: (?:value|work|business|primary|1|one|main|address|required|professional|corporate))*\Z"
)
_NOT_THEIRS = re.compile(
    r"\b(?:owner|manager|rep|assigned|assignee|created|creator|modified|updated|user|sender|sent|from|agent|sales|"
    r"status|source|type|label|last|first|opt|out|in|has|do|not|no|is|can|may|count|date|domain|verified|valid|bounced|"
    r"hard|subject|template|campaign|score|confidence|display|besitzer|inhaber|betreuer|propietario|responsable|"
    r"referrer|referred|invited|account manager|accepts|accept|allow|allows|ok|per|by|via|send|receive|receives|wants|"
    r"marketing|secondary|second|other|personal|private|home|alternate|alternative|additional|2|3|4|5|keine|kein|opted)\b"
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file."""

    heading: str
    """As the file has it. `column_3` if it is empty."""
    meaning: Meaning | None
    """None: it is kept as a field of the contact."""
    field: str
    """Name of that field."""
    is_empty: bool
    """It has no heading: nothing in it counts."""


class Headings:
    """Headings by their meaning.

    Args:
        found: Content of the data file, with a person's additions.
    """

    def __init__(self, found: Table) -> None:
        self._meanings: dict[str, Meaning] = {}
        for meaning in get_args(Meaning):
            for word in every(found[meaning]):
                self._meanings.setdefault(_joined(folded(word)), cast("Meaning", meaning))
        self._scopes = frozenset(folded(word) for word in every(found["scopes"]))
        self.meaning = lru_cache(maxsize=8192)(self._meaning)

    def _meaning(self, heading: str) -> Meaning | None:
        """Return the meaning of a heading's column. None if it is not known."""
        if len(heading) > LONGEST_HEADING_CHARS or "@" in heading:
            return None
        known = (self._meanings.get(_joined(form)) for form in self.spellings(heading))
        return next((meaning for meaning in known if meaning), None) or self._of_parts(heading)

    def _of_parts(self, heading: str) -> Meaning | None:
        """Return the one meaning of the parts of `Company/Organization`, else judge a heading by its last words."""
        parts = {self._meanings.get(_joined(folded(part))) for part in _EITHER.split(heading)}
        return parts.pop() if len(parts) == 1 and None not in parts else _email_by_pattern(heading)

    def spellings(self, heading: str) -> Iterable[str]:
        """Return the forms of a heading under which tables may know it, the whole one first."""
        heading = heading[:LONGEST_HEADING_CHARS]
        bare = _BRACKETS.sub(" ", heading)
        for text in forms(heading) if bare == heading else dict.fromkeys((*forms(heading), *forms(bare))):
            yield text
            scope, _, rest = text.partition(" ")
            if rest and scope in self._scopes:
                yield rest

    def columns(self, cells: Sequence[str]) -> tuple[Column, ...]:
        """Return the columns of a row of headings. The meaning of one heading depends on the others."""
        meanings = _settled([self.meaning(cell) for cell in cells])
        taken: Counter[str] = Counter()
        return tuple(_column(*pair, taken) for pair in zip(enumerate(cells, start=1), meanings, strict=True))


def load_headings(additions: Table = NOTHING) -> Headings:
    """Return the headings of this package, with a person's own."""
    return Headings(extended(table("headings"), additions))


def _joined(text: str) -> str:
    """Return folded words as one: tools write `emailaddress` and `first name` alike."""
    return text.replace(" ", "")


def _email_by_pattern(heading: str) -> Meaning | None:
    text = folded(_BRACKETS.sub(" ", heading))
    return "email" if _EMAIL_AT_END.match(text) and not _NOT_THEIRS.search(text) else None


def _settled(meanings: list[Meaning | None]) -> list[Meaning | None]:
    """Decide headings of two meanings, and which of two columns of one meaning comes first."""
    if "email" not in meanings:
        meanings = ["email" if meaning == "other_email" else meaning for meaning in meanings]
    has_first, has_last = "first_name" in meanings, "last_name" in meanings
    has_given = has_first or "first_or_whole_name" in meanings
    by_context: dict[str, Meaning] = {
        "first_or_whole_name": "first_name" if has_last and not has_first else "name",
        "title_or_position": "salutation" if "position" in meanings else "position",
        "last_or_whole_name": "last_name" if has_given and not has_last else "name",
    }
    if "last_or_whole_name" in meanings and "first_or_whole_name" in meanings:
        by_context["first_or_whole_name"] = "first_name"
    return [by_context.get(meaning, meaning) if meaning else None for meaning in meanings]


def _column(numbered: tuple[int, str], meaning: Meaning | None, taken: Counter[str]) -> Column:
    number, cell = numbered
    heading = " ".join(cell.split()) or f"column_{number}"
    name = folded(heading).replace(" ", "_") or f"column_{number}"
    taken[name] += 1
    field = name if taken[name] == 1 else f"{name}_{taken[name]}"
    return Column(heading, meaning, field, is_empty=not cell.strip())
