"""Plan the prices of a product by its own words and its competitors' prices, held by hard checks.

`START → load_inputs → benchmark_competitors → choose_value_metric → design_model → check_model → write_rationale → END`

From `check_model` a model's plan that fails a check goes back to `design_model`, at most twice, with its faults. Then
the rules' plan stands in its place. A price of the rules is a known one, or the median of known ones, or null.
"""

from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field

from agentic_sales.campaigns.book.product_plans import keep_plan, plan_facts_of
from agentic_sales.llm.ask import ModelOutput, ask, weakest
from agentic_sales.llm.progress import tell_progress
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules import pricing_plan as rules
from agentic_sales.rules.forms import dumped
from agentic_sales.rules.plan_facts import MOST_ROUNDS, PlanFacts, PlanForm

PROMPTS = load_prompts(__file__)


class Input(PlanForm):
    """Input of a run."""


class Output(ModelOutput, rules.PricingReport):
    """Output of a run."""


class State(Input, Output):
    """Input, output, the product's facts, and the faults of the last plan."""

    facts: PlanFacts = PlanFacts()
    metric: rules.ValueMetric = rules.PricingModel()
    faults: list[str] = Field(default_factory=list)


EXAMPLE: dict[str, Any] = {
    "product": {"name": "Quillmark", "description": "Call notes for sales leaders. $29 per seat a month. Free trial."},
    "competitors": [{"name": "Pennygale", "url": "https://pennygale.example/"}],
}


async def load_inputs(state: State) -> dict[str, Any]:
    """Find the product, its ideal customers and its competitors."""
    return {"facts": (await plan_facts_of(state)).model_dump()}


async def benchmark_competitors(state: State) -> dict[str, Any]:
    """Sum up the prices of competitors."""
    prices = rules.known_prices(state.facts.competitors)
    summaries = rules.summaries_of(prices, state.facts.competitors)
    told = {"competitor_pricing": dumped(prices), "competitor_summary": dumped(summaries)}
    tell_progress("benchmark_competitors", 1, 4)
    return {**told, "benchmark": rules.benchmark_of(prices, summaries).model_dump()}


async def choose_value_metric(state: State) -> dict[str, Any]:
    """Choose the value that a buyer pays for."""
    by_rules = rules.metric_by_rules(state.facts, state.benchmark)
    answer = await ask(
        PROMPTS["choose_value_metric"],
        rules.ValueMetric,
        fallback=lambda: by_rules,
        tier="deep",
        facts=fenced(state.facts.for_prompt),
    )
    metric = rules.metric_that_stands(answer.value, by_rules, state.facts.all_texts)
    tell_progress("choose_value_metric", 2, 4)
    return {"metric": metric.model_dump(), "value_metric": metric.value_metric, **answer.report}


async def design_model(state: State) -> dict[str, Any]:
    """Design the tiers."""
    answer = await ask(
        PROMPTS["design_model"],
        rules.TierPlans,
        fallback=lambda: rules.tiers_by_rules(state.facts, state.benchmark, state.metric),
        tier="deep",
        facts=fenced(state.facts.for_prompt),
        metric=fenced(state.metric.model_dump_json(exclude={"source_url"})),
        prices=fenced("\n".join(f"{one.competitor}: {one.quote}" for one in state.competitor_pricing) or "(none)"),
        faults=fenced("\n".join(state.faults) or "(none)"),
    )
    model = {**state.metric.model_dump(), **answer.value.model_dump()}
    tell_progress("design_model", 3, 4)
    return {"model": model, **answer.report}


async def check_model(state: State) -> dict[str, Any]:
    """Look for faults. After the last round the rules' plan stands in the place of one that has some."""
    faults = rules.problems_of(state.model, state.facts, state.benchmark)
    if faults and state.source == "llm" and state.critic_rounds < MOST_ROUNDS:
        return {"faults": faults, "critic_rounds": state.critic_rounds + 1}
    if not faults:
        return {"faults": [], "dropped": [], "critic_rounds": state.critic_rounds}
    plans = rules.tiers_by_rules(state.facts, state.benchmark, state.metric)
    model = {**state.metric.model_dump(), **plans.model_dump()}
    rounds = {"critic_rounds": state.critic_rounds, "source": "rules"}
    return {"faults": [], "dropped": faults, "model": model, **rounds}


def _next_step(state: State) -> Literal["design_model", "write_rationale"]:
    return "design_model" if state.faults else "write_rationale"


async def write_rationale(state: State) -> dict[str, Any]:
    """Say why, and write the book."""
    by_rules = rules.rationale_by_rules(state.facts, state.metric, state.benchmark)
    answer = await ask(
        PROMPTS["write_rationale"],
        rules.RationaleReading,
        fallback=lambda: by_rules,
        tier="deep",
        facts=fenced(state.facts.for_prompt),
        model=fenced(state.model.model_dump_json()),
    )
    rationale = rules.rationale_of(
        answer.value,
        by_rules,
        facts=state.facts,
        model=state.model,
        prices=state.competitor_pricing,
        benchmark=state.benchmark,
    )
    content = {"model": state.model.model_dump(), "rationale": rationale.model_dump()}
    stamp = {"inputs_hash": state.facts.digest, "source": weakest(state.source, answer.source)}
    prompts = state.graph_meta["prompts"] | answer.graph_meta["prompts"]
    product_id, whole = state.facts.product_id, {**content, **stamp}
    analysis_id = await keep_plan("pricing", "pricing", product_id, whole, prompts, dry_run=state.dry_run)
    return {"pricing": content, "rationale": content["rationale"], "analysis_id": analysis_id, **answer.report}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes as above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([load_inputs, benchmark_competitors, choose_value_metric, design_model, check_model])
    builder.add_node(write_rationale)
    builder.add_edge(START, "load_inputs")
    builder.add_conditional_edges("check_model", _next_step)
    builder.add_edge("write_rationale", END)
    return builder.compile(checkpointer=checkpointer, name="pricing")


graph = build_graph()
