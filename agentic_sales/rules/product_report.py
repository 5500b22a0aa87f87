"""Join the facts of a product in one report: a profile, and the first steps, with the words that back each line.

Each line of the rules comes from a part of the plans. So the report says nothing that the parts do not say.
"""

import json
from collections.abc import Iterable, Mapping
from operator import add, or_
from typing import Annotated, Any

from pydantic import BaseModel, Field

from agentic_sales.rules import product_signs as signs
from agentic_sales.rules.backing import QuotedLine, Texts, backed, claims_of, is_sober, joined_proofs
from agentic_sales.rules.competitors import Proof
from agentic_sales.rules.icp import WEIGHTS, IcpDocument
from agentic_sales.rules.plan_facts import PlanFacts, PlanForm
from agentic_sales.rules.positioning import category_by_rules
from agentic_sales.rules.pricing_plan import own_prices
from agentic_sales.rules.product_facts import MOST_TEXT_CHARS, RivalOffer

GRAPH_VERSION = "v2"
MOST_PRIORITIES, MOST_RISKS, MOST_WINS = 3, 5, 6
MOST_PROFILE_LINES = 8
SURE_STALE = 0.7
"""Confidence from which a stale site has every part made anew."""
CLEAR_SCORE = 0.6
"""Score of a criterion below which it is a thing to do."""
_STAMPS = ("inputs_hash", "source", "weights_hash")
_HARD = "high"
_FRESHNESS = ("stale", "confidence", "reason", "changes", "reachable", "current_hash", "previous_hash")
"""Sentences on the freshness of a site."""


class ProductIntelForm(PlanForm):
    """An input of the report on a product."""

    force_refresh: bool = Field(default=False, description="Make every part anew, also those that still hold.")
    deep_competitors: int = Field(
        default=2, ge=0, le=5, description="How many competitors without known prices are looked at closely."
    )


class ProfileReading(BaseModel):
    """A description of a product, by its own words."""

    one_liner: QuotedLine = Field(description="The product in one sentence.")
    core_jobs: list[QuotedLine] = Field(max_length=12, description="Jobs that it does for its users. Up to 8.")
    key_features: list[QuotedLine] = Field(max_length=12, description="Its features. Up to 8.")
    stated_audience: QuotedLine = Field(
        description="Target group, as the page states it. Empty texts: it does not say."
    )
    visible_pricing: list[QuotedLine] = Field(max_length=12, description="Prices that it tells.")
    tech_signals: list[QuotedLine] = Field(
        max_length=12, description="Technologies and products that it is made of or works with."
    )


class ProductPortrait(BaseModel):
    """A description of a product that its own words back."""

    name: str = Field(default="", description="Its name.")
    one_liner: str = Field(default="", description="The product in one sentence.")
    category: str = Field(default="", description="Category of the product. Empty: its words do not say.")
    core_jobs: list[str] = Field(default_factory=list, description="Jobs that it does for its users.")
    key_features: list[str] = Field(default_factory=list, description="Its features.")
    stated_audience: str = Field(default="", description="Target group, as the page states it.")
    visible_pricing: list[str] = Field(default_factory=list, description="Prices that it tells.")
    tech_signals: list[str] = Field(
        default_factory=list, description="Technologies and products that it is made of or works with."
    )
    proofs: list[Proof] = Field(default_factory=list, description="Words that back the lines.")


class SynthesisReading(BaseModel):
    """The steps that follow from the parts."""

    tldr: str = Field(max_length=800, description="The whole in two or three sentences.")
    top_3_priorities: list[str] = Field(max_length=6, description="First steps to take, at most 3 sentences.")
    key_risks: list[str] = Field(max_length=10, description="Risks, at most 5 sentences.")
    quick_wins: list[str] = Field(max_length=12, description="Cheap steps that help soon, at most 6 sentences.")


class ProductReport(BaseModel):
    """The report on a product."""

    tldr: str = Field(default="", description="The whole in a few sentences. Empty: nothing is known.")
    top_3_priorities: list[str] = Field(default_factory=list, description="First steps to take.")
    key_risks: list[str] = Field(default_factory=list, description="Risks, at most 5.")
    quick_wins: list[str] = Field(default_factory=list, description="Cheap steps, at most 6.")
    product_profile: ProductPortrait = Field(default=ProductPortrait(), description="Portrait of the product.")
    positioning: dict[str, Any] = Field(default_factory=dict, description="How it is positioned.")
    graph_meta: dict[str, Any] = Field(default_factory=dict, description="`graph_version` and `partial_failures`.")


class PlanParts(BaseModel):
    """The parts that a report rests on."""

    icp: dict[str, Any] = Field(default_factory=dict, description="Ideal customers, as `deep_icp` tells them.")
    competitive: dict[str, Any] = Field(default_factory=dict, description="`competitors`, the worst threat first.")
    pricing: dict[str, Any] = Field(default_factory=dict, description="`model` and `rationale`.")
    gtm: dict[str, Any] = Field(default_factory=dict, description="The go-to-market plan.")
    positioning: dict[str, Any] = Field(default_factory=dict, description="How it is positioned.")


