"""Tell whether a company belongs to a segment of a product's market, by the words of its own home page.

A segment is told by the words of its industry and its name. A page that says these words of itself belongs to it. A
page that says them of its customers only sells to the segment.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from agentic_sales.rules.company_page import HomeText
from agentic_sales.rules.company_search import Candidate
from agentic_sales.rules.company_signs import sentence_around
from agentic_sales.rules.competitors import telling_words
from agentic_sales.rules.forms import Form
from agentic_sales.rules.found_facts import FoundFact
from agentic_sales.rules.page_orders import gives_orders
from agentic_sales.rules.places import judge_place
from agentic_sales.rules.signs import Hit, level
from agentic_sales.rules.tables import every, table
from agentic_sales.rules.words import folded

LEAST_FIT = 0.6
"""Fit below which a company is none of the segment."""
NAME_WEIGHT, PLACE_WEIGHT, SIZE_WEIGHT = 0.7, 0.15, 0.15
"""Weights of the conditions of a segment. A condition that it leaves open does not count."""
ELSEWHERE = 0.5
"""Factor of a company with a page that places it in another country."""
MOST_QUERIES = 6
_TABLE = table("segments")
_GENERAL = frozenset(every(_TABLE["words"]["general"]))
_SERVED = re.compile(rf"(?<!\w)(?:{'|'.join(every(_TABLE['words']['served']))})\s+(?:[\w'&-]{{1,30}}[ ,]+){{0,3}}$")
_PEOPLE = re.compile(rf"(?<![\w.,])(\d[\d.,]{{0,8}})\+? (?:{'|'.join(every(_TABLE['words']['people']))})(?!\w)")
_RANGE = re.compile(r"(\d[\d.,]{0,8})\s*(?:-|to|bis)\s*(\d[\d.,]{0,8})")
_NUMBER = re.compile(r"\d[\d.,]{0,8}")
_LEAST_STEM, _MOST_STEM = 5, 6
_SAME = {word: tuple(group) for group in _TABLE["words"]["same"] for word in group}
_SENTENCE_END = re.compile(r"[.!?]\s*$")


class TargetSegment(BaseModel):
    """One segment of a market."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(min_length=1, max_length=120, description="Its name, such as `freight forwarders`.")
    industry: str = Field(default="", max_length=80, description="Industry. Empty: any.")
    stage: str = Field(default="", max_length=80, description="Size, such as `10-200 employees`. Empty: any.")
    geo: str = Field(default="", max_length=80, description="Country or region. Empty: any.")


class SegmentForm(Form):
    """An input that names a segment: one of a product's ICP analysis, or by value."""

    product_id: int | None = Field(default=None, ge=1, description="Product with the segment in its ICP analysis.")
    segment_index: int = Field(default=0, ge=0, le=20, description="Which segment of the analysis, from 0.")
    segment: TargetSegment | None = Field(default=None, description="The segment by value. It goes before the book's.")


class SegmentQueries(BaseModel):
    """Web searches that find the companies of a segment."""

    queries: list[str] = Field(min_length=1, max_length=MOST_QUERIES, description="Searches of 2 to 8 words each.")


class SegmentCompany(Candidate):
    """A company with its fit."""

    fit: float = Field(
        description="0 to 1: the segment's words .7, its place .15, its size .15, as far as it has them."
    )
    reasons: list[str] = Field(default_factory=list, description="Reasons for and against it.")
    quote: str = Field(default="", description="Words of its page that name the segment.")
    country: str | None = Field(default=None, description="Country that its page names. Null: none.")


class PlacedPage(BaseModel):
    """The size and the place of a company by a page."""

    people: int | None = None
    country: str | None = None


def about_segment(segment: TargetSegment, product: Mapping[str, Any]) -> str:
    """Return a segment and the product for a prompt."""
    told = {
        "Segment": segment.name,
        "Industry": segment.industry,
        "Size": segment.stage,
        "Region": segment.geo,
        "We sell": product.get("description") or product.get("name"),
    }
    return "\n".join(f"{name}: {value or 'any'}" for name, value in told.items())


def segment_queries(segment: TargetSegment) -> SegmentQueries:
    """Return the searches for a segment by rules."""
    place = f"in {segment.geo}" if segment.geo else ""
    kinds = list(dict.fromkeys(filter(None, (segment.name, segment.industry))))
    parts = [(kind, word, place) for kind in kinds for word in ("", *_TABLE["queries"]["companies"])]
    told = (" ".join(" ".join(words).split()) for words in parts)
    return SegmentQueries(queries=list(dict.fromkeys(told))[:MOST_QUERIES])


def fitting(candidate: Candidate, home: HomeText | None, segment: TargetSegment) -> SegmentCompany:
    """Rate a company by its home page. A page that cannot be read, or that gives orders to programs, fits nothing."""
    company = SegmentCompany(**candidate.model_dump(), fit=0.0)
    if home is None:
        return company.model_copy(update={"reasons": ["its home page cannot be read"]})
    company = company.model_copy(update={"name": home.name or candidate.name, "url": home.url})
    if gives_orders(home.text):
        return company.model_copy(update={"reasons": ["its page gives orders to programs"]})
    share, quote, why = _named(segment, home.text)
    parts, reasons = [(NAME_WEIGHT, share)], [why]
    page = _placed(home.text)
    wanted_country = judge_place(segment.geo).country if segment.geo else None
    if wanted_country:
        parts.append((PLACE_WEIGHT, float(page.country == wanted_country)))
        reasons.append(f"its page places it in {page.country or 'no country'}, and the segment is in {wanted_country}")
    if (bounds := _people_wanted(segment.stage)) and page.people is not None:
        parts.append((SIZE_WEIGHT, float(bounds[0] <= page.people <= bounds[1])))
        reasons.append(f"its page names {page.people} people, and the segment has {bounds[0]} to {bounds[1]}")
    fit = sum(weight * value for weight, value in parts) / sum(weight for weight, _ in parts) if share else 0.0
    if page.country and wanted_country and page.country != wanted_country:
        fit *= ELSEWHERE
    told = {"fit": round(fit, 2), "reasons": reasons, "quote": quote, "country": page.country}
    return company.model_copy(update=told)


