"""Tell the line that a mail program or a telephone adds to an answer, such as `Sent from my iPhone`.

The line says `sent` or `get`, and names a device or a program. The words differ by language, the shape does not: one of
the words stands at its start or its end, and the line is short. `Von meiner Seite kein Interesse` names no device, so a
person wrote it. The words are in `quotes.toml`.
"""

import re
from dataclasses import dataclass

from agentic_sales.rules.optouts import opt_out
from agentic_sales.rules.sentences import folded
from agentic_sales.rules.tables import Table, every

LONGEST_LINE_CHARS = 120
MOST_WORDS = 12
MOST_WORDS_OF_GET = 7
"""A program adds no longer line, but a person may go on behind its first sentence."""
_MARKS = re.compile(r"[\s*_\[\](){}<>|\u2013\u2014-]+")
_LINK = re.compile(r"[(<\[]?https?://[^\s<>()\[\]]*[)>\]]?")
_SENTENCE_END = re.compile(r"[.!?:](?=\s|$)|\u3002")
_PERSON = re.compile(r"(?<![^\W_])(?:ich|wir|habe|haben|hat|wird|werden|ben|biz)(?![^\W_])|[,\uff0c]")
"""What no program writes: a person or a comma."""


@dataclass(frozen=True, slots=True)
class ProgramLines:
    """The words of lines that mail programs add."""

    starts: tuple[str, ...]
    """Beginnings that no person writes."""
    sent: tuple[str, ...]
    """Words for `sent from`, at the start."""
    sent_at_end: tuple[str, ...]
    """Words for `sent from`, at the end."""
    get: tuple[str, ...]
    """Words for `get`, at the start or the end."""
    excuses: tuple[str, ...]
    """Beginnings of the sentence that excuses the small keyboard."""
    mail_programs: re.Pattern[str]
    """Names of mail programs."""
    devices: re.Pattern[str]
    """Names of devices and of mail programs."""


def program_lines_of(words: Table) -> ProgramLines:
    """Return the words of the part `programs` of `quotes.toml`."""
    programs = _folded(words["mail_programs"])
    return ProgramLines(
        starts=_folded(words["starts"]),
        sent=_folded(words["sent"]),
        sent_at_end=_folded(words["sent_at_end"]),
        get=_folded(words["get"]),
        excuses=_folded(words["excuses"]),
        mail_programs=_any_of(programs),
        devices=_any_of((*programs, *_folded(words["devices"]))),
    )


def own_part(line: str, known: ProgramLines) -> str:
    """Return a line without the sentence that a mail program put there. Empty if the program wrote all of it."""
    end = _SENTENCE_END.search(line[:LONGEST_LINE_CHARS])
    if end and _is_added(line[: end.end()], known):
        rest = line[end.end() :].strip()
        return "" if _bare(rest).startswith(known.excuses) and opt_out(rest) is None else rest
    return "" if len(line) <= LONGEST_LINE_CHARS and _is_added(line, known) else line


def _is_added(line: str, known: ProgramLines) -> bool:
    text = _bare(_LINK.sub("", line))
    return len(text.split()) <= MOST_WORDS and _has_form(text, known) and opt_out(line) is None


def _has_form(text: str, known: ProgramLines) -> bool:
    if text.startswith(known.starts):
        return True
    if known.devices.search(text) is None:
        return False
    if text.startswith(known.sent) or (text.endswith(known.sent_at_end) and not _PERSON.search(text)):
        return True
    is_get = len(text.split()) <= MOST_WORDS_OF_GET and (text.startswith(known.get) or text.endswith(known.get))
    return is_get and known.mail_programs.search(text) is not None


def _folded(words: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(_bare, every(words))))


def _any_of(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(rf"(?<![a-z]){re.escape(name)}" for name in sorted(names, key=len, reverse=True)))


def _bare(text: str) -> str:
    return _MARKS.sub(" ", folded(text)).strip(" .!:;,\u3002")
