"""Find consultancies: `START → search_github → search_web → dedupe → read_sites → persist → END`.

A seed list, the owners of GitHub repositories and web searches lead to companies. The rules read each one's own home
page. Only its words make it a consultancy. Those with enough points are written into the book with quotes. No model is
asked.
"""

from itertools import count
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, Field

from agentic_sales.additions import with_additions
from agentic_sales.campaigns.book.known import known_sites
from agentic_sales.campaigns.book.writing import writing_book
from agentic_sales.contracts import Subject
from agentic_sales.llm.progress import tell_progress
from agentic_sales.rules import consultancies as firms
from agentic_sales.rules.company_identity import Firm
from agentic_sales.rules.company_words import company_words
from agentic_sales.rules.forms import dumped
from agentic_sales.settings import settings
from agentic_sales.sources.github_owners import owners_by_topic
from agentic_sales.sources.home_pages import read_homes
from agentic_sales.sources.search import search_each
from agentic_sales.sources.service import Unavailable


class Input(firms.ConsultanciesForm):
    """Input of a run."""

    dry_run: bool = Field(default=False, description="Write nothing into the book.")


class Output(BaseModel):
    """Output of a run."""

    upserted: int = Field(default=0, description="Consultancies that were written into the book, new or known.")
    inserted_ids: list[str] = Field(default_factory=list, description="Those that are new in the book.")
    skipped: int = Field(default=0, description="Companies that were left out.")
    skipped_blocked: int = Field(default=0, description="Those of them that a person has blocked.")
    top: list[firms.Consultancy] = Field(default_factory=list, description="Consultancies, the best first.")
    left_out: list[firms.Consultancy] = Field(default_factory=list, description="Companies below the score, and why.")
    unavailable_sources: list[str] = Field(default_factory=list, description="Sources that did not serve, and why.")


class State(Input, Output):
    """Input, output and the companies to look at."""

    of_github: list[firms.FoundFirm] = Field(default_factory=list)
    of_web: list[firms.FoundFirm] = Field(default_factory=list)
    found: list[firms.FoundFirm] = Field(default_factory=list)


EXAMPLE: dict[str, Any] = {
    "domains": ["fernhollow-ai.example"],
    "topics": ["rag"],
    "queries": ["AI consultancy"],
    "limit": 12,
}


async def search_github(state: State) -> dict[str, Any]:
    """Find the organisations that own repositories of the topics."""
    if not state.looks("gh_discover"):
        return {}
    gone, done, topics = Unavailable(), count(1), state.topics or list(firms.TOPICS)
    repositories, owners = await owners_by_topic(
        settings(),
        topics,
        gone,
        most=state.limit,
        searched=lambda topic: tell_progress("search_github", next(done), len(topics), topic),
    )
    found = firms.of_owners(repositories, owners)
    return {"of_github": dumped(found), "unavailable_sources": list(gone.told)}


async def search_web(state: State) -> dict[str, Any]:
    """Find the sites of companies by web searches."""
    if not state.looks("web"):
        return {}
    gone, done, queries = Unavailable(), count(1), state.queries or list(firms.QUERIES)
    gone.add(state.unavailable_sources)
    hits = await search_each(
        settings(), queries, gone, searched=lambda query: tell_progress("search_web", next(done), len(queries), query)
    )
    return {"of_web": dumped(firms.of_hits(hits)), "unavailable_sources": list(gone.told)}


async def dedupe(state: State) -> dict[str, Any]:
    """Join the results of the ways, and leave out the companies that a person has blocked."""
    seeds = firms.of_seeds(state.domains) if state.looks("discover") else []
    found = firms.merged(seeds, state.of_github, state.of_web)
    known = await known_sites(firm.domain for firm in found)
    blocked = {site for site, company in known.items() if company.is_blocked}
    free = [firm for firm in found if firm.domain not in blocked]
    return {"found": dumped(free[: state.limit]), "skipped_blocked": len(found) - len(free)}


async def read_sites(state: State) -> dict[str, Any]:
    """Read the home page of each company and rate it."""
    words, done, of = with_additions("companies", company_words, settings().rules_dir), count(1), len(state.found)
    homes = await read_homes(
        settings(),
        (firm.domain for firm in state.found),
        read=lambda site: tell_progress("read_sites", next(done), of, site),
    )
    rated = sorted((firms.rated(firm, homes[firm.domain], words) for firm in state.found), key=lambda one: -one.score)
    return {
        "top": dumped(one for one in rated if one.score >= state.min_score),
        "left_out": dumped(one for one in rated if one.score < state.min_score),
    }


async def persist(state: State) -> dict[str, Any]:
    """Write the consultancies with the facts of their pages."""
    skipped = {"skipped": len(state.left_out) + state.skipped_blocked}
    if state.dry_run or not state.top:
        return skipped
    async with writing_book("consultancies_discovery") as book:
        ids = await book.companies(Firm(one.name, one.domain) for one in state.top)
        for one in state.top:
            book.note(Subject("company", ids[Firm(one.name, one.domain)]), firms.facts_of(one))
    return {**skipped, "upserted": len(state.top), "inserted_ids": sorted(book.new_companies)}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes in the order above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([search_github, search_web, dedupe, read_sites, persist])
    builder.add_edge(START, "search_github")
    builder.add_edge("persist", END)
    return builder.compile(checkpointer=checkpointer, name="consultancies_discovery")


graph = build_graph()
