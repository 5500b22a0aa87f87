"""Judge a repository as something that its owner sells or could sell, by its readme, its owner and its age."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from agentic_sales.rules.company_identity import site_of
from agentic_sales.rules.company_signs import find_quote, plain_text, sentence_around
from agentic_sales.rules.company_words import OWN_WORDS
from agentic_sales.rules.found_facts import FoundFact
from agentic_sales.rules.page_orders import gives_orders
from agentic_sales.rules.signs import affirmed, compiled, level
from agentic_sales.rules.tables import Compiled, Table

CommercialIntent = Literal["paid_saas", "open_core", "oss_only", "research_demo", "awareness"]
BuyerPersona = Literal["founder_cto", "ml_team_lead", "platform_eng", "devrel", "indie_dev", "research_lab"]
MonetizationStage = Literal["oss_only", "experimenting", "has_pricing", "has_paying_users"]
PainPoint = Literal[
    "hosting_cost",
    "scaling",
    "eval_observability",
    "fine_tuning",
    "data_pipeline",
    "prompt_engineering",
    "security_compliance",
    "multi_tenant_isolation",
    "latency_optimization",
    "vector_db_choice",
]
"""Closed lists that callers know."""
HEURISTIC_SHARE, MODEL_SHARE = 0.55, 0.45
READ_CHARS = 20_000
MOST_PAINS = 5
_DAYS_A_MONTH = 30.4375
_AGES = ((24, 0.3), (18, 0.5), (12, 0.7))
"""Months since the last push, and the factor of a score from there on."""
ARCHIVED = 0.2
AI_POINTS, COMMERCIAL_POINTS, SITE_POINTS = 0.25, 0.30, 0.10
TRACTION_POINTS, TEAM_POINTS, PAIN_POINTS = 0.15, 0.10, 0.10
_STAGE_RATIO: Mapping[MonetizationStage, float] = {
    "oss_only": 0.0,
    "experimenting": 0.5,
    "has_pricing": 1.0,
    "has_paying_users": 1.0,
}
_NO_PRODUCT: frozenset[CommercialIntent] = frozenset({"research_demo", "awareness"})


@dataclass(frozen=True, slots=True)
class RepositoryWords:
    """The signs of the table `repositories`."""

    commercial_intent: Mapping[str, re.Pattern[str]]
    monetization_stage: Mapping[str, re.Pattern[str]]
    buyer_persona: Mapping[str, re.Pattern[str]]
    pain_points: Mapping[str, re.Pattern[str]]
    not_own: frozenset[str]
    ai_topics: frozenset[str]
    default_topics: tuple[str, ...]


def _built(known: Table) -> RepositoryWords:
    lists = {
        name: {value: compiled(phrases) for value, phrases in known[name].items()}
        for name in ("commercial_intent", "monetization_stage", "buyer_persona", "pain_points")
    }
    return RepositoryWords(
        **lists,
        not_own=frozenset(known["site"]["not_own"]),
        ai_topics=frozenset(known["topics"]["ai"]),
        default_topics=tuple(known["topics"]["default"]),
    )


repository_words = Compiled("repositories", _built)


class RepositoryFacts(BaseModel):
    """A repository as GitHub tells it."""

    full_name: str = Field(max_length=300, description="`owner/name`.")
    url: str = Field(default="", max_length=500, description="Its page.")
    owner_type: str = Field(default="Organization", description="`Organization` or `User`.")
    description: str = Field(default="", max_length=2_000, description="Its description.")
    homepage: str = Field(default="", max_length=500, description="Its homepage.")
    language: str = Field(default="", max_length=100, description="Its main language.")
    topics: list[str] = Field(default_factory=list, max_length=50, description="Its topics.")
    stars: int = Field(default=0, ge=0, description="Stars.")
    license: str = Field(default="", max_length=100, description="SPDX id of its licence.")
    is_archived: bool = Field(default=False, description="Whether its owner has closed it.")
    pushed_at: datetime | str | None = Field(default=None, description="Time of the last push: ISO 8601.")
    readme: str = Field(default="", max_length=200_000, description="Its readme.")

    @property
    def owner(self) -> str:
        """Return the owner's login."""
        return self.full_name.partition("/")[0]

    @property
    def text(self) -> str:
        """Return description and readme as plain text."""
        return "\n".join(filter(None, (self.description, plain_text(self.readme[:READ_CHARS]))))

    @property
    def page(self) -> str:
        """Return its address."""
        return self.url or f"https://github.com/{self.full_name}"

    @property
    def pushed(self) -> datetime | None:
        """Return the time of the last push."""
        return datetime.fromisoformat(self.pushed_at) if isinstance(self.pushed_at, str) else self.pushed_at


