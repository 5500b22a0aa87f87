"""Return, ask or raise something that not every JSON reader and database takes: `START → act → END`."""

import math
from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer, interrupt
from pydantic import BaseModel, ConfigDict, Field

VALUES: dict[str, Any] = {"nan": math.nan, "nul": "a\x00b", "half": "a\ud800b", "line": "a\u2028b\u2029c\u0085d"}


class Input(BaseModel):
    """Input of a run."""

    model_config = ConfigDict(extra="forbid")

    what: Literal["nan", "nul", "half", "line"] = Field(description="Which value.")
    where: Literal["state", "interrupt", "error"] = Field("state", description="Where it goes.")


class Output(BaseModel):
    """Output of a run."""

    value: Any = Field(None, description="The value.")
    nested: dict[str, Any] = Field({}, description="The value in an object.")


class State(Input, Output):
    """Input and output together."""


EXAMPLE: dict[str, Any] = {"what": "line"}


async def act(state: State) -> dict[str, Any]:
    """Do what is asked."""
    value = VALUES[state.what]
    match state.where:
        case "state":
            return {"value": value, "nested": {"value": [value]}}
        case "interrupt":
            interrupt({"question": value})
            return {}
        case "error":
            raise ValueError(f"about {value}")


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → act → END`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_node(act)
    builder.add_edge(START, "act")
    builder.add_edge("act", END)
    return builder.compile(checkpointer=checkpointer, name="strange")


graph = build_graph()
