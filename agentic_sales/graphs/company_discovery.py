"""Find companies that the book does not have: `START → expand_seed → search → dedupe → pre_score → persist → END`.

A model or the rules turn the seed into web searches. The hits are told apart into sites of companies and other pages.
Each new company's home page is read and scored by rules. Those above the least score are written into the book with
quotes of their pages. A company that is known, or that a person has blocked, is told and left as it is.
"""

from itertools import count
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field

from agentic_sales.additions import with_additions
from agentic_sales.campaigns.book.known import known_sites
from agentic_sales.campaigns.book.writing import writing_book
from agentic_sales.contracts import Subject
from agentic_sales.llm.ask import Answer, ModelOutput, ask
from agentic_sales.llm.progress import tell_progress
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules import company_search as companies
from agentic_sales.rules.company_identity import Firm
from agentic_sales.rules.company_words import company_words
from agentic_sales.settings import settings
from agentic_sales.sources.board_search import board_queries, search_owners
from agentic_sales.sources.home_pages import read_homes
from agentic_sales.sources.job_boards import BOARD_HOSTS
from agentic_sales.sources.search import search_each
from agentic_sales.sources.service import Unavailable

PROMPTS = load_prompts(__file__)


class Input(companies.DiscoveryForm):
    """Input of a run."""

    max_companies: int = Field(default=20, ge=1, le=100, description="Most new companies that are looked at.")
    dry_run: bool = Field(default=False, description="Write nothing into the book.")


class Output(ModelOutput):
    """Output of a run."""

    queries: list[str] = Field(default_factory=list, description="Searches that were made.")
    candidates: list[companies.Candidate] = Field(
        default_factory=list, description="Sites of companies that were found."
    )
    filtered: list[companies.Candidate] = Field(default_factory=list, description="Left-out companies with reasons.")
    scored: list[companies.ScoredCandidate] = Field(default_factory=list, description="New companies, the best first.")
    inserted_ids: list[str] = Field(default_factory=list, description="Companies that are new in the book.")
    skipped_existing: int = Field(default=0, description="Companies that the book has already.")
    all_known: bool = Field(default=False, description="Companies were found, and the book has or blocks all of them.")
    summary: dict[str, Any] = Field(
        default_factory=dict,
        description="Counts of candidates, filtered, scored, inserted and skipped_blocked; existing_ids.",
    )
    unavailable_sources: list[str] = Field(default_factory=list, description="Sources that did not serve, and why.")


class State(Input, Output):
    """Input, output and the companies to look at."""

    fresh: list[companies.Candidate] = Field(default_factory=list)


EXAMPLE: dict[str, Any] = {"seed_query": "AI consultancy", "keywords": ["agents"], "max_companies": 5}


async def expand_seed(state: State) -> dict[str, Any]:
    """Write the searches. Boards are searched for the words of the seed as they are."""
    if state.seed_source:
        searches = board_queries([state.seed_query, *state.keywords], BOARD_HOSTS)
        queries = companies.Queries(queries=searches[: companies.MOST_QUERIES])
        return {"queries": queries.queries, **Answer.by_rules(PROMPTS["expand_seed"], queries).report}
    answer = await ask(
        PROMPTS["expand_seed"],
        companies.Queries,
        fallback=lambda: companies.queries_of(state),
        seed=fenced(companies.about_seed(state)),
    )
    return {"queries": answer.value.queries, **answer.report}


async def search(state: State) -> dict[str, Any]:
    """Search, and tell the sites of companies from other pages. A search that fails does not stop the others."""
    gone, of, done = Unavailable(), len(state.queries), count(1)
    searching = search_owners if state.seed_source else search_each
    hits = await searching(
        settings(), state.queries, gone, searched=lambda query: tell_progress("search", next(done), of, query)
    )
    found = companies.sort_hits(hits)
    return {
        "candidates": [candidate.model_dump() for candidate in found.candidates],
        "filtered": [candidate.model_dump() for candidate in found.left_out],
        "unavailable_sources": list(gone.told),
    }


async def dedupe(state: State) -> dict[str, Any]:
    """Leave out the companies that the book has, and those that are blocked."""
    known = await known_sites(candidate.domain for candidate in state.candidates)
    existing = sorted(company.company_id for company in known.values() if not company.is_blocked)
    fresh = [candidate for candidate in state.candidates if candidate.domain not in known]
    return {
        "fresh": [candidate.model_dump() for candidate in fresh[: state.max_companies]],
        "skipped_existing": len(existing),
        "all_known": bool(state.candidates) and not fresh,
        "summary": {"existing_ids": existing, "skipped_blocked": len(known) - len(existing)},
    }


async def pre_score(state: State) -> dict[str, Any]:
    """Score each new company by its home page, or by its hit if the page cannot be read. Leave out the low ones."""
    words, of, done = with_additions("companies", company_words, settings().rules_dir), len(state.fresh), count(1)
    domains = [candidate.domain for candidate in state.fresh]
    homes = await read_homes(settings(), domains, read=lambda site: tell_progress("pre_score", next(done), of, site))
    scored = [companies.scored(each, homes[each.domain], words) for each in state.fresh]
    kept = [each for each in scored if each.score >= companies.LEAST_SCORE]
    low = [companies.too_low(each) for each in scored if each.score < companies.LEAST_SCORE]
    return {
        "scored": [each.model_dump() for each in sorted(kept, key=lambda each: (-each.score, each.domain))],
        "filtered": [each.model_dump() for each in (*state.filtered, *low)],
    }


async def persist(state: State) -> dict[str, Any]:
    """Write the companies with the facts of their pages."""
    inserted: list[str] = []
    if state.scored and not state.dry_run:
        async with writing_book("company_discovery") as book:
            firms = {Firm(company.name, company.domain): company for company in state.scored}
            for firm, company_id in (await book.companies(firms)).items():
                book.note(Subject("company", company_id), companies.facts_of(firms[firm], state.seed_query))
        inserted = sorted(book.new_companies)
    counts = {name: len(getattr(state, name)) for name in ("candidates", "filtered", "scored")}
    return {"inserted_ids": inserted, "summary": {**state.summary, **counts, "inserted": len(inserted)}}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes in the order above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([expand_seed, search, dedupe, pre_score, persist])
    builder.add_edge(START, "expand_seed")
    builder.add_edge("persist", END)
    return builder.compile(checkpointer=checkpointer, name="company_discovery")


graph = build_graph()
