"""Keep a processor busy: `START → burn → END`."""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, ConfigDict, Field


class Input(BaseModel):
    """Input of a run."""

    model_config = ConfigDict(extra="forbid")

    turns: int = Field(1_000_000, ge=0, description="Loop turns; 3.6 million are about 100 ms.")


class Output(BaseModel):
    """Output of a run."""

    odd_turns: int = Field(0, description="How many of the turns were odd.")


class State(Input, Output):
    """Input and output together."""


EXAMPLE: dict[str, Any] = {"turns": 1000}


async def burn(state: State) -> dict[str, Any]:
    """Count without ever yielding to the event loop."""
    total = 0
    for turn in range(state.turns):
        total += turn & 1
    return {"odd_turns": total}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → burn → END`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_node(burn)
    builder.add_edge(START, "burn")
    builder.add_edge("burn", END)
    return builder.compile(checkpointer=checkpointer, name="burn")


graph = build_graph()
