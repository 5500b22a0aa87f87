"""Ask sources and say who could not serve: `START → look → END`. A batch run is put back when it meets a pause."""

from collections import Counter
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, ConfigDict, Field

from agentic_sales.errors import AgenticSalesError
from agentic_sales.settings import settings
from agentic_sales.sources.service import Unavailable
from tests.support.source_calls import SOURCE_CALLS


class Input(BaseModel):
    """Input of a run."""

    model_config = ConfigDict(extra="forbid")

    sources: tuple[str, ...] = Field(description="Sources by name. One that stands here twice is asked two questions.")


class Output(BaseModel):
    """Output of a run."""

    found: dict[str, int] = Field({}, description="Number of records by the source that served.")
    unavailable_sources: tuple[str, ...] = Field((), description="Sources that could not serve, and why.")


class State(Input, Output):
    """Input and output together."""


EXAMPLE: dict[str, Any] = {"sources": ["github"]}


async def look(state: State) -> dict[str, Any]:
    """Ask one source after the other."""
    unavailable, found, asked = Unavailable(), Counter[str](), Counter[str]()
    for name in state.sources:
        try:
            found[name] += len(await SOURCE_CALLS[name].found(settings(), nth=asked[name]))
        except AgenticSalesError as exc:
            unavailable.note(name, exc)
        asked[name] += 1
    return {"found": dict(found), "unavailable_sources": unavailable.told}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → look → END`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_node(look)
    builder.add_edge(START, "look")
    builder.add_edge("look", END)
    return builder.compile(checkpointer=checkpointer, name="ask_sources")


graph = build_graph()
