"""Find the problems of a company that a salesperson could solve: `START → load → read → analyze → persist → END`.

The texts are the facts of the book with their sources, its openings, and the telling pages of its site. A model finds
problems in them, or the rules (`rules.company_problems`). A problem without a quote on a page is dropped. The book gets
the others in place of those that this workflow said before.
"""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field

from agentic_sales.additions import with_additions
from agentic_sales.campaigns.book.known import known_company, known_texts
from agentic_sales.campaigns.book.writing import writing_book
from agentic_sales.contracts import Subject
from agentic_sales.llm.ask import ModelOutput, ask
from agentic_sales.llm.progress import tell_progress
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules import company_problems as rules
from agentic_sales.rules.company_identity import Firm, site_of
from agentic_sales.rules.company_page import describe_company
from agentic_sales.rules.company_signs import plain_text
from agentic_sales.rules.enrichments import NOT_BOOKED
from agentic_sales.settings import settings
from agentic_sales.sources.crawl import CrawlLimits
from agentic_sales.sources.service import Unavailable
from agentic_sales.sources.site_pages import cut_fairly
from agentic_sales.sources.site_texts import read_site

PROMPTS = load_prompts(__file__)
WORKFLOW = "company_problems"
LIMITS = CrawlLimits(max_pages=8, max_depth=1, time_limit_s=60.0)
MAX_PROMPT_CHARS = 16_000
"""Letters of all texts that a model reads."""
_CLASSIFIED = ("category", "ai_tier", "industry", "remote_policy", "has_open_roles")


class Input(rules.ProblemForm):
    """Input of a run."""


class Output(rules.ProblemReport, ModelOutput):
    """Output of a run."""


class State(Input, Output):
    """Input, output and the texts."""

    pages: dict[str, str] = Field(default_factory=dict, description="Plain text of each page by its address.")


EXAMPLE: dict[str, Any] = {"url": "https://moonquay.example", "name": "Moonquay"}


async def load(state: State) -> dict[str, Any]:
    """Read the company from the book: its site, its class, its facts with quotes, and its openings."""
    if not state.company_id:
        return {"pages": {state.url: state.text} if state.text.strip() else {}, "classification": {}}
    known = await known_company(state.company_id)
    pages = await known_texts(known.subject, but=WORKFLOW)
    return {
        "url": state.url or known.url,
        "name": state.name or known.name,
        "classification": {name: known.facts[name] for name in _CLASSIFIED if name in known.facts},
        "pages": pages | ({state.url: state.text} if state.text.strip() else {}),
    }


async def read(state: State) -> dict[str, Any]:
    """Read the site, unless the caller has given its words."""
    gone, name = Unavailable(), state.name
    pages = dict(state.pages)
    if state.url and not state.text.strip():
        tell_progress("read", 0, LIMITS.max_pages, state.url)
        found = await read_site(settings(), state.url, LIMITS, gone)
        pages |= {page.final_url: plain_text(page.markdown) for page, _ in found.pages}
        if found.pages and not name:
            name = describe_company(found.first.title, found.first.final_url, found.first.markdown, "").name
        tell_progress("read", len(found.pages), len(found.pages))
    told = {"name": name, "domain": site_of(state.url) if state.url else None, "company_id": state.company_id or None}
    return {"pages": pages, "company": told, "unavailable_sources": list(gone.told)}


async def analyze(state: State) -> dict[str, Any]:
    """Find the problems, and drop those that no page shows."""
    words = with_additions("sales_problems", rules.problem_words, settings().rules_dir)
    texts = dict(zip(state.pages, cut_fairly([*state.pages.values()], MAX_PROMPT_CHARS), strict=True))
    answer = await ask(
        PROMPTS["analyze"],
        rules.CompanyProblems,
        fallback=lambda: rules.judge_problems(state.pages, words),
        temperature=0.0,
        company=fenced(str(state.company.get("name") or state.url)),
        texts=fenced("\n\n".join(f"{url}\n{text}" for url, text in texts.items())),
    )
    claims = answer.value.problems
    found = rules.proven(claims, state.pages, words)
    kept = {rules.slug_of(each.problem) for each in found}
    return {
        "problems": [each.model_dump() for each in found],
        "dropped": [claim.problem for claim in claims if rules.slug_of(claim.problem) not in kept],
        "summary": rules.summary_of(found),
        **answer.report,
    }


async def persist(state: State) -> dict[str, Any]:
    """Write the problems in place of the older ones. If a source did not answer, those stay."""
    findings = rules.findings_of(state.problems, state.source)
    if state.dry_run or not (state.company_id or findings):
        return NOT_BOOKED
    async with writing_book(WORKFLOW) as book:
        firm = Firm(str(state.company["name"]), state.url)
        company_id = state.company_id or (await book.companies([firm]))[firm]
        if state.unavailable_sources:
            book.note(Subject("company", company_id), findings)
        else:
            await book.replace(Subject("company", company_id), rules.GROUP, findings)
    return {"company_id": company_id, **book.told}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes in the order above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([load, read, analyze, persist])
    builder.add_edge(START, "load")
    builder.add_edge("persist", END)
    return builder.compile(checkpointer=checkpointer, name=WORKFLOW)


graph = build_graph()
