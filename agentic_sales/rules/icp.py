"""Describe the ideal customers of a product: segments, personas, the companies that do not buy, and how clear all is.

The five criteria and their weights are known to callers. The rules add points for signs in the product's own words. A
model may judge within a bound around them. A claim without words in the texts is dropped.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field

from agentic_sales.rules import product_signs as signs
from agentic_sales.rules.backing import QuotedLine, Texts, backed, claims_of, is_sober, names_something_in, proof_of
from agentic_sales.rules.competitors import Proof
from agentic_sales.rules.personas import Persona
from agentic_sales.rules.product_facts import ProductFacts
from agentic_sales.rules.titles import DEPARTMENTS, SENIORITIES, read_title
from agentic_sales.rules.words import folded

Criterion = Literal[
    "segment_clarity",
    "buyer_persona_specificity",
    "pain_solution_fit",
    "distribution_gtm_signal",
    "anti_icp_clarity",
]
WEIGHTS: Mapping[Criterion, float] = {
    "segment_clarity": 0.25,
    "buyer_persona_specificity": 0.25,
    "pain_solution_fit": 0.20,
    "distribution_gtm_signal": 0.15,
    "anti_icp_clarity": 0.15,
}
"""Weights of the criteria. They add up to 1. Callers know them."""
WEIGHTS_HASH = sha256(json.dumps(dict(WEIGHTS), sort_keys=True).encode()).hexdigest()[:12]
"""Digest of the weights, by which a caller sees that two totals can be compared."""
CRITERIA: tuple[Criterion, ...] = get_args(Criterion)
Severity = Literal["low", "medium", "high"]
Channel = Literal[
    "", "cold_email", "linkedin_dm", "linkedin_connect", "linkedin_post", "reply_guy", "community", "webinar"
]
MOST_SEGMENTS = MOST_PERSONAS = MOST_EVIDENCE = 6
MOST_ANTI_ICP = 8
MOST_MODEL_CHANGE = 0.3
"""How far a model's score may be from that of the rules. A text that gives orders moves nothing further."""
_FIT_OF_DESCRIPTION, _FIT_OF_PAGE, _FIT_OF_INDUSTRY = 0.9, 0.7, 0.5
_NO_CONFIDENCE, _LEAST_CONFIDENCE, _CONFIDENCE_PER_QUOTE, _MOST_CONFIDENCE = 0.2, 0.4, 0.1, 0.8


class SegmentClaim(BaseModel):
    """A kind of companies that buy."""

    name: str = Field(min_length=1, max_length=120, description="Its name in 1 to 6 words of the texts.")
    industry: str = Field(default="", max_length=80, description="Industry. Empty: the texts name none.")
    stage: str = Field(default="", max_length=80, description="Size or stage. Empty: the texts name none.")
    geo: str = Field(default="", max_length=80, description="Market. Empty: the texts name none.")
    fit: float = Field(ge=0, le=1, description="How well the product fits it, 0 to 1.")
    reasoning: str = Field(default="", max_length=600, description="Why, in one or two sentences.")
    quote: str = Field(description="Words of the texts that name it, copied letter by letter.")
    source_url: str = Field(default="", description="Where they stand. Leave it empty.")


class PersonaClaim(BaseModel):
    """A role that buys or uses the product."""

    title: str = Field(min_length=1, max_length=120, description="The role in words of the texts.")
    seniority: str = Field(default="", max_length=20, description="IC, Manager, Director, VP or C-level. Empty: open.")
    department: str = Field(default="", max_length=40, description="Department. Empty: the texts leave it open.")
    pain: str = Field(default="", max_length=600, description="Pain of the role. Empty: the texts do not say.")
    channel: Channel = Field(default="", description="How to reach the role. Empty: the texts do not say.")
    quote: str = Field(description="Words of the texts that name it, copied letter by letter.")
    source_url: str = Field(default="", description="Where they stand. Leave it empty.")


class DealBreaker(BaseModel):
    """A reason that ends a deal."""

    name: str = Field(min_length=1, max_length=200, description="Lack or wish of the buyer, in one sentence.")
    severity: Severity = Field(description="How surely it ends the deal.")
    reason: str = Field(default="", max_length=600, description="Why, in one sentence.")
    quote: str = Field(description="Words of the texts that show it, copied letter by letter.")
    source_url: str = Field(default="", description="Where they stand. Leave it empty.")


class CriterionScore(BaseModel):
    """How clear one criterion is."""

    score: float = Field(ge=0, le=1, description="0: nothing is said of it. 1: nobody can mistake it.")
    confidence: float = Field(ge=0, le=1, description="How sure that is.")
    justification: str = Field(max_length=600, description="Why, in one or two sentences.")
    evidence: list[str] = Field(max_length=MOST_EVIDENCE, description="Words of the texts, copied letter by letter.")


