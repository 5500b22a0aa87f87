"""Find and rate competitors by the words of their own pages.

The overlap of two markets is measured: it is the share of the words of an offer that a competitor's page has, rare
words first. A model may judge how dangerous a competitor is, within a bound around the points of the rules. Each of its
claims needs a quote of a page, and each of its numbers must stand there.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from agentic_sales.rules.company_identity import name_key, site_of
from agentic_sales.rules.company_page import HomeText
from agentic_sales.rules.company_search import Candidate
from agentic_sales.rules.company_signs import find_quote, sentence_around
from agentic_sales.rules.company_words import OWN_WORDS
from agentic_sales.rules.forms import Form
from agentic_sales.rules.found_facts import FoundFact, FoundMethod
from agentic_sales.rules.signs import affirmed, compiled, level
from agentic_sales.rules.tables import every, table
from agentic_sales.rules.words import folded

DESCRIPTION_WEIGHT = 3.0
"""Weight of a word of the offer's description. A word of its home page has 1."""
LEAST_OVERLAP = 0.15
"""Overlap below which a company is no competitor."""
MOST_ANGLES = 6
MOST_THREAT = 10.0
OVERLAP_POINTS = 6.0
"""Points of a whole overlap. The rest are signs of strength."""
MOST_MODEL_CHANGE = 3.0
"""How far a model's points may be from those of the rules. A page that gives orders moves nothing further."""
MOST_PAGE_CHARS = 4_000
_OFFER_CHARS = 1_500
_LEAST_WORD = 3
_TABLE = table("competitors")
_MEANINGLESS = frozenset(every(_TABLE["words"]["meaningless"]))
_CLAIMS = {name: compiled(every(phrases)) for name, phrases in _TABLE["claims"].items()}
_STRENGTH = {name: compiled(every(phrases)) for name, phrases in _TABLE["strength"].items()}
_AUDIENCE = re.compile(
    r"(?<!\w)(?:built for|made for|designed for|for|helps?) (?!(?:free|more|every|the next|all|you|your|a )\b)"
    r"([a-z][\w-]*(?: (?!that|which|who|to|with|in|from)[\w-]+){0,4})"
    r"(?=[.,;:!]| that| which| who| to | with | in | from |$)",
    re.IGNORECASE | re.MULTILINE,
)
_SENTENCE_WORDS = 5
_NUMBER = re.compile(r"\d[\d.,]*")


class OfferForm(Form):
    """An input that names an offer of ours: a product or company of the book, or its page or description."""

    product_id: int | None = Field(default=None, ge=1, description="A product of ours in the book.")
    company_id: str = Field(default="", max_length=64, description="A company of the book.")
    name: str = Field(default="", max_length=200, description="Name of the offer, without an id.")
    url: str = Field(default="", max_length=2048, description="Its home page, without an id.")
    description: str = Field(default="", max_length=4_000, description="Description of the offer, without an id.")

    @model_validator(mode="after")
    def _one_is_given(self) -> Self:
        if self.product_id is None and not any(map(str.strip, (self.company_id, self.url, self.description))):
            raise ValueError("give one of `product_id`, `company_id`, `url` and `description`")
        return self


class Offer(BaseModel):
    """An offer to compare with others."""

    kind: Literal["product", "company"] = Field(description="Whether it is a product or a company.")
    id: str = Field(default="", description="Id in the book. Empty: it was given by value.")
    name: str = Field(default="", description="Its name.")
    url: str = Field(default="", description="Its home page. Empty: none is known.")
    description: str = Field(default="", description="Its description.")
    text: str = Field(default="", description="Text of its home page. Empty: it was not read.")

    @property
    def words(self) -> str:
        """Return the text by which its market is told."""
        return f"{self.description}\n{self.text[:_OFFER_CHARS]}"


class MarketQueries(BaseModel):
    """Web searches that find the competitors of an offer."""

    queries: list[str] = Field(min_length=1, max_length=6, description="Searches of 2 to 8 words each.")


class Proof(BaseModel):
    """Words of a page that back a claim."""

    claim: str = Field(description="Claim that they back, such as `threat_rationale`.")
    quote: str = Field(description="The words.")
    source_url: str = Field(description="The page.")


