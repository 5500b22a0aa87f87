"""Kill the process that runs it: `START → kill → END`."""

import os
import signal
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, ConfigDict, Field


class Input(BaseModel):
    """Input of a run."""

    model_config = ConfigDict(extra="forbid")

    lethal: bool = Field(False, description="Kill the process.")


class Output(BaseModel):
    """Output of a run."""

    survived: bool = Field(False, description="True when nothing was killed.")


class State(Input, Output):
    """Input and output together."""


EXAMPLE: dict[str, Any] = {"lethal": False}


async def kill(state: State) -> dict[str, Any]:
    """Kill this worker child, as running out of memory would."""
    if state.lethal:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"survived": True}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → kill → END`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_node(kill)
    builder.add_edge(START, "kill")
    builder.add_edge("kill", END)
    return builder.compile(checkpointer=checkpointer, name="poison")


graph = build_graph()