class MarketReading(BaseModel):
    """Which companies buy."""

    segments: list[SegmentClaim] = Field(max_length=12, description="Up to 6, the best first. Empty: nothing is said.")


class PeopleReading(BaseModel):
    """Which people buy."""

    personas: list[PersonaClaim] = Field(max_length=12, description="Up to 6. Empty: nothing is said.")


class RefusalReading(BaseModel):
    """A kind of company that does not buy."""

    anti_icp: list[QuotedLine] = Field(
        max_length=12, description="Kinds of companies that do not buy, up to 8. Empty: nothing is said."
    )
    deal_breakers: list[DealBreaker] = Field(
        max_length=12, description="Reasons that end a deal. Empty: nothing is said."
    )


class CriteriaReading(BaseModel):
    """How clear all five criteria are."""

    criteria_scores: dict[Criterion, CriterionScore] = Field(description="One entry for each of the five criteria.")


class IcpDocument(BaseModel):
    """An ideal customer profile."""

    criteria_scores: dict[Criterion, CriterionScore] = Field(
        default_factory=dict, description="The five criteria: score, confidence, justification, evidence."
    )
    weighted_total: float = Field(default=0.0, ge=0, le=1, description="Their weighted sum, 0 to 1.")
    segments: list[SegmentClaim] = Field(default_factory=list, description="At most 6 segments, the best first.")
    personas: list[PersonaClaim] = Field(default_factory=list, description="At most 6 personas.")
    anti_icp: list[str] = Field(
        default_factory=list, description="Kinds of companies that do not buy, at most 8 lines."
    )
    deal_breakers: list[DealBreaker] = Field(default_factory=list, description="Reasons that end a deal.")
    proofs: list[Proof] = Field(default_factory=list, description="Words that back each line of `anti_icp`.")

    @property
    def text(self) -> str:
        """Return its words for a prompt and for a check."""
        names = [f"Segment: {one.name} ({one.stage} {one.geo} {one.industry})" for one in self.segments]
        roles = [f"Persona: {one.title}. {one.pain}" for one in self.personas]
        return "\n".join([*names, *roles, *(f"Not for: {line}" for line in self.anti_icp)])


def market_by_rules(facts: ProductFacts) -> MarketReading:
    """Return the segments that a product's words name: its audiences, else the industries."""
    said = signs.all_said(facts.texts)
    named = signs.industries(said)
    found = [
        SegmentClaim(
            name=sign.name,
            industry=next((name for name, one in named.items() if one == sign.said), ""),
            stage=signs.stage_in(sign.name) or signs.stage_in(sign.said.text),
            geo=signs.place_in(sign.said.text),
            fit=_fit(facts, sign.said),
            reasoning=f"It is named as the audience: {sign.said.text}"[:600],
            quote=sign.said.text[:200],
            source_url=sign.said.source,
        )
        for sign in signs.audiences(said)
        if not sign.is_people
    ]
    told = {segment.industry for segment in found}
    found += [
        SegmentClaim(
            name=industry.replace("_", " "),
            industry=industry,
            stage=signs.stage_in(one.text),
            geo=signs.place_in(one.text),
            fit=_FIT_OF_INDUSTRY,
            reasoning=f"Its words name the industry: {one.text}"[:600],
            quote=one.text[:200],
            source_url=one.source,
        )
        for industry, one in named.items()
        if industry not in told
    ]
    return MarketReading(segments=sorted(found, key=lambda one: -one.fit)[:MOST_SEGMENTS])


def people_by_rules(facts: ProductFacts) -> PeopleReading:
    """Return the personas that the book has of a product, then the roles that its words name."""
    said = signs.all_said(facts.texts)
    hurts = signs.pains(said)
    given = [_of_book(persona, facts) for persona in facts.product.personas]
    named = [sign for sign in signs.audiences(said) if sign.is_people] + signs.titles_in(said) + signs.actors(hurts)
    read = [_of_words(sign, next((one.text for one in hurts if one == sign.said), "")) for sign in named]
    kept = {folded(one.title): one for one in reversed([*given, *read])}
    return PeopleReading(personas=[*kept.values()][::-1][:MOST_PERSONAS])


