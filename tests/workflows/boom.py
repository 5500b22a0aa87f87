"""Fail with an error of its own: `START → explode → END`."""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, ConfigDict, Field


class ExplosionError(Exception):
    """Raised by the graph, as a bug would."""


class Input(BaseModel):
    """Input of a run."""

    model_config = ConfigDict(extra="forbid")

    message: str = Field("boom", description="Text of the error.")


class Output(BaseModel):
    """Output of a run."""

    reached: bool = Field(False, description="Never true.")


class State(Input, Output):
    """Input and output together."""


EXAMPLE: dict[str, Any] = {"message": "boom"}


async def explode(state: State) -> dict[str, Any]:
    """Raise."""
    raise ExplosionError(state.message)


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → explode → END`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_node(explode)
    builder.add_edge(START, "explode")
    builder.add_edge("explode", END)
    return builder.compile(checkpointer=checkpointer, name="boom")


graph = build_graph()
