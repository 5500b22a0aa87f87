"""Turn a seed into web searches, and their hits into companies to look at.

A search engine finds directories, lists and news beside the sites of companies. Those are told apart by the table
`company_search`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import BaseModel, Field

from agentic_sales.rules.company_identity import site_of
from agentic_sales.rules.company_page import HomeText
from agentic_sales.rules.company_scores import rate
from agentic_sales.rules.company_signs import plain_text
from agentic_sales.rules.company_verdict import Judgement, judge_company, verified
from agentic_sales.rules.company_words import OWN_WORDS, CompanyWords
from agentic_sales.rules.forms import Form
from agentic_sales.rules.found_facts import FoundFact
from agentic_sales.rules.tables import every, table

MOST_QUERIES = 6
LEAST_SCORE = 0.2
"""Pre-score below which a company is dropped. Callers know it."""
_TABLE = table("company_search")
_DIRECTORIES = frozenset(every(_TABLE["hits"]["directories"]))
_LIST = re.compile("|".join(every(_TABLE["hits"]["lists"])))
_TITLE_PARTS = re.compile(r"\s+[|·•:\u2013\u2014-]+\s+|:\s+")
_ABOUT = re.compile(r"^(?:about|jobs at|careers at|welcome to)\s+", re.IGNORECASE)


class FoundPage(Protocol):
    """A hit of a web search."""

    @property
    def url(self) -> str:
        """Its address."""

    @property
    def title(self) -> str:
        """Its title."""

    @property
    def snippet(self) -> str:
        """Words of the page, chosen by the engine."""


class DiscoveryForm(Form):
    """An input with the kind of companies to find."""

    seed_query: str = Field(min_length=2, max_length=300, description="Kind of companies: `AI consultancy`.")
    vertical: str = Field(default="", max_length=100, description="Industry that they serve.")
    geography: str = Field(default="", max_length=100, description="Region or country that they are in.")
    size_band: str = Field(default="", max_length=40, description="Employees, such as `11-50`.")
    keywords: list[str] = Field(default_factory=list, max_length=20, description="Further words to search with.")
    seed_source: Literal["", "ashby"] = Field(
        default="", description="`ashby`: companies on job boards with fitting openings, without a model's searches."
    )


class Queries(BaseModel):
    """Web searches that find companies."""

    queries: list[str] = Field(
        min_length=1,
        max_length=MOST_QUERIES,
        description="Searches of 2 to 8 words each. They differ in their words, not in their order.",
    )


class Candidate(BaseModel):
    """A company that a search found."""

    name: str = Field(description="Name as its page has it.")
    domain: str = Field(description="Registrable domain of its site.")
    why: str = Field(description="Words of the hit that found it, or why it was left out.")
    url: str = Field(default="", description="Page that was found.")


class ScoredCandidate(Candidate):
    """A company with its pre-score."""

    score: float = Field(description="0 to 1: AI .4, services .3, remote .2, hiring .1.")
    reasons: list[str] = Field(default_factory=list, description="Contribution of each part.")
    is_read: bool = Field(default=False, description="Whether its home page was read; else the hit's words counted.")
    findings: list[FoundFact] = Field(default_factory=list, description="Facts of its page, each with a quote.")


@dataclass(frozen=True, slots=True)
class Sorted:
    """The hits of searches, told apart."""

    candidates: list[Candidate]
    """Companies, each site once, in the order of the hits."""
    left_out: list[Candidate]
    """Hits that are no site of one company, with the reason."""


def about_seed(form: DiscoveryForm) -> str:
    """Return the wish of a run for a prompt."""
    told = {
        "Seed": form.seed_query,
        "Vertical": form.vertical,
        "Region": form.geography,
        "Employees": form.size_band,
        "Words of the caller": ", ".join(form.keywords),
    }
    return "\n".join(f"{name}: {value or 'any'}" for name, value in told.items())


def queries_of(form: DiscoveryForm) -> Queries:
    """Return the searches for a seed by rules."""
    seed, place = form.seed_query, f"in {form.geography}" if form.geography else ""
    parts = [
        (form.vertical, seed, place),
        *((seed, word, place) for word in _TABLE["queries"]["companies"]),
        *((keyword, seed, place) for keyword in form.keywords),
        *([(seed, form.size_band, "employees", place)] if form.size_band else []),
    ]
    told = (" ".join(" ".join(filter(None, words)).split()) for words in parts)
    return Queries(queries=list(dict.fromkeys(told))[:MOST_QUERIES])


def sort_hits(hits: Iterable[FoundPage]) -> Sorted:
    """Tell the sites of companies from other pages. The first hit of a site speaks for it, its home page before."""
    found: dict[str, FoundPage] = {}
    left_out: dict[str, Candidate] = {}
    for hit in hits:
        site, title = site_of(hit.url), " ".join(hit.title.split())
        if site is None or not is_of_one_company(site):
            reason = "a page of a directory, a medium or a platform"
        elif _LIST.search(title.lower()):
            reason = f"a page about many companies: {title}"
        else:
            if site not in found or (_is_home(hit.url) and not _is_home(found[site].url)):
                found[site] = hit
            continue
        left_out.setdefault(hit.url, Candidate(name=title, domain=site or "", why=reason, url=hit.url))
    return Sorted([_candidate(site, hit) for site, hit in found.items()], list(left_out.values()))


def is_of_one_company(site: str) -> bool:
    """Tell whether a registrable domain may be a company's own, and not one of a directory, a medium or a platform."""
    return site not in _DIRECTORIES


