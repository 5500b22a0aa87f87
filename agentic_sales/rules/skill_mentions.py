"""Find where a job description names skills, and how much each place asks for its skill.

An ordinary word such as "Go" or "Express" counts only in its own letters, and where the words around it speak of a
skill. Required or nice to have is told by the section. The wording of the sentence decides over the section.
"""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal, get_args

from pydantic import BaseModel, Field

from agentic_sales.rules.job_sections import (
    BULLET,
    JobSection,
    SectionKind,
    kind_of_heading,
    section_at,
    split_sections,
)
from agentic_sales.rules.signs import Hit, level
from agentic_sales.rules.skill_words import SkillWords

MAX_MENTIONS = 80
LONGEST_TEXT_CHARS = 16_000
LONGEST_EVIDENCE_CHARS = 400
AROUND_CHARS = 80
"""How far before and behind a word its context is looked for."""
MOST_OF_A_WORD = 20
"""Places of one word that are read."""
LONGEST_GAP_CHARS = 20
"""Longest sign or word between two skills of a list."""
REACH_CHARS = 400
"""How far a sentence is read to both sides of a word."""
DENIAL_CHARS = 25
"""How far behind a word a denial may begin."""
SkillLevel = Literal["required", "nice_to_have", "optional"]
SKILL_LEVELS: tuple[SkillLevel, ...] = get_args(SkillLevel)
_BY_SECTION: Mapping[SectionKind, SkillLevel] = {"required": "required", "nice_to_have": "nice_to_have"}
WORDING_CONFIDENCE, SECTION_CONFIDENCE, PLAIN_CONFIDENCE, CONTEXT_LOSS = 0.9, 0.85, 0.6, 0.1
"""Probability that a level is right, by its sign, and the loss of an ordinary word."""
_ABBREVIATIONS = r"(?<![A-Z]\.[A-Z])(?<!\be\.g)(?<!\bi\.e)(?<!\bz\.B)"
_SENTENCE_END = re.compile(rf"[\n\u2022]|{_ABBREVIATIONS}[.!?](?=\s|$)")
_CLAUSE_END = re.compile(rf"[;\n\u2022]|{_ABBREVIATIONS}[.!?](?=\s|$)|\s[\u2013\u2014-]\s")
_REFUSED = re.compile(r"\s?\?\s+(?:not|no)\b")
"""Denies the question before it: "Java? Not needed."."""
_LINE_END = re.compile(r"\n")
_ITEM_END = re.compile(r"[,;/()\n:]|\s(?:and|or|und|oder|et|ou|y|o|e|of|en|i)\s")


class SkillMention(BaseModel):
    """A place where a job description names a skill."""

    phrase: str = Field(description="The words, as written.")
    sentence: str = Field(description="The sentence or line around them.")
    section: SectionKind = Field(description="Section of the description.")
    tag: str = Field(default="", description="Tag of the skill. Empty: the table does not have it.")
    level: SkillLevel = Field(default="optional", description="required, nice_to_have or optional.")
    confidence: float = Field(default=PLAIN_CONFIDENCE, ge=0, le=1, description="Probability that this is right.")


@dataclass(frozen=True, slots=True)
class _SkillPlace:
    start: int
    end: int
    tag: str
    is_sure: bool
    """Whether the words count wherever they stand."""


def mentions_in(text: str, words: SkillWords, title: str = "") -> list[SkillMention]:
    """Return the skills that a description names, in order, at most 80. Denied ones are left out.

    Args:
        text: The description, of which 16,000 characters are read.
        words: The table.
        title: Title of the job. It confirms an ordinary word: "Go Engineer".
    """
    reading = _SkillReading(text[:LONGEST_TEXT_CHARS], title, words)
    return [reading.mention(place) for place in reading.confirmed[:MAX_MENTIONS] if not reading.is_denied(place)]


