"""Report on a product: its customers, competitors, prices, way to the market and position, and the first steps.

`START → load_and_profile → ensure_icp → ensure_competitors → run_pricing ‖ run_gtm ‖ run_positioning →
synthesize_report → END`

One graph, two rows: `product_intel` and `analyze_product_v2`. Each part is a sub-run. A part of the book is used while
its inputs are the same and its site has not surely changed. A part that fails is named, and the others stand.
"""

from functools import partial
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer

from agentic_sales.campaigns.book import product_parts
from agentic_sales.campaigns.book.product_plans import keep_plan, plan_facts_of
from agentic_sales.llm.ask import ModelOutput, ask
from agentic_sales.llm.progress import tell_progress
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules import product_report as rules
from agentic_sales.rules.backing import as_text
from agentic_sales.rules.icp import IcpDocument
from agentic_sales.rules.plan_facts import PlanFacts

PROMPTS = load_prompts(__file__)
STAGES = 7


class Input(rules.ProductIntelForm):
    """Input of a run."""


class Output(ModelOutput, rules.IntelReport):
    """Output of a run."""


class State(Input, Output):
    """Input, output and the product's facts."""

    facts: PlanFacts = PlanFacts()
    is_refreshed: bool = False


EXAMPLE: dict[str, Any] = {"product": {"name": "Quillmark", "description": "Notes for sellers."}, "competitors": []}


async def load_and_profile(state: State) -> dict[str, Any]:
    """Find the product, ask whether its site has changed, read it, and describe the product."""
    fresh, facts = await product_parts.looked_at(await plan_facts_of(state), dry_run=state.dry_run)
    text = fenced(as_text(facts.texts))
    by_rules = partial(rules.profile_by_rules, facts)
    answer = await ask(PROMPTS["load_and_profile"], rules.ProfileReading, fallback=by_rules, product=text)
    profile = rules.profile_that_stands(answer.value, facts).model_dump()
    prompts, content = answer.graph_meta["prompts"], {**profile, "text": facts.product.text}
    await keep_plan("product_intel", "product_profile", facts.product_id, content, prompts, dry_run=state.dry_run)
    tell_progress("load_and_profile", 1, STAGES)
    return {
        "facts": facts.model_dump(),
        "product_profile": profile,
        **rules.gate_of(fresh.document, is_forced=state.force_refresh),
        "partial_failures": fresh.told["partial_failures"],
        **answer.report,
    }


async def ensure_icp(state: State) -> dict[str, Any]:
    """Get the ideal customers, unless the caller gave them."""
    if state.icp is not None:
        return {}
    part = await product_parts.icp_part(state.facts, is_refreshed=state.is_refreshed, dry_run=state.dry_run)
    facts = state.facts.model_copy(update={"icp": IcpDocument.model_validate(part.document)})
    tell_progress("ensure_icp", 2, STAGES, part.failure)
    return {"icp": facts.icp.model_dump(), "facts": facts.model_dump(), **part.told}


async def ensure_competitors(state: State) -> dict[str, Any]:
    """Get the competitors, unless the caller gave them, and look closely at those without a dossier."""
    how = {"is_refreshed": state.is_refreshed, "dry_run": state.dry_run, "is_given": state.competitors is not None}
    found = await product_parts.rivals_part(state.facts, state.deep_competitors, **how)
    facts = state.facts.model_copy(update={"competitors": found.rivals})
    tell_progress("ensure_competitors", 3, STAGES, "; ".join(found.told["partial_failures"]))
    return {"competitive": found.competitive, "facts": facts.model_dump(), "competitor_deep": found.deep, **found.told}


async def run_pricing(state: State) -> dict[str, Any]:
    """Get the prices."""
    return await _plan("pricing", state)


async def run_gtm(state: State) -> dict[str, Any]:
    """Get the way to the market."""
    return await _plan("gtm", state)


async def run_positioning(state: State) -> dict[str, Any]:
    """Get the position."""
    return await _plan("positioning", state)


async def _plan(name: str, state: State) -> dict[str, Any]:
    part = await product_parts.plan_part(name, state.facts, is_refreshed=state.is_refreshed, dry_run=state.dry_run)
    tell_progress(f"run_{name}", 6, STAGES, part.failure)
    return {name: dict(part.document), **part.told}


async def synthesize_report(state: State) -> dict[str, Any]:
    """Name the first steps, and write the book."""
    parts, profile = rules.parts_of(state, state.facts.icp), state.product_profile
    by_rules = rules.synthesis_by_rules(profile, parts, state.partial_failures)
    answer = await ask(
        PROMPTS["synthesize_report"],
        rules.SynthesisReading,
        fallback=lambda: by_rules,
        tier="deep",
        parts=fenced(rules.parts_as_text(profile, parts)),
    )
    whole = rules.report_that_stands(answer.value, by_rules, profile=profile, parts=parts, facts=state.facts)
    report, prompts = rules.with_failures(whole, state.partial_failures).model_dump(), answer.graph_meta["prompts"]
    about = state.facts.product_id
    kept = await keep_plan("product_intel", "intel_report", about, report, prompts, dry_run=state.dry_run)
    tell_progress("synthesize_report", STAGES, STAGES)
    writes = ["intel_report"] if kept else []
    return {"report": report, "subgraph_errors": state.partial_failures, "db_writes": writes, **answer.report}


def build_graph(
    checkpointer: Checkpointer = None, name: str = "product_intel"
) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes as above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([load_and_profile, ensure_icp, ensure_competitors])
    builder.add_node(synthesize_report)
    builder.add_edge(START, "load_and_profile")
    for node in (run_pricing, run_gtm, run_positioning):
        builder.add_node(node).add_edge("ensure_competitors", node.__name__)
    builder.add_edge(["run_pricing", "run_gtm", "run_positioning"], "synthesize_report")
    builder.add_edge("synthesize_report", END)
    return builder.compile(checkpointer=checkpointer, name=name)


def build_v2(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the same nodes under the other id."""
    return build_graph(checkpointer, "analyze_product_v2")


graph = build_graph()
graph_v2 = build_v2()