class IntelReport(BaseModel):
    """Output of the workflows `product_intel` and `analyze_product_v2`."""

    report: ProductReport = Field(default=ProductReport(), description="The report.")
    product_profile: ProductPortrait = Field(default=ProductPortrait(), description="Portrait of the product.")
    icp: IcpDocument | None = Field(default=None, description="Its ideal customers, given or found.")
    competitive: dict[str, Any] = Field(default_factory=dict, description="`competitors`, the worst threat first.")
    pricing: dict[str, Any] = Field(default_factory=dict, description="`model` and `rationale`. Empty: it failed.")
    gtm: dict[str, Any] = Field(default_factory=dict, description="The go-to-market plan. Empty: it failed.")
    positioning: dict[str, Any] = Field(default_factory=dict, description="The position. Empty: it failed.")
    competitor_deep: list[dict[str, Any]] = Field(default_factory=list, description="New dossiers of competitors.")
    freshness: dict[str, Any] = Field(default_factory=dict, description="Whether the site has changed. Empty: no site.")
    freshness_report: dict[str, Any] = Field(default_factory=dict, description="The same by its other name.")
    is_fresh: bool = Field(default=False, description="Whether the site has surely not changed.")
    partial_failures: Annotated[dict[str, str], or_] = Field(default_factory=dict, description="Failed parts, and why.")
    cached_parts: Annotated[list[str], add] = Field(default_factory=list, description="Parts of the book that hold.")
    db_writes: Annotated[list[str], add] = Field(default_factory=list, description="Documents that were written.")
    subgraph_errors: dict[str, str] = Field(default_factory=dict, description="`partial_failures` by its other name.")


def profile_by_rules(facts: PlanFacts) -> ProfileReading:
    """Return a description of a product by rules over its own words."""
    said = signs.all_said(facts.texts)
    helps, moves = signs.outcomes(said), signs.motions(said)
    audience = next(iter(signs.audiences(said)), None)
    tech = [moves[name] for name in ("a developer interface", "open source", "integrations") if name in moves]
    features = [one for one in said if one not in helps and one not in signs.pains(said)]
    return ProfileReading(
        one_liner=_line(said[0]) if said else QuotedLine(text="", quote=""),
        core_jobs=[_line(one) for one in helps[:MOST_PROFILE_LINES]],
        key_features=[_line(one) for one in features[:MOST_PROFILE_LINES]],
        stated_audience=QuotedLine(text=audience.name, quote=audience.said.text[:200])
        if audience
        else QuotedLine(text="", quote=""),
        visible_pricing=[QuotedLine(text=one.quote[:400], quote=one.quote) for one in own_prices(facts)],
        tech_signals=[_line(one) for one in dict.fromkeys(tech)],
    )


def profile_that_stands(told: ProfileReading, facts: PlanFacts) -> ProductPortrait:
    """Return a description of a product that its own words back."""
    texts = facts.texts
    lists = {
        name: backed(getattr(told, name), texts, most=MOST_PROFILE_LINES)
        for name in ("core_jobs", "key_features", "visible_pricing", "tech_signals")
    }
    singles = {name: backed([getattr(told, name)], texts, most=1) for name in ("one_liner", "stated_audience")}
    category = backed([category_by_rules(facts).category], texts, most=1)
    return ProductPortrait(
        name=facts.product.name,
        category=claims_of(category)[0] if category else "",
        proofs=joined_proofs(*singles.values(), *lists.values(), category),
        **{name: claims_of(proofs) for name, proofs in lists.items()},
        **{name: claims_of(proofs)[0] if proofs else "" for name, proofs in singles.items()},
    )


def with_text(facts: PlanFacts, text: str) -> PlanFacts:
    """Return facts with the text of the product's home page."""
    return facts.model_copy(update={"product": facts.product.model_copy(update={"text": text[:MOST_TEXT_CHARS]})})


def gate_of(freshness: Mapping[str, Any], *, is_forced: bool) -> dict[str, Any]:
    """Return the freshness of a site, and whether every part is made anew."""
    told = {name: value for name, value in freshness.items() if name in _FRESHNESS}
    is_fresh = told.get("stale") is False and float(told.get("confidence") or 0.0) >= SURE_STALE
    is_refreshed = needs_refresh(told, is_forced=is_forced)
    return {"freshness": told, "freshness_report": told, "is_fresh": is_fresh, "is_refreshed": is_refreshed}


def rivals_in(document: Mapping[str, Any]) -> list[RivalOffer]:
    """Return the competitors of a document of `competitors_team`."""
    return [RivalOffer.model_validate(one) for one in document.get("competitors", [])]


def parts_of(report: "IntelReport", icp: IcpDocument) -> PlanParts:
    """Return the parts that a report rests on."""
    told = {name: getattr(report, name) for name in ("competitive", "pricing", "gtm", "positioning")}
    return PlanParts(icp=icp.model_dump(), **told)


