"""Ask for a sub-run of any assistant: `START → ask → END`."""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, ConfigDict, Field

from agentic_sales.runs.subruns import run_assistant


class Input(BaseModel):
    """Input of a run."""

    model_config = ConfigDict(extra="forbid")

    assistant_id: str = Field("echo", description="Workflow to ask for.")
    values: dict[str, Any] = Field({}, description="Its input.")


class Output(BaseModel):
    """Output of a run."""

    answer: dict[str, Any] = Field({}, description="Its final state.")
    worker: str = Field("", description="`host/pid` that ran it.")
    queue: str = Field("", description="Queue that it ran on.")


class State(Input, Output):
    """Input and output together."""


EXAMPLE: dict[str, Any] = {"assistant_id": "echo", "values": {"x": 1}}


async def ask(state: State) -> dict[str, Any]:
    """Run the named assistant and keep its answer."""
    sub_run = await run_assistant(state.assistant_id, state.values)
    return {"answer": sub_run.output, "worker": sub_run.record.worker or "", "queue": sub_run.record.queue}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → ask → END`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_node(ask)
    builder.add_edge(START, "ask")
    builder.add_edge("ask", END)
    return builder.compile(checkpointer=checkpointer, name="ask_core")


graph = build_graph()
