"""Block the event loop for longer than the row allows: `START → block → END`."""

import time
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, ConfigDict, Field

from agentic_sales.errors import LoopBlocked


class Input(BaseModel):
    """Input of a run."""

    model_config = ConfigDict(extra="forbid")

    block_s: float = Field(0.0, ge=0, le=60, description="Seconds to block.")
    stubborn: bool = Field(False, description="Ignore every interruption, so that only a kill helps.")


class Output(BaseModel):
    """Output of a run."""

    blocked_s: float = Field(0.0, description="Seconds that were blocked.")


class State(Input, Output):
    """Input and output together."""


EXAMPLE: dict[str, Any] = {"block_s": 0.0}


async def block(state: State) -> dict[str, Any]:
    """Block the loop; with `stubborn` also ignore what interrupts it."""
    deadline = time.monotonic() + state.block_s
    while time.monotonic() < deadline:
        try:
            time.sleep(0.05)  # noqa: ASYNC251 - to block the event loop is the point
        except (SoftTimeLimitExceeded, LoopBlocked):
            if not state.stubborn:
                raise
    return {"blocked_s": state.block_s}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → block → END`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_node(block)
    builder.add_edge(START, "block")
    builder.add_edge("block", END)
    return builder.compile(checkpointer=checkpointer, name="stuck")


graph = build_graph()
