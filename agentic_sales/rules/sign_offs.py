"""Tell a person's own words from the sign-off, the signature and the notices below them.

A signature holds offers (`Book a call with me`), titles and notices. They are no part of an answer. A postscript is. A
notice asks to delete a mail that came by mistake. Or it tells how to unsubscribe from a newsletter of theirs.
"""

import re
from dataclasses import dataclass
from functools import cache

from agentic_sales.rules.phrases import Phrases
from agentic_sales.rules.sentences import folded, sentences
from agentic_sales.rules.tables import NOTHING, Table, every, extended, table

LONGEST_LINE_CHARS = 60
LONGEST_NAME_WORDS = 4
_MARKS = re.compile(r"[\W_]+")
_POSTSCRIPT = re.compile(r"\s*p\.? ?s\b", re.IGNORECASE)
_PARAGRAPHS = re.compile(r"\n\s*\n")


@dataclass(frozen=True, slots=True)
class SignOffs:
    """How texts end."""

    lines: frozenset[str]
    """Lines before a name."""
    notices: Phrases
    """Sentences of notices."""


def sign_offs_of(additions: Table = NOTHING) -> SignOffs:
    """Return the lines of `sign_offs.toml` and of a person's additions to it."""
    words = extended(table("sign_offs"), additions)
    return SignOffs(frozenset(_bare(line) for line in every(words["lines"])), Phrases(every(words["notices"])))


@cache
def our_sign_offs() -> SignOffs:
    """Return the lines of `sign_offs.toml` alone."""
    return sign_offs_of()


def without_notices(text: str, ends: SignOffs | None = None) -> str:
    """Return a text without the paragraphs below the first that hold a notice.

    Args:
        text: The writer's text.
        ends: The ends of texts. The default is `sign_offs.toml`.
    """
    ends = ends or our_sign_offs()
    first, *rest = _PARAGRAPHS.split(text.strip())
    return "\n\n".join([first, *(part for part in rest if not _is_notice(part, ends))])


def unsigned_words(text: str, ends: SignOffs | None = None) -> str:
    """Return a text without its sign-off and signature, but with its postscript. The arguments are as above."""
    ends = ends or our_sign_offs()
    lines = text.splitlines()
    at = next((at for at in range(1, len(lines)) if _is_sign_off(lines, at, ends)), len(lines))
    if not any(line.strip() for line in lines[:at]):
        return text
    return "\n".join([*lines[:at], *(line for line in lines[at:] if _POSTSCRIPT.match(line))])


def _is_notice(part: str, ends: SignOffs) -> bool:
    return ends.notices.first_in(sentences(part)) is not None


def _is_sign_off(lines: list[str], at: int, ends: SignOffs) -> bool:
    """Tell a line such as `Thanks,` above a name. Above a sentence it is a word of thanks."""
    line = lines[at]
    if len(line) > LONGEST_LINE_CHARS or _bare(line) not in ends.lines:
        return False
    below = next((line for line in lines[at + 1 :] if line.strip()), "")
    return len(below.split()) <= LONGEST_NAME_WORDS


def _bare(line: str) -> str:
    return _MARKS.sub(" ", folded(line)).strip()
