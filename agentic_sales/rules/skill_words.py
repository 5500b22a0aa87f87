"""Hold the skills of the table `skills`, with the words by which a text names them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agentic_sales.rules.job_sections import HeadingWords, heading_words
from agentic_sales.rules.signs import compiled, level
from agentic_sales.rules.tables import Compiled, Table

_OTHER_COMPOUND = r"-(?!(?i:kenntnis|entwickl|erfahrung|programm|developer|services|skills|framework|api))\w"
"""A word with another behind a hyphen is another word, unless that one speaks of a skill."""


@dataclass(frozen=True, slots=True)
class KnownSkill:
    """A skill of the table."""

    tag: str
    """Its tag, such as `kubernetes`."""
    label: str
    """Its name as people read it."""
    esco: str
    """Its title in ESCO. Empty: it has none there."""


@dataclass(frozen=True, slots=True)
class SkillWords:
    """The phrases of the table."""

    skills: Mapping[str, KnownSkill]
    """Skills by their tags."""
    plain: re.Pattern[str]
    """All words that count wherever they stand, over levelled text."""
    plain_of: Mapping[str, re.Pattern[str]]
    """The same by tag."""
    cased: re.Pattern[str]
    """All words that are ordinary words as well, over the text as it is."""
    cased_tags: Mapping[str, str]
    """Their tags."""
    headings: HeadingWords
    nice_after: re.Pattern[str]
    nice_before: re.Pattern[str]
    required: re.Pattern[str]
    duties: re.Pattern[str]
    not_before: re.Pattern[str]
    not_after: re.Pattern[str]
    before: re.Pattern[str]
    """Ends a text behind which the name of a skill stands."""
    after: re.Pattern[str]
    """Begins a text before which the name of a skill stands."""
    between: re.Pattern[str]
    """Stands between two skills of a list."""


def _built(known: Table) -> SkillWords:
    table, wording, context = known["skills"], known["wording"], known["context"]
    cased = {word: tag for tag, row in table.items() for word in row.get("cased", ())}
    listed = "|".join(sorted(map(re.escape, cased), key=len, reverse=True))
    return SkillWords(
        skills={tag: KnownSkill(tag, row["label"], row.get("esco", "")) for tag, row in table.items()},
        plain=compiled(word for row in table.values() for word in row.get("words", ())),
        plain_of={tag: compiled(row["words"]) for tag, row in table.items() if row.get("words")},
        cased=re.compile(rf"(?<![\w.#&-])(?:{listed})(?![\w#&'\u2019]|\+\+|{_OTHER_COMPOUND})"),
        cased_tags=cased,
        headings=heading_words(known["headings"], known["heading_words"]),
        nice_after=compiled(wording["nice_after"]),
        nice_before=compiled(wording["nice_before"]),
        required=compiled(wording["required"]),
        duties=compiled(wording["duties"]),
        not_before=_at_end(wording["not_before"]),
        not_after=compiled(wording["not_after"]),
        before=_at_end(context["before"]),
        after=re.compile(rf"[\s,(-]{{0,2}}(?:{compiled(context['after']).pattern})"),
        between=re.compile(rf"\s*(?:{'|'.join(context['between'])})[\s(]*"),
    )


def _at_end(phrases: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"(?:{compiled(phrases).pattern})[\s:(\u201c\"]*\Z")


skill_words = Compiled("skills", _built)


def tag_for(phrase: str, words: SkillWords) -> str:
    """Return the tag of a skill that somebody wrote, such as "Node JS". Empty: the table does not have it."""
    bare = phrase.strip()
    said = level(bare)
    if bare in words.cased_tags:
        return words.cased_tags[bare]
    if said in words.skills:
        return said
    whole = (tag for tag, pattern in words.plain_of.items() if pattern.fullmatch(said))
    by_name = (skill.tag for skill in words.skills.values() if said in {level(skill.label), level(skill.esco)} - {""})
    return next(whole, "") or next(by_name, "")
