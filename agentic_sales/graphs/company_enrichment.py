"""Tell what a company is from its own web site: `START → fetch → classify → score → END`.

Two pages are read: the home page and its careers page. A model classifies them. Without a usable or certain model the
rules classify them (`rules.company_verdict`). Evidence is a quote of these pages and must never be invented. Nothing is
stored and no mail is written.
"""

from collections.abc import Sequence
from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field

from agentic_sales.additions import with_additions
from agentic_sales.llm.ask import Answer, ModelOutput, ask
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules.company_page import Company, describe_company
from agentic_sales.rules.company_scores import Scores, find_doubts, rate
from agentic_sales.rules.company_signs import plain_text
from agentic_sales.rules.company_verdict import (
    UNDECIDED,
    Classification,
    Evidence,
    Judgement,
    agreeing,
    judge_company,
    undecided,
    verified,
)
from agentic_sales.rules.company_words import company_words
from agentic_sales.rules.forms import Form
from agentic_sales.settings import settings
from agentic_sales.sources.careers import fetch_careers
from agentic_sales.sources.web import Fetcher

PROMPTS = load_prompts(__file__)
MAX_MARKDOWN_CHARS = 20_000
"""Letters that are kept of each page."""
MAX_HOME_PROMPT_CHARS = 8_000
MAX_CAREERS_PROMPT_CHARS = 4_000
TRUSTED_CONFIDENCE = 0.4
"""Least confidence of a model. Below it the verdict of the rules counts."""

ClassifySource = Literal["llm", "heuristic"]


class Input(Form):
    """What a run takes."""

    url: str = Field(min_length=1, max_length=2048, description="Address of the company's home page, http or https.")
    name: str = Field(default="", max_length=200, description="Name of the company; empty: taken from its home page.")


class Output(ModelOutput):
    """What a run answers."""

    company: Company = Field(default=Company(), description="Who the company is.")
    readable: bool = Field(default=True, description="Whether the home page shows text that can be read.")
    unreadable_reason: str = Field(default="", description="Why it does not; empty: it does.")
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
    """Read the home page and its careers page."""
    async with Fetcher(settings()) as web:
        home = await web.fetch(state.url)
        careers = await fetch_careers(web, home)
    markdown = home.markdown[:MAX_MARKDOWN_CHARS]
    return {
        "company": describe_company(home.title, home.final_url, markdown, state.name).model_dump(),
        "readable": not home.unreadable_reason,
        "unreadable_reason": home.unreadable_reason,
        "home_markdown": markdown,
        "careers_markdown": careers.markdown[:MAX_MARKDOWN_CHARS] if careers else "",
        "careers_url": careers.final_url if careers else None,
        "emails": list(dict.fromkeys((*home.emails, *(careers.emails if careers else ())))),
    }


async def classify(state: State) -> dict[str, Any]:
    """Classify the pages by a model or by the rules. A failed model without rules leaves UNKNOWN and a reason."""
    home = plain_text(f"{state.company.title}\n{state.home_markdown}")
    careers = plain_text(state.careers_markdown)
    words = with_additions("companies", company_words, settings().rules_dir)
    rules = judge_company(home, careers, words)
    answer = await ask(
        PROMPTS["classify"],
        Judgement,
        fallback=lambda: rules,
        undecided=undecided,
        temperature=0.0,
        home=fenced(home[:MAX_HOME_PROMPT_CHARS]),
        careers=fenced(careers[:MAX_CAREERS_PROMPT_CHARS]),
    )
    return _classified(answer, rules, ((state.company.url, home), (state.careers_url or "", careers)))


def _classified(answer: Answer[Judgement], rules: Judgement, pages: Sequence[tuple[str, str]]) -> dict[str, Any]:
    is_unsure = answer.source == "llm" and answer.value.confidence < TRUSTED_CONFIDENCE
    is_models = answer.source == "llm" and not is_unsure
    verdict = rules if is_unsure else answer.value
    return {
        "classification": verdict.model_dump(exclude={"evidence"}),
        "classify_source": "llm" if is_models else "heuristic",
        "evidence": [found.model_dump() for found in verified([*verdict.evidence, *agreeing(rules, verdict)], pages)],
        "source": "llm" if is_models else "rules",
        "graph_meta": answer.graph_meta if is_models else answer.graph_meta | {"model": None},
    }


async def score(state: State) -> dict[str, Any]:
    """Score the company by its classification."""
    doubts = list(find_doubts(state.classification, len(plain_text(state.home_markdown))))
    rated = rate(state.classification)
    scores = Scores(score=rated.score, reasons=[*rated.reasons, *doubts], needs_review=bool(doubts))
    return {"scores": scores.model_dump()}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → fetch → classify → score → END`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([fetch, classify, score])
    builder.add_edge(START, "fetch")
    builder.add_edge("score", END)
    return builder.compile(checkpointer=checkpointer, name="company_enrichment")


graph = build_graph()
