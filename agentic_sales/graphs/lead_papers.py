"""Find leads among the authors of papers: `START → plan_queries → choose → search → score → persist → END`.

A model or the rules word searches for the topic. A bandit chooses those that have found leads before, and tries the
others now and then. Authors are rated by rules. Those with enough points are written into the book as people, with
their papers. They are no contacts.
"""

from itertools import count
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field

from agentic_sales.campaigns.book.paper_leads import known_arms, write_leads
from agentic_sales.llm.ask import Answer, ModelOutput, ask
from agentic_sales.llm.progress import tell_progress
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules import paper_leads as papers
from agentic_sales.rules.bandit import BanditArm, choose_arms
from agentic_sales.rules.forms import dumped
from agentic_sales.settings import settings
from agentic_sales.sources.paper_search import authors_of_queries
from agentic_sales.sources.service import Unavailable

PROMPTS = load_prompts(__file__)


class Input(papers.PaperForm):
    """Input of a run."""

    dry_run: bool = Field(default=False, description="Write nothing into the book.")


class Output(ModelOutput):
    """Output of a run."""

    candidates: list[str] = Field(default_factory=list, description="Searches to choose from.")
    chosen: list[str] = Field(default_factory=list, description="Searches of this run, the most promising first.")
    arms: dict[str, BanditArm] = Field(default_factory=dict, description="Lessons of earlier runs about searches.")
    rewards: dict[str, float] = Field(default_factory=dict, description="Share of leads among a search's authors.")
    papers_found: int = Field(default=0, description="Papers that were found.")
    results: list[papers.PaperLead] = Field(default_factory=list, description="Leads, the best first.")
    matched: int = Field(default=0, description="Authors that are leads.")
    below_score: int = Field(default=0, description="Authors that are none, for want of points.")
    promoted: int = Field(default=0, description="Leads that are new people in the book.")
    person_ids: list[str] = Field(default_factory=list, description="The leads in the book.")
    unavailable_sources: list[str] = Field(default_factory=list, description="Sources that did not serve, and why.")


class State(Input, Output):
    """Input, output, the authors that were found, and the searches that were served."""

    authors: list[papers.ListedAuthor] = Field(default_factory=list)
    served: list[str] = Field(default_factory=list)


EXAMPLE: dict[str, Any] = {"topic": "sparse retrieval", "queries": ["sparse retrieval", "few labels"], "rounds": 2}


async def plan_queries(state: State) -> dict[str, Any]:
    """Take the caller's searches, or let them be worded."""
    if state.queries:
        own = papers.PaperQueries(queries=state.queries[: papers.MOST_QUERIES])
        return {"candidates": own.queries, **Answer.by_rules(PROMPTS["plan_queries"], own).report}
    answer = await ask(
        PROMPTS["plan_queries"],
        papers.PaperQueries,
        fallback=lambda: papers.queries_of(state.topic),
        topic=fenced(state.topic),
    )
    return {"candidates": answer.value.queries, **answer.report}


async def choose(state: State) -> dict[str, Any]:
    """Choose the searches of this run by the yield of earlier ones."""
    arms = await known_arms(state.topic)
    chosen = choose_arms(arms, [*state.candidates, *arms], state.rounds)
    return {"arms": {name: arm.model_dump() for name, arm in arms.items()}, "chosen": chosen}


async def search(state: State) -> dict[str, Any]:
    """Find the papers and their authors."""
    gone, done, of = Unavailable(), count(1), len(state.chosen)
    authors, served = await authors_of_queries(
        settings(),
        state.chosen,
        gone,
        most=state.limit,
        since_year=state.since_year,
        searched=lambda query: tell_progress("search", next(done), of, query),
    )
    found = len({author.paper.key for author in authors})
    return {
        "authors": dumped(authors),
        "served": served,
        "papers_found": found,
        "unavailable_sources": list(gone.told),
    }


async def score(state: State) -> dict[str, Any]:
    """Rate the authors, and reward each search by its share of leads. A search that failed has taught nothing."""
    rated = papers.leads_of(state.authors, state.topic)
    leads = [lead for lead in rated if lead.score >= state.min_score]
    rewards = papers.rewards_of(state.served, rated, state.authors, state.min_score)
    counts = {"matched": len(leads), "below_score": len(rated) - len(leads)}
    return {"results": dumped(leads), "rewards": rewards, **counts}


async def persist(state: State) -> dict[str, Any]:
    """Write the leads, and the yield of the searches. A source that failed has taught nothing."""
    if state.dry_run or (state.unavailable_sources and not state.authors):
        return {}
    written = await write_leads(state.topic, state.results, state.rewards)
    return {"promoted": written.new, "person_ids": written.people}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes in the order above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([plan_queries, choose, search, score, persist])
    builder.add_edge(START, "plan_queries")
    builder.add_edge("persist", END)
    return builder.compile(checkpointer=checkpointer, name="lead_papers")


graph = build_graph()
