"""Draft something and wait for a person's word on it: `START → draft → ask → finish → END`."""

import asyncio
from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer, interrupt
from pydantic import BaseModel, ConfigDict, Field

from tests.workflows.steps import write_line


class Input(BaseModel):
    """Input of a run."""

    model_config = ConfigDict(extra="forbid")

    topic: str = Field(description="What the draft is about.")
    log: str = Field("", description="File that every node appends its name to; empty: none.")
    questions: int = Field(1, ge=0, le=5, description="How often the person is asked, one answer after the other.")
    odd: Literal["", "bytes", "half", "object"] = Field("", description="What in the question is no JSON.")
    hold_s: float = Field(0.0, ge=0, le=600, description="Seconds that `ask` takes after the last answer, at first.")


class Output(BaseModel):
    """Output of a run."""

    draft: str = Field("", description="The draft.")
    answers: list[Any] = Field([], description="What the person said, in the order of the questions.")
    finished: bool = Field(False, description="True at the end.")


class State(Input, Output):
    """Input and output together."""


ODD = {"bytes": b"\xff", "half": "\ud800", "object": object()}
"""What is no JSON."""
EXAMPLE: dict[str, Any] = {"topic": "a discount", "questions": 0}


async def draft(state: State) -> dict[str, Any]:
    """Draft."""
    write_line(state.log, "draft")
    return {"draft": f"About {state.topic}."}


async def ask(state: State) -> dict[str, Any]:
    """Ask until every question has its answer."""
    write_line(state.log, "ask")
    odd = {"odd": ODD[state.odd]} if state.odd else {}
    answers = [interrupt({"question": f"{state.draft} Question {number}?", **odd}) for number in range(state.questions)]
    is_first_time = write_line(state.log, "answered")
    await asyncio.sleep(state.hold_s if is_first_time else 0.0)
    return {"answers": answers}


async def finish(state: State) -> dict[str, Any]:
    """Finish."""
    write_line(state.log, "finish")
    return {"finished": True}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → draft → ask → finish → END`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_node(draft)
    builder.add_node(ask)
    builder.add_node(finish)
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "ask")
    builder.add_edge("ask", "finish")
    builder.add_edge("finish", END)
    return builder.compile(checkpointer=checkpointer, name="ask_human")


graph = build_graph()