def refusals_by_rules(facts: ProductFacts) -> RefusalReading:
    """Return the companies that a product's words refuse, and the things that it needs or lacks."""
    said = signs.all_said(facts.texts)
    refused = signs.refusals(said)
    needed = [(severity, one) for severity, one in signs.needs(said) if one not in refused]
    return RefusalReading(
        anti_icp=[QuotedLine(text=one.text[:400], quote=one.text[:200]) for one in refused[:MOST_ANTI_ICP]],
        deal_breakers=[
            DealBreaker(
                name=one.text[:200],
                severity=_severity(severity),
                reason="The product's own words set this condition.",
                quote=one.text[:200],
                source_url=one.source,
            )
            for severity, one in needed[:MOST_ANTI_ICP]
        ],
    )


def criteria_by_rules(facts: ProductFacts) -> CriteriaReading:
    """Return how clear the criteria are, by points for signs in a product's own words."""
    said = signs.all_said(facts.texts)
    market, people, refused = market_by_rules(facts), people_by_rules(facts), refusals_by_rules(facts)
    hurts, helps = signs.pains(said), signs.outcomes(said)
    moves = signs.motions(said)
    first, who = next(iter(market.segments), None), next(iter(people.personas), None)
    has_audience = bool(first and first.fit > _FIT_OF_INDUSTRY)
    measured = signs.measured(dict.fromkeys([*hurts, *helps]))
    parts: Mapping[Criterion, Sequence[tuple[float, str, Iterable[str]]]] = {
        "segment_clarity": [
            (0.5, "an audience is named", [one.quote for one in market.segments] if has_audience else []),
            (0.2, "an industry is named", [one.quote for one in market.segments if one.industry]),
            (0.2, "a size or stage is named", [one.quote for one in market.segments if one.stage]),
            (0.1, "a market is named", [one.quote for one in market.segments if one.geo]),
        ],
        "buyer_persona_specificity": [
            (0.5, "a role is named", [who.quote] if who else []),
            (0.2, "its department is clear", [one.quote for one in people.personas if one.department]),
            (0.15, "its seniority is clear", [one.quote for one in people.personas if one.seniority]),
            (0.15, "its pain is told", [one.quote for one in people.personas if one.pain]),
        ],
        "pain_solution_fit": [
            (0.4, "a pain is told", [one.text for one in hurts]),
            (0.4, "what the product does about it is told", [one.text for one in helps]),
            (0.2, "one of both has a number", [one.text for one in measured]),
        ],
        "distribution_gtm_signal": [(0.25, name, [one.text]) for name, one in moves.items()],
        "anti_icp_clarity": [
            (0.6, "somebody is refused", [one.quote for one in refused.anti_icp]),
            (0.4, "a condition is set", [one.quote for one in refused.deal_breakers]),
        ],
    }
    return CriteriaReading(criteria_scores={name: _added_up(points) for name, points in parts.items()})


def segments_that_stand(view: MarketReading, texts: Texts) -> list[SegmentClaim]:
    """Return the segments with words in the texts. A detail that the texts do not have is left out."""
    found: dict[str, SegmentClaim] = {}
    for one in view.segments:
        proof = proof_of(one.name, one.quote, texts)
        if proof and names_something_in(one.name, texts):
            told = {"quote": proof.quote, "source_url": proof.source_url, "reasoning": _sober(one.reasoning, texts)}
            found.setdefault(folded(one.name), one.model_copy(update=told))
    return sorted(found.values(), key=lambda one: -one.fit)[:MOST_SEGMENTS]


def personas_that_stand(view: PeopleReading, texts: Texts) -> list[PersonaClaim]:
    """Return the personas with words in the texts."""
    found: dict[str, PersonaClaim] = {}
    for one in view.personas:
        proof = proof_of(one.title, one.quote, texts)
        if proof and names_something_in(one.title, texts):
            told = {
                "quote": proof.quote,
                "source_url": proof.source_url,
                "pain": _sober(one.pain, texts),
                "seniority": one.seniority if one.seniority in SENIORITIES else "",
                "department": one.department if one.department in DEPARTMENTS else "",
            }
            found.setdefault(folded(one.title), one.model_copy(update=told))
    return [*found.values()][:MOST_PERSONAS]


def refusals_that_stand(view: RefusalReading, texts: Texts) -> tuple[list[Proof], list[DealBreaker]]:
    """Return the companies that do not buy and the reasons that end a deal, as far as words of the texts say so."""
    breakers: dict[str, DealBreaker] = {}
    for one in view.deal_breakers:
        if proof := proof_of(one.name, one.quote, texts):
            told = {"quote": proof.quote, "source_url": proof.source_url, "reason": _sober(one.reason, texts)}
            breakers.setdefault(folded(one.name), one.model_copy(update=told))
    return backed(view.anti_icp, texts, most=MOST_ANTI_ICP), [*breakers.values()]