class Competitor(BaseModel):
    """A competitor, rated."""

    name: str = Field(description="Name as its page has it.")
    url: str = Field(description="Its home page.")
    domain: str = Field(description="Registrable domain of its site.")
    description: str = Field(default="", description="First sentence of its home page.")
    positioning_headline: str = Field(default="", description="How it names itself, in its words.")
    positioning_tagline: str = Field(default="", description="Its next sentence, in its words.")
    target_audience: str = Field(default="", description="Target group, as the page states it.")
    differentiation_angles: list[str] = Field(default_factory=list, description="Up to 6 differences to the offer.")
    threat_score: float = Field(default=0.0, ge=0, le=10, description="How dangerous it is, 0 to 10.")
    market_overlap: float = Field(default=0.0, ge=0, le=1, description="Share of the offer's words that its page has.")
    threat_rationale: str = Field(default="", description="Reason for the score.")
    evidence: list[Proof] = Field(default_factory=list, description="Words of pages that back it.")
    method: FoundMethod = Field(default="rules", description="Whether rules or a model compared it.")


class Angle(BaseModel):
    """One difference between a competitor and the offer."""

    angle: str = Field(max_length=300, description="The difference in one sentence.")
    quote: str = Field(description="Words of the competitor's page or of the offer's page that show it, copied.")


class Difference(BaseModel):
    """How a competitor differs from the offer."""

    url: str = Field(description="Home page of the competitor, as given.")
    positioning_headline: str = Field(default="", description="How it names itself, copied from its page.")
    positioning_tagline: str = Field(default="", description="Its promise, copied from its page.")
    target_audience: str = Field(default="", description="Target group, copied from its page.")
    angles: list[Angle] = Field(default_factory=list, max_length=MOST_ANGLES, description="Differences.")


class Differentiation(BaseModel):
    """How all competitors differ from the offer."""

    competitors: list[Difference] = Field(description="One entry per competitor.")


class Threat(BaseModel):
    """How dangerous a competitor is."""

    url: str = Field(description="Home page of the competitor, as given.")
    threat_score: float = Field(ge=0, le=10, description="0: none. 10: it takes the same buyers now.")
    threat_rationale: str = Field(max_length=600, description="Why, in one or two sentences.")
    quote: str = Field(description="Words of the competitor's page that show it, copied letter by letter.")


class ThreatLevels(BaseModel):
    """How dangerous all competitors are."""

    competitors: list[Threat] = Field(description="One entry per competitor.")


@dataclass(frozen=True, slots=True)
class Overlap:
    """How much of an offer a page has."""

    ratio: float
    """Share of the offer's words, rare ones weighing more, 0-1."""
    words: tuple[str, ...]
    """The words, the rarest first."""


def market_queries(offer: Offer, *, python_focus: bool) -> MarketQueries:
    """Return the searches for an offer by rules: its most telling words, and its name."""
    first = (offer.description or offer.text).partition("\n")[0].partition(".")[0].partition(":")
    words = " ".join(telling_words(" ".join((first[0], first[2])))[:5]) or offer.name
    focus = "python" if python_focus else ""
    told = [(words, focus), *((" ".join(words.split()[:3]), word, focus) for word in _TABLE["queries"]["offers"])]
    named = [(offer.name, "competitors", focus)] if offer.name else []
    queries = (" ".join(filter(None, parts)) for parts in (*told, *named))
    return MarketQueries(queries=list(dict.fromkeys(query for query in queries if query.strip()))[:6])


def rivals_among(candidates: Iterable[Candidate], offer: Offer) -> list[Candidate]:
    """Return the candidates but for the offer's own site, each site and each name once."""
    own = {site_of(offer.url), name_key(offer.name)} - {None, ""}
    seen: set[str | None] = set(own)
    found = []
    for candidate in candidates:
        keys = {candidate.domain, name_key(candidate.name)} - {""}
        if not keys & seen:
            found.append(candidate)
            seen |= keys
    return found


def telling_words(text: str) -> list[str]:
    """Return the words of a text that tell a market, each once, in their order."""
    words = (word for word in folded(text).split() if len(word) >= _LEAST_WORD and not word.isdigit())
    return list(dict.fromkeys(word for word in words if word not in _MEANINGLESS))


def overlaps(offer: Offer, texts: Mapping[str, str]) -> dict[str, Overlap]:
    """Return how much of an offer each page has, by the keys of the pages. Words of its description weigh most."""
    pages = {key: frozenset(map(_stem, telling_words(text))) for key, text in texts.items()}
    wanted = {_stem(word): word for word in reversed(telling_words(offer.words))}
    own = set(map(_stem, telling_words(offer.description)))
    weights = {
        stem: log(1 + (len(pages) + 1) / (1 + sum(stem in page for page in pages.values())))
        * (DESCRIPTION_WEIGHT if stem in own else 1.0)
        for stem in wanted
    }
    whole = sum(weights.values()) or 1.0
    found = {}
    for key, page in pages.items():
        common = sorted(wanted.keys() & page, key=lambda stem: (-weights[stem], stem))
        ratio = round(sum(weights[stem] for stem in common) / whole, 3)
        found[key] = Overlap(ratio, tuple(wanted[stem] for stem in common))
    return found


