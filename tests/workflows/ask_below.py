"""Let another graph ask a person: `START → below (draft → ask → finish) → END`."""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer

from tests.workflows import ask_human
from tests.workflows.ask_human import EXAMPLE, Input, Output, State

__all__ = ["EXAMPLE", "Input", "Output", "State", "build_graph", "graph"]


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → below → END`."""
    builder: StateGraph[State, None, Input, State] = StateGraph(State, input_schema=Input)
    below: Any = ask_human.build_graph()
    builder.add_node("below", below)
    builder.add_edge(START, "below")
    builder.add_edge("below", END)
    return builder.compile(checkpointer=checkpointer, name="ask_below")


graph = build_graph()
