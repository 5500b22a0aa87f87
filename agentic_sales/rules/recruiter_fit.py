"""Rate the use of a recruiter to people in search of work in AI, by the words of a profile and of posts.

The score adds up: recruits .35, specialty up to .35, hires remotely over borders .15, hires now .04. A person that does
not recruit stays below the weak tier, with any subject of posts.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, Field

from agentic_sales.rules.sentences import split_text
from agentic_sales.rules.signs import compiled, level
from agentic_sales.rules.tables import Compiled, Table

Specialty = Literal["ai_ml", "engineering_general", "non_technical", "unknown"]
RecruiterTier = Literal["ideal", "strong", "weak", "off_target"]
MOST_REASONS = 3
RECRUITS_POINTS, REMOTE_POINTS, ACTIVE_POINTS = 0.35, 0.15, 0.04
SPECIALTY_POINTS: Mapping[Specialty, float] = {
    "ai_ml": 0.35,
    "engineering_general": 0.20,
    "non_technical": 0.0,
    "unknown": 0.05,
}
MOST_WITHOUT_RECRUITING = 0.25
_TIERS: Sequence[tuple[float, RecruiterTier]] = ((0.75, "ideal"), (0.55, "strong"), (0.30, "weak"))
_HEADLINE_WEIGHT = 3
"""A headline and an employer state an occupation. A post may be about anything."""
MAX_QUOTE_CHARS = 120


@dataclass(frozen=True, slots=True)
class FitWords:
    """The phrases of the table."""

    is_one: re.Pattern[str]
    not_one: re.Pattern[str]
    specialties: Mapping[Specialty, re.Pattern[str]]
    everywhere: re.Pattern[str]
    local: re.Pattern[str]
    hiring: re.Pattern[str]


def _built(known: Table) -> FitWords:
    names: tuple[Specialty, ...] = ("ai_ml", "engineering_general", "non_technical")
    return FitWords(
        is_one=compiled(known["recruiter"]["is_one"]),
        not_one=compiled(known["recruiter"]["not_one"]),
        specialties={name: compiled(known["specialty"][name]) for name in names},
        everywhere=compiled(known["remote"]["global"]),
        local=compiled(known["remote"]["local"]),
        hiring=compiled(known["active"]["hiring"]),
    )


fit_words = Compiled("recruiter_fit", _built)


@dataclass(frozen=True, slots=True)
class Profile:
    """The profile of a person."""

    headline: str
    employer: str
    about: str
    posts: Sequence[str]


class RecruiterFit(BaseModel):
    """How useful a recruiter is, and why."""

    fit_score: float = Field(ge=0, le=1, description="0 to 1: use for people in search of work in AI.")
    specialty: Specialty = Field(description="Kind of people that the person recruits. unknown: the words do not say.")
    remote_global: bool | None = Field(description="Whether the roles are remote over borders. Null: not said.")
    reasons: list[str] = Field(description="One to three short reasons that quote the person's words.")


def tier_of(score: float) -> RecruiterTier:
    """Return the tier of a score: ideal from .75, strong from .55, weak from .30."""
    return next((tier for least, tier in _TIERS if score >= least), "off_target")


def judge_recruiter_fit(profile: Profile, words: FitWords) -> RecruiterFit:
    """Rate a person by rules."""
    own = level(f"{profile.headline}\n{profile.employer}\n{profile.about}")
    everything = level("\n".join((own, *profile.posts)))
    recruits = bool(words.is_one.search(everything)) and not words.not_one.search(own)
    specialty = _specialty(profile, words)
    is_remote = _is_remote(everything, words)
    is_active = any(words.hiring.search(level(post)) for post in profile.posts)
    points = SPECIALTY_POINTS[specialty] + REMOTE_POINTS * (is_remote is True) + ACTIVE_POINTS * is_active
    score = RECRUITS_POINTS + points if recruits else min(points, MOST_WITHOUT_RECRUITING)
    reasons = [*_quoted("recruits", words.is_one, profile)] if recruits else ["nothing says that the person recruits"]
    if specialty != "unknown":
        reasons += _quoted(specialty, words.specialties[specialty], profile)
    reasons += _quoted("remote", words.everywhere, profile) if is_remote else ()
    return RecruiterFit(
        fit_score=round(min(score, 1.0), 2),
        specialty=specialty,
        remote_global=is_remote,
        reasons=reasons[:MOST_REASONS],
    )


def _specialty(profile: Profile, words: FitWords) -> Specialty:
    """Return the specialty with the most words. Engineering words count for AI where both are named alike."""
    own, told = level(f"{profile.headline}\n{profile.employer}"), level("\n".join((profile.about, *profile.posts)))
    points: dict[Specialty, int] = {
        name: _HEADLINE_WEIGHT * len(pattern.findall(own)) + len(pattern.findall(told))
        for name, pattern in words.specialties.items()
    }
    best = max(points, key=lambda name: points[name])
    return best if points[best] else "unknown"


def _is_remote(text: str, words: FitWords) -> bool | None:
    if words.local.search(text):
        return False
    return True if words.everywhere.search(text) else None


def _quoted(what: str, pattern: re.Pattern[str], profile: Profile) -> Iterator[str]:
    """Yield the first sentence with a phrase, behind its meaning."""
    parts = (profile.headline, profile.employer, profile.about, *profile.posts)
    sentences = (sentence for part in parts for sentence in split_text(part))
    found = next((sentence for sentence in sentences if pattern.search(level(sentence))), None)
    if found is not None:
        yield f"{what}: “{found[:MAX_QUOTE_CHARS]}”"
