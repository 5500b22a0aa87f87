"""Tell an automatic answer of an absent person, and the day on which the person is back.

Many mail programs mark no such answer. Some mail servers put `[External]` before its subject. So the words count as
well, in a subject and in a text. A typed answer may speak of an absence too. `replies.py` then judges the rest of it.

The tables are in `absences.toml`, and the days in `days.toml`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from agentic_sales.rules.days import days_in
from agentic_sales.rules.phrases import Phrases
from agentic_sales.rules.sentences import sentences, split_text
from agentic_sales.rules.tables import NOTHING, Table, every, extended, table

_BRACKETS = re.compile(r"^\s*(?:\[[^\]]{0,60}\]|\([^)]{0,60}\)|\*{2,}[^*]{0,60}\*{2,})\s*[:\-]?\s*")


@dataclass(frozen=True, slots=True)
class AbsenceWords:
    """The words by which absences are told."""

    prefixes: frozenset[str]
    """Words before a subject that mean nothing."""
    subjects: Phrases
    """Beginnings of subjects that only a program writes."""
    away: Phrases
    """Words of an absent person."""
    back: Phrases
    """Words before a day of return."""
    until: Phrases
    """Words before the last day of an absence."""
    inclusive: Phrases
    """Words that make the last day one of absence."""
    note: Phrases
    """Sentences that belong to such a note, and are no answer."""


def words_of(additions: Table = NOTHING) -> AbsenceWords:
    """Return the words of `absences.toml` and of a person's additions to it."""
    words = extended(table("absences"), additions)
    back = words["back"]
    return AbsenceWords(
        prefixes=frozenset(word for text in every(words["prefixes"]) for word in "".join(sentences(text)).split()),
        subjects=Phrases(f"^ {phrase}" for phrase in every(words["subjects"])),
        away=Phrases(every(words["away"])),
        back=Phrases(back["all"]),
        until=Phrases(back["until"]),
        inclusive=Phrases(back["inclusive"]),
        note=Phrases(every(words["note"])),
    )


@cache
def our_words() -> AbsenceWords:
    """Return the words of `absences.toml` alone."""
    return words_of()


def bare_subject(subject: str, words: AbsenceWords | None = None) -> str:
    """Return a subject as words, without the prefixes of mail servers and mail programs."""
    words = words or our_words()
    while (shorter := _BRACKETS.sub("", subject)) != subject:
        subject = shorter
    parts = "".join(sentences(subject.replace(":", " : "))).split()
    while parts and parts[0] in words.prefixes:
        parts = parts[1:]
    return "".join(f"{part} " for part in parts)


def by_subject(subject: str, words: AbsenceWords | None = None) -> str | None:
    """Return the words of a subject that only an automatic answer has. None if it has none."""
    words = words or our_words()
    return words.subjects.first_in([bare_subject(subject, words)])


def away(text: str, words: AbsenceWords | None = None) -> str | None:
    """Return the words that tell that the writer is away. None if none do."""
    return (words or our_words()).away.first_in(sentences(text))


def answer_beside(text: str, words: AbsenceWords | None = None) -> str:
    """Return the sentences of a text that are neither about an absence nor part of such a note."""
    words = words or our_words()
    return "\n".join(part for part in split_text(text) if not _is_note("".join(sentences(part)), words))


def _is_note(said: str, words: AbsenceWords) -> bool:
    is_asked = said.endswith("? ")
    return bool(words.note.search(said)) or (not is_asked and bool(words.away.search(said)))


def back_on(text: str, came_on: date, words: AbsenceWords | None = None) -> date | None:
    """Return the day on which an absent person can be written to again. None if the text names none.

    Args:
        text: The writer's text.
        came_on: The day on which it came.
        words: Words of absences. The default is `absences.toml`.
    """
    words = words or our_words()
    parts = split_text(text)
    for choose in (words.back, words.until, words.away):
        chosen = [part for part in parts if choose.search("".join(sentences(part)))]
        if day := _last_day(chosen, came_on, words):
            return day
    exact = [named.day for part in parts for named in days_in(part, came_on) if named.is_exact]
    return max(exact, default=None)


def _last_day(parts: Sequence[str], came_on: date, words: AbsenceWords) -> date | None:
    last = max(((named.day, part) for part in parts for named in days_in(part, came_on)), default=None)
    if last is None:
        return None
    day, part = last
    said = "".join(sentences(part))
    is_absent_then = words.inclusive.search(said) and not words.back.search(said)
    return day + timedelta(days=1) if is_absent_then else day
