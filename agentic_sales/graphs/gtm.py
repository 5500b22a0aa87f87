"""Plan how a product goes to its market: channels, messages, first mails, a playbook and the first 90 days.

`START → load_inputs → pick_channels → craft_pillars → write_templates → build_playbook → check_plan → draft_plan → END`

From `check_plan` messages or a playbook of a model that fail a check go back to `write_templates`, at most twice, with
their faults. Then those of the rules stand in their place. Channels and messages need words of the texts.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, TypeVar

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, Field

from agentic_sales.campaigns.book.product_plans import keep_plan, plan_facts_of
from agentic_sales.llm.ask import Answer, ModelOutput, ask, weakest
from agentic_sales.llm.progress import tell_progress
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules import gtm_plan as rules
from agentic_sales.rules.competitors import Proof
from agentic_sales.rules.forms import dumped
from agentic_sales.rules.plan_facts import MOST_ROUNDS, PlanFacts, PlanForm

PROMPTS = load_prompts(__file__)
T = TypeVar("T", bound=BaseModel)


class Input(PlanForm):
    """Input of a run."""


class Output(ModelOutput, rules.GtmReport):
    """Output of a run."""


class State(Input, Output):
    """Input, output, the product's facts, and the faults of the last messages."""

    facts: PlanFacts = PlanFacts()
    proofs: list[Proof] = Field(default_factory=list)
    faults: list[str] = Field(default_factory=list)


EXAMPLE: dict[str, Any] = {
    "product": {"name": "Quillmark", "description": "Call notes for sales leaders. It saves reps hours. Free trial."},
    "competitors": [{"name": "Pennygale", "url": "https://pennygale.example/", "description": "Sales engagement."}],
}


async def load_inputs(state: State) -> dict[str, Any]:
    """Find the product, its ideal customers and its competitors."""
    return {"facts": (await plan_facts_of(state)).model_dump()}


async def pick_channels(state: State) -> dict[str, Any]:
    """Choose the channels."""
    facts = state.facts
    by_rules = partial(rules.channels_by_rules, facts)
    answer = await _ask("pick_channels", rules.ChannelsReading, by_rules, facts=facts.for_prompt)
    return {"channels": dumped(rules.channels_that_stand(answer.value, facts)), **answer.report}


async def craft_pillars(state: State) -> dict[str, Any]:
    """Find the messages."""
    by_rules = partial(rules.pillars_by_rules, state.facts)
    answer = await _ask("craft_pillars", rules.PillarsReading, by_rules, facts=state.facts.for_prompt)
    pillars, proofs = rules.pillars_that_stand(answer.value, state.facts)
    return {"pillars": dumped(pillars), "proofs": dumped(proofs), **answer.report}


async def write_templates(state: State) -> dict[str, Any]:
    """Write the first messages."""
    answer = await _ask(
        "write_templates",
        rules.MessagesReading,
        partial(rules.messages_by_rules, state.facts, state.channels),
        facts=state.facts.for_prompt,
        channels="\n".join(one.name for one in state.channels),
        roles="\n".join(rules.roles_of(state.facts)),
        faults="\n".join(state.faults),
    )
    return {"templates": dumped(answer.value.outreach_templates), **answer.report}


async def build_playbook(state: State) -> dict[str, Any]:
    """Write a salesperson's notes for a conversation."""
    told = {"facts": state.facts.for_prompt, "faults": "\n".join(state.faults)}
    by_rules = partial(rules.playbook_by_rules, state.facts)
    answer = await _ask("build_playbook", rules.PlaybookReading, by_rules, **told)
    return {"playbook": answer.value.model_dump(), **answer.report}


async def check_plan(state: State) -> dict[str, Any]:
    """Look for faults. After the last round the rules' messages and playbook stand in the place of faulty ones."""
    faults = rules.problems_of(state.templates, state.playbook, state.channels, state.facts)
    if faults and state.source == "llm" and state.critic_rounds < MOST_ROUNDS:
        return {"faults": faults, "critic_rounds": state.critic_rounds + 1}
    report = {"faults": [], "dropped": faults, "critic_rounds": state.critic_rounds}
    if not faults:
        return report
    messages = dumped(rules.messages_by_rules(state.facts, state.channels).outreach_templates)
    playbook = rules.playbook_by_rules(state.facts).model_dump()
    return {**report, "templates": messages, "playbook": playbook, "source": "rules"}


def _next_step(state: State) -> Literal["write_templates", "draft_plan"]:
    return "write_templates" if state.faults else "draft_plan"


async def draft_plan(state: State) -> dict[str, Any]:
    """Write the first 90 days, put the parts together, and write the book."""
    channels = "\n".join(f"{one.name}: {'; '.join(one.tactics)}" for one in state.channels)
    by_rules = partial(rules.steps_by_rules, state.channels)
    answer = await _ask("draft_plan", rules.StepsReading, by_rules, channels=channels)
    parts = (state.channels, (state.pillars, state.proofs), state.templates, state.playbook)
    document = rules.document_of(*parts, steps=answer.value.first_90_days, facts=state.facts)
    stamp = {"inputs_hash": state.facts.digest, "source": weakest(state.source, answer.source)}
    prompts = state.graph_meta["prompts"] | answer.graph_meta["prompts"]
    product_id, content = state.facts.product_id, {**document.model_dump(), **stamp}
    kept = await keep_plan("gtm", "gtm", product_id, content, prompts, dry_run=state.dry_run)
    return {**rules.told_of(document), "analysis_id": kept, **answer.report}


async def _ask(step: str, reading: type[T], by_rules: Callable[[], T], **told: str) -> Answer[T]:
    texts: dict[str, Any] = {name: fenced(text or "(none)") for name, text in told.items()}
    answer = await ask(PROMPTS[step], reading, fallback=by_rules, **texts)
    tell_progress(step, 1 + list(PROMPTS).index(step), len(PROMPTS))
    return answer


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes as above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([load_inputs, pick_channels, craft_pillars, write_templates, build_playbook, check_plan])
    builder.add_node(draft_plan)
    builder.add_edge(START, "load_inputs")
    builder.add_conditional_edges("check_plan", _next_step)
    builder.add_edge("draft_plan", END)
    return builder.compile(checkpointer=checkpointer, name="gtm")


graph = build_graph()
