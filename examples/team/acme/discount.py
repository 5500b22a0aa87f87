"""Offer a discount; a large one waits for a person's approval: `START → propose → approve → END`.

The run ends at the question and its worker is free. The answer starts the next run of the same thread, days later if
need be, and `approve` begins anew with it: what stands before `interrupt` must be harmless when it is done twice.
"""

from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer, interrupt
from pydantic import BaseModel, ConfigDict, Field

from agentic_sales.llm.ask import ModelOutput, ask
from agentic_sales.llm.prompts import load_prompts

PROMPTS = load_prompts(__file__)
MOST_WITHOUT_APPROVAL = 10
"""Percent that anybody may offer."""

Outcome = Literal["", "offered", "refused"]


class Offer(BaseModel):
    """What the model answers."""

    sentence: str = Field(max_length=300, description="The offer.")


class Input(BaseModel):
    """Input of a run."""

    model_config = ConfigDict(extra="forbid")

    customer: str = Field(min_length=1, max_length=100, description="Name of the customer.")
    percent: int = Field(ge=1, le=90, description="The discount.")


class Output(ModelOutput):
    """Output of a run."""

    offer: str = Field(default="", description="The offer, in one sentence; empty: it was refused.")
    outcome: Outcome = Field(default="", description="What became of it; empty: it waits for approval.")


class State(Input, Output):
    """Input and output together."""


EXAMPLE: dict[str, Any] = {"customer": "Globex", "percent": 5}


async def propose(state: State) -> dict[str, Any]:
    """Ask a model for the sentence; without one, write it."""
    plain = Offer(sentence=f"We offer {state.customer} a discount of {state.percent} percent.")
    answer = await ask(
        PROMPTS["propose"], Offer, fallback=lambda: plain, customer=state.customer, percent=str(state.percent)
    )
    return {"offer": answer.value.sentence, **answer.report}


async def approve(state: State) -> dict[str, Any]:
    """Wait for `yes` where the discount is large."""
    if state.percent <= MOST_WITHOUT_APPROVAL:
        return {"outcome": "offered"}
    word = interrupt({"question": f"May {state.customer} have {state.percent} percent?", "offer": state.offer})
    return {"outcome": "offered"} if word == "yes" else {"outcome": "refused", "offer": ""}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire both nodes."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_node(propose)
    builder.add_node(approve)
    builder.add_edge(START, "propose")
    builder.add_edge("propose", "approve")
    builder.add_edge("approve", END)
    return builder.compile(checkpointer=checkpointer, name="acme_discount")


graph = build_graph()
