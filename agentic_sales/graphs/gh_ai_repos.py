"""Find sellable AI repositories: `START → search → enrich → dedupe → score → classify → persist → END`.

Topics are searched on GitHub. Repositories that are too old, or whose owner is too large, are left out. Rules score
each repository by its readme and its owner, times its freshness. A model judges the best of them, and its score counts
with .45. A claim of the model without a quote of the readme is dropped. Without a model the rules' score stands alone.
"""

import asyncio
from datetime import UTC, datetime
from itertools import count
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field

from agentic_sales.additions import with_additions
from agentic_sales.campaigns.book.repositories import known_repositories, write_repositories
from agentic_sales.llm.ask import Answer, ModelOutput, ask, report_of
from agentic_sales.llm.progress import tell_progress
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules import repositories as repos
from agentic_sales.rules import repository_search as wanted
from agentic_sales.rules.forms import dumped
from agentic_sales.settings import settings
from agentic_sales.side_by_side import ask_each
from agentic_sales.sources.github_owners import enriched, search_repositories
from agentic_sales.sources.service import Unavailable

PROMPTS = load_prompts(__file__)
MODELS_AT_ONCE = 5


class Input(wanted.RepositoryForm):
    """Input of a run."""

    persist_companies: bool = Field(default=False, description="Write the owners into the book as companies, too.")
    dry_run: bool = Field(default=False, description="Write nothing into the book.")


class Output(ModelOutput, wanted.FoundRepositories):
    """Output of a run."""

    inserted_repo_ids: list[str] = Field(default_factory=list, description="Repositories that are new in the book.")
    existing_repo_ids: list[str] = Field(default_factory=list, description="Repositories that the book had.")
    summary: dict[str, Any] = Field(default_factory=dict, description="top_repos, all_repos and counts.")
    unavailable_sources: list[str] = Field(default_factory=list, description="Sources that did not serve, and why.")


class State(Input, Output):
    """Input, output and the repositories with their readmes."""

    found: list[repos.RepositoryFacts] = Field(default_factory=list)


EXAMPLE: dict[str, Any] = {"topics": ["rag", "agents"], "active_within_days": 36_500, "per_topic_limit": 5}


async def search(state: State) -> dict[str, Any]:
    """Search each topic, or take the caller's repositories. Leave out closed, old and too well known ones."""
    gone, done, found = Unavailable(), count(1), state.repositories
    since = wanted.days_before(datetime.now(UTC), state.active_within_days)
    if not found:
        searches = wanted.searches_of(state, since)
        tell = lambda query: tell_progress("search", next(done), len(searches), query)  # noqa: E731
        found = await search_repositories(settings(), searches, gone, most=state.per_topic_limit, searched=tell)
    active = wanted.active_ones(found, state, since)
    names = {"raw_repos": [one.full_name for one in found], "active_repos": [one.full_name for one in active.kept]}
    told = {"left_out": active.left_out, "unavailable_sources": list(gone.told)}
    return {"found": dumped(active.kept), **names, **told}


async def enrich(state: State) -> dict[str, Any]:
    """Read the readmes and the owners. Leave out repositories of a large owner."""
    gone, done, of = Unavailable(), count(1), len(state.found)
    found, owners = state.found, dict[str, repos.OwnerFacts]()
    if not state.repositories:
        gone.add(state.unavailable_sources)
        tell = lambda name: tell_progress("enrich", next(done), of, name)  # noqa: E731
        found, owners = await enriched(settings(), found, gone, read=tell)
    small = wanted.of_small_owners(found, owners, state)
    return {
        "found": dumped(small.kept),
        "org_metadata": {login: owner.model_dump() for login, owner in owners.items()},
        "left_out": state.left_out | small.left_out,
        "unavailable_sources": list(gone.told),
    }


async def dedupe(state: State) -> dict[str, Any]:
    """Leave out repositories that the book has judged lately."""
    names = [one.full_name for one in state.found if not state.repositories]
    known = await known_repositories(names, "gh_ai_repos")
    since = wanted.days_before(datetime.now(UTC), state.freshness_days)
    fresh = {name for name, one in known.items() if one.judged_at and one.judged_at > since}
    return {
        "found": dumped(one for one in state.found if one.full_name not in fresh),
        "existing_repo_ids": sorted(one.subject_id for one in known.values()),
        "left_out": state.left_out | dict.fromkeys(fresh, f"judged in the last {state.freshness_days} days"),
    }


async def score(state: State) -> dict[str, Any]:
    """Score each repository by rules, in a thread, since readmes are long."""
    words = with_additions("repositories", repos.repository_words, settings().rules_dir)
    given = state.found, state.org_metadata, state, datetime.now(UTC), words
    return {"scored_repos": dumped(await asyncio.to_thread(wanted.scored_ones, *given))}


async def classify(state: State) -> dict[str, Any]:
    """Let a model judge the best repositories, a few at once. A claim that no words of a repository back is dropped."""
    found, done = {one.full_name: one for one in state.found}, count(1)
    best = [one for one in state.scored_repos if one.heuristic_score >= state.heuristic_floor][: state.classify_top_n]

    async def judge(scored: repos.ScoredRepository) -> tuple[repos.ScoredRepository, Answer[repos.Brief]]:
        repository = found[scored.full_name]
        own, about = repos.brief_of(repository), fenced(wanted.describe(repository))
        answer = await ask(PROMPTS["classify"], repos.Brief, fallback=lambda: own, repository=about)
        tell_progress("classify", next(done), len(best), scored.full_name)
        brief = repos.checked_brief(answer.value, repository) if answer.source == "llm" else own
        return repos.with_brief(scored, brief), answer

    judged = await ask_each(best, judge, at_once=MODELS_AT_ONCE)
    final = sorted((one for one, _ in judged), key=lambda one: (-one.final_score, one.full_name))
    briefs = {one.full_name: one.brief.model_dump() for one in final if one.brief}
    told = {"source": "rules", "graph_meta": {}} | report_of([each for _, each in judged])
    return {"final_repos": dumped(final), "classifications": briefs, **told}


async def persist(state: State) -> dict[str, Any]:
    """Write the repositories, and their owners as companies if the caller wants them."""
    inserted, given = list[str](), (state.found, state.final_repos, state.org_metadata)
    if state.final_repos and not state.dry_run and not state.repositories:
        inserted = await write_repositories("gh_ai_repos", *given, with_companies=state.persist_companies)
    counts = {name: len(getattr(state, f"{name}_repos")) for name in ("raw", "active", "scored", "final")}
    summary = wanted.summed(state.final_repos, state.scored_repos, counts | {"inserted": len(inserted)})
    return {"inserted_repo_ids": inserted, "summary": summary}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes in the order above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([search, enrich, dedupe, score, classify, persist])
    builder.add_edge(START, "search")
    builder.add_edge("persist", END)
    return builder.compile(checkpointer=checkpointer, name="gh_ai_repos")


graph = build_graph()
