"""Tell by its title and text whether an opening is a role in artificial intelligence, and whether it is remote work.

The title decides. A title that many trades share, such as "Data Scientist", counts if the text speaks of models. A
person that sells artificial intelligence or hires for it has another role.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from agentic_sales.rules.company_signs import plain_text, sentence_around
from agentic_sales.rules.signs import affirmed, compiled, ending, level
from agentic_sales.rules.tables import Compiled, Table

READ_CHARS = 2_000
"""Characters of a description that are read. Behind them stand benefits and legal notices."""
Workplace = Literal["remote", "hybrid", "onsite"]


@dataclass(frozen=True, slots=True)
class RoleWords:
    """The signs of the table `ai_roles`."""

    plain: re.Pattern[str]
    near: re.Pattern[str]
    by_text: re.Pattern[str]
    other: re.Pattern[str]
    work: re.Pattern[str]
    models: re.Pattern[str]
    denied: re.Pattern[str]
    remote: re.Pattern[str]
    not_remote: re.Pattern[str]


def _built(known: Table) -> RoleWords:
    title, text, remote = known["title"], known["text"], known["remote"]
    return RoleWords(
        plain=compiled(title["plain"]),
        near=compiled(title["near"]),
        by_text=compiled(title["by_text"]),
        other=compiled(title["other"]),
        work=compiled(text["work"]),
        models=compiled(text["models"]),
        denied=ending(text["denied"]),
        remote=compiled(remote["places"]),
        not_remote=compiled(remote["not_remote"]),
    )


role_words = Compiled("ai_roles", _built)


@dataclass(frozen=True, slots=True)
class Role:
    """The role of an opening for sellers of artificial intelligence."""

    is_ai: bool
    """Whether the work is on artificial intelligence."""
    is_remote: bool
    """Whether it can be done from elsewhere, in some region at least."""
    matched: str = ""
    """The words that decided on artificial intelligence. Empty if it is none."""
    quote: str = ""
    """These words where they stand: the title, or a sentence of the text."""


def read_role(
    title: str,
    text: str = "",
    *,
    workplace: Workplace | None = None,
    locations: Iterable[str] = (),
    words: RoleWords | None = None,
) -> Role:
    """Read an opening.

    Args:
        title: Its title.
        text: Its description as plain text.
        workplace: The board's field for the workplace. None: nothing, so the locations and the title decide.
        locations: Its places.
        words: The signs. None: those of the product.
    """
    words = words or role_words.own
    is_remote = workplace == "remote" if workplace else _is_remote(f"{title} / {' / '.join(locations)}", words)
    named = level(title)
    if words.other.search(named):
        return Role(is_ai=False, is_remote=is_remote)
    if hit := words.plain.search(named):
        return Role(is_ai=True, is_remote=is_remote, matched=title[hit.start() : hit.end()], quote=title)
    read = plain_text(text[:READ_CHARS])
    outright = list(affirmed(words.work, level(read), words.denied))
    named_models = list(affirmed(words.models, level(read), words.denied))
    needed = _needed(named, words)
    if needed == 0 or (not outright and len({hit[0] for hit in named_models}) < needed):
        return Role(is_ai=False, is_remote=is_remote)
    first = (outright or named_models)[0]
    matched, quote = read[first.start() : first.end()], sentence_around(read, first)
    return Role(is_ai=True, is_remote=is_remote, matched=matched, quote=quote)


def _needed(title: str, words: RoleWords) -> int:
    """Return how many words on models a text needs under a title. 0: no text makes it such a role."""
    if words.near.search(title):
        return 1
    return 2 if words.by_text.search(title) else 0


def _is_remote(places: str, words: RoleWords) -> bool:
    told = level(places)
    return bool(words.remote.search(told)) and not words.not_remote.search(told)
