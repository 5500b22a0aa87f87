"""Cut a job description into sections by its headings: required, nice to have, responsibilities, other.

A heading is a whole short line, or it begins a line or a sentence and a colon ends it. The table has whole headings. A
line that stands as a heading does, with a colon, in capitals or above a list, is one by a telling word, too.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

from agentic_sales.rules.signs import compiled, level

SectionKind = Literal["required", "nice_to_have", "responsibilities", "other"]
SECTIONS: tuple[SectionKind, ...] = get_args(SectionKind)
LONGEST_HEADING_CHARS = 60
BULLET = re.compile(r"^[\s>#*\u2022\u00b7\u25cf\u25aa\u2013\u2014+-]*(?:\d+[.)]\s+)?")
_MARKS = re.compile(r"[*_#]{1,3}")
_INLINE = re.compile(r"(?:^|(?<=[.!?;\u2022]\s)|(?<=\n))[ \t]*(?P<head>[^\n.:!?;]{2,60})\s?:(?=\s|$)")
_ORDER: tuple[SectionKind, ...] = ("nice_to_have", "required", "other", "responsibilities")
"""A heading of two kinds is of the first: "preferred qualifications"."""
_LISTED = re.compile(r"\s*(?:[-*\u2022\u00b7\u25cf\u25aa\u2013+]|\d+[.)])\s")
_FULL_STOP = re.compile(r"[.!;,]\s*\Z")


@dataclass(frozen=True, slots=True)
class JobSection:
    """A part of a description."""

    start: int
    """Where it begins, behind its heading."""
    end: int
    """Where it ends."""
    kind: SectionKind
    """Its kind."""
    has_heading: bool = True
    """Whether a heading names it."""


@dataclass(frozen=True, slots=True)
class HeadingWords:
    """Headings by the kind of their sections."""

    whole: Mapping[SectionKind, re.Pattern[str]]
    """Whole headings."""
    telling: Mapping[SectionKind, re.Pattern[str]]
    """Words of headings."""


def heading_words(whole: Mapping[str, Iterable[str]], telling: Mapping[str, Iterable[str]]) -> HeadingWords:
    """Compile the headings of a table, and the words by which others are told."""
    return HeadingWords(
        whole={kind: re.compile(rf"\s*(?:{compiled(whole[kind]).pattern})\s*") for kind in SECTIONS},
        telling={kind: compiled(telling[kind]) for kind in SECTIONS},
    )


def split_sections(text: str, words: HeadingWords) -> list[JobSection]:
    """Return the sections of a description in order. Text below no heading is `other`."""
    found: dict[int, tuple[int, SectionKind]] = {}
    for hit in _INLINE.finditer(text):
        if (kind := kind_of_heading(hit["head"], words, stands_as_one=True)) is not None:
            found[hit.start("head")] = (hit.end(), kind)
    place = 0
    lines = text.splitlines(keepends=True)
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if len(line.strip()) <= LONGEST_HEADING_CHARS and not _LISTED.match(line):
            kind = kind_of_heading(line, words, stands_as_one=_stands_as_heading(line, following))
            if kind is not None:
                found.setdefault(place, (place + len(line), kind))
        place += len(line)
    starts = sorted(found)
    sections = [JobSection(0, starts[0] if starts else len(text), "other", has_heading=False)]
    for start, end in pairwise([*starts, len(text)]):
        begin, kind = found[start]
        sections.append(JobSection(begin, max(begin, end), kind))
    return sections


def section_at(sections: Iterable[JobSection], place: int) -> JobSection:
    """Return the section at a place. A heading itself is in none, and counts as `other`."""
    nowhere = JobSection(place, place, "other", has_heading=False)
    return next((one for one in sections if one.start <= place < one.end), nowhere)


def texts_of(text: str, sections: Iterable[JobSection]) -> dict[SectionKind, str]:
    """Return the text of the sections of each kind."""
    parts: dict[SectionKind, list[str]] = {kind: [] for kind in SECTIONS}
    for one in sections:
        parts[one.kind].append(text[one.start : one.end].strip())
    return {kind: "\n".join(filter(None, told)) for kind, told in parts.items()}


def kind_of_heading(heading: str, words: HeadingWords, *, stands_as_one: bool = False) -> SectionKind | None:
    """Return the kind of section that a heading begins. None if it is no heading.

    Args:
        heading: The line, or the words before a colon.
        words: The table.
        stands_as_one: The line stands as a heading does, so that a telling word is enough.
    """
    bare = level(_MARKS.sub("", BULLET.sub("", heading))).strip(" :.!?\u00bf\u00a1\t\r\n")
    if not bare:
        return None
    if whole := next((kind for kind in _ORDER if words.whole[kind].fullmatch(bare)), None):
        return whole
    return next((kind for kind in _ORDER if stands_as_one and words.telling[kind].search(bare)), None)


def _stands_as_heading(line: str, following: str) -> bool:
    """Tell whether a line ends with a colon, is marked or in capitals, or stands above a list."""
    bare = line.strip()
    is_marked = bare.startswith(("#", "**", "__")) or bare.endswith(":") or (bare.isupper() and len(bare.split()) > 1)
    return bool(bare) and (is_marked or (bool(_LISTED.match(following)) and not _FULL_STOP.search(bare)))
