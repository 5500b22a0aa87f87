"""Turn the places where a job description names skills into the skills that it asks for."""

from collections.abc import Iterable, Sequence

from pydantic import BaseModel, Field

from agentic_sales.rules.company_signs import find_quote
from agentic_sales.rules.signs import level
from agentic_sales.rules.skill_mentions import (
    LONGEST_EVIDENCE_CHARS,
    MAX_MENTIONS,
    SKILL_LEVELS,
    SkillLevel,
    SkillMention,
    sections_at,
)
from agentic_sales.rules.skill_words import SkillWords, tag_for

MAX_SKILLS = 30
MODEL_CONFIDENCE = 0.8
MOST_NAMED = 8
"""Skills that a summary names."""


class JobSkill(BaseModel):
    """A skill that a job description asks for."""

    tag: str = Field(description="Tag of the skill, such as `kubernetes`.")
    level: SkillLevel = Field(description="required, nice_to_have or optional (named without a wish).")
    confidence: float = Field(description="Probability that skill and level are right, 0-1.")
    evidence: str = Field(description="The sentence of the description, at most 400 characters.")
    escoLabel: str | None = Field(default=None, description="Title in ESCO. Null: none.")  # noqa: N815 - callers know it


class ReadSkill(BaseModel):
    """A skill as a model read it."""

    phrase: str = Field(max_length=100, description="The skill as the description writes it.")
    level: SkillLevel = Field(description="required, nice_to_have, or optional if it is named without a wish.")
    quote: str = Field(max_length=600, description="The sentence of the description, copied.")


class ReadSkills(BaseModel):
    """The skills of a job description as a model read them."""

    skills: list[ReadSkill] = Field(max_length=MAX_MENTIONS, description="Tools, languages, frameworks, methods.")


def backed_mentions(told: ReadSkills, text: str, words: SkillWords) -> list[SkillMention]:
    """Return a model's skills with a quote in the description. One that the table lacks has no tag."""
    found = ((one, find_quote(one.quote, text)) for one in told.skills)
    backed = [(one, quote) for one, quote in found if quote and level(one.phrase.strip()) in level(one.quote)]
    places = sections_at(text, [text.find(quote) for _, quote in backed], words)
    return [
        SkillMention(
            phrase=one.phrase.strip(),
            sentence=quote[:LONGEST_EVIDENCE_CHARS],
            section=section,
            tag=tag_for(one.phrase, words),
            level=one.level,
            confidence=MODEL_CONFIDENCE,
        )
        for (one, quote), section in zip(backed, places, strict=True)
    ]


def strongest(mentions: Iterable[SkillMention]) -> list[SkillMention]:
    """Return each skill once, at its mention with the strongest level."""
    best: dict[str, SkillMention] = {}
    for one in mentions:
        known = best.get(one.tag)
        if known is None or _rank(one) < _rank(known):
            best[one.tag] = one
    return list(best.values())


def skills_of(mentions: Iterable[SkillMention], words: SkillWords) -> list[JobSkill]:
    """Return each skill once with its strongest level, the required ones first, at most 30."""
    return [
        JobSkill(
            tag=one.tag,
            level=one.level,
            confidence=one.confidence,
            evidence=one.sentence,
            escoLabel=words.skills[one.tag].esco or None,
        )
        for one in sorted(strongest(mentions), key=_rank)[:MAX_SKILLS]
    ]


def summary_of(skills: Sequence[JobSkill], words: SkillWords) -> str:
    """Return the wanted skills in one line."""
    names: tuple[tuple[SkillLevel, str], ...] = (("required", "Required"), ("nice_to_have", "Nice to have"))
    for grade, name in names:
        if labels := [words.skills[one.tag].label for one in skills if one.level == grade]:
            return f"{name}: {', '.join(labels[:MOST_NAMED])}."
    return "No required skill is named."


def _rank(one: SkillMention) -> tuple[int, float]:
    return SKILL_LEVELS.index(one.level), -one.confidence
