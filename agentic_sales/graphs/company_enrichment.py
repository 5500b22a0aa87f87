"""Tell what a company is from its own web site: `START → fetch → classify → score → END`.

Two pages are read: the home page, and the careers page that it links to. A model classifies them; rules over closed
vocabularies do where no model is usable or it is not sure. A claim is backed by words of these pages or by none:
evidence must never be invented. Nothing is stored and nobody is written to.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import shorten
from typing import Any, Literal
from urllib.parse import urlsplit

import structlog
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, ConfigDict, Field

from agentic_sales.errors import (
    FetchRefused,
    ModelMisconfigured,
    ModelNotConfigured,
    ModelRefused,
    ProviderUnavailable,
    RateLimited,
)
from agentic_sales.llm.ask import Answer, ModelOutput, ask
from agentic_sales.llm.graph_meta import Spending, build_graph_meta
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules.company_signs import (
    Finding,
    category_confidence,
    category_points,
    find_quote,
    plain_text,
    read_ai_tier,
    read_category,
    read_industry,
    read_open_roles,
    read_remote_policy,
)
from agentic_sales.rules.company_words import CAREERS_PATH, JOB_BOARD_HOST, Category, Industry, RemotePolicy
from agentic_sales.settings import settings
from agentic_sales.sources.links import is_page, page_key, same_site
from agentic_sales.sources.web import Fetcher, Page

PROMPTS = load_prompts(__file__)

MAX_MARKDOWN_CHARS = 20_000
"""What is kept of each page."""
MAX_HOME_PROMPT_CHARS = 8_000
MAX_CAREERS_PROMPT_CHARS = 4_000
MAX_DESCRIPTION_CHARS = 300
MIN_DESCRIPTION_WORDS = 6
TRUSTED_CONFIDENCE = 0.4
"""Confidence of a model below which the rules' verdict is taken."""

AI_WEIGHT = 0.4
SERVICES_WEIGHT = 0.3
REMOTE_WEIGHT = 0.2
OPEN_ROLES_WEIGHT = 0.1
"""The weights add up to 1; the first three are those of the pre-score that callers know from company discovery."""
SERVICES_FIT: Mapping[Category, float] = {
    "CONSULTANCY": 1.0,
    "AGENCY": 1.0,
    "PRODUCT": 0.5,
    "STAFFING": 0.0,
    "UNKNOWN": 0.0,
}
REMOTE_FIT: Mapping[RemotePolicy, float] = {"remote": 1.0, "hybrid": 0.5, "onsite": 0.0, "unknown": 0.0}
AI_TIERS = ("no AI", "uses AI", "AI-native")
REVIEW_CONFIDENCE = 0.6
"""Confidence below which a person should look."""
MIN_HOME_CHARS = 200
"""A home page with less is likely drawn by scripts, which are never run."""

_TITLE_SEPARATOR = re.compile(r"\s+[|·•:\u2013\u2014-]+\s+|:\s+")
_NO_NAMES = frozenset({"", "home", "homepage", "home page", "welcome", "start", "startseite", "willkommen"})
_NO_DESCRIPTION = re.compile(r"cookies?|javascript", re.IGNORECASE)

EvidenceField = Literal["category", "ai_tier", "industry", "remote_policy", "has_open_roles"]
ClassifySource = Literal["llm", "heuristic"]
log = structlog.get_logger()


class Company(BaseModel):
    """Who the company is."""

    name: str = Field(default="", description="Name as given, or else from the title of its home page.")
    domain: str = Field(default="", description="Host of its site without `www.`.")
    url: str = Field(default="", description="Address of the home page, after redirects.")
    title: str = Field(default="", description="Title of the home page.")
    description: str = Field(default="", description="First sentence of the home page, or its title; its own words.")