def scored(candidate: Candidate, home: HomeText | None, words: CompanyWords = OWN_WORDS) -> ScoredCandidate:
    """Score a company by the words of its home page, or by those of the hit if there is no page."""
    judged = judge_company(home.text if home else candidate.why, "", words)
    rated = rate(judged)
    return ScoredCandidate(
        name=(home.name if home else "") or candidate.name,
        domain=candidate.domain,
        why=candidate.why,
        url=home.url if home else candidate.url,
        score=rated.score,
        reasons=rated.reasons,
        is_read=home is not None,
        findings=findings_of(judged, {home.url: home.text} if home else {candidate.url: candidate.why}),
    )


def too_low(company: ScoredCandidate) -> Candidate:
    """Return a company as one that was left out."""
    why = f"its pre-score {company.score:.2f} is below {LEAST_SCORE:g}"
    return Candidate(name=company.name, domain=company.domain, why=why, url=company.url)


def facts_of(company: ScoredCandidate, seed: str) -> list[FoundFact]:
    """Return the facts of a new company: its findings, its pre-score and the seed that led to it."""
    told = {"discovery_score": company.score, "discovered_by": seed}
    own = [FoundFact(field=field, value=value, method="rules", source_url=company.url) for field, value in told.items()]
    words = FoundFact(field="description", value=company.why, method="rules", source_url=company.url, quote=company.why)
    return [*company.findings, *own, words]


def findings_of(judged: Judgement, pages: dict[str, str]) -> list[FoundFact]:
    """Return the findings of a judgement that words of the pages back."""
    return [
        FoundFact(
            field=quote.field,
            value=getattr(judged, quote.field),
            method="rules",
            confidence=judged.confidence,
            source_url=quote.url,
            quote=quote.quote,
        )
        for quote in verified(judged.evidence, list(pages.items()))
    ]


def _candidate(site: str, hit: FoundPage) -> Candidate:
    words = plain_text(hit.snippet).replace("\n", " ").strip()
    return Candidate(name=_name_in(hit.title, site), domain=site, why=words or hit.title, url=hit.url)


def _name_in(title: str, site: str) -> str:
    """Return the part of a title that the site repeats, else its first part, else the site."""
    parts = [_ABOUT.sub("", part.strip()) for part in _TITLE_PARTS.split(title) if part.strip()]
    label = re.sub(r"\W", "", site.partition(".")[0].casefold())
    named = [
        part for part in parts if (bare := re.sub(r"\W", "", part.casefold())) and (bare in label or label in bare)
    ]
    return next(iter(named or parts), site)


def _is_home(url: str) -> bool:
    return not url.partition("://")[2].partition("/")[2].strip("/")
