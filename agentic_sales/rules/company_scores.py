"""Score a company as a lead by its classification. Say when a person should look at it first."""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, Field

from agentic_sales.rules.company_verdict import Classification
from agentic_sales.rules.company_words import Category, RemotePolicy

AI_WEIGHT = 0.4
SERVICES_WEIGHT = 0.3
REMOTE_WEIGHT = 0.2
OPEN_ROLES_WEIGHT = 0.1
"""The weights add up to 1. The first three are those of the pre-score that callers know from company discovery."""
SERVICES_FIT: Mapping[Category, float] = {
    "CONSULTANCY": 1.0,
    "AGENCY": 1.0,
    "PRODUCT": 0.5,
    "STAFFING": 0.0,
    "UNKNOWN": 0.0,
}
REMOTE_FIT: Mapping[RemotePolicy, float] = {"remote": 1.0, "hybrid": 0.5, "onsite": 0.0, "unknown": 0.0}
AI_TIERS = ("no AI", "uses AI", "AI-native")
REVIEW_CONFIDENCE = 0.6
"""Confidence below which a person should look."""
MIN_HOME_CHARS = 200
"""A home page with less is likely drawn by scripts, which are never run."""


class Scores(BaseModel):
    """How promising the company is."""

    score: float = Field(
        default=0.0, ge=0, le=1, description="Fit as a lead: AI .4, services .3, remote .2, hiring .1."
    )
    reasons: list[str] = Field(
        default_factory=list,
        description="Contribution of each part. Last comes the reason for a review, if there is one.",
    )
    needs_review: bool = Field(default=True, description="Whether a person should look before anybody relies on it.")


def rate(known: Classification) -> Scores:
    """Add up a company's points as a lead. Each part says how many it added."""
    parts = (
        (AI_WEIGHT * known.ai_tier / 2, AI_TIERS[known.ai_tier]),
        (SERVICES_WEIGHT * SERVICES_FIT[known.category], f"category {known.category}"),
        (REMOTE_WEIGHT * REMOTE_FIT[known.remote_policy], f"remote policy {known.remote_policy}"),
        (OPEN_ROLES_WEIGHT * known.has_open_roles, "open roles" if known.has_open_roles else "no open roles found"),
    )
    reasons = [f"{why}: +{points:.2f}" for points, why in parts]
    return Scores(score=round(sum(points for points, _ in parts), 2), reasons=reasons, needs_review=False)


def find_doubts(known: Classification, home_chars: int) -> Iterator[str]:
    """Say why a person should look at a classification. Yield nothing if it may stand."""
    if known.category == "UNKNOWN":
        yield "review: the category is unknown"
    if known.confidence < REVIEW_CONFIDENCE:
        yield f"review: confidence {known.confidence:.2f} is below {REVIEW_CONFIDENCE}"
    if home_chars < MIN_HOME_CHARS:
        yield f"review: the home page has {home_chars} characters, fewer than {MIN_HOME_CHARS}"
