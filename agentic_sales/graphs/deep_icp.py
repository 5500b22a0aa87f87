"""Tell the ideal customers of a product, each line with words that back it, and how clear they are by five criteria.

`START → load_product → market_researcher · persona_builder · anti_icp_analyst · criteria_scorer → synthesizer → END`

One file, two rows. In `deep_icp` one agent goes through the four steps. Each step sees the results of the steps before
it. In `icp_team` four agents work side by side. A model or the rules answer each step. A claim that no words back is
dropped.
"""

from collections.abc import Callable
from functools import partial
from operator import or_
from typing import Annotated, Any, TypeVar

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, Field

from agentic_sales.campaigns.book.product_plans import keep_plan, product_of
from agentic_sales.llm.ask import Answer, ModelOutput, ask
from agentic_sales.llm.progress import tell_progress
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules import icp as rules
from agentic_sales.rules.backing import as_text
from agentic_sales.rules.forms import dumped
from agentic_sales.rules.product_facts import ProductFacts, ProductForm, hash_of

PROMPTS = load_prompts(__file__)
STEPS = ("market_researcher", "persona_builder", "anti_icp_analyst", "criteria_scorer")
T = TypeVar("T", bound=BaseModel)


class Input(ProductForm):
    """Input of a run."""


class Output(ModelOutput, rules.IcpDocument):
    """Output of a run."""

    meta: dict[str, Any] = Field(default_factory=dict, description="Version, model, run_at, weights_hash, team.")
    analysis_id: str = Field(default="", description="The document in the book. Empty: nothing was written.")


class State(Input, Output):
    """Input, output, the product and the results of the steps."""

    facts: ProductFacts = ProductFacts()
    is_team: bool = False
    notes: Annotated[dict[str, str], or_] = Field(default_factory=dict)


EXAMPLE: dict[str, Any] = {
    "product": {"name": "Quillmark", "description": "Call notes for sales leaders. It saves hours of manual CRM work."}
}


async def load_product(state: State, *, is_team: bool = False) -> dict[str, Any]:
    """Find the product."""
    return {"facts": (await product_of(state)).model_dump(), "is_team": is_team}


async def market_researcher(state: State) -> dict[str, Any]:
    """Tell which companies buy."""
    answer = await _ask("market_researcher", rules.MarketReading, rules.market_by_rules, state)
    found = rules.segments_that_stand(answer.value, state.facts.texts)
    note = "\n".join(f"{one.name}: {one.quote}" for one in found)
    return {"segments": dumped(found), "notes": {"Segments": note}, **answer.report}


async def persona_builder(state: State) -> dict[str, Any]:
    """Tell which people buy."""
    answer = await _ask("persona_builder", rules.PeopleReading, rules.people_by_rules, state)
    found = rules.personas_that_stand(answer.value, state.facts.texts)
    note = "\n".join(f"{one.title}: {one.quote}" for one in found)
    return {"personas": dumped(found), "notes": {"Personas": note}, **answer.report}


async def anti_icp_analyst(state: State) -> dict[str, Any]:
    """Describe the companies that do not buy."""
    answer = await _ask("anti_icp_analyst", rules.RefusalReading, rules.refusals_by_rules, state)
    proofs, breakers = rules.refusals_that_stand(answer.value, state.facts.texts)
    note = "\n".join(proof.claim for proof in proofs)
    return {"proofs": dumped(proofs), "deal_breakers": dumped(breakers), "notes": {"Not for": note}, **answer.report}


async def criteria_scorer(state: State) -> dict[str, Any]:
    """Score the five criteria."""
    answer = await _ask("criteria_scorer", rules.CriteriaReading, rules.criteria_by_rules, state)
    scores = rules.scores_that_stand(answer.value, rules.criteria_by_rules(state.facts), state.facts.texts)
    return {"criteria_scores": {name: one.model_dump() for name, one in scores.items()}, **answer.report}


async def synthesizer(state: State) -> dict[str, Any]:
    """Put the parts together, and write the book."""
    refusals = (state.proofs, state.deal_breakers)
    document = rules.joined_document(state.segments, state.personas, refusals, state.criteria_scores)
    stamp = {"weights_hash": rules.WEIGHTS_HASH, "inputs_hash": hash_of(state.facts.settled), "source": state.source}
    analysis_id = await keep_plan(
        "icp_team" if state.is_team else "deep_icp",
        "icp",
        state.facts.product_id,
        {**document.model_dump(), **stamp},
        state.graph_meta["prompts"],
        dry_run=state.dry_run,
    )
    meta = rules.meta_of(state.graph_meta, is_team=state.is_team)
    return {**document.model_dump(), "meta": meta, "analysis_id": analysis_id}


async def _ask(step: str, view: type[T], by_rules: Callable[[ProductFacts], T], state: State) -> Answer[T]:
    notes = "\n\n".join(f"{name}:\n{note}" for name, note in state.notes.items() if note)
    answer = await ask(
        PROMPTS[step],
        view,
        fallback=lambda: by_rules(state.facts),
        product=fenced(as_text(state.facts.texts)),
        notes=fenced(notes or "(nothing yet)"),
    )
    tell_progress(step, 1, 1)
    return answer


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the steps one after the other."""
    builder = StateGraph(State, input_schema=Input)
    steps = [market_researcher, persona_builder, anti_icp_analyst, criteria_scorer]
    builder.add_sequence([load_product, *steps, synthesizer])
    builder.add_edge(START, "load_product")
    builder.add_edge("synthesizer", END)
    return builder.compile(checkpointer=checkpointer, name="deep_icp")


def build_team(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the steps side by side."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_node("load_product", partial(load_product, is_team=True))
    builder.add_node(synthesizer)
    for step in (market_researcher, persona_builder, anti_icp_analyst, criteria_scorer):
        builder.add_node(step).add_edge("load_product", step.__name__)
    builder.add_edge(START, "load_product")
    builder.add_edge(list(STEPS), "synthesizer")
    builder.add_edge("synthesizer", END)
    return builder.compile(checkpointer=checkpointer, name="icp_team")


graph = build_graph()
team = build_team()