class OwnerFacts(BaseModel):
    """An owner of repositories as GitHub tells it."""

    login: str = Field(description="Login.")
    type: str = Field(default="Organization", description="`Organization` or `User`.")
    name: str = Field(default="", description="Name.")
    website: str = Field(default="", description="Site that it names.")
    location: str = Field(default="", description="Place that it names.")
    members: int | None = Field(default=None, description="Public members. Null: not asked.")
    public_repos: int | None = Field(default=None, description="Public repositories.")
    total_stars: int | None = Field(default=None, description="Stars of its repositories together.")


class BriefQuote(BaseModel):
    """Words of a repository that back one value."""

    value: str = Field(description="The value that they back, such as `has_pricing` or `scaling`.")
    quote: str = Field(description="Words of the description or readme, copied exactly, at most 25.")


class Brief(BaseModel):
    """The value of a repository to sellers."""

    commercial_intent: CommercialIntent = Field(
        description="paid_saas: a paid service is offered. open_core: paid features or licences. research_demo: code "
        "of a paper. awareness: teaching or lists. oss_only: none of these is said."
    )
    monetization_stage: MonetizationStage = Field(
        description="has_paying_users: customers are named or counted. has_pricing: prices, plans or a trial. "
        "experimenting: waiting list, beta, sponsors, paid support. oss_only: none of these is said."
    )
    buyer_persona: BuyerPersona = Field(description="Person that would decide to use or buy it.")
    pain_points: list[PainPoint] = Field(
        default_factory=list, max_length=MOST_PAINS, description="Pains that its text names, the plainest first."
    )
    pitch_angle: str = Field(default="", max_length=300, description="One sentence: how to open a talk with its owner.")
    why_now: str = Field(
        default="", max_length=300, description="One sentence: the words of the text that make it timely."
    )
    confidence: float = Field(default=0.0, ge=0, le=1, description="Probability that intent and stage are right.")
    evidence: list[BriefQuote] = Field(
        default_factory=list, max_length=20, description="One quote for intent, stage, persona and each pain."
    )
    llm_score: float | None = Field(
        ge=0, le=1, description="0 to 1: how likely its owner buys tools for building AI products."
    )


class ScoredRepository(BaseModel):
    """A repository with the scores of rules and a model."""

    full_name: str = Field(description="`owner/name`.")
    url: str = Field(description="Its page.")
    stars: int = Field(description="Stars.")
    heuristic_score: float = Field(description="0 to 1, by rules, with the freshness multiplied in.")
    freshness: float = Field(description="Multiplier of its age: 1 to .2.")
    reasons: list[str] = Field(default_factory=list, description="Contribution of each part.")
    llm_score: float | None = Field(default=None, description="0 to 1 by a model. Null: no model judged it.")
    final_score: float = Field(description=".55 heuristic + .45 model; the heuristic alone without a model.")
    brief: Brief | None = Field(
        default=None, description="Its value to sellers. Null: it was below the floor or not looked at."
    )


def freshness(pushed_at: datetime | None, now: datetime, *, is_archived: bool, activity_score: float = 0.0) -> float:
    """Return the multiplier of a repository's age. It falls from 12 months on. Activity is a floor.

    Args:
        pushed_at: Time of the last push. None: nothing was ever pushed.
        now: The present.
        is_archived: Whether its owner has closed it, which no activity outweighs.
        activity_score: 0 to 1, such as that of recent releases.
    """
    if is_archived:
        return ARCHIVED
    months = (now - pushed_at).days / _DAYS_A_MONTH if pushed_at else math.inf
    of_age = next((ratio for least, ratio in _AGES if months >= least), 1.0)
    return max(of_age, min(activity_score, 1.0))


