"""Find companies of a vertical by their code: `START → fetch_code_search → filter_hits → resolve_orgs → persist → END`.

GitHub's code is searched for the marks of a vertical's software. Copies, examples and chance matches are left out. The
organisations behind the rest are companies if they name a site of their own. New ones are written into the book with
the place of their code. A company is disqualified if its own words match the vertical's anti-ICP.
"""

from itertools import count
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, Field, field_validator

from agentic_sales.additions import with_additions
from agentic_sales.campaigns.book.known import known_sites
from agentic_sales.campaigns.book.writing import writing_book
from agentic_sales.contracts import Subject
from agentic_sales.llm.progress import tell_progress
from agentic_sales.rules import code_hits as code
from agentic_sales.rules.forms import Form, dumped
from agentic_sales.rules.verticals import Vertical, code_queries, vertical_of, verticals
from agentic_sales.settings import settings
from agentic_sales.sources.code_search import organizations_of, search_code
from agentic_sales.sources.service import Unavailable


class Input(Form):
    """Input of a run."""

    vertical_slug: str = Field(
        max_length=60, description="compliance_audit, ingestible, onboarding_tutor, or an own one."
    )
    max_pages_per_query: int = Field(default=3, ge=1, le=10, description="Most pages of 100 files of a search.")
    max_total_results: int = Field(default=1000, ge=1, le=5000, description="Most files in all.")
    queries: list[str] = Field(default_factory=list, max_length=20, description="Code searches. Empty: the vertical's.")
    dry_run: bool = Field(default=False, description="Write nothing into the book.")

    @field_validator("vertical_slug")
    @classmethod
    def _is_vertical(cls, slug: str) -> str:
        return _vertical(slug).slug


class Output(BaseModel):
    """Output of a run."""

    raw_hits: list[code.CodeMatch] = Field(default_factory=list, description="Files that were found.")
    filtered_hits: list[code.CodeMatch] = Field(default_factory=list, description="Files that were left out, and why.")
    resolved_orgs: list[code.ResolvedOrg] = Field(default_factory=list, description="Companies, the best first.")
    new_candidates: list[code.ResolvedOrg] = Field(default_factory=list, description="Those that the book lacks.")
    inserted_company_ids: list[str] = Field(default_factory=list, description="Companies that are new in the book.")
    skipped_existing_count: int = Field(default=0, description="Companies that the book has already, or blocks.")
    left_out: dict[str, str] = Field(default_factory=dict, description="Why an owner is no candidate, by login.")
    summary: dict[str, Any] = Field(default_factory=dict, description="Counts, by_stack, and errors.")
    unavailable_sources: list[str] = Field(default_factory=list, description="Sources that did not serve, and why.")


class State(Input, Output):
    """Input and output."""


EXAMPLE: dict[str, Any] = {"vertical_slug": "ingestible", "max_pages_per_query": 1}


def _vertical(slug: str) -> Vertical:
    return vertical_of(slug, with_additions("verticals", verticals, settings().rules_dir))


async def fetch_code_search(state: State) -> dict[str, Any]:
    """Search the code. The fleet keeps to ten calls a minute. A search that fails does not stop the others."""
    gone, done, queries = Unavailable(), count(1), code_queries(_vertical(state.vertical_slug), state.queries)
    found = await search_code(
        settings(),
        queries,
        gone,
        pages=state.max_pages_per_query,
        most=state.max_total_results,
        searched=lambda query: tell_progress("fetch_code_search", next(done), len(queries), query),
    )
    return {"raw_hits": dumped(found), "unavailable_sources": list(gone.told)}


async def filter_hits(state: State) -> dict[str, Any]:
    """Tell the hits that are no code of a company."""
    return {"filtered_hits": dumped(hit for hit in state.raw_hits if hit.why_not)}


async def resolve_orgs(state: State) -> dict[str, Any]:
    """Read the owners of the rest. One that is a person, has no site or fits the anti-ICP is left out."""
    gone, done, vertical = Unavailable(), count(1), _vertical(state.vertical_slug)
    gone.add(state.unavailable_sources)
    hits = [hit for hit in state.raw_hits if not hit.why_not]
    logins = sorted({hit.owner for hit in hits})
    tell = lambda login: tell_progress("resolve_orgs", next(done), len(logins), login)  # noqa: E731
    owners = await organizations_of(settings(), logins, gone, read=tell)
    found = code.companies_of(owners, hits, vertical)
    return {
        "resolved_orgs": dumped(found.orgs),
        "left_out": found.left_out | {login: "it is no organisation" for login in logins if login not in owners},
        "unavailable_sources": list(gone.told),
    }


async def persist(state: State) -> dict[str, Any]:
    """Write the companies that the book does not have, with the places of their code."""
    known = await known_sites(org.domain for org in state.resolved_orgs)
    new = [org for org in state.resolved_orgs if org.domain not in known]
    inserted = list[str]()
    if new and not state.dry_run:
        vertical = _vertical(state.vertical_slug)
        async with writing_book("vertical_discovery") as book:
            ids = await book.companies(org.firm for org in new)
            for org in new:
                book.note(Subject("company", ids[org.firm]), code.facts_of_org(org, vertical))
        inserted = sorted(book.new_companies)
    counts = {"raw": len(state.raw_hits), "filtered": len(state.filtered_hits), "resolved": len(state.resolved_orgs)}
    counts |= {"new": len(new), "inserted": len(inserted)}
    stacks = code.by_stack(hit for hit in state.raw_hits if not hit.why_not)
    return {
        "new_candidates": dumped(new),
        "inserted_company_ids": inserted,
        "skipped_existing_count": len(known),
        "summary": {**counts, "by_stack": stacks, "errors": state.unavailable_sources},
    }


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes in the order above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([fetch_code_search, filter_hits, resolve_orgs, persist])
    builder.add_edge(START, "fetch_code_search")
    builder.add_edge("persist", END)
    return builder.compile(checkpointer=checkpointer, name="vertical_discovery")


graph = build_graph()