def described(candidate: Candidate, home: HomeText) -> Competitor:
    """Return a competitor as its home page describes it."""
    said = [line.strip() for line in home.text.splitlines() if _is_sentence(line)]
    first, second = [*said, "", ""][:2]
    audience = _AUDIENCE.search(first) or _AUDIENCE.search(second)
    return Competitor(
        name=home.name or candidate.name,
        url=home.url,
        domain=candidate.domain,
        description=first[:300],
        positioning_headline=first[:200],
        positioning_tagline=second[:200],
        target_audience=audience[1] if audience else "",
    )


def claims_in(text: str) -> dict[str, str]:
    """Return the claims of a text on its offer, such as `an API`, with their words."""
    found = ((claim, _said(sign, text)) for claim, sign in _CLAIMS.items())
    return {claim: words for claim, words in found if words}


def differences(offer: Offer, competitor: Competitor, text: str) -> Difference:
    """Return the claims that one of two pages has and the other has not."""
    angles = []
    said_by_us, said_by_them = claims_in(offer.words), claims_in(text)
    for claim in _CLAIMS:
        ours, theirs = said_by_us.get(claim, ""), said_by_them.get(claim, "")
        if theirs and not ours:
            angles.append(Angle(angle=f"It offers {claim}; our page does not say so.", quote=theirs))
        elif ours and not theirs:
            angles.append(Angle(angle=f"We offer {claim}; its home page does not say so.", quote=ours))
    return Difference(
        url=competitor.url,
        positioning_headline=competitor.positioning_headline,
        positioning_tagline=competitor.positioning_tagline,
        target_audience=competitor.target_audience,
        angles=angles[:MOST_ANGLES],
    )


def threat_of(competitor: Competitor, overlap: Overlap, text: str) -> Threat:
    """Return how dangerous a competitor is by points: its overlap, and one for each sign of strength."""
    strong = {name: quote for name, sign in _STRENGTH.items() if (quote := _said(sign, text))}
    shared = ", ".join(overlap.words[:5])
    reasons = [f"{overlap.ratio:.0%} of the words of the offer stand on its page ({shared})", *strong]
    quote = next(iter(strong.values()), competitor.description)
    score = min(MOST_THREAT, OVERLAP_POINTS * overlap.ratio + len(strong))
    return Threat(
        url=competitor.url, threat_score=round(score, 1), threat_rationale="; ".join(reasons) + ".", quote=quote
    )


def compared(
    competitor: Competitor, told: Difference | None, by_rules: Difference, pages: Mapping[str, str]
) -> Competitor:
    """Return a competitor with its differences. A claim without a quote on a page counts for nothing."""
    text = pages.get(competitor.url, "")
    given = told or by_rules
    names = ("positioning_headline", "positioning_tagline", "target_audience")
    copied = {name: find_quote(getattr(given, name), text) or getattr(by_rules, name) for name in names}
    proven = [(angle, proof) for angle in given.angles if (proof := _proof(angle, pages))]
    proofs = [Proof(claim=angle.angle, quote=quote, source_url=url) for angle, (url, quote) in proven]
    update = {**copied, "differentiation_angles": [angle.angle for angle, _ in proven], "evidence": proofs}
    return competitor.model_copy(update=update)


def rated(
    competitor: Competitor, told: Threat | None, by_rules: Threat, overlap: Overlap, pages: Mapping[str, str]
) -> Competitor:
    """Return a competitor with its score. A model's score counts within a bound, and only with a quote."""
    claim = Angle(angle=told.threat_rationale[:300], quote=told.quote) if told else None
    proof = _proof(claim, {competitor.url: pages.get(competitor.url, "")}) if claim else None
    least, most = by_rules.threat_score - MOST_MODEL_CHANGE, by_rules.threat_score + MOST_MODEL_CHANGE
    chosen = told if told and proof else by_rules
    score = min(max(chosen.threat_score, least, 0.0), most, MOST_THREAT)
    quote = proof[1] if proof else find_quote(by_rules.quote, pages.get(competitor.url, "")) or ""
    why = Proof(claim="threat_rationale", quote=quote, source_url=competitor.url)
    update = {
        "threat_score": round(score, 1),
        "threat_rationale": chosen.threat_rationale,
        "market_overlap": overlap.ratio,
        "evidence": [*competitor.evidence, *([why] if quote else [])],
        "method": "llm" if proof else competitor.method,
    }
    return competitor.model_copy(update=update)


