"""Tell from a person's posts whether a company hires for, buys or scales AI: `START → extract_signals → score → END`.

The rules decide alone. Every signal is a sentence of a post that was given, so that a person can check it. Nothing is
looked up and no model is asked.
"""

from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, Field, StringConstraints

from agentic_sales.additions import with_additions
from agentic_sales.rules.ai_intent import (
    MOST_REASONS,
    IntentKind,
    IntentSignal,
    confidence_of,
    find_intent,
    intent_words,
    kind_of,
)
from agentic_sales.rules.forms import Form
from agentic_sales.settings import settings

Post = Annotated[str, StringConstraints(max_length=20_000)]


class Input(Form):
    """Input of a run."""

    contact_id: int | str | None = Field(default=None, description="Id of the person, handed back to the caller.")
    name: str = Field(default="", max_length=200, description="Name of the person.")
    headline: str = Field(default="", max_length=500, description="Headline of the person's profile.")
    company_name: str = Field(default="", max_length=300, description="Where the person works.")
    posts: list[Post] = Field(default_factory=list, max_length=50, description="Posts of the person, the newest first.")


class Output(BaseModel):
    """Output of a run."""

    has_ai_intent: bool = Field(default=False, description="Whether the posts tell an intent.")
    intent_kind: IntentKind = Field(default="none", description="The kind with the most signals.")
    confidence: float = Field(default=0.0, description="min(1, n/3) for n signals, 0-1.")
    reasons: list[str] = Field(default_factory=list, description="At most three signals in words.")
    signals: list[IntentSignal] = Field(default_factory=list, description="Every signal with its sentence.")


class State(Input, Output):
    """Input and output together."""


EXAMPLE: dict[str, Any] = {
    "name": "Ada Example",
    "headline": "VP Engineering at Harbor Robotics",
    "posts": ["We are hiring two machine learning engineers for our planning team. Apply by Friday."],
}


async def extract_signals(state: State) -> dict[str, Any]:
    """Find the sentences that tell an intent."""
    words = with_additions("ai_intent", intent_words, settings().rules_dir)
    return {"signals": [signal.model_dump() for signal in find_intent(state.posts, words)]}


async def score(state: State) -> dict[str, Any]:
    """Count the signals and name the intent."""
    kind = kind_of(state.signals)
    told = sorted(state.signals, key=lambda signal: signal.kind != kind)[:MOST_REASONS]
    return {
        "has_ai_intent": kind != "none",
        "intent_kind": kind,
        "confidence": confidence_of(state.signals),
        "reasons": [f"{signal.kind}: “{signal.quote}”" for signal in told],
    }


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → extract_signals → score → END`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([extract_signals, score])
    builder.add_edge(START, "extract_signals")
    builder.add_edge("score", END)
    return builder.compile(checkpointer=checkpointer, name="classify_ai_intent")


graph = build_graph()
