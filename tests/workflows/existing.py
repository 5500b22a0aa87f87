"""Two graphs as teams have them already: a `TypedDict` as the state, compiled where they stand."""

from typing import TypedDict

from langgraph.graph import END, START, StateGraph


class Words(TypedDict):
    """The state of both graphs."""

    text: str
    said: str


def shout(state: Words) -> dict[str, str]:
    """Say it louder."""
    return {"said": state["text"].upper()}


def whisper(state: Words) -> dict[str, str]:
    """Say it lower."""
    return {"said": state["text"].lower()}


loud = StateGraph(Words).add_node(shout).add_edge(START, "shout").add_edge("shout", END).compile()
soft = StateGraph(Words).add_node(whisper).add_edge(START, "whisper").add_edge("whisper", END).compile()
