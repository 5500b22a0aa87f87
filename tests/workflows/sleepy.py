"""Wait, as a workflow waits for a model: `START → doze → END`."""

import asyncio
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, ConfigDict, Field


class Input(BaseModel):
    """Input of a run."""

    model_config = ConfigDict(extra="forbid")

    wait_s: float = Field(0.2, ge=0, le=600, description="Seconds to wait.")


class Output(BaseModel):
    """Output of a run."""

    waited_s: float = Field(0.0, description="Seconds that were waited.")


class State(Input, Output):
    """Input and output together."""


EXAMPLE: dict[str, Any] = {"wait_s": 0.01}


async def doze(state: State) -> dict[str, Any]:
    """Wait on the event loop."""
    await asyncio.sleep(state.wait_s)
    return {"waited_s": state.wait_s}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → doze → END`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_node(doze)
    builder.add_edge(START, "doze")
    builder.add_edge("doze", END)
    return builder.compile(checkpointer=checkpointer, name="sleepy")


graph = build_graph()