class Classification(BaseModel):
    """What the company is, in closed lists."""

    category: Category = Field(
        description="What it sells. CONSULTANCY: advice or project work by experts. STAFFING: people, as a recruiter "
        "or lender of staff. AGENCY: marketing, design or creative work. PRODUCT: software, hardware or another "
        "technical product of its own. UNKNOWN: none of these, or the pages do not say."
    )
    ai_tier: int = Field(
        ge=0,
        le=2,
        description="0: no artificial intelligence. 1: uses it, in a part of what it sells or makes. 2: AI-native, "
        "what it sells is made of it or about it.",
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
    reason: str = Field(max_length=500, description="One sentence of at most 25 words on the category.")


class Quote(BaseModel):
    """Words of the pages that back one field."""

    field: EvidenceField = Field(description="Field of the classification that the words back.")
    quote: str = Field(description="Words of a page, copied exactly, at most 25.")


class Judgement(Classification):
    """A classification and what it rests on."""

    evidence: list[Quote] = Field(default_factory=list, description="One quote for each field that the pages speak of.")


class Evidence(Quote):
    """Words that were found on a page."""

    url: str = Field(description="The page.")


class Scores(BaseModel):
    """How promising the company is."""

    score: float = Field(
        default=0.0, ge=0, le=1, description="Fit as a lead: AI .4, services .3, remote .2, hiring .1."
    )
    reasons: list[str] = Field(default_factory=list, description="What each part added, then why to review, if so.")
    needs_review: bool = Field(default=True, description="Whether a person should look before anybody relies on it.")


UNDECIDED = Classification(
    category="UNKNOWN",
    ai_tier=0,
    industry="unknown",
    remote_policy="unknown",
    has_open_roles=False,
    confidence=0.0,
    reason="",
)


class Input(BaseModel):
    """What a run takes."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(min_length=1, max_length=2048, description="Address of the company's home page, http or https.")
    name: str = Field(default="", max_length=200, description="Name of the company; empty: taken from its home page.")


class Output(ModelOutput):
    """What a run answers."""

    company: Company = Field(default=Company(), description="Who the company is.")
    home_markdown: str = Field(default="", description="Home page as Markdown, the first 20,000 characters.")
    careers_markdown: str = Field(default="", description="Careers page as Markdown, likewise; empty: none was read.")
    careers_url: str | None = Field(default=None, description="Address of the careers page; null: none was read.")
    emails: list[str] = Field(default_factory=list, description="Addresses that the pages show, lower case.")
    classification: Classification = Field(default=UNDECIDED, description="What the company is.")
    classify_source: ClassifySource = Field(
        default="heuristic", description="Who classified: the model, or the rules (also when it was not sure)."
    )
    evidence: list[Evidence] = Field(
        default_factory=list, description="At most one quote per field of the classification, found on a page."
    )
    scores: Scores = Field(default=Scores(), description="How promising the company is.")


class State(Input, Output):
    """Input and output together."""


EXAMPLE: dict[str, Any] = {"url": "{site}"}


async def fetch(state: State) -> dict[str, Any]:
    """Read the home page, and the careers page that it links to."""
    async with Fetcher(settings()) as web:
        home = await web.fetch(state.url)
        careers = await _fetch_careers(web, home)
    return {
        "company": describe(home, state.name).model_dump(),
        "home_markdown": home.markdown[:MAX_MARKDOWN_CHARS],
        "careers_markdown": careers.markdown[:MAX_MARKDOWN_CHARS] if careers else "",
        "careers_url": careers.final_url if careers else None,
        "emails": list(dict.fromkeys((*home.emails, *(careers.emails if careers else ())))),
    }


async def _fetch_careers(web: Fetcher, home: Page) -> Page | None:
    url = find_careers_url(home.links, home.final_url)
    if url is None:
        return None
    try:
        page = await web.fetch(url)
    except (FetchRefused, ProviderUnavailable) as exc:  # The page adds to the answer, which can do without it.
        log.info("careers_page_not_read", error_code=exc.code)
        return None
    return None if page_key(page.final_url) == page_key(home.final_url) else page


def find_careers_url(links: Iterable[str], home_url: str) -> str | None:
    """Return the link that leads to the careers page: on the site itself, else on a job board; None: there is none."""
    pages = [link for link in links if is_page(link) and page_key(link) != page_key(home_url)]
    own = [link for link in pages if same_site(link, home_url) and CAREERS_PATH.search(urlsplit(link).path)]
    boards = [link for link in pages if JOB_BOARD_HOST.search(urlsplit(link).hostname or "")]
    return next(iter(sorted(own, key=len) or boards), None)


def describe(home: Page, name: str) -> Company:
    """Say who the company is, in the words of its home page."""
    host = (urlsplit(home.final_url).hostname or "").removeprefix("www.")
    lines = plain_text(home.markdown[:MAX_MARKDOWN_CHARS]).splitlines()
    description = next(filter(_is_sentence, lines), home.title)
    return Company(
        name=name.strip() or _name_in_title(home.title, host),
        domain=host,
        url=home.final_url,
        title=home.title,
        description=shorten(description, MAX_DESCRIPTION_CHARS, placeholder=" …"),
    )


def _is_sentence(line: str) -> bool:
    is_long = len(line.split()) >= MIN_DESCRIPTION_WORDS
    return is_long and line.rstrip().endswith((".", "!", "?")) and not _NO_DESCRIPTION.search(line)


def _name_in_title(title: str, host: str) -> str:
    """Return the part of a title that the host repeats, else the shortest part, else the host."""
    parts = [part.strip() for part in _TITLE_SEPARATOR.split(title) if part.strip().casefold() not in _NO_NAMES]
    known = [part for part in parts if _letters(part) and _letters(part) in _letters(host)]
    return min(known or parts or [host], key=len)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


async def classify(state: State) -> dict[str, Any]:
    """Classify the pages by a model, or by the rules; a failing model without rules leaves UNKNOWN and a reason."""
    home = plain_text(f"{state.company.title}\n{state.home_markdown}")
    careers = plain_text(state.careers_markdown)
    rules = judge(home, careers)
    try:
        answer = await ask(
            PROMPTS["classify"],
            Judgement,
            fallback=lambda: rules,
            temperature=0.0,
            home=fenced(home[:MAX_HOME_PROMPT_CHARS]),
            careers=fenced(careers[:MAX_CAREERS_PROMPT_CHARS]),
        )
    except (ModelMisconfigured, ModelNotConfigured, ModelRefused, ProviderUnavailable, RateLimited) as exc:
        return _unclassified(exc)
    pages = ((state.company.url, home), (state.careers_url or "", careers))
    return _classified(answer, rules, pages)


def _unclassified(error: Exception) -> dict[str, Any]:
    reason = shorten(f"classifier error: {error}", 500)
    return {
        "classification": UNDECIDED.model_copy(update={"reason": reason}).model_dump(),
        "classify_source": "heuristic",
        "evidence": [],
        "source": "rules",
        "graph_meta": build_graph_meta(PROMPTS["classify"], answered_by=None, spending=Spending(None)),
    }


def _classified(answer: Answer[Judgement], rules: Judgement, pages: Sequence[tuple[str, str]]) -> dict[str, Any]:
    is_models = answer.source == "llm" and answer.value.confidence >= TRUSTED_CONFIDENCE
    verdict = answer.value if is_models else rules
    agreeing = [quote for quote in rules.evidence if getattr(rules, quote.field) == getattr(verdict, quote.field)]
    return {
        "classification": verdict.model_dump(exclude={"evidence"}),
        "classify_source": "llm" if is_models else "heuristic",
        "evidence": [found.model_dump() for found in verified([*verdict.evidence, *agreeing], pages)],
        "source": "llm" if is_models else "rules",
        "graph_meta": answer.graph_meta if is_models else answer.graph_meta | {"model": None},
    }


def verified(quotes: Iterable[Quote], pages: Sequence[tuple[str, str]]) -> list[Evidence]:
    """Return the first quote of each field that stands on a page, in the page's own spelling, and where.

    Args:
        quotes: What is claimed to stand there.
        pages: Address and plain text of each page.
    """
    found: dict[str, Evidence] = {}
    for quote in quotes:
        standing = ((url, find_quote(quote.quote, text)) for url, text in pages)
        here = next(((url, words) for url, words in standing if words), None)
        if here is not None and quote.field not in found:
            found[quote.field] = Evidence(field=quote.field, quote=here[1], url=here[0])
    return list(found.values())


def judge(home: str, careers: str) -> Judgement:
    """Classify the plain text of a home page and a careers page by rules."""
    category = read_category(home)
    findings: dict[EvidenceField, Finding[Any]] = {
        "category": category,
        "ai_tier": read_ai_tier(home, careers),
        "industry": read_industry(home),
        "remote_policy": read_remote_policy(home, careers),
        "has_open_roles": read_open_roles(home, careers),
    }
    because = f"the home page says: {category.quote}" if category.quote else "the home page does not say what it sells"
    return Judgement(
        **{field: finding.value for field, finding in findings.items()},
        confidence=category_confidence(category_points(home)),
        reason=because,
        evidence=[Quote(field=field, quote=finding.quote) for field, finding in findings.items() if finding.quote],
    )


async def score(state: State) -> dict[str, Any]:
    """Score the company by its classification."""
    doubts = list(find_doubts(state.classification, len(plain_text(state.home_markdown))))
    rated = rate(state.classification)
    scores = Scores(score=rated.score, reasons=[*rated.reasons, *doubts], needs_review=bool(doubts))
    return {"scores": scores.model_dump()}


def rate(known: Classification) -> Scores:
    """Add up what a company has of what makes a lead; each part says what it added."""
    parts = (
        (AI_WEIGHT * known.ai_tier / 2, AI_TIERS[known.ai_tier]),
        (SERVICES_WEIGHT * SERVICES_FIT[known.category], f"category {known.category}"),
        (REMOTE_WEIGHT * REMOTE_FIT[known.remote_policy], f"remote policy {known.remote_policy}"),
        (OPEN_ROLES_WEIGHT * known.has_open_roles, "open roles" if known.has_open_roles else "no open roles found"),
    )
    reasons = [f"{why}: +{points:.2f}" for points, why in parts]
    return Scores(score=round(sum(points for points, _ in parts), 2), reasons=reasons, needs_review=False)


def find_doubts(known: Classification, home_chars: int) -> Iterator[str]:
    """Say why a person should look at a classification; nothing: it may stand."""
    if known.category == "UNKNOWN":
        yield "review: the category is unknown"
    if known.confidence < REVIEW_CONFIDENCE:
        yield f"review: confidence {known.confidence:.2f} is below {REVIEW_CONFIDENCE}"
    if home_chars < MIN_HOME_CHARS:
        yield f"review: the home page has {home_chars} characters, fewer than {MIN_HOME_CHARS}"


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → fetch → classify → score → END`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([fetch, classify, score])
    builder.add_edge(START, "fetch")
    builder.add_edge("score", END)
    return builder.compile(checkpointer=checkpointer, name="company_enrichment")


graph = build_graph()