def score_repository(
    repository: RepositoryFacts,
    owner: OwnerFacts | None,
    now: datetime,
    *,
    star_range: tuple[int, int] = (200, 10_000),
    framework: str = "",
    words: RepositoryWords | None = None,
) -> ScoredRepository:
    """Score a repository by rules. Each part says how many points it added."""
    words = words or repository_words.own
    brief, ratio = brief_of(repository, words), freshness(repository.pushed, now, is_archived=repository.is_archived)
    is_product = brief.commercial_intent not in _NO_PRODUCT
    named = f"{repository.description} {' '.join(repository.topics)}"
    is_on_framework = bool(framework) and framework.lower() in f"{named} {repository.readme}".lower()
    parts = [
        (AI_POINTS * _ai_ratio(repository, words), "about artificial intelligence"),
        (COMMERCIAL_POINTS * _STAGE_RATIO[brief.monetization_stage] * is_product, f"stage {brief.monetization_stage}"),
        (SITE_POINTS * has_own_site(repository.homepage, words), "a site of its own"),
        (TRACTION_POINTS * _traction(repository.stars, *star_range), f"{repository.stars} stars"),
        (TEAM_POINTS * _team_ratio(owner), "a small team"),
        (PAIN_POINTS * min(len(brief.pain_points), 2) / 2, f"pains: {', '.join(brief.pain_points) or 'none'}"),
        (AI_POINTS / 5 * is_on_framework, f"built on {framework}"),
    ]
    total = min(sum(points for points, _ in parts), 1.0) * ratio
    return ScoredRepository(
        full_name=repository.full_name,
        url=repository.page,
        stars=repository.stars,
        heuristic_score=round(total, 4),
        freshness=ratio,
        reasons=[*(f"{why}: +{points:.2f}" for points, why in parts if points), f"freshness: x{ratio:g}"],
        final_score=round(total, 4),
    )


def has_own_site(homepage: str, words: RepositoryWords | None = None) -> bool:
    """Tell whether a homepage is a product's own site."""
    site = site_of(homepage) if homepage else None
    known = (words or repository_words.own).not_own
    return site is not None and not any(site == host or site.endswith(f".{host}") for host in known)


def brief_of(repository: RepositoryFacts, words: RepositoryWords | None = None) -> Brief:
    """Return the description of a repository by its own words, by rules. Nothing is said without words for it."""
    words, text = words or repository_words.own, repository.text
    intent, stage, persona = (
        _counted(signs, text) for signs in (words.commercial_intent, words.monetization_stage, words.buyer_persona)
    )
    pains = _counted(words.pain_points, text)
    told: dict[str, Any] = {
        "commercial_intent": _best(intent, "oss_only"),
        "monetization_stage": next(iter(stage), "oss_only"),  # the furthest stage that is said, in the table's order
        "buyer_persona": _best(persona, "indie_dev" if repository.owner_type == "User" else "founder_cto"),
        "pain_points": sorted(pains, key=lambda pain: -len(pains[pain]))[:MOST_PAINS],
    }
    found = {**pains, **persona, **stage, **intent}
    chosen = [told["commercial_intent"], told["monetization_stage"], told["buyer_persona"], *told["pain_points"]]
    evidence = [BriefQuote(value=value, quote=found[value][0]) for value in dict.fromkeys(chosen) if value in found]
    said = len(intent.get(told["commercial_intent"], ())) + len(stage.get(told["monetization_stage"], ()))
    return Brief(**told, confidence=round(min(0.4 + 0.1 * said, 0.9), 2), evidence=evidence, llm_score=None)


def checked_brief(told: Brief, repository: RepositoryFacts, words: RepositoryWords | None = None) -> Brief:
    """Return the parts of a model's brief that words of the repository back. The rules' values stand for the rest.

    A quote that gives orders to its reader backs nothing. Without any quote that stands, the rules' brief is returned.
    """
    own, text = brief_of(repository, words), repository.text
    standing = {
        claim.value: quote
        for claim in told.evidence
        if (quote := find_quote(claim.quote, text)) and not gives_orders(sentence_of(quote, text))
    }
    if not standing:
        return own

    def backed(field: str, silent: str) -> Any:
        value = getattr(told, field)
        return value if value in standing or value == silent else getattr(own, field)

    evidence = [BriefQuote(value=value, quote=quote) for value, quote in standing.items()]
    known = {quote.value for quote in evidence}
    return told.model_copy(
        update={
            "commercial_intent": backed("commercial_intent", "oss_only"),
            "monetization_stage": backed("monetization_stage", "oss_only"),
            "pain_points": [pain for pain in dict.fromkeys(told.pain_points) if pain in standing],
            "evidence": [*evidence, *(quote for quote in own.evidence if quote.value not in known)],
            "pitch_angle": told.pitch_angle if not gives_orders(told.pitch_angle) else "",
            "why_now": told.why_now if not gives_orders(told.why_now) else "",
        }
    )


