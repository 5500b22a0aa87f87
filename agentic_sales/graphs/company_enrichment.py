"""Describe a company from its own web site: `START → load → fetch → classify → score → persist → END`.

Two pages are read: the home page and its careers page. A model classifies them. Without a usable or certain model the
rules classify them (`rules.company_verdict`). Evidence is a quote of these pages and must never be invented. The book
keeps the results as facts of the company. If it was looked at lately, `load` answers from the book and goes to the end.
Without an id of the book nothing is written.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field

from agentic_sales.additions import with_additions
from agentic_sales.campaigns.book.known import kept_analysis, known_company
from agentic_sales.campaigns.book.writing import writing_book
from agentic_sales.contracts import Subject
from agentic_sales.llm.ask import ModelOutput, ask
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules.company_page import describe_company
from agentic_sales.rules.company_scores import Scores, find_doubts, rate
from agentic_sales.rules.company_signs import plain_text
from agentic_sales.rules.company_verdict import Judgement, judge_company, undecided
from agentic_sales.rules.company_words import company_words
from agentic_sales.rules.enrichments import NOT_BOOKED, Enrichment, as_kept, decided, findings_of, kept_document
from agentic_sales.rules.forms import RefreshedForm
from agentic_sales.settings import settings
from agentic_sales.sources.careers import fetch_careers
from agentic_sales.sources.web import Fetcher

PROMPTS = load_prompts(__file__)
WORKFLOW = "company_enrichment"
DOCUMENT = "enrichment"
"""Kind of the analysis that keeps a whole enrichment."""
MAX_MARKDOWN_CHARS = 20_000
"""Letters that are kept of each page."""
MAX_HOME_PROMPT_CHARS = 8_000
MAX_CAREERS_PROMPT_CHARS = 4_000


class Input(RefreshedForm):
    """Input of a run."""

    name: str = Field(default="", max_length=200, description="Name of the company. Empty: taken from its home page.")


class Output(Enrichment, ModelOutput):
    """Output of a run."""


class State(Input, Output):
    """Input and output together."""


EXAMPLE: dict[str, Any] = {"url": "{site}"}


async def load(state: State) -> dict[str, Any]:
    """Read a company of the book. The last enrichment is the answer if it is young enough."""
    if not state.company_id:
        return {}
    company = await known_company(state.company_id)
    since = None if state.force_refresh else datetime.now(UTC) - timedelta(days=state.max_age_days)
    kept = await kept_analysis(company.subject, DOCUMENT, WORKFLOW, since=since)
    if kept is not None:
        return {**as_kept(kept), "graph_meta": {}}
    return {"url": state.url or company.site_url, "name": state.name or company.name}


def route_by_age(state: State) -> Literal["fetch", "__end__"]:
    """End with the answer of the book, if it is young enough."""
    return "__end__" if state.skip_reason == "fresh" else "fetch"


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
    pages = ((state.company.url, home), (state.careers_url or "", careers))
    found = decided(answer.value, rules, pages, is_by_model=answer.source == "llm")
    is_models = found["source"] == "llm"
    return {**found, "graph_meta": answer.graph_meta if is_models else answer.graph_meta | {"model": None}}


async def score(state: State) -> dict[str, Any]:
    """Score the company by its classification."""
    doubts = list(find_doubts(state.classification, len(plain_text(state.home_markdown))))
    rated = rate(state.classification)
    scores = Scores(score=rated.score, reasons=[*rated.reasons, *doubts], needs_review=bool(doubts))
    return {"scores": scores.model_dump()}


async def persist(state: State) -> dict[str, Any]:
    """Write the facts and the whole enrichment, in place of those of before."""
    if not state.company_id or state.dry_run or state.why_not_kept:
        return {"skip_reason": state.why_not_kept if state.company_id else "", **NOT_BOOKED}
    subject = Subject("company", state.company_id)
    async with writing_book(WORKFLOW) as book:
        await book.replace(subject, "", findings_of(state))
        await book.keep(subject, DOCUMENT, kept_document(state), prompts=state.graph_meta["prompts"])
    return {"skip_reason": "", **book.told}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes in the order above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([fetch, classify, score, persist])
    builder.add_node(load)
    builder.add_edge(START, "load")
    builder.add_conditional_edges("load", route_by_age)
    builder.add_edge("persist", END)
    return builder.compile(checkpointer=checkpointer, name=WORKFLOW)


graph = build_graph()
