"""Plan the prices of a product by its own words and by the prices of its competitors.

A price of the rules is the product's own, or the median of the competitors' prices for the same rank of tier. Without
either there is none. A model's plan passes the same hard checks: `problems_of` names each fault.
"""

import re
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator

from agentic_sales.rules import product_signs as signs
from agentic_sales.rules.backing import QuotedLine, Texts, backed, claims_of, is_sober, joined_proofs, proof_of
from agentic_sales.rules.company_words import OWN_WORDS
from agentic_sales.rules.competitor_lenses import LensItem, read_lens
from agentic_sales.rules.competitors import Proof
from agentic_sales.rules.plan_facts import PlanFacts
from agentic_sales.rules.product_facts import RivalOffer
from agentic_sales.rules.signs import affirmed, compiled, level
from agentic_sales.rules.tables import every, table
from agentic_sales.rules.words import folded

BillingUnit = Literal["per_seat", "per_usage", "flat", "hybrid", "custom"]
ModelType = Literal["", "subscription", "usage", "hybrid", "per_outcome", "freemium"]
Relation = Literal["below", "at_parity", "premium", "undercut"]
MOST_TIERS = 6
MOST_ANCHORS = 8
MOST_TIER_ANCHORS = 4
MONTHS_OF_YEAR = 12
PARITY = 0.1
"""Relative difference up to which two prices are alike."""
LEAST_OF_MARKET, MOST_OF_MARKET = 0.5, 2.0
"""How far a proposed price may be below the lowest and above the highest price that is known."""
_TABLE = table("pricing_plan")
_UNITS = {name: compiled(phrases) for name, phrases in _TABLE["units"].items()}
_FREE = {name: compiled(phrases) for name, phrases in _TABLE["free"].items()}
_YEAR, _ONCE = (compiled(_TABLE["period"][name]) for name in ("year", "once"))
_DISCOUNT, _RISK = (compiled(every(_TABLE[name])) for name in ("discount", "risk"))
_METRIC = re.compile(r"(?:(?<!\w)(?:per|an?|each|every|pro|par|por) |/ ?)(?:[\w,.]+ ){0,3}(\w+)\Z")
_CURRENCY = re.compile(r"[$\u20ac\u00a3]|\b(?:usd|eur|gbp|euros?|dollars?|pounds?)\b", re.IGNORECASE)
_CREDITS = re.compile(r"\bfree credits?\b|\bcredits? (?:for )?free\b")
_MOST_NAME_WORDS = 4
_DIGIT = re.compile(r"\d")
_RANKS = ("Entry", "Middle", "Top")


class PriceTag(BaseModel):
    """A price that somebody tells."""

    competitor: str = Field(description="Competitor with this price. Empty: our own price.")
    tier: str = Field(description="Name of the tier.")
    amount: float | None = Field(default=None, description="The amount as told. Null: on request.")
    currency: str = Field(default="", description="Its currency. Empty: not told.")
    monthly_price_usd: float | None = Field(default=None, description="USD a month. Null: another currency, or once.")
    billing_unit: BillingUnit = Field(default="flat", description="Unit of the price.")
    quote: str = Field(default="", description="The words.")
    source_url: str = Field(default="", description="Where they stand.")


class RivalSummary(BaseModel):
    """The prices of one competitor in short."""

    competitor: str = Field(description="Its name.")
    url: str = Field(default="", description="Its home page.")
    tiers: int = Field(description="How many of its prices are known.")
    lowest_usd: float | None = Field(default=None, description="Its lowest monthly price above 0 in USD.")
    highest_usd: float | None = Field(default=None, description="Its highest monthly price in USD.")
    has_free: bool = Field(default=False, description="Whether one of its tiers is free.")
    is_on_request: bool = Field(default=False, description="Whether one of its prices is told on request only.")


