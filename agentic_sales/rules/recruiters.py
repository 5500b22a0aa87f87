"""Judge by a company's own words whether it is a recruiter. The signs of the table `recruiters` are added up.

The sum is read as odds. A company is never called a recruiter for want of words.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentic_sales.rules.signs import affirmed, compiled, level, on_one_line, without
from agentic_sales.rules.tables import Compiled, Table, every

MAX_REASONS = 3
HIGHEST_RATIO = 0.95
"""The rules know words, never their intended meaning."""
EVEN_SCORE = 1.5
"""Score at which a recruiter is as likely as not. Most companies are none, so one weak word must not decide."""
SILENT_RATIO = 0.7
"""Confidence that a company is no recruiter when a whole description has no word of recruiting."""
SILENT_AND_SHORT_RATIO = 0.4
"""The same when there is too little text to expect one."""
SHORT_DESCRIPTION_CHARS = 80
NAME_BESIDE_TEXT_RATIO = 0.4
"""How much a name counts beside a description that has no word of recruiting."""
MAX_TEXT_CHARS = 20_000
MAX_WORDS_CHARS = 80
_KINDS = ("against", "for", "name", "host")
_ADDRESS = re.compile(r"^\w+://|/.*")


@dataclass(frozen=True, slots=True)
class Clue:
    """One thing that a company's words can say."""

    says: str
    """Its meaning, for people."""
    weight: float
    """How much it speaks for a recruiter. A negative weight speaks against."""
    pattern: re.Pattern[str]
    """The words that say it, over levelled text."""


@dataclass(frozen=True, slots=True)
class Clues:
    """The signs of the table, by where they are looked for."""

    against: Sequence[Clue]
    for_it: Sequence[Clue]
    name: Sequence[Clue]
    host: Sequence[Clue]
    served: re.Pattern[str]
    """Ends the text before a phrase that names customers or is denied."""


@dataclass(frozen=True, slots=True)
class ClueHit:
    """A clue that was found."""

    clue: Clue
    """The words of the sign."""
    words: str
    """The words that said it."""
    weight: float
    """Its weight here."""

    @property
    def line(self) -> str:
        """The clue without the company's words, which a model gets fenced."""
        return f"{'+' if self.clue.weight > 0 else '-'} {self.clue.says}"

    @property
    def reason(self) -> str:
        """The clue with the words that said it."""
        return f"{self.clue.says}: `{self.words}`"


@dataclass(frozen=True, slots=True)
class RecruiterFinding:
    """The rules' reading of a company."""

    is_recruitment: bool
    confidence: float
    """Probability that the answer is right."""
    reasons: tuple[str, ...]
    """At most three reasons, for people."""


def _built(known: Table) -> Clues:
    kinds = {kind: [_clue(row, known["lists"]) for row in _heavy_first(known[kind])] for kind in _KINDS}
    served = re.compile(f"(?:{'|'.join(level(phrase) for phrase in every(known['veto']['served']))})$")
    return Clues(kinds["against"], kinds["for"], kinds["name"], kinds["host"], served)


def _heavy_first(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows in their order, those without weight last: the words of a sign are lost to the next ones."""
    return sorted(rows, key=lambda row: not row["weight"])


def _clue(row: Mapping[str, Any], lists: Mapping[str, Iterable[str]]) -> Clue:
    return Clue(row["says"], float(row["weight"]), compiled(row["phrases"], lists))


def find_clues(name: str, website: str, description: str, known: Clues | None = None) -> Sequence[ClueHit]:
    """Return every clue in a company's words, those against a recruiter first."""
    signs = known or clues()
    against, rest = _search(signs.against, description[:MAX_TEXT_CHARS])
    in_text, _ = _search(signs.for_it, rest, signs.served)
    named, _ = _search(signs.name, _search(signs.against, name)[1])
    in_host, _ = _search(signs.host, _ADDRESS.sub("", website.strip()))
    says_other = bool(description.strip()) and not in_text
    ratio = NAME_BESIDE_TEXT_RATIO if says_other else 1.0
    return (*against, *in_text, *(ClueHit(hit.clue, hit.words, hit.weight * ratio) for hit in (*named, *in_host)))


def _search(signs: Iterable[Clue], text: str, *vetoes: re.Pattern[str]) -> tuple[list[ClueHit], str]:
    """Return the clues found and the text without their words: in "recruitment agency software" there is no agency."""
    text, hits = on_one_line(text), []
    for clue in signs:
        if found := list(affirmed(clue.pattern, level(text), *vetoes)):
            hits.append(ClueHit(clue, text[found[0].start() : found[0].end()][:MAX_WORDS_CHARS], clue.weight))
            text = without(text, found)
    return hits, text


def judge_recruiter(name: str, website: str, description: str, known: Clues | None = None) -> RecruiterFinding:
    """Return the rules' verdict. The clues are added up, and the sum is read as odds."""
    hits = find_clues(name, website, description, known)
    if not hits:
        is_short = len(description.strip()) < SHORT_DESCRIPTION_CHARS
        ratio = SILENT_AND_SHORT_RATIO if is_short else SILENT_RATIO
        return RecruiterFinding(
            is_recruitment=False, confidence=ratio, reasons=("no word of recruiting for others was found",)
        )
    chance = 1 / (1 + math.exp(EVEN_SCORE - sum(hit.weight for hit in hits)))
    is_recruitment = chance > 1 / 2
    decisive = sorted(hits, key=lambda hit: hit.weight, reverse=is_recruitment)
    reasons = tuple(dict.fromkeys(hit.reason for hit in decisive))[:MAX_REASONS]
    confidence = round(min(max(chance, 1 - chance), HIGHEST_RATIO), 2)
    return RecruiterFinding(is_recruitment=is_recruitment, confidence=confidence, reasons=reasons)


clues = Compiled("recruiters", _built)
"""Gives the words of the table `recruiters`, with a person's additions if there are any."""
