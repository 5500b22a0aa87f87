"""Score a contact by an additive card: seniority .30, department .20, fit of the employer .30, reachability .20.

Each part says how many points it added and why. A missing fact adds nothing, and the part says so. A suppressed person
is of tier D, and so is one with a headline that rules a sale out, at any number of points.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, Field

from agentic_sales.rules.contact_fit import ContactFit, ContactSigns, against_person
from agentic_sales.rules.contact_forms import ContactKnowledge, Reach
from agentic_sales.rules.sales_roles import TECHNICAL
from agentic_sales.rules.titles import AUTHORITY, Department, JudgedTitle
from agentic_sales.rules.verticals import VerticalReason

ContactTier = Literal["A", "B", "C", "D"]
CardPart = Literal["seniority", "department", "fit", "reachability"]
MOST_REASONS = 5
MOST_POINTS: Mapping[CardPart, float] = {"seniority": 0.30, "department": 0.20, "fit": 0.30, "reachability": 0.20}
"""Most points of each part. Their sum is 1."""
TIERS: Sequence[tuple[float, ContactTier]] = ((0.75, "A"), (0.55, "B"), (0.35, "C"))
"""Least score of each tier. Below them all is D."""
BUYING: frozenset[Department] = frozenset({"Sales", "Marketing", "BD", "Partnerships", "CS", "RevOps"})
"""Departments that buy beside the technical ones."""
TECHNICAL_SHARE, BUYING_SHARE, CHIEF_SHARE = 1.0, 0.75, 0.75
"""Shares of the points of a department: a technical one, another that buys, and a chief without one."""
INDIVIDUAL_SHARE = 0.1
"""Share of the points of seniority of a person without a team."""
REACH_SHARES: Mapping[Reach, float] = {"contact": 1.0, "address": 0.7, "profile": 0.4, "nobody": 0.0}
_REACH_WORDS: Mapping[Reach, str] = {
    "contact": "an address and a basis for writing are recorded",
    "address": "an address is known, no basis for writing is recorded yet",
    "profile": "only a page about the person is known",
    "nobody": "neither an address nor a page is known",
}


class CardLine(BaseModel):
    """One part of a score card."""

    part: CardPart = Field(description="The scored part.")
    points: float = Field(description="Points that it added.")
    most: float = Field(description="Most that it can add.")
    reason: str = Field(description="Why, for people.")


class ContactScore(BaseModel):
    """How promising a contact is, and why."""

    tier: ContactTier = Field(default="D", description="A from .75, B from .55, C from .35, else D.")
    score: float = Field(default=0.0, ge=0, le=1, description="0 to 1.")
    reasons: list[str] = Field(default_factory=list, description="At most five reasons, the weightiest first.")
    card: list[CardLine] = Field(default_factory=list, description="The parts of the score. Empty: a service scored.")
    disqualifiers: list[VerticalReason] = Field(
        default_factory=list, description="Reasons against the contact. One of high severity makes the tier D."
    )


def tier_of_score(score: float) -> ContactTier:
    """Return the tier of a score."""
    return next((tier for least, tier in TIERS if score >= least), "D")


def score_contact(
    known: ContactKnowledge, title: JudgedTitle, signs: ContactSigns, vertical_fit: ContactFit | None = None
) -> ContactScore:
    """Score a contact by the card.

    Args:
        known: Facts of the person and the employer.
        title: The person's title, as read by `read_title`.
        signs: Words that speak against a person.
        vertical_fit: Fit of both to a vertical. None: the employer's score is the fit.
    """
    card = [
        _seniority(known, title),
        _department(known, title),
        _fit(known, vertical_fit),
        _reachability(known),
    ]
    against = [*against_person(known, signs), *(vertical_fit.disqualifiers if vertical_fit else ())]
    score = round(min(sum(line.points for line in card), 1.0), 2)
    reasons = [line.reason for line in sorted(card, key=lambda line: -line.points)]
    found = ContactScore(tier=tier_of_score(score), score=score, reasons=reasons, card=card)
    return limited(found, against)


def limited(found: ContactScore, against: Sequence[VerticalReason]) -> ContactScore:
    """Return a score with the reasons against the person. A reason of high severity makes the tier D."""
    once = list({(one.text, one.source): one for one in against}.values())
    high = [one for one in once if one.severity == "high"]
    told = [f"tier D: {one.text.replace('_', ' ')}{f' (“{one.quote}”)' if one.quote else ''}" for one in high]
    return found.model_copy(
        update={
            "tier": "D" if high else found.tier,
            "reasons": [*told, *found.reasons][:MOST_REASONS],
            "disqualifiers": once,
        }
    )


def _line(part: CardPart, share: float, reason: str) -> CardLine:
    most = MOST_POINTS[part]
    points = round(most * share, 3)
    return CardLine(part=part, points=points, most=most, reason=f"{part} +{points:.2f}: {reason}")


def _seniority(known: ContactKnowledge, title: JudgedTitle) -> CardLine:
    if not known.title:
        return _line("seniority", 0.0, "no title is known")
    reading = title.reading
    if not title.is_post:
        return _line("seniority", INDIVIDUAL_SHARE, f"`{known.title}` names no level that is known")
    share = max(reading.authority_score, AUTHORITY[reading.seniority], INDIVIDUAL_SHARE)
    return _line("seniority", share, f"{reading.seniority} by the title `{known.title}`")


def _department(known: ContactKnowledge, title: JudgedTitle) -> CardLine:
    if not known.title:
        return _line("department", 0.0, "no title is known")
    reading = title.reading
    if reading.department in TECHNICAL:
        return _line("department", TECHNICAL_SHARE, f"{reading.department}, a technical department")
    if reading.department in BUYING:
        return _line("department", BUYING_SHARE, f"{reading.department}, a department that buys")
    if reading.seniority == "C-level":
        return _line("department", CHIEF_SHARE, "heads the company, so every department")
    return _line("department", 0.0, "the title names no department that buys")


def _fit(known: ContactKnowledge, vertical_fit: ContactFit | None) -> CardLine:
    if vertical_fit is not None:
        told = ", ".join(reason.text for reason in vertical_fit.reasons) or "no sign of it"
        return _line("fit", vertical_fit.score, f"fit to the vertical {vertical_fit.score:.2f} ({told})")
    if known.company_score is None:
        return _line("fit", 0.0, "the employer has no score")
    return _line("fit", known.company_score, f"the employer's score is {known.company_score:.2f}")


def _reachability(known: ContactKnowledge) -> CardLine:
    if known.refusal:
        return _line("reachability", 0.0, f"must not be written to: {known.refusal}")
    return _line("reachability", REACH_SHARES[known.reach], _REACH_WORDS[known.reach])
