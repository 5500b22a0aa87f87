"""Ask a source and say who could not serve: `START → look → END`. A batch run is put back when it meets a pause."""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, ConfigDict, Field

from agentic_sales.errors import AgenticSalesError
from agentic_sales.settings import settings
from agentic_sales.sources.github import GitHub
from agentic_sales.sources.service import Unavailable


class Input(BaseModel):
    """What a run takes."""

    model_config = ConfigDict(extra="forbid")

    login: str = Field(description="An organisation on GitHub.")


class Output(BaseModel):
    """What a run answers."""

    name: str = Field("", description="Its name, or nothing.")
    unavailable_sources: tuple[str, ...] = Field((), description="Sources that could not serve, and why.")


class State(Input, Output):
    """Input and output together."""


EXAMPLE: dict[str, Any] = {"login": "emberloom"}


async def look(state: State) -> dict[str, Any]:
    """Read the organisation."""
    unavailable = Unavailable()
    async with GitHub(settings()) as github:
        try:
            found = await github.organization(state.login)
        except AgenticSalesError as exc:
            unavailable.note(github.name, exc)
            return {"unavailable_sources": unavailable.told}
    return {"name": found.name or ""}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → look → END`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_node(look)
    builder.add_edge(START, "look")
    builder.add_edge("look", END)
    return builder.compile(checkpointer=checkpointer, name="ask_source")


graph = build_graph()