class PriceBenchmark(BaseModel):
    """The prices of all competitors in short."""

    competitors: int = Field(default=0, description="Competitors with a known price.")
    prices_usd: list[float] = Field(
        default_factory=list, description="Median monthly prices by rank, the lowest first."
    )
    lowest_usd: float | None = Field(default=None, description="The lowest price above 0.")
    highest_usd: float | None = Field(default=None, description="The highest price.")
    billing_unit: BillingUnit | None = Field(default=None, description="Unit of most prices. Null: none is known.")
    free_share: float = Field(default=0.0, description="Share of them with a free tier.")


class ValueMetric(BaseModel):
    """The value that a buyer pays for."""

    value_metric: str = Field(max_length=80, description="The counted unit, such as `seat`. Empty: nothing tells it.")
    value_metric_reasoning: str = Field(max_length=600, description="Why, in one or two sentences.")
    model_type: ModelType = Field(description="How it is charged. Empty: nothing tells it.")
    model_type_reasoning: str = Field(default="", max_length=600, description="Why, in one or two sentences.")
    quote: str = Field(description="Words of the texts that show it, copied letter by letter. Empty: none do.")
    source_url: str = Field(default="", description="Where they stand. Leave it empty.")


class TierPlan(BaseModel):
    """One tier."""

    name: str = Field(min_length=1, max_length=80, description="Its name.")
    price_monthly_usd: float | None = Field(description="Proposed USD a month. Null: on request, or nothing tells it.")
    billing_unit: BillingUnit = Field(description="Unit of the price.")
    target_persona: str = Field(default="", max_length=200, description="Its target group. Empty: open.")
    included: list[str] = Field(default_factory=list, max_length=20, description="Features that it includes.")
    limits: list[str] = Field(default_factory=list, max_length=20, description="Features that it does not include.")
    upgrade_trigger: str = Field(default="", max_length=400, description="Reason for a buyer to take the next tier.")
    price_justification: str = Field(default="", max_length=600, description="Why this price.")
    anchor_competitors: list[str] = Field(
        default_factory=list,
        max_length=MOST_TIER_ANCHORS,
        description="Competitors with the prices that it is measured by.",
    )
    value_math: str = Field(
        default="", max_length=600, description="Gain of a buyer for the price, in numbers of the texts."
    )

    @field_validator("price_monthly_usd", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        """Take `custom`, `contact us` and the like for no price."""
        if isinstance(value, str):
            found = re.fullmatch(r"\s*\$?\s*(\d+(?:[.,]\d{1,2})?)\s*", value)
            return float(found[1].replace(",", ".")) if found else None
        return value


class TierPlans(BaseModel):
    """The tiers of a product and their contents."""

    free_offer: str = Field(max_length=300, description="Free part of the offer. Empty: nothing is free.")
    tiers: list[TierPlan] = Field(max_length=12, description="1 to 6 tiers, the cheapest first.")
    addons: list[str] = Field(default_factory=list, max_length=10, description="Offers that are sold beside the tiers.")
    discounting_strategy: str = Field(
        default="", max_length=600, description="Buyers with a discount, and the reason for it."
    )


class PricingModel(TierPlans, ValueMetric):
    """How a product is priced."""

    free_offer: str = Field(default="", max_length=300, description="Free part of the offer. Empty: nothing is free.")
    tiers: list[TierPlan] = Field(default_factory=list, description="The tiers, the cheapest first.")
    value_metric: str = Field(default="", description="The counted unit. Empty: nothing tells it.")
    value_metric_reasoning: str = Field(default="", description="Why.")
    model_type: ModelType = Field(default="", description="How it is charged. Empty: nothing tells it.")
    quote: str = Field(default="", description="Words that show it.")


class RationaleReading(BaseModel):
    """Why a product is priced so."""

    value_basis: QuotedLine = Field(description="Value that a buyer pays for, by the texts.")
    risks: list[QuotedLine] = Field(max_length=10, description="Risks of these prices, by the texts.")
    recommendation: str = Field(max_length=600, description="First step to take, in one or two sentences.")


class PriceAnchor(BaseModel):
    """How a tier stands beside a competitor's price."""

    competitor: str = Field(description="The competitor.")
    tier: str = Field(description="Our tier.")
    monthly_price_usd: float | None = Field(description="Its price in USD a month.")
    relation: Relation = Field(description="How ours stands to it.")
    note: str = Field(default="", description="The words of its price.")


class PricingRationale(BaseModel):
    """Why a product is priced so, as far as it is backed."""

    value_basis: str = Field(default="", description="Value that a buyer pays for.")
    competitor_benchmark: str = Field(default="", description="Prices of the competitors, in one sentence.")
    wtp_estimate: str = Field(
        default="", description="Prices that buyers pay for the like today. Empty: nothing tells them."
    )
    risks: list[str] = Field(default_factory=list, description="Risks of these prices.")
    recommendation: str = Field(default="", description="First step to take.")
    price_anchors: list[PriceAnchor] = Field(
        default_factory=list, description="At most 8 comparisons with competitors."
    )
    proofs: list[Proof] = Field(default_factory=list, description="Words that back the lines.")


class PricingReport(BaseModel):
    """Output of the workflow `pricing`."""

    pricing: dict[str, Any] = Field(default_factory=dict, description="The document: `model` and `rationale`.")
    benchmark: PriceBenchmark = Field(default=PriceBenchmark(), description="Competitors' prices in short.")
    value_metric: str = Field(default="", description="Unit that a buyer pays for. Empty: nothing tells it.")
    model: PricingModel = Field(default=PricingModel(), description="The tiers and how they are charged.")
    rationale: PricingRationale = Field(default=PricingRationale(), description="Why.")
    competitor_pricing: list[PriceTag] = Field(default_factory=list, description="Known prices of competitors.")
    competitor_summary: list[RivalSummary] = Field(default_factory=list, description="The same by competitor.")
    critic_rounds: int = Field(default=0, description="How often a model's plan was sent back, 0 to 2.")
    dropped: list[str] = Field(default_factory=list, description="Faults of a model's plan that was not taken.")
    analysis_id: str = Field(default="", description="The document in the book. Empty: nothing was written.")


def known_prices(rivals: Iterable[RivalOffer]) -> list[PriceTag]:
    """Return the prices of competitors, in their order."""
    return [_known(one.name, item, one.source) for one in rivals for item in one.prices]


def own_prices(facts: PlanFacts) -> list[PriceTag]:
    """Return the prices that the product's own words tell. A trial is no price."""
    found = []
    for source, text in facts.texts.items():
        lines = "\n".join(said.text for said in signs.all_said({source: text}) if not _is_trial(said.text))
        items = read_lens("pricing", {"pricing": (source, lines)}).items
        found += [_known("", item, source) for item in items if item.amount is not None]
    return found


def summaries_of(prices: Sequence[PriceTag], rivals: Iterable[RivalOffer]) -> list[RivalSummary]:
    """Return the prices of each competitor in short. One without a known price is left out."""
    found = []
    for rival in rivals:
        own = [price for price in prices if price.competitor == rival.name]
        paid = sorted(price.monthly_price_usd for price in own if price.monthly_price_usd)
        if own:
            found.append(
                RivalSummary(
                    competitor=rival.name,
                    url=rival.url,
                    tiers=len(own),
                    lowest_usd=paid[0] if paid else None,
                    highest_usd=paid[-1] if paid else None,
                    has_free=any(price.amount == 0 for price in own),
                    is_on_request=any(price.amount is None for price in own),
                )
            )
    return found


def benchmark_of(prices: Sequence[PriceTag], summaries: Sequence[RivalSummary]) -> PriceBenchmark:
    """Return the prices of all competitors in short: the median of each rank of tier."""
    by_rival = [
        sorted(
            {
                price.monthly_price_usd
                for price in prices
                if price.competitor == one.competitor and price.monthly_price_usd
            }
        )
        for one in summaries
    ]
    ladders = [ladder for ladder in by_rival if ladder]
    paid = [price for ladder in ladders for price in ladder]
    ranks = _ranks_of(ladders)
    units = [price.billing_unit for price in prices]
    return PriceBenchmark(
        competitors=len(summaries),
        prices_usd=ranks,
        lowest_usd=min(paid, default=None),
        highest_usd=max(paid, default=None),
        billing_unit=max(dict.fromkeys(units), key=units.count) if units else None,
        free_share=round(sum(one.has_free for one in summaries) / len(summaries), 2) if summaries else 0.0,
    )


def metric_by_rules(facts: PlanFacts, benchmark: PriceBenchmark) -> ValueMetric:
    """Return the value that a buyer pays for: the one that our own words count, else the one of most competitors."""
    said = signs.all_said(facts.texts)
    hits = {name: found for name, sign in _UNITS.items() if (found := _counted(said, sign))}
    has_plan = _first(said, "plan") is not None
    if hits:
        best = next(name for name in ("per_outcome", "per_usage", "per_seat", "flat") if name in hits)
        one, metric = hits[best]
        model_type = _model_type(set(hits), has_plan=has_plan)
        return ValueMetric(
            value_metric=metric or best.removeprefix("per_"),
            value_metric_reasoning=f"The product's own words count it: {one.text}"[:600],
            model_type=model_type,
            model_type_reasoning=_why_type(model_type),
            quote=one.text[:200],
            source_url=one.source,
        )
    rivals = [price for price in known_prices(facts.competitors) if price.billing_unit == benchmark.billing_unit]
    if rivals and benchmark.billing_unit in {"per_seat", "per_usage"}:
        kind: ModelType = "usage" if benchmark.billing_unit == "per_usage" else "subscription"
        return ValueMetric(
            value_metric=benchmark.billing_unit.removeprefix("per_"),
            value_metric_reasoning=f"Most known prices of competitors count it, such as {rivals[0].competitor}."[:600],
            model_type="freemium" if has_plan else kind,
            model_type_reasoning="The product's own words offer a free plan." if has_plan else "Competitors charge so.",
            quote=rivals[0].quote,
            source_url=rivals[0].source_url,
        )
    kind = "freemium" if has_plan else "subscription" if own_prices(facts) or rivals else ""
    return ValueMetric(
        value_metric="",
        value_metric_reasoning="Neither the product's words nor a competitor's price count anything.",
        model_type=kind,
        model_type_reasoning=_why_type(kind),
        quote="",
    )


def metric_that_stands(told: ValueMetric, by_rules: ValueMetric, texts: Texts) -> ValueMetric:
    """Return the value that a buyer pays for, if words of the texts say so. Else the rules' answer."""
    if not told.value_metric.strip():
        return by_rules
    proof = proof_of(f"{told.value_metric_reasoning} {told.model_type_reasoning}", told.quote, texts)
    return told.model_copy(update={"quote": proof.quote, "source_url": proof.source_url}) if proof else by_rules


def tiers_by_rules(facts: PlanFacts, benchmark: PriceBenchmark, metric: ValueMetric) -> TierPlans:
    """Return the tiers that our own words tell, else one for each rank of the competitors' prices, else none."""
    said = signs.all_said(facts.texts)
    free = next(filter(None, (_first(said, name) for name in ("plan", "trial", "pilot"))), None)
    discount = next((one for one in said if _DISCOUNT.search(level(one.text))), None)
    own = sorted(own_prices(facts), key=lambda price: price.amount or 0.0)
    tiers = _own_tiers(own) or _market_tiers(facts, benchmark, metric)
    return TierPlans(
        free_offer=free.text[:300] if free else "",
        tiers=tiers[:MOST_TIERS],
        discounting_strategy=discount.text[:600] if discount else "",
    )


def problems_of(model: PricingModel, facts: PlanFacts, benchmark: PriceBenchmark) -> list[str]:
    """Return every fault of a plan, each as a sentence for an editor. Empty: the plan passes."""
    prices = [tier.price_monthly_usd for tier in model.tiers if tier.price_monthly_usd is not None]
    own = [price.monthly_price_usd for price in own_prices(facts) if price.monthly_price_usd is not None]
    names = [folded(tier.name) for tier in model.tiers]
    has_basis = bool(own or benchmark.prices_usd)
    found = []
    if has_basis and not 1 <= len(model.tiers) <= MOST_TIERS:
        found.append(f"there are {len(model.tiers)} tiers; give 1 to {MOST_TIERS}")
    if len(set(names)) < len(names):
        found.append("two tiers have one name")
    if prices != sorted(prices):
        found.append(f"the prices fall from one tier to the next: {prices}")
    if prices and not has_basis:
        found.append("no price is known of the product or a competitor, so every price_monthly_usd is null")
    found += _off_market(prices, own, benchmark)
    found += _faults_of_tiers(model, facts, prices)
    units = {tier.billing_unit for tier in model.tiers}
    if model.model_type == "usage" and units and not units & {"per_usage", "hybrid", "custom"}:
        found.append("the model type is usage, and no tier is billed per_usage")
    if model.model_type == "freemium" and prices and 0 not in prices and not model.free_offer:
        found.append("the model type is freemium, and nothing is free")
    return found


def rationale_by_rules(facts: PlanFacts, metric: ValueMetric, benchmark: PriceBenchmark) -> RationaleReading:
    """Return the reason for a product's price: its measured outcome, and the risks in its words."""
    said = signs.all_said(facts.texts)
    helps = signs.outcomes(said)
    basis = next(iter([*signs.measured(helps), *helps]), None)
    risks = [
        QuotedLine(text=f"Buyers may stumble over it: {one.text}"[:400], quote=one.text[:200])
        for one in said
        if _RISK.search(level(one.text))
    ]
    first = f"Charge by {metric.value_metric}." if metric.value_metric else ""
    return RationaleReading(
        value_basis=QuotedLine(text=basis.text[:400] if basis else "", quote=basis.text[:200] if basis else ""),
        risks=risks[:5],
        recommendation=" ".join(filter(None, (first, _place_in_market(benchmark)))),
    )


def rationale_of(
    told: RationaleReading,
    by_rules: RationaleReading,
    *,
    facts: PlanFacts,
    model: PricingModel,
    prices: Sequence[PriceTag],
    benchmark: PriceBenchmark,
) -> PricingRationale:
    """Return why a product is priced so, as far as texts and known prices back it. The comparisons are counted."""
    texts = facts.all_texts
    said = _market_sentence(benchmark)
    basis = backed([told.value_basis], texts, most=1) or backed([by_rules.value_basis], texts, most=1)
    risks = backed(told.risks, texts, most=5)
    counted = {**texts, "benchmark": f"{said} {' '.join(_plain(tier.price_monthly_usd) for tier in model.tiers)}"}
    is_backed = is_sober(told.recommendation, counted)
    return PricingRationale(
        value_basis=claims_of(basis)[0] if basis else "",
        competitor_benchmark=said,
        wtp_estimate=_span(benchmark),
        risks=claims_of(risks),
        recommendation=told.recommendation if is_backed else by_rules.recommendation,
        price_anchors=anchors_of(model, prices),
        proofs=joined_proofs(basis, risks),
    )


def anchors_of(model: PricingModel, prices: Sequence[PriceTag]) -> list[PriceAnchor]:
    """Return how each priced tier stands beside the nearest price of each competitor."""
    paid = [price for price in prices if price.monthly_price_usd]
    lowest = min((price.monthly_price_usd for price in paid if price.monthly_price_usd), default=0.0)
    found = []
    for tier in model.tiers:
        ours = tier.price_monthly_usd
        for name in dict.fromkeys(price.competitor for price in paid) if ours else ():
            assert ours is not None  # noqa: S101 - the loop is empty without a price
            nearest = min(
                (price for price in paid if price.competitor == name),
                key=lambda price: abs((price.monthly_price_usd or 0) - (ours or 0)),
            )
            theirs = nearest.monthly_price_usd or 0.0
            found.append(
                PriceAnchor(
                    competitor=name,
                    tier=tier.name,
                    monthly_price_usd=theirs,
                    relation=relation_of(ours, theirs, lowest),
                    note=nearest.quote,
                )
            )
    return found[:MOST_ANCHORS]


def relation_of(ours: float, theirs: float, lowest: float) -> Relation:
    """Return how our price stands to another: below all that is known is `undercut`."""
    if abs(ours - theirs) <= PARITY * theirs:
        return "at_parity"
    if ours > theirs:
        return "premium"
    return "undercut" if ours < lowest * (1 - PARITY) else "below"


def _known(competitor: str, item: LensItem, source: str) -> PriceTag:
    told = level(f"{item.quote} {item.detail}")
    monthly = None
    if item.amount is not None and item.currency in {"USD", ""} and not _ONCE.search(told):
        is_known = item.currency == "USD" or item.amount == 0
        monthly = round(item.amount / (MONTHS_OF_YEAR if _YEAR.search(told) else 1), 2) if is_known else None
    return PriceTag(
        competitor=competitor,
        tier=item.name,
        amount=item.amount,
        currency=item.currency,
        monthly_price_usd=monthly,
        billing_unit=_unit_in(told, item.amount),
        quote=item.quote,
        source_url=item.source_url or source,
    )


def _counted(said: Iterable[signs.Said], sign: re.Pattern[str]) -> tuple[signs.Said, str] | None:
    """Return the first sentence that counts something, and the counted thing. A sentence with its name goes first."""
    found = [(one, hit[0].strip()) for one in said for hit in sign.finditer(level(one.text))]
    named = next(((one, metric[1]) for one, told in found if (metric := _METRIC.search(told))), None)
    return named or next(((one, "") for one, _ in found), None)


def _first(said: Iterable[signs.Said], name: str) -> signs.Said | None:
    """Return the first sentence that offers something free. One that denies it does not count."""
    return next((one for one in said if next(affirmed(_FREE[name], level(one.text), OWN_WORDS.denied), None)), None)


def _is_trial(text: str) -> bool:
    """Tell whether a sentence offers a trial and no price. Money that is given away is no price."""
    told = level(text)
    return bool(_CREDITS.search(told)) or (bool(_FREE["trial"].search(told)) and not _CURRENCY.search(text))


def _unit_in(told: str, amount: float | None) -> BillingUnit:
    if amount is None:
        return "custom"
    seat, usage = bool(_UNITS["per_seat"].search(told)), bool(_UNITS["per_usage"].search(told))
    return "hybrid" if seat and usage else "per_seat" if seat else "per_usage" if usage else "flat"


def _ranks_of(ladders: Sequence[Sequence[float]]) -> list[float]:
    """Return the median price of each rank. A competitor with one price counts in the first rank."""
    depth = min(len(_RANKS), max(map(len, ladders), default=0))
    ranks = []
    for rank in range(depth):
        column = [ladder[-1] if rank == depth - 1 > 0 else ladder[rank] for ladder in ladders if len(ladder) > rank]
        ranks.append(round(median(column), 2))
    return sorted(set(ranks))


def _model_type(units: set[str], *, has_plan: bool) -> ModelType:
    if "per_outcome" in units:
        return "per_outcome"
    if "per_usage" in units:
        return "hybrid" if units & {"per_seat", "flat"} else "usage"
    return "freemium" if has_plan else "subscription"


def _why_type(kind: ModelType) -> str:
    why = {
        "per_outcome": "The product's own words charge for a result.",
        "usage": "The product's own words charge for use.",
        "hybrid": "The product's own words charge for use and beside it.",
        "freemium": "The product's own words offer a free plan.",
        "subscription": "The product's own words name a price by time.",
    }
    return why.get(kind, "Nothing tells how it is charged.")


def _own_tiers(own: Sequence[PriceTag]) -> list[TierPlan]:
    found: dict[str, TierPlan] = {}
    for price in own:
        tier = TierPlan(
            name=_tier_name(price),
            price_monthly_usd=price.monthly_price_usd,
            billing_unit=price.billing_unit,
            price_justification=f"It is the product's own price: {price.quote}"[:600],
        )
        found.setdefault(folded(tier.name), tier)
    tiers = sorted(found.values(), key=lambda tier: (tier.price_monthly_usd is not None, tier.price_monthly_usd or 0.0))
    return _with_triggers(tiers)


def _tier_name(price: PriceTag) -> str:
    """Return the name of a tier. A line that tells a price has none of its own."""
    if price.amount == 0:
        return "Free"
    name = price.tier.strip()
    is_name = 0 < len(name.split()) <= _MOST_NAME_WORDS and not _DIGIT.search(name) and not name.endswith((".", "!"))
    return name[:80] if is_name else "Listed price"


def _market_tiers(facts: PlanFacts, benchmark: PriceBenchmark, metric: ValueMetric) -> list[TierPlan]:
    prices = [price for price in known_prices(facts.competitors) if price.monthly_price_usd]
    who = next((persona.title for persona in facts.icp.personas), "")
    unit: BillingUnit = benchmark.billing_unit or "flat"
    unit = "per_usage" if metric.model_type == "usage" else unit
    tiers = []
    for name, price in zip(_RANKS, benchmark.prices_usd, strict=False):
        near = sorted(prices, key=lambda one: abs((one.monthly_price_usd or 0) - price))
        names = list(dict.fromkeys(one.competitor for one in near))[:MOST_TIER_ANCHORS]
        tiers.append(
            TierPlan(
                name=name,
                price_monthly_usd=price,
                billing_unit=unit,
                target_persona=who,
                price_justification=f"It is the median of this rank of the known prices of {', '.join(names)}."[:600],
                anchor_competitors=names,
            )
        )
    return _with_triggers(tiers)


def _with_triggers(tiers: Sequence[TierPlan]) -> list[TierPlan]:
    following = [tier.name for tier in tiers[1:]]
    triggers = [f"The buyer needs what {name} includes." for name in following] + [""]
    return (
        [
            tier.model_copy(update={"upgrade_trigger": why})
            for tier, why in zip(tiers, triggers[-len(tiers) :], strict=True)
        ]
        if tiers
        else []
    )


def _off_market(prices: Sequence[float], own: Sequence[float], benchmark: PriceBenchmark) -> list[str]:
    known = [*own, *filter(None, (benchmark.lowest_usd, benchmark.highest_usd))]
    paid = [price for price in known if price]
    if not paid:
        return []
    least, most = LEAST_OF_MARKET * min(paid), MOST_OF_MARKET * max(paid)
    wrong = [price for price in prices if price and not least <= price <= most]
    return [f"no known price is near {price:g} USD; stay between {least:g} and {most:g}" for price in wrong]


def _faults_of_tiers(model: PricingModel, facts: PlanFacts, prices: Sequence[float]) -> list[str]:
    rivals = {folded(one.name) for one in facts.competitors}
    told = " ".join(map(_plain, prices))
    texts = {**facts.all_texts, "prices": told}
    found = []
    for place, tier in enumerate(model.tiers, 1):
        strangers = [name for name in tier.anchor_competitors if folded(name) not in rivals]
        if strangers:
            found.append(f"`{tier.name}` is measured by {', '.join(strangers)}, which is no known competitor")
        if place < len(model.tiers) and not tier.upgrade_trigger.strip():
            found.append(f"`{tier.name}` does not say what makes a buyer take the next tier")
        lines = [tier.price_justification, tier.value_math, *tier.included, *tier.limits]
        wrong = [line for line in lines if not is_sober(line, texts)]
        found += [f"`{tier.name}` has a number or a quote that no text has: {line}" for line in wrong]
    lines = [model.free_offer, model.discounting_strategy, *model.addons]
    return found + [f"a number or a quote stands in no text: {line}" for line in lines if not is_sober(line, texts)]


def _plain(price: float | None) -> str:
    return "" if price is None else f"{price:g}"


def _market_sentence(benchmark: PriceBenchmark) -> str:
    if not benchmark.competitors:
        return ""
    span = _span(benchmark)
    share = f"{benchmark.free_share:.0%} of them have a free tier"
    return f"Prices of {benchmark.competitors} competitors are known: {span or 'none of them in USD'}; {share}."


def _span(benchmark: PriceBenchmark) -> str:
    if benchmark.lowest_usd is None or benchmark.highest_usd is None:
        return ""
    return f"{benchmark.lowest_usd:g} to {benchmark.highest_usd:g} USD a month"


def _place_in_market(benchmark: PriceBenchmark) -> str:
    return f"Begin within what competitors ask, {_span(benchmark)}." if _span(benchmark) else ""