def _named(segment: TargetSegment, text: str) -> tuple[float, str, str]:
    """Return how much of a segment's words a page says of itself, the best sentence, and the reason in words."""
    words = _words_of(segment)
    levelled = level(text)
    own: dict[str, Hit] = {}
    served: list[str] = []
    for word in words:
        hits = list(_pattern_of(word).finditer(levelled))
        mine = [hit for hit in hits if not _is_served(levelled, hit)]
        if mine:
            own[word] = mine[0]
        elif hits:
            served.append(word)
    share = len(own) / len(words) if words else 0.0
    if not own:
        why = f"its page names {', '.join(served)} as its customers" if served else "its page names nothing of it"
        return 0.0, "", why
    sentences = [sentence_around(text, hit) for hit in own.values()]
    best = max(sentences, key=lambda said: (_SENTENCE_END.search(said) is not None, _count(words, said)))
    return share, best, f"its page says {', '.join(own)} of itself, {len(own)} of {len(words)} words of the segment"


def _words_of(segment: TargetSegment) -> list[str]:
    """Return the words that tell a segment. Words that any company says of itself tell nothing."""
    text = folded(f"{segment.name} {segment.industry}")
    phrases = [phrase for phrase in _SAME if re.search(rf"\b{re.escape(phrase)}\b", text)]
    for phrase in phrases:
        text = re.sub(rf"\b{re.escape(phrase)}\b", " ", text)
    told = {_SAME[phrase][0] for phrase in phrases}
    names = [*sorted(told), *telling_words(text)]
    by_stem = {_stem(word): word for word in reversed(names) if word not in _GENERAL}
    return list(by_stem.values()) or list(dict.fromkeys(names))


def _pattern_of(word: str) -> re.Pattern[str]:
    """Return the pattern of a word in any of its endings, or of the phrases that mean the same."""
    same = _SAME.get(word)
    inner = "|".join(map(re.escape, same)) if same else rf"{re.escape(_stem(word))}\w{{0,12}}"
    return re.compile(rf"(?<!\w)(?:{inner})(?!\w)")


def _count(words: Iterable[str], said: str) -> int:
    return sum(_pattern_of(word).search(level(said)) is not None for word in words)


def _stem(word: str) -> str:
    bare = level(word)
    return bare if len(bare) <= _LEAST_STEM else bare[: min(_MOST_STEM, max(_LEAST_STEM, len(bare) - 3))]


def _is_served(text: str, hit: Hit) -> bool:
    """Tell whether the words before a hit say that it is about the customers."""
    before = text[max(0, hit.start() - 80) : hit.start()].rpartition("\n")[2]
    return _SERVED.search(re.split(r"[.;:!?]", before)[-1]) is not None


def _placed(text: str) -> PlacedPage:
    levelled = level(text)
    counts = [int(number) for found in _PEOPLE.findall(levelled) if (number := re.sub(r"\D", "", found))]
    seat = _SEAT.search(text)
    return PlacedPage(people=counts[0] if counts else None, country=judge_place(seat[1]).country if seat else None)


_SEAT = re.compile(
    rf"(?i:(?<!\w)(?:{'|'.join(every(_TABLE['words']['seat']))})) ([A-Z\u00c0-\u024f][\w'\u00c0-\u024f, -]{{1,60}})"
)


def _people_wanted(stage: str) -> tuple[int, int] | None:
    """Return the bounds of a size such as `10-200 employees`. None: it names no number of people."""
    if (span := _RANGE.search(level(stage))) is not None:
        low, high = (int(re.sub(r"\D", "", part)) for part in span.groups())
        return low, high
    if (number := _NUMBER.search(stage)) is None:
        return None
    count = int(re.sub(r"\D", "", number[0]))
    return (count, 10**9) if "+" in stage or "over" in stage.lower() else (1, count)


def kept_and_low(companies: Iterable[SegmentCompany]) -> tuple[list[SegmentCompany], list[SegmentCompany]]:
    """Return the companies of a segment, the best first, and the others."""
    ordered = sorted(companies, key=lambda company: (-company.fit, company.domain))
    kept = [company for company in ordered if company.fit >= LEAST_FIT]
    return kept, [company for company in ordered if company.fit < LEAST_FIT]


def left_out(company: SegmentCompany) -> Candidate:
    """Return a company that does not fit, with the reasons."""
    why = f"its fit {company.fit:.2f} is below {LEAST_FIT:g}: {'; '.join(company.reasons)}"
    return Candidate(name=company.name, domain=company.domain, why=why, url=company.url)


def facts_of_segment(company: SegmentCompany, segment: TargetSegment) -> list[FoundFact]:
    """Return the facts of a company of a segment."""
    named = FoundFact(
        field="icp_segment",
        value=segment.name,
        method="rules",
        confidence=company.fit,
        source_url=company.url,
        quote=company.quote,
    )
    return [named, FoundFact(field="icp_fit", value=company.fit, method="rules", source_url=company.url)]


def segments_in(document: Mapping[str, Any]) -> Sequence[TargetSegment]:
    """Return the segments of an ICP analysis in their order."""
    return [TargetSegment.model_validate(each) for each in document.get("segments") or []]
