"""Tell whether a person and the employer fit a vertical. Every reason is words of theirs with their source.

The employer's signs count for .75 and the person's role for .25. Without words about the role the employer decides
alone. Words about the person count for the vertical's signs, too. Only a title or a headline speaks against a person.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field

from agentic_sales.rules.contact_forms import ContactKnowledge
from agentic_sales.rules.signs import compiled, level
from agentic_sales.rules.tables import Compiled, Table
from agentic_sales.rules.titles import JudgedTitle
from agentic_sales.rules.verticals import AntiSign, Vertical, VerticalReason, anti_reasons, fit_of

FIT_SCORE = 0.6
"""Least score of a fit. The flows that judge by it know it."""
COMPANY_WEIGHT, ROLE_WEIGHT = 0.75, 0.25
BUYER_SHARE, AUTHORITY_SHARE = 0.6, 0.4
"""Parts of the role's weight: whether the role is that of a buyer, and how much the person decides."""


@dataclass(frozen=True, slots=True)
class ContactSigns:
    """The phrases of the table `contact_signs`."""

    against: Sequence[AntiSign]
    """Reasons against a person."""


def _built(known: Table) -> ContactSigns:
    against = [AntiSign(one["name"], one["severity"], compiled(one["phrases"])) for one in known["against"]]
    return ContactSigns(against)


contact_signs = Compiled("contact_signs", _built)
"""Gives the words of the table `contact_signs`, with a person's additions if there are any."""


class ContactFit(BaseModel):
    """How well a person and the employer fit a vertical."""

    fit: bool = Field(default=False, description="Score of .60 or more, and nothing of high severity against it.")
    score: float = Field(default=0.0, description="0 to 1: signs of the employer .75, role of the person .25.")
    reasons: list[VerticalReason] = Field(default_factory=list, description="Reasons for the fit, with its words.")
    disqualifiers: list[VerticalReason] = Field(default_factory=list, description="Reasons against the fit.")
    missing: list[str] = Field(default_factory=list, description="Unknown facts that would count.")


def judge_contact_fit(
    known: ContactKnowledge, vertical: Vertical, title: JudgedTitle, signs: ContactSigns
) -> ContactFit:
    """Return how well a person and the employer fit a vertical.

    Args:
        known: Facts of both.
        vertical: The vertical.
        title: The person's title, as read by `read_title`.
        signs: Words that speak against a person.
    """
    company = fit_of(vertical, known.pages)
    found = {reason.text for reason in company.reasons}
    own = [reason for reason in fit_of(vertical, known.words).reasons if reason.text not in found]
    role = [*_role(known, vertical, title)]
    has_role = bool(known.title)
    weight = COMPANY_WEIGHT if has_role else 1.0
    signal = min(sum(reason.points for reason in (*company.reasons, *own)), 1.0)
    score = round(weight * signal + sum(reason.points for reason in role), 2)
    scaled = [one.model_copy(update={"points": round(weight * one.points, 3)}) for one in (*company.reasons, *own)]
    against = [*company.disqualifiers, *against_person(known, signs)]
    is_ruled_out = any(reason.severity == "high" for reason in against)
    return ContactFit(
        fit=score >= FIT_SCORE and not is_ruled_out,
        score=score,
        reasons=[*scaled, *role],
        disqualifiers=against,
        missing=[*_missing(known)],
    )


def _role(known: ContactKnowledge, vertical: Vertical, title: JudgedTitle) -> Iterator[VerticalReason]:
    """Yield the parts of the role: it is a buyer's, and its authority. Without a title it adds nothing."""
    if not known.title:
        return
    reading, source = title.reading, _source_of(known)
    is_chief = reading.seniority == "C-level" and reading.department == "Other"
    named = vertical.buyers.phrases.search(level(known.title))
    if named or is_chief or (title.is_post and reading.department in vertical.buyers.departments):
        yield _of_role("buyer_role", ROLE_WEIGHT * BUYER_SHARE, known.title, source)
    if reading.authority_score:
        points = ROLE_WEIGHT * AUTHORITY_SHARE * reading.authority_score
        yield _of_role("authority", points, known.title, source)


def _of_role(name: str, points: float, title: str, source: str) -> VerticalReason:
    return VerticalReason(text=name, quote=title, source=source, points=round(points, 3))


def _source_of(known: ContactKnowledge) -> str:
    return next((source for source, text in known.words.items() if known.title in text), "person.title")


def against_person(known: ContactKnowledge, signs: ContactSigns) -> list[VerticalReason]:
    """Return the reasons against a person: the book's, then signs of a title or a headline."""
    told: dict[str, Any] = {"source": "book", "severity": "high"}
    found = [VerticalReason(text="company_blocked", **told)] if known.company_blocked else []
    if known.refusal:
        found.append(VerticalReason(text="not_to_be_written_to", quote=known.refusal, **told))
    return [*found, *anti_reasons(signs.against, known.headlines)]


def _missing(known: ContactKnowledge) -> Iterator[str]:
    if not known.pages:
        yield "company: no words about the employer are known; run `company_enrichment` first"
    if not known.title:
        yield "person: no title is known, so the employer decides alone"
