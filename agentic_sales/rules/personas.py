"""Match a person's role with the personas that a product is for."""

import re
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from rapidfuzz import fuzz

from agentic_sales.rules.titles import read_title

GENERIC = "generic"
"""Title of the match with no persona: nobody is close enough."""
_WHOLE = {
    **{
        f"c{short}o": f"chief {field} officer"
        for short, field in (
            ("e", "executive"),
            ("f", "financial"),
            ("m", "marketing"),
            ("o", "operating"),
            ("p", "product"),
            ("r", "revenue"),
            ("t", "technology"),
            ("i", "information"),
            ("d", "data"),
            ("c", "commercial"),
        )
    },
    "ciso": "chief information security officer",
    "chro": "chief human resources officer",
    "vp": "vice president",
    "svp": "senior vice president",
    "evp": "executive vice president",
    "md": "managing director",
    "qa": "quality assurance",
}
"""Short words of titles and their long forms."""
_WORD = re.compile(r"[^\W_]+")
TITLE_WEIGHT, SENIORITY_WEIGHT, DEPARTMENT_WEIGHT = 0.70, 0.15, 0.15


class Persona(BaseModel):
    """A kind of person that a product is for."""

    model_config = ConfigDict(extra="ignore")

    title: str = Field(min_length=1, max_length=200, description="Role, such as Head of QA.")
    seniority: str = Field(default="", max_length=100, description="IC, Manager, Director, VP or C-level.")
    department: str = Field(default="", max_length=100, description="Such as Engineering.")
    pain: str = Field(default="", max_length=2_000, description="Their greatest worry.")


class PersonaMatch(BaseModel):
    """How well a person's role fits a persona."""

    title: str = Field(description="The persona; `generic`: none fits.")
    score: float = Field(description="How well, 0-1.")
    method: Literal["fuzzy"] = Field(default="fuzzy", description="How it was found.")


def best_match(role: str, personas: Sequence[Persona], threshold: float) -> PersonaMatch | None:
    """Return the persona of the highest score, and `generic` below the threshold. None without personas."""
    if not personas:
        return None
    score, title = max(((score_of(role, persona), persona.title) for persona in personas), key=lambda match: match[0])
    return PersonaMatch(title=title if score >= threshold else GENERIC, score=round(score, 3))


def score_of(role: str, persona: Persona) -> float:
    """Return how well a role fits a persona, 0-1: 0.70 its title, 0.15 its seniority, 0.15 its department."""
    read = read_title(role).reading
    return (
        TITLE_WEIGHT * _likeness(_spelt_out(role), _spelt_out(persona.title))
        + SENIORITY_WEIGHT * _likeness(read.seniority, persona.seniority)
        + DEPARTMENT_WEIGHT * _likeness(read.department, persona.department)
    )


def _spelt_out(title: str) -> str:
    """Return a title with its short words spelt out, so that `CFO` is like `Chief Financial Officer`."""
    return _WORD.sub(lambda word: _WHOLE.get(word[0].casefold(), word[0]), title)


def _likeness(left: str, right: str) -> float:
    return fuzz.token_set_ratio(left.casefold(), right.casefold()) / 100 if left and right else 0.0
