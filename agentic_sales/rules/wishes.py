"""Read the wishes of a contact file. Its columns of opt-outs, agreement, states, bounces and notes may forbid mail.

A false yes costs a reader, and a false no costs a promise. So a doubtful cell leaves a person out of the import.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal, get_args

from agentic_sales.rules.headings import Headings
from agentic_sales.rules.tables import NOTHING, Table, every, extended, table
from agentic_sales.rules.words import FoldedPhrases, folded, forms

Outcome = Literal["unsubscribed", "complained", "bounced", "stopped", "left_out"]
"""The result of a cell: a reason to suppress a person, or to leave the line out. The gravest comes first."""
GRAVEST_FIRST: tuple[Outcome, ...] = get_args(Outcome)
Kind = Literal[
    "unsubscribed", "bounced", "complained", "left_out", "agreement", "newsletter", "state", "note", "anything"
]
"""How a column says so."""

LONGEST_NOTE_CHARS = 5_000
"""Of a longer cell the beginning is read."""
LONGEST_STATE_CHARS = 500
LONGEST_ANYTHING_CHARS = 60
_STATE_ENDINGS = (" status", " stage", " statut", " estado", " stato", " etapa", " статус")
_DENIALS = ("not ", "never ", "nicht ", "nie ", "pas ", "non ", "не ", "un")
_FORBIDS = re.compile(
    r"\b(?:do not|dont|never|must not|may not) (?:(?:call|phone|text|sms|fax|post|visit) (?:or|and|nor) ){0,3}"
    r"(?:send )?(?:email|mail|contact|write|market)"
)
"""As in "Do not call or email"."""
_TO_SPACES = str.maketrans("-_", "  ")
_PARTS = str.maketrans(dict.fromkeys(";,|/\n", "\n"))


_SOFT = ("soft", "temp", "transient", "full", "quota", "block", "weich", "voll", "temporär", "délai", "provis")
"""Words of a bounce that leave the address alive."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A cell's word on writing to a person."""

    outcome: Outcome
    value: str
    """The cell."""


class Wishes:
    """The tables of wishes.

    Args:
        found: Content of the data file, with a person's additions.
        headings: Reads over the scope in front of a heading.
    """

    def __init__(self, found: Table, headings: Headings) -> None:
        self._headings = headings
        phrases = {name: FoldedPhrases(every(found[name])) for name in found}
        self._by_heading: dict[Kind, FoldedPhrases] = {
            "complained": phrases["complained_headings"],
            "bounced": phrases["bounced_headings"],
            "unsubscribed": phrases["unsubscribed_headings"],
        }
        self._by_whole_heading: dict[Kind, FoldedPhrases] = {
            "left_out": phrases["left_out_headings"],
            "agreement": phrases["subscribed_headings"],
            "newsletter": phrases["newsletter_headings"],
            "state": phrases["state_headings"],
            "note": phrases["note_headings"],
        }
        self._by_value: dict[Outcome, FoldedPhrases] = {
            "unsubscribed": phrases["unsubscribed_values"],
            "complained": phrases["complained_values"],
            "bounced": phrases["bounced_values"],
            "left_out": phrases["left_out_values"],
        }
        self._in_notes = phrases["phrases_in_notes"]
        self._other_channels = phrases["other_channels"]
        self._stems = tuple(folded(word) for word in every(found["unsubscribed_stems"]))
        self._not_the_wish = frozenset(folded(word) for word in every(found["not_the_wish"]))
        self._yes = _plain(every(found["yes"]))
        self._no = _plain(every(found["no"]))
        self._refusals = _plain(every(found["refusals"]))
        self.of = lru_cache(maxsize=8192)(self._of)

    def kind(self, heading: str) -> Kind | None:
        """Return how a column says that a person must not be written to. None if it is about something else."""
        texts = list(self._headings.spellings(heading))
        if self._is_of_another_channel(texts) or any(word in self._not_the_wish for word in texts[0].split()):
            return None
        for kind, phrases in self._by_whole_heading.items():
            if any(text in phrases for text in texts):
                return kind
        for kind, phrases in self._by_heading.items():
            if any(phrases.found_in(text) for text in texts):
                return kind
        if any(_FORBIDS.search(text) or self._begins_as_one(text) for text in texts):
            return "unsubscribed"
        return "state" if texts[0].endswith(_STATE_ENDINGS) else None

    def _begins_as_one(self, text: str) -> bool:
        return any(word.startswith(self._stems) for word in text.split())

    def _is_of_another_channel(self, texts: list[str]) -> bool:
        words = " ".join(texts)
        is_of_mail = any(sign in words for sign in ("email", "contact", "kontakt", "メール", "mailing", "newsletter"))
        return not is_of_mail and any(word in self._other_channels for text in texts for word in _runs(text))

    def _of(self, kind: Kind, cell: str) -> Wish | None:
        """Return the wish of a column's cell. None if it has none."""
        value = cell.strip().casefold()
        outcome = self._outcome(kind, value, cell)
        return Wish(outcome, cell) if outcome else None

    def _outcome(self, kind: Kind, value: str, cell: str) -> Outcome | None:
        found: Outcome | None
        match kind:
            case "unsubscribed" | "complained":
                found = kind if self._is_yes(value) else None
            case "bounced":
                found = _of_bounces(value) if self._is_yes(value) else None
            case "left_out":
                found = "left_out" if value in self._yes or _count(value) > 0 else None
            case "agreement":
                found = self._of_state(cell) or ("stopped" if value in self._refusals else None)
            case "newsletter":
                found = self._of_state(cell) or ("left_out" if value in self._refusals else None)
            case "state":
                found = self._of_state(cell)
            case "note":
                found = "left_out" if self._in_notes.found_in(folded(cell[:LONGEST_NOTE_CHARS])) else None
            case "anything":
                is_short = len(cell) <= LONGEST_ANYTHING_CHARS
                found = "left_out" if is_short and value.translate(_TO_SPACES) in self._in_notes else None
        return found

    def _is_yes(self, value: str) -> bool:
        """Tell whether a column of "leave alone" says yes. Every value does, except a no and an address of a page."""
        return value not in self._no and folded(value) not in self._no and "://" not in value

    def _of_state(self, cell: str) -> Outcome | None:
        parts = [text for part in cell[:LONGEST_STATE_CHARS].translate(_PARTS).split("\n") for text in forms(part)]
        for outcome, phrases in self._by_value.items():
            for text in parts:
                found = phrases.found_in(text)
                if found and not text.partition(found)[0].endswith(_DENIALS):
                    return outcome
        return None


def load_wishes(headings: Headings, additions: Table = NOTHING) -> Wishes:
    """Return the wishes of this package, with a person's own."""
    return Wishes(extended(table("wishes"), additions), headings)


def _of_bounces(value: str) -> Outcome:
    """Tell a mark of a bounce from a soft one, and from a count of them, among which may be soft ones."""
    is_soft = any(word in value for word in _SOFT)
    return "left_out" if is_soft or _count(value) > 1 else "bounced"


def _count(value: str) -> int:
    return int(value[:9]) if value.isdecimal() else 0


def _plain(words: Iterable[str]) -> frozenset[str]:
    return frozenset(form for word in words for form in (word.casefold(), folded(word)) if form) | {""}


def _runs(text: str) -> list[str]:
    words = text.split()
    return [*words, *(f"{first} {second}" for first, second in pairwise(words))]