def scores_that_stand(
    view: CriteriaReading, by_rules: CriteriaReading, texts: Texts
) -> dict[Criterion, CriterionScore]:
    """Return the five scores. One of a model counts within a bound, and only with words of the texts.

    Args:
        view: The model's view.
        by_rules: The rules' view.
        texts: The texts.
    """
    found: dict[Criterion, CriterionScore] = {}
    for name in CRITERIA:
        own, told = by_rules.criteria_scores[name], view.criteria_scores.get(name)
        proofs = [proof_of(name, quote, texts) for quote in told.evidence] if told else []
        evidence = [proof.quote for proof in proofs if proof]
        if told is None or told == own or not evidence or not is_sober(told.justification, texts):
            found[name] = own
        else:
            score = min(max(told.score, own.score - MOST_MODEL_CHANGE), own.score + MOST_MODEL_CHANGE)
            found[name] = told.model_copy(update={"score": round(score, 3), "evidence": evidence})
    return found


def weighted_total(scores: Mapping[Criterion, CriterionScore]) -> float:
    """Return the weighted sum of the criteria, 0-1. A criterion that is missing has 0."""
    return round(sum(WEIGHTS[name] * score.score for name, score in scores.items()), 3)


def joined_document(
    segments: Sequence[SegmentClaim],
    personas: Sequence[PersonaClaim],
    refusals: tuple[Sequence[Proof], Sequence[DealBreaker]],
    scores: Mapping[Criterion, CriterionScore],
) -> IcpDocument:
    """Return the profile of its parts."""
    refused, breakers = refusals
    return IcpDocument(
        criteria_scores=dict(scores),
        weighted_total=weighted_total(scores),
        segments=list(segments),
        personas=list(personas),
        anti_icp=claims_of(refused),
        deal_breakers=list(breakers),
        proofs=list(refused),
    )


def meta_of(graph_meta: Mapping[str, Any], *, is_team: bool) -> dict[str, Any]:
    """Return the `meta` that callers know: version, model, run_at, the digest of the weights, and the source."""
    told = {name: graph_meta.get(name) for name in ("version", "model", "run_at")}
    return {**told, "weights_hash": WEIGHTS_HASH, "team": is_team}


def _fit(facts: ProductFacts, said: signs.Said) -> float:
    return _FIT_OF_PAGE if said.source == (facts.product.url or "home page") else _FIT_OF_DESCRIPTION


def _of_book(persona: Persona, facts: ProductFacts) -> PersonaClaim:
    source = next((name for name in facts.texts if name.endswith(" personas")), "")
    read = read_title(persona.title)
    return PersonaClaim(
        title=persona.title[:120],
        seniority=persona.seniority if persona.seniority in SENIORITIES else read.reading.seniority,
        department=persona.department if persona.department in DEPARTMENTS else read.reading.department,
        pain=persona.pain[:600],
        quote=": ".join(filter(None, (persona.title, persona.pain)))[:200],
        source_url=source,
    )


def _of_words(sign: signs.AudienceSign, pain: str) -> PersonaClaim:
    read = read_title(_singular(sign.name))
    return PersonaClaim(
        title=sign.name[:120],
        seniority=read.reading.seniority if read.is_post else "",
        department="" if read.reading.department == "Other" else read.reading.department,
        pain=pain[:600],
        channel=_channel_in(sign.said.text),
        quote=sign.said.text[:200],
        source_url=sign.said.source,
    )


def _channel_in(text: str) -> Channel:
    told = signs.motions([signs.Said(text, "")])
    return "linkedin_dm" if "linkedin" in told else "community" if "a community" in told else ""


def _singular(name: str) -> str:
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name


def _severity(name: str) -> Severity:
    return "high" if name == "high" else "medium" if name == "medium" else "low"


def _sober(text: str, texts: Texts) -> str:
    return text if is_sober(text, texts) else ""


def _added_up(points: Sequence[tuple[float, str, Iterable[str]]]) -> CriterionScore:
    found = [(value, why, [*quotes]) for value, why, quotes in points]
    told = [(value, why, quotes) for value, why, quotes in found if quotes]
    evidence = list(dict.fromkeys(quote[:200] for _, _, quotes in told for quote in quotes))[:MOST_EVIDENCE]
    sure = min(_MOST_CONFIDENCE, _LEAST_CONFIDENCE + _CONFIDENCE_PER_QUOTE * len(evidence))
    return CriterionScore(
        score=round(min(1.0, sum(value for value, _, _ in told)), 3),
        confidence=round(sure, 2) if told else _NO_CONFIDENCE,
        justification=("; ".join(why for _, why, _ in told) or "its words say nothing of it")[:600],
        evidence=evidence,
    )