def needs_refresh(freshness: Mapping[str, Any], *, is_forced: bool) -> bool:
    """Tell whether every part is made anew: a person says so, or the site has surely changed."""
    is_stale = bool(freshness.get("stale")) and float(freshness.get("confidence") or 0.0) >= SURE_STALE
    return is_forced or is_stale


def still_holds(kept: Mapping[str, Any], inputs_hash: str, *, is_refreshed: bool) -> bool:
    """Tell whether a kept document was made from the same inputs."""
    return not is_refreshed and bool(kept) and kept.get("inputs_hash") == inputs_hash


def unstamped(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return a kept document without the fields of the book."""
    return {name: value for name, value in kept.items() if name not in _STAMPS}


def synthesis_by_rules(profile: ProductPortrait, parts: PlanParts, failures: Iterable[str]) -> SynthesisReading:
    """Return the steps by rules: the unclear things first, then the risks, then the cheap ones."""
    icp = IcpDocument.model_validate(parts.icp)
    unclear = sorted(
        ((WEIGHTS[name] * (1 - one.score), name, one) for name, one in icp.criteria_scores.items()),
        key=lambda found: -found[0],
    )
    todo = [f"Make {name} clear: {one.justification}." for _, name, one in unclear if one.score < CLEAR_SCORE]
    todo = [f"Look at the part that failed: {name}." for name in failures] + todo
    todo += [f"Mend the positioning: {line}." for line in parts.positioning.get("unmet_checks", [])]
    rivals = parts.competitive.get("competitors", [])
    risks = [f"{one['name']} is near: {one['threat_rationale']}" for one in rivals[:2] if one.get("threat_rationale")]
    risks += [f"A condition ends deals: {one.name}" for one in icp.deal_breakers if one.severity == _HARD]
    risks += parts.pricing.get("rationale", {}).get("risks", [])
    wins = [
        f"{one['name']}: {one['tactics'][0]}"
        for one in parts.gtm.get("channels", [])
        if one.get("effort") == "low" and one.get("tactics")
    ]
    wins += [f"Say it on the home page: {line}" for line in parts.positioning.get("white_space", [])]
    return SynthesisReading(
        tldr=_summary(profile, icp, parts),
        top_3_priorities=todo[:MOST_PRIORITIES],
        key_risks=risks[:MOST_RISKS],
        quick_wins=wins[:MOST_WINS],
    )


def report_that_stands(
    told: SynthesisReading,
    by_rules: SynthesisReading,
    *,
    profile: ProductPortrait,
    parts: PlanParts,
    facts: PlanFacts,
) -> ProductReport:
    """Return the report. A line with a number or a quote that neither the texts nor the parts have is dropped."""
    known = {**facts.all_texts, "parts": parts_as_text(profile, parts)}
    tldr = told.tldr if is_sober(told.tldr, known) else by_rules.tldr
    return ProductReport(
        tldr=tldr,
        top_3_priorities=_sober(told.top_3_priorities, known)[:MOST_PRIORITIES],
        key_risks=_sober(told.key_risks, known)[:MOST_RISKS],
        quick_wins=_sober(told.quick_wins, known)[:MOST_WINS],
        product_profile=profile,
        positioning=parts.positioning,
    )


def with_failures(report: ProductReport, failures: Iterable[str]) -> ProductReport:
    """Return a report that names the parts that failed."""
    told = {"graph_version": GRAPH_VERSION, "partial_failures": sorted(failures)}
    return report.model_copy(update={"graph_meta": told})


def parts_as_text(profile: ProductPortrait, parts: PlanParts) -> str:
    """Return profile and parts for a prompt."""
    told = {"profile": profile.model_dump(exclude={"proofs"}), **parts.model_dump()}
    return "\n".join(f"{name}: {json.dumps(part, ensure_ascii=False)[:6_000]}" for name, part in told.items() if part)


def _summary(profile: ProductPortrait, icp: IcpDocument, parts: PlanParts) -> str:
    buyers = [one.name for one in icp.segments] or [one.title for one in icp.personas]
    tiers = parts.pricing.get("model", {}).get("tiers", [])
    rivals = [one["name"] for one in parts.competitive.get("competitors", [])][:3]
    lines = (
        profile.one_liner,
        f"Its buyers: {', '.join(buyers[:3])}." if buyers else "",
        f"Its nearest competitors: {', '.join(rivals)}." if rivals else "",
        f"Its tiers: {', '.join(one['name'] for one in tiers)}." if tiers else "",
        f"The profile of its customers is {icp.weighted_total:.0%} clear." if icp.criteria_scores else "",
    )
    return " ".join(filter(None, lines))[:800]


def _sober(lines: Iterable[str], texts: Texts) -> list[str]:
    return [line for line in lines if line.strip() and is_sober(line, texts)]


def _line(said: signs.Said) -> QuotedLine:
    return QuotedLine(text=said.text[:400], quote=said.text[:200])
