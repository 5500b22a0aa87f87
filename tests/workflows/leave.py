"""Fail in a way that is hard to tell, or leave as a process does: `START → leave, idle → END`."""

import asyncio
from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, ConfigDict, Field

from tests.workflows.steps import write_line


class OddError(Exception):
    """An error whose text is odd."""


class Input(BaseModel):
    """Input of a run."""

    model_config = ConfigDict(extra="forbid")

    how: Literal["half", "dumb", "long", "exit", "interrupt", "generator"] = Field(
        "half", description="The text of the error has half a pair, raises, or has 3 MB; or what leaves a process."
    )
    log: str = Field("", description="File to which every attempt appends a line; empty: none.")


class Output(BaseModel):
    """Output of a run."""

    reached: bool = Field(False, description="Never true.")


class State(Input, Output):
    """Input and output together."""


EXAMPLE: dict[str, Any] = {"how": "half"}


class DumbError(Exception):
    """An error whose text cannot be made."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


async def leave(state: State) -> dict[str, Any]:
    """Raise."""
    write_line(state.log, "left")
    raise _raised(state)


def _raised(state: State) -> BaseException:
    match state.how:
        case "half":
            return OddError("half \ud800 a pair, and a NUL \0")
        case "dumb":
            return DumbError()
        case "long":
            return OddError("x" * 3_000_000)
        case "exit":
            return SystemExit(3)
        case "interrupt":
            return KeyboardInterrupt()
        case "generator":
            return GeneratorExit()


async def idle(state: State) -> None:  # noqa: ARG001 - a node takes the state
    """Run beside the other node, so that each is a task of its own."""
    await asyncio.sleep(0)


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → leave, idle → END`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_node(leave)
    builder.add_node(idle)
    builder.add_edge(START, "leave")
    builder.add_edge(START, "idle")
    builder.add_edge("idle", END)
    builder.add_edge("leave", END)
    return builder.compile(checkpointer=checkpointer, name="leave")


graph = build_graph()
