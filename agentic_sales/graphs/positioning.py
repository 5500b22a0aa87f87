"""Position a product among its competitors, with a statement that passes hard checks and a critic.

`START → load_inputs → extract_category_conventions → identify_white_space → draft_positioning_statement → stress_test →
save → END`

From `stress_test` a model's statement that fails goes back to `draft_positioning_statement`, at most twice. Then the
rules' statement stands in the place of one that still fails a hard check. A check that stays unmet is named.
"""

from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field

from agentic_sales.campaigns.book.product_plans import keep_plan, plan_facts_of
from agentic_sales.llm.ask import ModelOutput, ask
from agentic_sales.llm.progress import tell_progress
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules import positioning as rules
from agentic_sales.rules.plan_facts import MOST_ROUNDS, PlanFacts, PlanForm

PROMPTS = load_prompts(__file__)


class Input(PlanForm):
    """Input of a run."""


class Output(ModelOutput, rules.PositioningReport):
    """Output of a run."""


class State(Input, Output):
    """Input, output, the product's facts, and the faults of the last statement."""

    facts: PlanFacts = PlanFacts()
    faults: list[str] = Field(default_factory=list)
    critic_rounds: int = 0


EXAMPLE: dict[str, Any] = {
    "product": {"name": "Quillmark", "description": "Call notes for sales leaders. It saves reps hours. Open source."},
    "competitors": [{"name": "Pennygale", "url": "https://pennygale.example/", "description": "Sales engagement."}],
}


async def load_inputs(state: State) -> dict[str, Any]:
    """Find the product, its ideal customers and its competitors."""
    return {"facts": (await plan_facts_of(state)).model_dump()}


async def extract_category_conventions(state: State) -> dict[str, Any]:
    """Name the category and its conventions."""
    by_rules = rules.category_by_rules(state.facts)
    answer = await ask(
        PROMPTS["extract_category_conventions"],
        rules.CategoryReading,
        fallback=lambda: by_rules,
        tier="deep",
        facts=fenced(state.facts.for_prompt),
    )
    tell_progress("extract_category_conventions", 1, 3)
    return {"positioning": rules.with_category(answer.value, by_rules, state.facts).model_dump(), **answer.report}


async def identify_white_space(state: State) -> dict[str, Any]:
    """Find the claims of the product that no competitor makes."""
    answer = await ask(
        PROMPTS["identify_white_space"],
        rules.WhiteSpaceReading,
        fallback=lambda: rules.white_space_by_rules(state.facts),
        tier="deep",
        facts=fenced(state.facts.for_prompt),
    )
    tell_progress("identify_white_space", 2, 3)
    document = rules.with_white_space(state.positioning, answer.value, state.facts)
    return {"positioning": document.model_dump(), **answer.report}


async def draft_positioning_statement(state: State) -> dict[str, Any]:
    """Write the statement."""
    answer = await ask(
        PROMPTS["draft_positioning_statement"],
        rules.StatementReading,
        fallback=lambda: rules.statement_by_rules(state.facts, state.positioning),
        tier="deep",
        facts=fenced(state.facts.for_prompt),
        position=fenced(state.positioning.model_dump_json(exclude={"proofs", "unmet_checks"})),
        faults=fenced("\n".join(state.faults) or "(none)"),
    )
    tell_progress("draft_positioning_statement", 3, 3)
    document = rules.with_statement(state.positioning, answer.value, state.facts)
    return {"positioning": document.model_dump(), **answer.report}


async def stress_test(state: State) -> dict[str, Any]:
    """Hold the statement to the hard checks, then to a critic. After the last round only the checks count."""
    faults = rules.problems_of(state.positioning, state.facts)
    is_mendable = state.source == "llm" and state.critic_rounds < MOST_ROUNDS
    report: dict[str, Any] = {}
    if is_mendable and not faults:
        answer = await ask(
            PROMPTS["stress_test"],
            rules.CriticReading,
            fallback=lambda: rules.CriticReading(passes=True, objections=[]),
            tier="deep",
            temperature=0.1,
            statement=fenced(state.positioning.positioning_statement),
            facts=fenced(state.facts.for_prompt),
        )
        faults, report = [] if answer.value.passes else answer.value.objections, answer.report
    if faults and is_mendable:
        return {"faults": faults, "critic_rounds": state.critic_rounds + 1, **report}
    if faults and state.source == "llm":
        told = rules.statement_by_rules(state.facts, state.positioning)
        document = rules.with_statement(state.positioning, told, state.facts)
        return {"faults": [], "dropped": faults, "positioning": document.model_dump(), "source": "rules"}
    return {"faults": [], **report}


def _next_step(state: State) -> Literal["draft_positioning_statement", "save"]:
    return "draft_positioning_statement" if state.faults else "save"


async def save(state: State) -> dict[str, Any]:
    """Name the unmet checks, and write the book."""
    unmet = rules.problems_of(state.positioning, state.facts)
    document = state.positioning.model_dump() | {"unmet_checks": unmet, "critic_rounds": state.critic_rounds}
    content = {**document, "inputs_hash": state.facts.digest, "source": state.source}
    product_id, prompts = state.facts.product_id, state.graph_meta["prompts"]
    kept = await keep_plan("positioning", "positioning", product_id, content, prompts, dry_run=state.dry_run)
    return {"positioning": document, "analysis_id": kept, "dropped": state.dropped}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes as above."""
    builder = StateGraph(State, input_schema=Input)
    drafting = [extract_category_conventions, identify_white_space, draft_positioning_statement]
    builder.add_sequence([load_inputs, *drafting, stress_test])
    builder.add_node(save)
    builder.add_edge(START, "load_inputs")
    builder.add_conditional_edges("stress_test", _next_step)
    builder.add_edge("save", END)
    return builder.compile(checkpointer=checkpointer, name="positioning")


graph = build_graph()
