"""Tell whether the work of an opening is remote, hybrid or on-site, from its fields and its description.

A plain statement of the description decides over the fields, because a board fills fields by default. Of the fields,
`hybrid` decides over `remote`. Words that only lean to one kind count last. A place alone means on-site.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agentic_sales.rules.ai_roles import Workplace
from agentic_sales.rules.company_signs import sentence_around
from agentic_sales.rules.signs import Hit, compiled, level
from agentic_sales.rules.tables import Compiled, Table

READ_CHARS = 12_000
"""Characters of a description that are read."""
AGREED, OUTRIGHT, FIELD, CONFLICT, LEANING, PLACE_ONLY = 0.95, 0.9, 0.85, 0.7, 0.65, 0.6
"""Probability that a reading is right, by the kind of evidence."""
Kind = Literal[
    "in_office",
    "hybrid_word",
    "no_remote",
    "temporary",
    "choice",
    "days",
    "hybrid",
    "full",
    "remote",
    "partial",
    "onsite",
    "lean",
    "place",
    "flag",
]
"""Kind of a sign."""
MEANS: Mapping[Kind, Workplace] = {
    "no_remote": "onsite",
    "temporary": "onsite",
    "in_office": "onsite",
    "hybrid_word": "hybrid",
    "choice": "remote",
    "days": "hybrid",
    "full": "remote",
    "hybrid": "hybrid",
    "remote": "remote",
    "partial": "hybrid",
    "lean": "remote",
    "onsite": "onsite",
    "place": "onsite",
    "flag": "remote",
}
OUTRIGHT_KINDS: Sequence[Kind] = ("temporary", "no_remote", "choice", "days", "full", "hybrid", "in_office")
"""Signs by which a description decides, the strongest first."""
FIELD_KINDS: Sequence[Kind] = (
    *("temporary", "no_remote", "choice", "days", "hybrid", "hybrid_word", "full", "remote", "partial"),
    *("in_office", "onsite"),
)
"""Signs of a field or a title, the strongest first."""
LEANING_KINDS: Sequence[Kind] = ("hybrid_word", "partial", "lean", "onsite")


@dataclass(frozen=True, slots=True)
class WorkWords:
    """The signs of the table."""

    elsewhere: re.Pattern[str]
    kinds: Mapping[Kind, re.Pattern[str]]


def _built(known: Table) -> WorkWords:
    named: Sequence[Kind] = (*OUTRIGHT_KINDS, *FIELD_KINDS, *LEANING_KINDS)
    kinds: dict[Kind, re.Pattern[str]] = {
        kind: compiled(known[kind]["phrases"], known["lists"]) for kind in named if kind != "hybrid"
    }
    kinds["hybrid"] = compiled(known["days"]["hybrid"], known["lists"])
    return WorkWords(elsewhere=compiled(known["elsewhere"]["phrases"]), kinds=kinds)


work_words = Compiled("remote_work", _built)


@dataclass(frozen=True, slots=True)
class Sign:
    """Words that tell where the work is done."""

    kind: Kind
    """Their kind."""
    source: str
    """Where they stand: `title`, `location`, `workplace_type`, `is_remote` or `description`."""
    quote: str
    """The words with their sentence."""

    @property
    def workplace(self) -> Workplace:
        """The workplace that the sign means."""
        return MEANS[self.kind]


@dataclass(frozen=True, slots=True)
class WorkFinding:
    """Where the work of an opening is done."""

    workplace: Workplace | None
    """None: nothing says it."""
    confidence: float
    """Probability that it is right."""
    signs: Sequence[Sign]
    """The signs that decided, and those against them."""


def read_workplace(
    *,
    title: str,
    location: str,
    workplace_type: str,
    is_remote: bool | None,
    description: str,
    has_place: bool,
    words: WorkWords,
) -> WorkFinding:
    """Read where the work of an opening is done.

    Args:
        title: Its title.
        location: Its places in one text.
        workplace_type: The board's field for the workplace. Empty: nothing.
        is_remote: The board's flag, or None.
        description: Its description as plain text.
        has_place: Whether the location names a country, a state or a town.
        words: The signs.
    """
    fields = [*_of_fields({"workplace_type": workplace_type, "location": location, "title": title}, words)]
    if is_remote:
        fields.append(Sign("flag", "is_remote", ""))
    told = _first("description", description[:READ_CHARS], OUTRIGHT_KINDS, words)
    if told is not None:
        is_against = any(sign.workplace != told.workplace for sign in fields)
        sure = CONFLICT if is_against else AGREED if fields else OUTRIGHT
        return WorkFinding(told.workplace, sure, (told, *fields))
    if fields:
        best = _of_the_fields(fields)
        is_split = any(sign.workplace != best.workplace for sign in fields)
        return WorkFinding(best.workplace, CONFLICT if is_split else FIELD, (best, *(s for s in fields if s != best)))
    leaning = _first("description", description[:READ_CHARS], LEANING_KINDS, words)
    if leaning is not None:
        return WorkFinding(leaning.workplace, LEANING, (leaning,))
    if has_place:
        return WorkFinding("onsite", PLACE_ONLY, (Sign("place", "location", location),))
    return WorkFinding(None, 0.0, ())


def _of_fields(fields: Mapping[str, str], words: WorkWords) -> Iterator[Sign]:
    for source, text in fields.items():
        kinds = [kind for kind in FIELD_KINDS if source != "title" or kind not in {"partial", "onsite", "in_office"}]
        if (sign := _first(source, text, kinds, words)) is not None:
            yield sign


def _of_the_fields(signs: Sequence[Sign]) -> Sign:
    """Return the sign that decides between fields: hybrid over remote, and remote over a board's `onsite`."""
    denied = [sign for sign in signs if sign.kind in {"no_remote", "temporary"}]
    by_workplace = {sign.workplace: sign for sign in reversed(signs)}
    wanted = (by_workplace[one] for one in ("hybrid", "remote", "onsite") if one in by_workplace)
    return denied[0] if denied else next(wanted)


def _first(source: str, text: str, kinds: Sequence[Kind], words: WorkWords) -> Sign | None:
    """Return the strongest sign of a text."""
    said = without_elsewhere(text, words)
    for kind in kinds:
        if hit := words.kinds[kind].search(said):
            return Sign(kind, source, _quote(text, hit))
    return None


def without_elsewhere(text: str, words: WorkWords) -> str:
    """Return a levelled text of the same length, with dots for words that speak of something else."""
    return words.elsewhere.sub(lambda hit: "\u00b7" * len(hit[0]), level(text))


def _quote(text: str, hit: Hit) -> str:
    return sentence_around(text, hit)
