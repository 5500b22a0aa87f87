"""Classify a company from the plain text of its pages, with the words that back it.

A claim is backed by words of these pages or by none. Evidence must never be invented.
"""

from collections.abc import Iterable, Sequence
from textwrap import shorten
from typing import Any, Literal

from pydantic import BaseModel, Field

from agentic_sales.rules.company_signs import (
    SignFinding,
    category_confidence,
    category_points,
    find_quote,
    read_ai_tier,
    read_category,
    read_industry,
    read_open_roles,
    read_remote_policy,
)
from agentic_sales.rules.company_words import OWN_WORDS, Category, CompanyWords, Industry, RemotePolicy

MAX_REASON_CHARS = 500
AGENCY_INDUSTRIES = frozenset({"marketing", "media"})
"""Industries of agencies: a film production belongs to the media."""
EvidenceField = Literal["category", "ai_tier", "industry", "remote_policy", "has_open_roles"]


class Classification(BaseModel):
    """The class of a company, in closed lists."""

    category: Category = Field(
        description="The offer of the company. CONSULTANCY: advice or project work by experts. STAFFING: people, as a "
        "recruiter or lender of staff. AGENCY: marketing, design or creative work. PRODUCT: software, "
        "hardware or another technical product of its own. UNKNOWN: none of these, or the pages do not say."
    )
    ai_tier: int = Field(
        ge=0,
        le=2,
        description="0: no artificial intelligence. 1: uses it in a part of its products or services. 2: AI-native, "
        "its products or services are made of it or about it.",
    )
    industry: Industry = Field(
        description="Industry it belongs to, or sells to above all others; `software` only if it sells to any industry."
    )
    remote_policy: RemotePolicy = Field(
        description="How its own people work. remote: from anywhere, or the office is optional. hybrid: some days in "
        "an office. onsite: at a place. unknown: the pages do not say."
    )
    has_open_roles: bool = Field(description="Whether the pages say that it is hiring now; false if they do not say.")
    confidence: float = Field(ge=0, le=1, description="Probability that the category is right.")
    reason: str = Field(max_length=MAX_REASON_CHARS, description="One sentence of at most 25 words on the category.")


class Quote(BaseModel):
    """Words of the pages that back one field."""

    field: EvidenceField = Field(description="Field of the classification that the words back.")
    quote: str = Field(description="Words of a page, copied exactly, at most 25.")


class Judgement(Classification):
    """A classification and its basis."""

    evidence: list[Quote] = Field(default_factory=list, description="One quote for each field that the pages speak of.")


class Evidence(Quote):
    """Words that were found on a page."""

    url: str = Field(description="The page.")


UNDECIDED = Classification(
    category="UNKNOWN",
    ai_tier=0,
    industry="unknown",
    remote_policy="unknown",
    has_open_roles=False,
    confidence=0.0,
    reason="",
)


def verified(quotes: Iterable[Quote], pages: Sequence[tuple[str, str]]) -> list[Evidence]:
    """Return the first quote of each field that stands on a page, in the page's own spelling, with the page's address.

    Args:
        quotes: Quotes that are claimed to stand there.
        pages: Address and plain text of each page.
    """
    found: dict[str, Evidence] = {}
    for quote in quotes:
        standing = ((url, find_quote(quote.quote, text)) for url, text in pages)
        here = next(((url, words) for url, words in standing if words), None)
        if here is not None and quote.field not in found:
            found[quote.field] = Evidence(field=quote.field, quote=here[1], url=here[0])
    return list(found.values())


def undecided(reason: object) -> Judgement:
    """Return the conservative verdict."""
    told = shorten(f"classifier error: {reason}", MAX_REASON_CHARS)
    return Judgement(**UNDECIDED.model_dump(exclude={"reason"}), reason=told)


def agreeing(rules: Judgement, verdict: Judgement) -> list[Quote]:
    """Return the rules' quotes for the fields on which a verdict agrees with them, unless it decides nothing."""
    is_decided = verdict.confidence > 0
    return [q for q in rules.evidence if is_decided and getattr(rules, q.field) == getattr(verdict, q.field)]


def judge_company(home: str, careers: str, words: CompanyWords = OWN_WORDS) -> Judgement:
    """Classify the plain text of a home page and a careers page by rules."""
    category = read_category(home, words)
    findings: dict[EvidenceField, SignFinding[Any]] = {
        "category": category,
        "ai_tier": read_ai_tier(home, careers, words),
        "industry": _own_industry(category, read_industry(home, words)),
        "remote_policy": read_remote_policy(home, careers, words),
        "has_open_roles": _own_roles(category.value, home, careers, words),
    }
    because = f"the home page says: {category.quote}" if category.quote else "the home page does not say what it sells"
    return Judgement(
        **{field: finding.value for field, finding in findings.items()},
        confidence=category_confidence(category_points(home, words)),
        reason=because,
        evidence=[Quote(field=field, quote=finding.quote) for field, finding in findings.items() if finding.quote],
    )


def _own_industry(category: SignFinding[Category], read: SignFinding[Industry]) -> SignFinding[Industry]:
    """Return the industry that a company belongs to. Agencies and recruiters name the industries of their clients."""
    if category.value == "STAFFING":
        return SignFinding("human_resources", category.quote)
    if category.value == "AGENCY" and read.value not in AGENCY_INDUSTRIES:
        return SignFinding("marketing", category.quote)
    return read


def _own_roles(category: Category, home: str, careers: str, words: CompanyWords) -> SignFinding[bool]:
    """Tell whether a company is hiring. The jobs that a recruiter offers are those of its clients."""
    return SignFinding(value=False) if category == "STAFFING" else read_open_roles(home, careers, words)