def facts_of_competitor(competitor: Competitor) -> list[FoundFact]:
    """Return the facts of a competitor itself, in its own words."""
    names = ("description", "positioning_headline", "target_audience")
    told = ((name, str(getattr(competitor, name))) for name in names)
    return [
        FoundFact(field=name, value=words, method="rules", confidence=0.7, source_url=competitor.url, quote=words)
        for name, words in told
        if words
    ]


def about_offer(offer: Offer) -> str:
    """Return an offer for a prompt."""
    return f"{offer.name or 'our offer'} {offer.url}\n{offer.words}".strip()


def as_sections(pages: Mapping[str, str]) -> str:
    """Return pages for a prompt."""
    return "\n\n".join(f"# {url}\n{text}" for url, text in pages.items())


def focus_of(*, python_focus: bool) -> str:
    """Return the market for a prompt."""
    return "Its buyers work with Python. Say so in every search." if python_focus else "Keep to its market."


def nearest(
    offer: Offer, candidates: Mapping[str, Candidate], homes: Mapping[str, HomeText | None], most: int
) -> tuple[list[Competitor], dict[str, str]]:
    """Return the companies with the home pages most like an offer, and the texts of the pages by address.

    Args:
        offer: The offer.
        candidates: Companies by domain.
        homes: Home pages by domain. None: it cannot be read.
        most: Most companies that are returned, the nearest first. Strangers are left out.
    """
    read = {site: home for site, home in homes.items() if home and home.text.strip()}
    found = overlaps(offer, {site: home.text for site, home in read.items()})
    near = [
        site
        for site in sorted(found, key=lambda site: (-found[site].ratio, site))
        if found[site].ratio >= LEAST_OVERLAP
    ]
    kept = near[:most]
    pages = {read[site].url: read[site].text[:MOST_PAGE_CHARS] for site in kept}
    return [described(candidates[site], read[site]) for site in kept], pages


def all_differences(offer: Offer, competitors: Sequence[Competitor], pages: Mapping[str, str]) -> Differentiation:
    """Return the differences of all competitors by rules."""
    return Differentiation(competitors=[differences(offer, each, pages[each.url]) for each in competitors])


def all_threats(offer: Offer, competitors: Sequence[Competitor], pages: Mapping[str, str]) -> ThreatLevels:
    """Return how dangerous all competitors are by rules."""
    found = overlaps(offer, pages)
    return ThreatLevels(competitors=[threat_of(each, found[each.url], pages[each.url]) for each in competitors])


def joined(
    offer: Offer,
    competitors: Sequence[Competitor],
    pages: Mapping[str, str],
    told_differences: Sequence[Difference],
    told_threats: Sequence[Threat],
) -> list[Competitor]:
    """Return the competitors with the claims that pages back. The worst threat comes first.

    Where nothing was told of a competitor, the rules say it.
    """
    both = {**pages, **({offer.url: offer.words} if offer.url else {})}
    angles = {site_of(told.url): told for told in told_differences}
    threats = {site_of(told.url): told for told in told_threats}
    found, overlap = [], overlaps(offer, pages)
    by_rules = zip(
        all_differences(offer, competitors, pages).competitors,
        all_threats(offer, competitors, pages).competitors,
        strict=True,
    )
    for each, (difference, threat) in zip(competitors, by_rules, strict=True):
        own = {url: text for url, text in both.items() if url in {each.url, offer.url}}
        whole = compared(each, angles.get(each.domain), difference, own)
        found.append(rated(whole, threats.get(each.domain), threat, overlap[each.url], own))
    return sorted(found, key=lambda each: (-each.threat_score, -each.market_overlap, each.domain))


def _proof(angle: Angle, pages: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the page that backs an angle and its words. A number that no page has is an invention."""
    everything = " ".join(pages.values())
    if any(number.rstrip(".,") not in everything for number in _NUMBER.findall(angle.angle)):
        return None
    found = ((url, find_quote(angle.quote, text)) for url, text in pages.items())
    return next(((url, quote) for url, quote in found if quote), None)


def _said(sign: re.Pattern[str], text: str) -> str:
    hit = next(affirmed(sign, level(text), OWN_WORDS.denied), None)
    return sentence_around(text, hit) if hit else ""


def _is_sentence(line: str) -> bool:
    return len(line.split()) >= _SENTENCE_WORDS and line.rstrip().endswith((".", "!"))


def _stem(word: str) -> str:
    """Cut the endings that a word has in its other forms. It is enough to compare two texts of one language."""
    for ending in ("ations", "ation", "ings", "ing", "ers", "ies", "es", "ed", "er", "s", "y"):
        if word.endswith(ending) and len(word) - len(ending) > _LEAST_WORD:
            return word[: -len(ending)]
    return word
