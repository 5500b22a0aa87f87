"""Take three steps, each noted in a file as often as it is taken: `START → first → second → third → END`."""

import asyncio
import operator
from pathlib import Path
from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, ConfigDict, Field


class Input(BaseModel):
    """Input of a run."""

    model_config = ConfigDict(extra="forbid")

    log: str = Field("", description="File that every step appends its name to; empty: none.")
    notes: list[str] = Field([], description="What the list of steps begins with.")
    step_s: float = Field(0.0, ge=0, le=60, description="Seconds that every step takes.")
    hold_in: str = Field("", description="Step that takes long, the first time that it is taken.")
    hold_s: float = Field(0.0, ge=0, le=600, description="Seconds that it takes then.")
    padding: str = Field("", description="Any text, for a state of a chosen size.")


class Output(BaseModel):
    """Output of a run."""

    notes: list[str] = Field([], description="The steps in the order in which they were taken.")


class State(Input, Output):
    """Input and output together."""

    notes: Annotated[list[str], operator.add] = []


EXAMPLE: dict[str, Any] = {"notes": ["begun"]}


async def first(state: State) -> dict[str, Any]:
    """Take the first step."""
    return await take("first", state)


async def second(state: State) -> dict[str, Any]:
    """Take the second step."""
    return await take("second", state)


async def third(state: State) -> dict[str, Any]:
    """Take the third step."""
    return await take("third", state)


async def take(name: str, state: State) -> dict[str, Any]:
    """Leave a line in the file and a note in the state."""
    is_first_time = write_line(state.log, name)
    await asyncio.sleep(state.hold_s if state.hold_in == name and is_first_time else state.step_s)
    return {"notes": [name]}


def write_line(log: str, line: str) -> bool:
    """Append a line to a file, if there is one; say whether it is the first of its kind."""
    if not log:
        return True
    path = Path(log)
    is_first = not path.exists() or line not in path.read_text(encoding="utf-8").splitlines()
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    return is_first


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → first → second → third → END`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_node(first)
    builder.add_node(second)
    builder.add_node(third)
    builder.add_edge(START, "first")
    builder.add_edge("first", "second")
    builder.add_edge("second", "third")
    builder.add_edge("third", END)
    return builder.compile(checkpointer=checkpointer, name="steps")


graph = build_graph()