def with_brief(scored: ScoredRepository, brief: Brief) -> ScoredRepository:
    """Return a repository with its brief. A model's score counts with .45."""
    final = scored.heuristic_score
    if brief.llm_score is not None:
        final = HEURISTIC_SHARE * scored.heuristic_score + MODEL_SHARE * brief.llm_score
    return scored.model_copy(update={"brief": brief, "llm_score": brief.llm_score, "final_score": round(final, 4)})


def sentence_of(quote: str, text: str) -> str:
    """Return the sentences around a quote."""
    found = re.search(re.escape(quote), text)
    return sentence_around(text, found) if found else quote


def facts_of_repository(repository: RepositoryFacts, scored: ScoredRepository) -> list[FoundFact]:
    """Return the facts of a repository: GitHub's fields, its scores, and its brief with quotes."""
    pushed = repository.pushed.isoformat() if repository.pushed else ""
    listed = {
        "stars": repository.stars,
        "topics": repository.topics,
        "language": repository.language,
        "license": repository.license,
        "description": repository.description,
        "homepage": repository.homepage,
        "pushed_at": pushed,
    }
    api = [
        FoundFact(field=f, value=v, method="api", source_url=scored.url) for f, v in listed.items() if v not in ("", [])
    ]
    scores = [FoundFact(field="heuristic_score", value=scored.heuristic_score, method="rules", source_url=scored.url)]
    method: Literal["llm", "rules"] = "rules" if scored.llm_score is None else "llm"
    scores.append(FoundFact(field="final_score", value=scored.final_score, method=method, source_url=scored.url))
    if (brief := scored.brief) is None:
        return [*api, *scores]
    quotes = {quote.value: quote.quote for quote in brief.evidence}
    told = {"commercial_intent": brief.commercial_intent, "monetization_stage": brief.monetization_stage}
    judged = [
        FoundFact(
            field=field,
            value=value,
            method=method,
            confidence=brief.confidence,
            source_url=scored.url,
            quote=quotes.get(value, ""),
        )
        for field, value in {**told, "buyer_persona": brief.buyer_persona}.items()
        if value in quotes
    ]
    pains = [
        FoundFact(
            field=f"pain_point.{pain}",
            value=True,
            method=method,
            confidence=brief.confidence,
            source_url=scored.url,
            quote=quotes[pain],
        )
        for pain in brief.pain_points
        if pain in quotes
    ]
    return [*api, *scores, *judged, *pains]


def _counted(signs: Mapping[str, re.Pattern[str]], text: str) -> dict[str, list[str]]:
    """Return the sentences with different signs of each value that a text affirms."""
    found: dict[str, list[str]] = {}
    levelled = level(text)
    for value, sign in signs.items():
        hits = {hit[0]: hit for hit in reversed([*affirmed(sign, levelled, OWN_WORDS.denied)])}
        quotes = [sentence_around(text, hit) for hit in sorted(hits.values(), key=lambda hit: hit.start())]
        if told := [quote for quote in quotes if quote and not gives_orders(quote)]:
            found[value] = told
    return found


def _best(found: Mapping[str, list[str]], otherwise: str) -> str:
    return max(found, key=lambda value: len(found[value]), default=otherwise)


def _ai_ratio(repository: RepositoryFacts, words: RepositoryWords) -> float:
    if words.ai_topics & set(repository.topics) or OWN_WORDS.ai_mention.search(repository.description):
        return 1.0
    return 0.5 if OWN_WORDS.ai_mention.search(repository.readme[:READ_CHARS]) else 0.0


def _traction(stars: int, least: int, most: int) -> float:
    """Return where a number of stars stands between two bounds, by orders of magnitude."""
    if stars <= least or most <= least:
        return 0.0
    return min(math.log(stars / max(least, 1)) / math.log(most / max(least, 1)), 1.0)


def _team_ratio(owner: OwnerFacts | None) -> float:
    return 0.0 if owner is None else 0.5 if owner.type == "User" else 1.0
