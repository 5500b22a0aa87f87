"""Find companies for one segment of a product's market, and write those that fit into the book.

`START → load_inputs → generate_candidates → dedupe → judge_fit → persist → END`

The segment is one of the product's ICP analysis, or is given by value. A model or the rules write the searches. The
book's companies and the blocked ones are left out. The rules judge the fit by the home page (`rules.segments`).
"""

from itertools import count
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field

from agentic_sales.campaigns.book.known import known_sites
from agentic_sales.campaigns.book.segments import save_segment, segment_of
from agentic_sales.llm.ask import ModelOutput, ask
from agentic_sales.llm.progress import tell_progress
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules import segments as rules
from agentic_sales.rules.company_search import Candidate, sort_hits
from agentic_sales.rules.forms import dumped
from agentic_sales.settings import settings
from agentic_sales.sources.home_pages import read_homes
from agentic_sales.sources.search import search_each
from agentic_sales.sources.service import Unavailable

PROMPTS = load_prompts(__file__)
BLANK = rules.TargetSegment(name="any")


class Input(rules.SegmentForm):
    """Input of a run."""

    max_companies: int = Field(default=15, ge=1, le=50, description="Most new companies that are looked at.")
    dry_run: bool = Field(default=False, description="Write nothing into the book.")


class Output(ModelOutput):
    """Output of a run."""

    target: rules.TargetSegment = Field(default=BLANK, description="The segment.")
    product: dict[str, Any] = Field(default_factory=dict, description="The product, as far as it is known.")
    queries: list[str] = Field(default_factory=list, description="Searches that were made.")
    candidates: list[Candidate] = Field(default_factory=list, description="Sites of companies that were found.")
    companies: list[rules.SegmentCompany] = Field(default_factory=list, description="New ones that fit, best first.")
    filtered: list[Candidate] = Field(default_factory=list, description="Left-out companies with reasons.")
    inserted_ids: list[str] = Field(default_factory=list, description="Companies that are new in the book.")
    all_known: bool = Field(default=False, description="Companies were found, and the book has or blocks all of them.")
    summary: dict[str, Any] = Field(default_factory=dict, description="Counts of the run, and `existing_ids`.")
    unavailable_sources: list[str] = Field(default_factory=list, description="Sources that did not serve, and why.")


class State(Input, Output):
    """Input, output and the companies to look at."""

    fresh: list[Candidate] = Field(default_factory=list)


EXAMPLE: dict[str, Any] = {"segment": {"name": "AI consultancies", "industry": "artificial intelligence consulting"}}


async def load_inputs(state: State) -> dict[str, Any]:
    """Find the segment."""
    target, product = await segment_of(state)
    return {"target": target.model_dump(), "segment": target.model_dump(), "product": product}


async def generate_candidates(state: State) -> dict[str, Any]:
    """Write the searches and make them. A search that fails does not stop the others."""
    answer = await ask(
        PROMPTS["generate_candidates"],
        rules.SegmentQueries,
        fallback=lambda: rules.segment_queries(state.target),
        segment=fenced(rules.about_segment(state.target, state.product)),
    )
    gone, done, queries = Unavailable(), count(1), answer.value.queries
    hits = await search_each(
        settings(), queries, gone, searched=lambda query: tell_progress("search", next(done), len(queries), query)
    )
    found = sort_hits(hits)
    return {
        "queries": queries,
        "candidates": dumped(found.candidates),
        "filtered": dumped(found.left_out),
        "unavailable_sources": list(gone.told),
        **answer.report,
    }


async def dedupe(state: State) -> dict[str, Any]:
    """Leave out the companies that the book has, and those that are blocked."""
    known = await known_sites(candidate.domain for candidate in state.candidates)
    existing = sorted(company.company_id for company in known.values() if not company.is_blocked)
    fresh = [candidate for candidate in state.candidates if candidate.domain not in known]
    return {
        "fresh": dumped(fresh[: state.max_companies]),
        "all_known": bool(state.candidates) and not fresh,
        "summary": {"existing_ids": existing, "skipped_blocked": len(known) - len(existing)},
    }


async def judge_fit(state: State) -> dict[str, Any]:
    """Read the home page of each company, and keep those of the segment."""
    of, done = len(state.fresh), count(1)
    domains = [candidate.domain for candidate in state.fresh]
    homes = await read_homes(settings(), domains, read=lambda site: tell_progress("judge_fit", next(done), of, site))
    judged = [rules.fitting(each, homes[each.domain], state.target) for each in state.fresh]
    kept, low = rules.kept_and_low(judged)
    left_out = [rules.left_out(company) for company in low]
    return {"companies": dumped(kept), "filtered": dumped([*state.filtered, *left_out]), "fresh": []}


async def persist(state: State) -> dict[str, Any]:
    """Write the companies with the words that name the segment."""
    inserted = [] if state.dry_run else await save_segment(state.companies, state.target)
    counts = {name: len(getattr(state, name)) for name in ("candidates", "filtered", "companies")}
    return {"inserted_ids": inserted, "summary": {**state.summary, **counts, "inserted": len(inserted)}}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes in the order above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([load_inputs, generate_candidates, dedupe, judge_fit, persist])
    builder.add_edge(START, "load_inputs")
    builder.add_edge("persist", END)
    return builder.compile(checkpointer=checkpointer, name="lead_gen_team")


graph = build_graph()