class _SkillReading:
    """A description while it is read."""

    def __init__(self, text: str, title: str, words: SkillWords) -> None:
        self._text, self._title, self._words = text, title, words
        self._said = level(text)

    @cached_property
    def _sections(self) -> list[JobSection]:
        return split_sections(self._text, self._words.headings)

    @cached_property
    def _places(self) -> list[_SkillPlace]:
        """The places of all words, the longest of those that overlap."""
        tags = self._words.cased_tags
        found = [self._longest(hit) for hit in _first_ones(self._words.plain.finditer(self._said))]
        ordinary = self._words.cased.finditer(self._text)
        found += (_SkillPlace(hit.start(), hit.end(), tags[hit[0]], is_sure=False) for hit in _first_ones(ordinary))
        taken = bytearray(len(self._said) + 1)
        kept: list[_SkillPlace] = []
        for one in sorted(found, key=lambda place: (place.start - place.end, not place.is_sure)):
            if not any(taken[one.start : one.end]):
                taken[one.start : one.end] = b"\x01" * (one.end - one.start)
                kept.append(one)
        return sorted(kept, key=lambda place: place.start)

    def _longest(self, hit: Hit) -> _SkillPlace:
        """Return the skill with the longest words at the place of a hit: "SQL Server" and not "SQL"."""
        patterns = self._words.plain_of.items()
        ends = {tag: found.end() for tag, words in patterns if (found := words.match(self._said, hit.start()))}
        tag = max(ends, key=lambda one: ends[one])
        return _SkillPlace(hit.start(), ends[tag], tag, is_sure=True)

    @cached_property
    def confirmed(self) -> list[_SkillPlace]:
        """The sure words, and the ordinary ones that the words around them or their neighbours confirm."""
        known = {one for one in self._places if one.is_sure or self._is_in_context(one) or self._is_an_item(one)}
        listed = [pair for pair in pairwise(self._places) if self._is_list(*pair)]
        for left, right in listed:
            known |= {right} if left in known else set()
        for left, right in reversed(listed):
            known |= {left} if right in known else set()
        return [one for one in self._places if one in known]

    def _is_list(self, left: _SkillPlace, right: _SkillPlace) -> bool:
        """Tell whether nothing but a sign or a word of a list stands between two words."""
        gap = self._said[left.end : right.start]
        return len(gap) <= LONGEST_GAP_CHARS and self._words.between.fullmatch(gap) is not None

    def _is_in_context(self, one: _SkillPlace) -> bool:
        word = self._text[one.start : one.end]
        line = self._text[slice(*self._bounds(one, _LINE_END))]
        if self._is_in_title(word) or BULLET.sub("", line).strip(" .,;:") == word:
            return True
        head = _SENTENCE_END.split(self._said[max(0, one.start - AROUND_CHARS) : one.start])[-1]
        name, colon, rest = head.rpartition(":")
        is_first = (
            bool(colon)
            and not rest.strip()
            and kind_of_heading(name, self._words.headings, stands_as_one=True) is not None
        )
        return is_first or bool(self._words.before.search(head) or self._words.after.match(self._said, one.end))

    def _is_in_title(self, word: str) -> bool:
        """Tell whether the title has a word as the name of a skill: "Go Engineer", "Engineer (R)"."""
        said = level(self._title)
        return any(
            self._words.after.match(said, hit.end()) or self._title[: hit.start()].endswith(("(", ", ", "/ ", "- "))
            for hit in re.finditer(rf"(?<!\w){re.escape(word)}(?![\w+#])", self._title)
        )

    def _is_an_item(self, one: _SkillPlace) -> bool:
        """Tell whether a word is a whole item of a list that has a sure skill, too."""
        start, stop = self._bounds(one, _SENTENCE_END)
        before = _ITEM_END.split(self._text[start : one.start])[-1]
        after = _ITEM_END.split(self._text[one.end : stop])[0]
        is_alone = not before.strip(" :") and not after.strip(" .!\n")
        return is_alone and bisect_left(self._sure, start) < bisect_left(self._sure, stop)

    @cached_property
    def _sure(self) -> list[int]:
        """Where the sure words begin."""
        return [one.start for one in self._places if one.is_sure]

    @cached_property
    def _ends(self) -> dict[re.Pattern[str], list[tuple[int, int]]]:
        """Where the sentences, the clauses and the lines end."""
        return {
            end: [hit.span() for hit in end.finditer(self._text)] for end in (_SENTENCE_END, _CLAUSE_END, _LINE_END)
        }

    def _bounds(self, one: _SkillPlace, end: re.Pattern[str]) -> tuple[int, int]:
        """Return where the sentence, the clause or the line around a word begins and ends, within some reach."""
        ends = self._ends[end]
        number = bisect_right(ends, one.start, key=lambda span: span[1])
        start = ends[number - 1][1] if number else 0
        later = next((span for span in ends[number : number + 3] if span[0] >= one.end), None)
        stop = later[1] if later else len(self._text)
        return max(start, one.start - REACH_CHARS), min(stop, one.end + REACH_CHARS)

    def is_denied(self, one: _SkillPlace) -> bool:
        """Tell whether a skill is named as one that nobody needs."""
        head = _CLAUSE_END.split(self._said[max(0, one.start - AROUND_CHARS) : one.start])[-1]
        tail = _CLAUSE_END.split(self._said[one.end : one.end + AROUND_CHARS])[0].partition(",")[0]
        denied = self._words.not_after.search(tail)
        is_behind = denied is not None and denied.start() <= DENIAL_CHARS and not self._words.nice_after.search(tail)
        is_behind = is_behind or _REFUSED.match(self._said, one.end) is not None
        return is_behind or bool(self._words.not_before.search(head))

    def mention(self, one: _SkillPlace) -> SkillMention:
        """Return a place with its sentence and its level."""
        section = section_at(self._sections, one.start)
        grade, sure = self._grade(one, section)
        sentence = self._text[slice(*self._bounds(one, _SENTENCE_END))]
        return SkillMention(
            phrase=self._text[one.start : one.end].strip(),
            sentence=BULLET.sub("", sentence).strip()[:LONGEST_EVIDENCE_CHARS],
            section=section.kind,
            tag=one.tag,
            level=grade,
            confidence=round(sure - (0.0 if one.is_sure else CONTEXT_LOSS), 2),
        )

    def _grade(self, one: _SkillPlace, section: JobSection) -> tuple[SkillLevel, float]:
        """Return the level of a place and how sure it is."""
        words = self._words
        start, stop = self._bounds(one, _CLAUSE_END)
        if words.nice_before.search(self._said[start : one.start]) or words.nice_after.search(
            self._said[one.end : stop]
        ):
            return "nice_to_have", WORDING_CONFIDENCE
        clause = self._said[start:stop]
        is_required = bool(words.required.search(clause))
        if section.kind in _BY_SECTION:
            return _BY_SECTION[section.kind], WORDING_CONFIDENCE if is_required else SECTION_CONFIDENCE
        is_duty = bool(words.duties.search(clause))
        if is_required and not (is_duty and section.kind == "responsibilities"):
            return "required", WORDING_CONFIDENCE
        return ("optional" if section.has_heading or is_duty else "required"), PLAIN_CONFIDENCE


def _first_ones(hits: Iterable[Hit]) -> Iterator[Hit]:
    """Yield the first hits of each word, so that a text of one word alone is read in time."""
    counts: Counter[str] = Counter()
    for hit in hits:
        counts[hit[0]] += 1
        if counts[hit[0]] <= MOST_OF_A_WORD:
            yield hit


def sections_at(text: str, places: Sequence[int], words: SkillWords) -> list[SectionKind]:
    """Return the kind of the section at each place of a description."""
    sections = split_sections(text, words.headings)
    return [section_at(sections, place).kind for place in places]
