"""Answer with the input: `START → echo → END`."""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, ConfigDict, Field


class Input(BaseModel):
    """Input of a run."""

    model_config = ConfigDict(extra="forbid")

    x: int = Field(description="Any number.")
    text: str = Field("", description="Any text, for a payload of a chosen size.")


class Output(BaseModel):
    """Output of a run."""

    y: int = Field(0, description="The same number.")


class State(Input, Output):
    """Input and output together."""


EXAMPLE: dict[str, Any] = {"x": 1}


async def echo(state: State) -> dict[str, Any]:
    """Copy the input to the output."""
    return {"y": state.x}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → echo → END`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_node(echo)
    builder.add_edge(START, "echo")
    builder.add_edge("echo", END)
    return builder.compile(checkpointer=checkpointer, name="echo")


graph = build_graph()
