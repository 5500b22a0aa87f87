"""Hold the card of a sales technology product, and let nothing into it that no page says.

A value counts if its field has a quote that stands on a page. A name counts if the page has it. A number counts if its
digits stand in the words that back it. So a model can find things, and cannot invent them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, Field

from agentic_sales.rules.company_signs import find_quote
from agentic_sales.rules.found_facts import FoundFact, FoundMethod

GROUP = "salestech."
"""Begin of the fields of the book."""
Aspect = Literal[
    "overview",
    "icp",
    "pricing",
    "integrations",
    "gtm",
    "differentiators",
    "security",
    "ai_capabilities",
    "competitors",
]
NAMED = frozenset(
    {
        *("crms_supported", "native_integrations", "zapier_make_n8n", "customer_logos", "channel_partners"),
        *("certifications", "models_referenced", "competitors_named"),
    }
)
"""Lists of names. Each name has to stand on a page."""
COUNTED = frozenset({"free_trial_days", "annual_minimum_usd"})
"""Numbers. Each has to stand in the words that back it."""
_WORD = re.compile(r"[^\W_][\w'&.-]*")


class Overview(BaseModel):
    """The kind and the use of the product."""

    tagline: str | None = Field(default=None, max_length=300, description="Its tagline in its own words.")
    one_liner: str | None = Field(default=None, max_length=400, description="One sentence on its use.")
    taxonomy: list[str] = Field(default_factory=list, max_length=20, description="Kinds of sales technology it is.")
    target_segments: list[str] = Field(default_factory=list, max_length=20, description="Segments it is made for.")


class CustomerProfile(BaseModel):
    """Its audience."""

    icp_industries: list[str] = Field(default_factory=list, max_length=20, description="Industries.")
    icp_company_sizes: list[str] = Field(default_factory=list, max_length=20, description="Sizes of companies.")
    icp_buyer_roles: list[str] = Field(default_factory=list, max_length=20, description="Roles of buyers and users.")
    pain_points: list[str] = Field(default_factory=list, max_length=20, description="Pains that it speaks of.")
    jobs_to_be_done: list[str] = Field(default_factory=list, max_length=20, description="Jobs that it is used for.")


class PricingTier(BaseModel):
    """One plan."""

    name: str = Field(max_length=80, description="Its name.")
    price_usd: float | None = Field(
        default=None, ge=0, description="Price in US dollars. Null: in no dollars, or none."
    )
    price: float | None = Field(default=None, ge=0, description="Price as it stands. Null: none is told.")
    currency: str = Field(default="", max_length=3, description="ISO 4217 code of the price. Empty: none is told.")
    billing: Literal["monthly", "annual", "custom", "one_time"] = Field(default="custom", description="How it is paid.")
    seats_included: int | None = Field(default=None, ge=0, description="Seats within the price. Null: not told.")
    features: list[str] = Field(default_factory=list, max_length=30, description="Its features, in the page's words.")


class ProductPricing(BaseModel):
    """Its prices."""

    pricing_model: Literal["free", "freemium", "paid", "contact_sales", "unknown"] = Field(
        default="unknown", description="How it is paid for."
    )
    pricing_tiers: list[PricingTier] = Field(default_factory=list, max_length=12, description="Its plans.")
    free_trial_days: int | None = Field(default=None, ge=0, le=365, description="Days of trial. Null: not told.")
    money_back_guarantee: bool | None = Field(default=None, description="Money back. Null: not told.")
    annual_minimum_usd: float | None = Field(default=None, ge=0, description="Least sum of a year. Null: not told.")


class ProductIntegrations(BaseModel):
    """The products that it works with."""

    channels: list[str] = Field(default_factory=list, max_length=20, description="Channels, such as email.")
    crms_supported: list[str] = Field(default_factory=list, max_length=30, description="CRMs by name.")
    native_integrations: list[str] = Field(default_factory=list, max_length=60, description="Other products by name.")
    has_public_api: bool | None = Field(default=None, description="A public API. Null: not told.")
    has_webhooks: bool | None = Field(default=None, description="Webhooks. Null: not told.")
    zapier_make_n8n: list[str] = Field(default_factory=list, max_length=3, description="Zapier, Make, n8n.")


class GoToMarket(BaseModel):
    """How it is sold."""

    gtm_motion: Literal["PLG", "SLG", "hybrid", "unknown"] = Field(
        default="unknown", description="By itself or by people."
    )
    customer_logos: list[str] = Field(default_factory=list, max_length=60, description="Customers by name.")
    case_studies: list[str] = Field(default_factory=list, max_length=30, description="Case studies by title.")
    partner_program: bool | None = Field(default=None, description="A program for partners. Null: not told.")
    channel_partners: list[str] = Field(default_factory=list, max_length=30, description="Partners by name.")


class ProductDifference(BaseModel):
    """Its differences."""

    unique_value: str | None = Field(
        default=None, max_length=400, description="Qualities that others are said to lack."
    )
    moats: list[str] = Field(default_factory=list, max_length=10, description="Advantages that are hard to copy.")


class ProductSecurity(BaseModel):
    """Its statements on security."""

    certifications: list[str] = Field(default_factory=list, max_length=20, description="Certificates by name.")
    data_residency: list[str] = Field(default_factory=list, max_length=10, description="Where data is kept.")
    encryption_at_rest: bool | None = Field(default=None, description="Encryption at rest. Null: not told.")


class Intelligence(BaseModel):
    """Its use of artificial intelligence."""

    ai_capabilities: list[str] = Field(
        default_factory=list, max_length=20, description="Tasks of its artificial intelligence."
    )
    ai_is_agentic: bool | None = Field(default=None, description="It acts by itself. Null: not told.")
    models_referenced: list[str] = Field(default_factory=list, max_length=20, description="Models by name.")


class NamedCompetitors(BaseModel):
    """The products that it is compared with."""

    competitors_named: list[str] = Field(default_factory=list, max_length=30, description="Products by name.")


PAYLOADS: Mapping[Aspect, type[BaseModel]] = {
    "overview": Overview,
    "icp": CustomerProfile,
    "pricing": ProductPricing,
    "integrations": ProductIntegrations,
    "gtm": GoToMarket,
    "differentiators": ProductDifference,
    "security": ProductSecurity,
    "ai_capabilities": Intelligence,
    "competitors": NamedCompetitors,
}
"""The part of the card that each aspect fills."""
P = TypeVar("P", bound=BaseModel)


class PageProof(BaseModel):
    """Words of a page."""

    source_url: str = Field(default="", max_length=2048, description="The page.")
    quote: str = Field(max_length=500, description="Words of it, copied exactly, 3 to 25.")


class FieldProof(PageProof):
    """Words of a page that back a field."""

    field: str = Field(max_length=64, description="The field of the part.")


class AspectUnit(BaseModel, Generic[P]):
    """One part of the card, as an extractor fills it."""

    payload: P = Field(description="The part.")
    evidence: list[FieldProof] = Field(default_factory=list, max_length=60, description="Quotes for each filled field.")
    completeness: float = Field(default=0.0, ge=0, le=1, description="Share of the part that the pages answer.")
    refetch_suggestions: list[str] = Field(
        default_factory=list,
        max_length=10,
        description="Unread addresses that are likely to answer the missing fields.",
    )


UNITS: Mapping[Aspect, type[AspectUnit[Any]]] = {
    aspect: AspectUnit[payload]  # type: ignore[valid-type]  # the type of a part by its name
    for aspect, payload in PAYLOADS.items()
}
"""The answer of the extractor of each aspect."""


class Contradiction(BaseModel):
    """A field for which the pages tell different things."""

    field: str = Field(description="The field.")
    claims: list[PageProof] = Field(description="The words that do not agree.")


class SalesTechFeatures(
    Overview,
    CustomerProfile,
    ProductPricing,
    ProductIntegrations,
    GoToMarket,
    ProductDifference,
    ProductSecurity,
    Intelligence,
    NamedCompetitors,
):
    """The whole card."""

    summary: str = Field(default="", description="2 to 4 sentences on the product.")
    evidence_index: dict[str, list[PageProof]] = Field(
        default_factory=dict, description="The words that back each field, with their pages."
    )
    overall_confidence: float = Field(default=0.0, description="How well the card describes the product, 0 to 1.")
    contradictions: list[Contradiction] = Field(default_factory=list, description="Where the pages do not agree.")


class Synthesis(BaseModel):
    """A summary of the card."""

    summary: str = Field(max_length=1_000, description="2 to 4 sentences, at most 80 words.")
    confidence: float = Field(ge=0, le=1, description="How well the card describes the product.")


def is_told(value: object) -> bool:
    """Tell whether a field holds anything."""
    return value not in (None, "", "unknown", []) and value != {}


def proven(
    payload: BaseModel, evidence: Iterable[FieldProof], pages: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, list[PageProof]]]:
    """Return the statements of the pages on a part of the card, with their words. The rest is left at its default.

    Args:
        payload: The part as it was extracted.
        evidence: The words that are claimed for its fields.
        pages: Plain text of each page by its address.
    """
    proofs: dict[str, list[PageProof]] = {}
    for claim in evidence:
        if (found := standing_at(claim.quote, pages, claim.source_url)) is not None:
            proofs.setdefault(claim.field, []).append(found)
    kept, index = type(payload)().model_dump(), dict[str, list[PageProof]]()
    for name in type(payload).model_fields:
        value = getattr(payload, name)
        if not is_told(value):
            continue
        value, found_here = _checked(name, value, proofs.get(name, []), pages)
        if is_told(value) and found_here:
            kept[name] = value
            index[name] = list({proof.quote: proof for proof in found_here}.values())
    return kept, index


def _checked(name: str, value: Any, proofs: list[PageProof], pages: Mapping[str, str]) -> tuple[Any, list[PageProof]]:
    """Return as much of a value as the pages say, and the words for it."""
    if name == "pricing_tiers":
        tiers = [(tier, proof) for tier in value if (proof := _line_of(tier, pages)) is not None]
        return [_priced(tier, proof.quote).model_dump() for tier, proof in tiers], [proof for _, proof in tiers]
    if name in NAMED:
        named = [(each, proof) for each in value if (proof := standing_at(each, pages)) is not None]
        return [each for each, _ in named], [*(proof for _, proof in named), *proofs]
    if name in COUNTED:
        proofs = [proof for proof in proofs if has_number(proof.quote, value)]
    return (value, proofs) if proofs else (None, [])


def standing_at(quote: str, pages: Mapping[str, str], first: str = "") -> PageProof | None:
    """Return words where they stand, on the named page before others. None: no page has them."""
    for url in dict.fromkeys((first, *pages)):
        if url in pages and (words := find_quote(quote, pages[url])):
            return PageProof(source_url=url, quote=words)
    return None


def has_number(text: str, number: float) -> bool:
    """Tell whether a text has a number in digits."""
    found = re.findall(r"\d[\d,]*(?:\.\d+)?", text)
    return any(abs(float(digits.replace(",", "")) - number) < 0.005 for digits in found)  # noqa: PLR2004 - half a cent


def _line_of(tier: PricingTier, pages: Mapping[str, str]) -> PageProof | None:
    """Return the words of a page that name a plan with its price."""
    price = tier.price if tier.price is not None else tier.price_usd
    for url, text in pages.items():
        lines = [part.strip() for line in text.splitlines() for part in re.split(r"(?<=[.!?])\s+", line)]
        for words in lines:
            if find_quote(tier.name, words) and (price is None or has_number(words, price)):
                return PageProof(source_url=url, quote=words[:200])
    return None


def _priced(tier: PricingTier, words: str) -> PricingTier:
    """Return a plan with a price in dollars only if its words name dollars."""
    is_in_usd = bool(re.search(r"\$|\busd\b|\bus dollars?\b", words, re.IGNORECASE))
    seats = tier.seats_included if tier.seats_included and has_number(words, tier.seats_included) else None
    features = [each for each in tier.features if find_quote(each, words)]
    price_usd = tier.price_usd if is_in_usd else None
    return tier.model_copy(update={"price_usd": price_usd, "seats_included": seats, "features": features})


def contradictions_in(by_page: Mapping[str, Mapping[str, tuple[object, str]]]) -> list[Contradiction]:
    """Return the fields for which pages tell different values.

    Args:
        by_page: For each page its values by field, each with the words for it.
    """
    told: dict[str, dict[str, PageProof]] = {}
    for url, values in by_page.items():
        for field, (value, quote) in values.items():
            told.setdefault(field, {}).setdefault(str(value), PageProof(source_url=url, quote=quote))
    return [Contradiction(field=field, claims=[*claims.values()]) for field, claims in told.items() if len(claims) > 1]


def invents(summary: str, allowed: str) -> bool:
    """Tell whether a summary has a name or a number that its source does not have. The first word of a sentence may."""
    known = {word.casefold().strip(".'-") for word in _WORD.findall(allowed)}
    for sentence in re.split(r"(?<=[.!?])\s+", summary):
        for place, word in enumerate(_WORD.findall(sentence)):
            is_telling = any(sign.isdigit() for sign in word) or (place > 0 and any(sign.isupper() for sign in word))
            if is_telling and word.casefold().strip(".'-").removesuffix("'s") not in known:
                return True
    return False


def facts_of(
    features: SalesTechFeatures, parts: Mapping[Aspect, Mapping[str, Any]], method: FoundMethod
) -> list[FoundFact]:
    """Return the ten facts of a card: one for each aspect that the pages tell of, and the summary."""
    facts = []
    for aspect, part in parts.items():
        told = {name: value for name, value in part.items() if is_told(value)}
        proofs = [proof for name in told for proof in features.evidence_index.get(name, [])]
        if told and proofs:
            facts.append(_fact(aspect, told, proofs[0], method, completeness_of(part)))
    backing = [proof for proofs in features.evidence_index.values() for proof in proofs]
    if features.summary and backing:
        facts.append(_fact("summary", features.summary, backing[0], method, features.overall_confidence))
    return facts


def _fact(name: str, value: object, proof: PageProof, method: FoundMethod, confidence: float) -> FoundFact:
    return FoundFact(
        field=f"{GROUP}{name}",
        value=value,
        method=method,
        confidence=round(confidence, 4),
        source_url=proof.source_url,
        quote=proof.quote,
    )


def completeness_of(part: Mapping[str, Any]) -> float:
    """Return the share of the fields of a part that hold something."""
    return round(sum(map(is_told, part.values())) / len(part), 4) if part else 0.0


def card_text(features: SalesTechFeatures) -> str:
    """Return the card for a prompt: its filled fields and their words, a line each."""
    told = features.model_dump(exclude={"summary", "evidence_index", "contradictions", "overall_confidence"})
    lines = [f"{name}: {value}" for name, value in told.items() if is_told(value)]
    quotes: Sequence[str] = [proof.quote for proofs in features.evidence_index.values() for proof in proofs]
    return "\n".join([*lines, *dict.fromkeys(quotes)])
