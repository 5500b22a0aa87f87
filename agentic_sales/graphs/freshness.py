"""Tell whether a site has changed since it was looked at: `START → load → look → check_competitors → persist → END`.

The home page and the pages of prices and features are read. Their text without dates, times, counters and nonces has a
hash. The hash of the last time is a fact of the book. `rules.freshness` has the table that decides. With
`check_competitors` the same is asked of the competitors that the book has an analysis of.
"""

import asyncio
from itertools import count
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, Field

from agentic_sales.campaigns.book.watched import baseline_of, competitors_of, save_sites
from agentic_sales.llm.progress import tell_progress
from agentic_sales.rules import freshness as rules
from agentic_sales.settings import settings
from agentic_sales.side_by_side import ask_each
from agentic_sales.sources.watched_sites import read_watched
from agentic_sales.sources.web import Fetcher

MOST_COMPETITORS = 10
MAX_MARKDOWN_CHARS = 20_000
SITES_AT_ONCE = 4


class Input(rules.FreshnessForm):
    """Input of a run."""

    check_competitors: bool = Field(default=False, description="Look at its known competitors, too, at most 10.")
    dry_run: bool = Field(default=False, description="Write nothing into the book. The next run compares as this one.")


class Output(BaseModel):
    """Output of a run."""

    stale: bool = Field(default=False, description="Whether results made from the earlier site must be made anew.")
    confidence: float = Field(default=0.0, description="How sure that is, 0 to 1.")
    reason: rules.Reason = Field(default="unreachable", description="Why, one of a closed list.")
    changes: list[rules.Change] = Field(default_factory=list, description="New lines, in the site's words.")
    snapshot: rules.Snapshot | None = Field(default=None, description="The site as it is. Null: it cannot be read.")
    previous_hash: str = Field(default="", description="Hash of the last time. Empty: none is known.")
    current_hash: str = Field(default="", description="Hash of the present. Empty: the site cannot be read.")
    reachable: bool = Field(default=False, description="Whether the site can be read.")
    current_markdown: str = Field(default="", description="The home page as Markdown, the first 20,000 characters.")
    competitor_movements: list[rules.Movement] = Field(
        default_factory=list, description="The competitors, if asked for."
    )
    unavailable_sources: list[str] = Field(default_factory=list, description="Pages that cannot be read, and why.")


class State(Input, Output):
    """Input, output and the company of the book."""

    baseline: rules.Baseline | None = None
    competitors: list[rules.Baseline] = Field(default_factory=list)
    competitor_snapshots: list[rules.Snapshot | None] = Field(default_factory=list)


EXAMPLE: dict[str, Any] = {"url": "https://quillmark.example/"}


async def load(state: State) -> dict[str, Any]:
    """Find the site and its last known state."""
    found = await baseline_of(state)
    competitors = (await competitors_of(found))[:MOST_COMPETITORS] if state.check_competitors else []
    return {
        "baseline": found.model_dump(),
        "previous_hash": found.previous_hash,
        "competitors": [competitor.model_dump() for competitor in competitors],
    }


async def look(state: State) -> dict[str, Any]:
    """Read the site and decide by the table."""
    site = state.baseline or rules.Baseline(kind="company", url=state.url)
    async with Fetcher(settings()) as web:
        pages, unread, failures = await read_watched(web, site.url, markdown=state.markdown)
    found = await asyncio.to_thread(rules.look_at, site, pages, unread)
    return {
        **found.verdict.model_dump(),
        "reachable": found.now is not None,
        "snapshot": found.now and found.now.model_dump(),
        "current_hash": found.now.hash if found.now else "",
        "current_markdown": pages["home"][1][:MAX_MARKDOWN_CHARS] if found.now else "",
        "unavailable_sources": failures,
    }


async def check_competitors(state: State) -> dict[str, Any]:
    """Ask the same of the competitors. One that cannot be read stops none of the others."""
    done, gone = count(1), list(state.unavailable_sources)

    async def one(site: rules.Baseline) -> rules.Look:
        pages, unread, failures = await read_watched(web, site.url)
        gone.extend(failures)
        tell_progress("check_competitors", next(done), len(state.competitors), site.name)
        return await asyncio.to_thread(rules.look_at, site, pages, unread)

    async with Fetcher(settings()) as web:
        looks = await ask_each(state.competitors, one, at_once=SITES_AT_ONCE)
    return {
        "competitor_movements": [
            found.verdict.model_dump() | {"name": site.name, "url": site.url}
            for site, found in zip(state.competitors, looks, strict=True)
        ],
        "competitor_snapshots": [found.now and found.now.model_dump() for found in looks],
        "unavailable_sources": gone,
    }


async def persist(state: State) -> dict[str, Any]:
    """Write how the sites are. A site that cannot be read keeps its baseline."""
    sites = [state.baseline, *state.competitors]
    seen = zip(sites, [state.snapshot, *state.competitor_snapshots], strict=True)
    looks = [(site, now) for site, now in seen if site and now]
    if looks and not state.dry_run:
        await save_sites(looks)
    return {}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes in the order above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([load, look, check_competitors, persist])
    builder.add_edge(START, "load")
    builder.add_edge("persist", END)
    return builder.compile(checkpointer=checkpointer, name="freshness")


graph = build_graph()
