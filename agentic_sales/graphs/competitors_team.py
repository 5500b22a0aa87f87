"""Find and rate the competitors of an offer by web search and their own sites.

`START → load → discovery_scout → competitor_loader → differentiator ‖ threat_assessor → synthesizer → END`

A model or the rules write the searches. The home pages of the hits are read. The nearest ones are compared and rated by
a model or by rules. The overlap is always measured. A claim without a quote on a page is dropped.
"""

from itertools import count
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field

from agentic_sales.campaigns.book.offers import offer_of, save_competitors
from agentic_sales.llm.ask import ModelOutput, ask
from agentic_sales.llm.progress import tell_progress
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules import competitors as rules
from agentic_sales.rules.company_search import Candidate, sort_hits
from agentic_sales.settings import settings
from agentic_sales.sources.home_pages import read_homes, read_offer
from agentic_sales.sources.search import search_each
from agentic_sales.sources.service import Unavailable

PROMPTS = load_prompts(__file__)
MOST_READ = 20


class Input(rules.OfferForm):
    """Input of a run."""

    python_focus: bool = Field(default=False, description="Look for competitors that sell to users of Python.")
    max_competitors: int = Field(default=7, ge=1, le=10, description="Most competitors that are rated.")
    dry_run: bool = Field(default=False, description="Write nothing into the book.")


class Output(ModelOutput):
    """Output of a run."""

    competitors: list[rules.Competitor] = Field(
        default_factory=list, description="Competitors, the worst threat first."
    )
    candidates: list[Candidate] = Field(default_factory=list, description="Companies that the searches found.")
    competitor_pages: dict[str, str] = Field(default_factory=dict, description="Texts of their home pages by address.")
    differentiation: list[rules.Difference] = Field(default_factory=list, description="Differences before the check.")
    threat_levels: list[rules.Threat] = Field(default_factory=list, description="Ratings before the check.")
    queries: list[str] = Field(default_factory=list, description="Searches that were made.")
    company_ids: dict[str, str] = Field(default_factory=dict, description="Ids in the book by domain.")
    unavailable_sources: list[str] = Field(default_factory=list, description="Sources that did not serve, and why.")


class State(Input, Output):
    """Input, output and the pages."""

    offer: rules.Offer = rules.Offer(kind="company")
    described: list[rules.Competitor] = Field(default_factory=list)


EXAMPLE: dict[str, Any] = {
    "url": "https://quillmark.example/",
    "description": "Sales engagement: call notes, forecasts.",
}


async def load(state: State) -> dict[str, Any]:
    """Find the offer, and read its home page."""
    offer = await offer_of(state)
    text, failures = await read_offer(settings(), offer.url)
    return {"offer": offer.model_dump() | {"text": text}, "unavailable_sources": failures}


async def discovery_scout(state: State) -> dict[str, Any]:
    """Write the searches and make them. A search that fails does not stop the others."""
    answer = await ask(
        PROMPTS["discovery_scout"],
        rules.MarketQueries,
        fallback=lambda: rules.market_queries(state.offer, python_focus=state.python_focus),
        focus=rules.focus_of(python_focus=state.python_focus),
        offer=fenced(rules.about_offer(state.offer)),
    )
    gone, done, queries = Unavailable(), count(1), answer.value.queries
    gone.add(state.unavailable_sources)
    hits = await search_each(
        settings(), queries, gone, searched=lambda query: tell_progress("search", next(done), len(queries), query)
    )
    found = rules.rivals_among(sort_hits(hits).candidates, state.offer)
    candidates = [candidate.model_dump() for candidate in found]
    return {"queries": queries, "candidates": candidates, "unavailable_sources": list(gone.told), **answer.report}


async def competitor_loader(state: State) -> dict[str, Any]:
    """Read the home pages of the candidates, and keep the nearest."""
    asked, done = {each.domain: each for each in state.candidates[:MOST_READ]}, count(1)
    homes = await read_homes(settings(), asked, read=lambda site: tell_progress("read", next(done), len(asked), site))
    found, pages = rules.nearest(state.offer, asked, homes, state.max_competitors)
    return {"described": [each.model_dump() for each in found], "competitor_pages": pages}


async def differentiator(state: State) -> dict[str, Any]:
    """Tell how each competitor differs."""
    answer = await ask(
        PROMPTS["differentiator"],
        rules.Differentiation,
        fallback=lambda: rules.all_differences(state.offer, state.described, state.competitor_pages),
        offer=fenced(rules.about_offer(state.offer)),
        pages=fenced(rules.as_sections(state.competitor_pages)),
    )
    return {"differentiation": answer.value.model_dump()["competitors"], **answer.report}


async def threat_assessor(state: State) -> dict[str, Any]:
    """Tell how dangerous each competitor is."""
    answer = await ask(
        PROMPTS["threat_assessor"],
        rules.ThreatLevels,
        fallback=lambda: rules.all_threats(state.offer, state.described, state.competitor_pages),
        offer=fenced(rules.about_offer(state.offer)),
        pages=fenced(rules.as_sections(state.competitor_pages)),
    )
    return {"threat_levels": answer.value.model_dump()["competitors"], **answer.report}


async def synthesizer(state: State) -> dict[str, Any]:
    """Join both by competitor, drop the claims that no page backs, and write the book."""
    found = rules.joined(
        state.offer, state.described, state.competitor_pages, state.differentiation, state.threat_levels
    )
    kept = [] if state.dry_run else found
    ids = await save_competitors(state.offer, kept, state.graph_meta["prompts"])
    return {"competitors": [competitor.model_dump() for competitor in found], "company_ids": ids}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes as above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([load, discovery_scout, competitor_loader, differentiator])
    builder.add_node(threat_assessor)
    builder.add_node(synthesizer)
    builder.add_edge(START, "load")
    builder.add_edge("competitor_loader", "threat_assessor")
    builder.add_edge(["differentiator", "threat_assessor"], "synthesizer")
    builder.add_edge("synthesizer", END)
    return builder.compile(checkpointer=checkpointer, name="competitors_team")


graph = build_graph()
