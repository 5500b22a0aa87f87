"""Describe a role for a salesperson, and rank the people of a company by it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, Field

from agentic_sales.rules.book_forms import PersonForm
from agentic_sales.rules.found_facts import FoundFact, FoundMethod
from agentic_sales.rules.titles import (
    DEPARTMENTS,
    LONGEST_TITLE_CHARS,
    SENIORITIES,
    Department,
    Seniority,
    TitleReading,
)

ClassifySource = Literal["existing", "llm", "rules", ""]
"""The source of the role. Empty: nothing tells it."""
IcpBucket = Literal["high", "medium", "low", ""]
HIGH_SCORE, MEDIUM_SCORE = 0.7, 0.4
"""Least scores of the two upper buckets. Callers know them."""
TECHNICAL_BONUS = 0.2
TECHNICAL: frozenset[Department] = frozenset({"Engineering", "AI/ML", "Product"})
"""Departments with a higher rank of decision makers."""
_SCORES = ("icp_score", "score", "enrichment_score", "discovery_score")
"""Fields of a company that hold its score, the best one first."""
ROLE_FIELDS = ("seniority", "department", "is_decision_maker", "authority_score", "dm_reasons")


class RoleForm(PersonForm):
    """An input about somebody's role: a person of the book, or a title."""

    @classmethod
    def one_of(cls) -> tuple[str, ...]:
        """Return the fields of which one is needed."""
        return "contact_id", "person_id", "title", "headline"

    title: str = Field(default="", max_length=LONGEST_TITLE_CHARS, description="Job title; the book's without one.")
    headline: str = Field(default="", max_length=2_000, description="Headline of the LinkedIn profile, as text.")
    bio: str = Field(default="", max_length=20_000, description="Text of the LinkedIn profile.")
    company_score: float | None = Field(default=None, ge=0, le=1, description="Score of the employer; else the book's.")


class RankedPerson(BaseModel):
    """A person of a company with the rank."""

    id: str = Field(default="", description="Id of the person in the book. Empty: given by value.")
    contact_id: str = Field(default="", description="Contact that the person is. Empty: none.")
    name: str = Field(default="", description="Whole name.")
    first_name: str = Field(default="", description="Given name.")
    last_name: str = Field(default="", description="Family name.")
    email: str | None = Field(default=None, description="Address that a source printed. Null: none is known.")
    position: str | None = Field(default=None, description="Job title.")
    seniority: Seniority | None = Field(default=None, description="Null: nothing tells it.")
    department: Department | None = Field(default=None, description="Null: nothing tells it.")
    is_decision_maker: bool = Field(default=False, description="Whether the person may sign a deal.")
    authority_score: float = Field(default=0.0, description="0 to 1.")
    dm_reasons: list[str] = Field(default_factory=list, description="Reasons, for people.")
    rank_score: float = Field(default=0.0, description="Authority, and .2 more in Engineering, AI/ML and Product.")


def score_of_company(facts: Mapping[str, Any]) -> float | None:
    """Return the score of a company among its facts, 0-1. None without one."""
    told = (facts.get(name) for name in _SCORES)
    return next((float(score) for score in told if isinstance(score, int | float) and 0 <= score <= 1), None)


def bucket_of(score: float | None) -> IcpBucket:
    """Return the bucket of a company's score. Empty without a score."""
    if score is None:
        return ""
    return "high" if score >= HIGH_SCORE else "medium" if score >= MEDIUM_SCORE else "low"


def existing_role(facts: Mapping[str, Any], quotes: Mapping[str, str], title: str) -> TitleReading | None:
    """Return the role that the book tells of somebody. None if it tells none, or that of another title.

    Args:
        facts: Current values of the person.
        quotes: Words that back them. A role that was read in a title has the title there.
        title: Present title.
    """
    if facts.get("seniority") not in SENIORITIES or not isinstance(facts.get("authority_score"), int | float):
        return None
    if quotes.get("seniority", title) != title:
        return None
    department = facts.get("department") if facts.get("department") in DEPARTMENTS else "Other"
    told = {name: facts[name] for name in ROLE_FIELDS if name in facts}
    return TitleReading.model_validate({**told, "department": department})


@dataclass(frozen=True, slots=True)
class RoleFinding:
    """How a role was found."""

    title: str
    """Title that was read."""
    method: FoundMethod
    """`rules` or `llm`."""
    confidence: float
    """Probability that the role is right."""
    sources: Mapping[str, str]
    """Pages that tell the values of the person, by field."""


def facts_of_role(reading: TitleReading, bucket: IcpBucket, finding: RoleFinding) -> list[FoundFact]:
    """Return the facts of a role. Its words are those of the title."""
    told: dict[str, Any] = {name: getattr(reading, name) for name in ROLE_FIELDS}
    told |= {"icp_bucket": bucket} if bucket else {}
    return [
        FoundFact(
            field=field,
            value=value,
            method=finding.method,
            confidence=finding.confidence,
            source_url=finding.sources.get("position", ""),
            quote=finding.title,
        )
        for field, value in told.items()
    ]


def ranked(people: Sequence[RankedPerson]) -> list[RankedPerson]:
    """Return people by authority, those of technical departments .2 higher. Of equal ones the names decide."""
    scored = [
        each.model_copy(
            update={
                "rank_score": round(each.authority_score + TECHNICAL_BONUS * (each.department in TECHNICAL), 3),
            }
        )
        for each in people
    ]
    return sorted(scored, key=lambda each: (-each.rank_score, -each.authority_score, each.name))


def summary_of(people: Sequence[RankedPerson], company: str) -> str:
    """Return one sentence on the decision maker of a company."""
    if not people:
        return f"Nobody of {company} is known."
    makers = [each for each in people if each.is_decision_maker]
    best = next(iter(makers or people))
    role = f"{best.name} ({best.position or best.seniority or 'no title'}), authority {best.authority_score:.2f}"
    if not makers:
        return f"No decision maker of {company} is known. The highest of the {len(people)} people is {role}."
    why = f": {'; '.join(best.dm_reasons)}" if best.dm_reasons else ""
    return f"{role}{why}."
