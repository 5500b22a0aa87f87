"""Activate a vertical: find companies by their code, look at a sample, ask a person, and begin a round for it.

    START → seed → rest → seed → sample → rest → sample → confirm → roll_out → END

It has no row in the registry, since nobody calls it: `agentic-sales verticals` writes what a person wants, and a job
of beat wakes the thread. `rest` interrupts while runs are under way, and `confirm` until a person has said a word. The
store says how far the activation is, so the checkpoint only says where the thread waits. Nothing is written into the
book before the confirmation, and nothing here sends.
"""

from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer, interrupt
from pydantic import BaseModel, Field

from agentic_sales.campaigns.activations import visit
from agentic_sales.campaigns.visits import clock
from agentic_sales.rules.forms import Form
from agentic_sales.settings import settings
from agentic_sales.store.activations import FAILED, REFUSED, WAITING, ActivationRow
from agentic_sales.store.database import Database, current_database


class Input(Form):
    """Input of a run."""

    vertical: str = Field(min_length=1, max_length=64, description="Slug of a vertical with an activation.")


class Output(BaseModel):
    """How the activation stands."""

    state: str = Field(default="", description="running, waiting, active, refused or failed.")
    stage: str = Field(default="", description="seed, sample, confirm or roll_out.")
    found: int | None = Field(default=None, description="Companies that the search found. Null: it has not ended.")
    round_id: str | None = Field(default=None, description="Round that has begun. Null: none has.")


class State(Input, Output):
    """Input and output together."""


EXAMPLE: dict[str, Any] = {"vertical": "ingestible"}


async def seed(state: State) -> dict[str, Any]:
    """Begin the search, or write its results."""
    return _standing(await visit.seed(_database(), state.vertical, now=clock.waking_now()))


async def sample(state: State) -> dict[str, Any]:
    """Begin to read the sites of the best companies, or write their facts."""
    return _standing(await visit.sample(_database(), state.vertical, now=clock.waking_now()))


def route_after_sample(state: State) -> Literal["confirm", "rest", "__end__"]:
    """Ask a person as soon as every site was looked at."""
    if state.state == FAILED:
        return "__end__"
    return "rest" if state.stage == "sample" else "confirm"


def route_after_seed(state: State) -> Literal["sample", "rest", "__end__"]:
    """Look at the sample as soon as the search has ended."""
    if state.state == FAILED:
        return "__end__"
    return "rest" if state.stage == "seed" else "sample"


async def rest(state: State) -> dict[str, Any]:
    """Wait for the next visit."""
    interrupt({"stage": state.stage})
    return {}


def route_after_rest(state: State) -> Literal["seed", "sample"]:
    """Go back to the stage with runs under way."""
    return "seed" if state.stage == "seed" else "sample"


async def confirm(state: State) -> dict[str, Any]:
    """Ask a person, unless the word is there."""
    row = await visit.take_word(_database(), state.vertical, now=clock.waking_now())
    if row.state == WAITING:
        interrupt({"question": f"activate `{row.slug}`?", "found": row.found})
    return _standing(row)


def route_by_word(state: State) -> Literal["roll_out", "confirm", "__end__"]:
    """Roll out what was confirmed, end what was refused, and ask again where nobody has said a word."""
    if state.state in {REFUSED, FAILED}:
        return "__end__"
    return "confirm" if state.state == WAITING else "roll_out"


async def roll_out(state: State) -> dict[str, Any]:
    """Begin the round of the flow."""
    return _standing(await visit.roll_out(_database(), state.vertical, now=clock.waking_now()))


def _standing(row: ActivationRow) -> dict[str, Any]:
    return {"state": row.state, "stage": row.stage, "found": row.found, "round_id": row.round_id}


def _database() -> Database:
    return current_database(settings())


def build_resumable_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes as drawn above."""
    builder = StateGraph(State, input_schema=Input)
    for node in (seed, sample, rest, confirm, roll_out):
        builder.add_node(node)
    builder.add_edge(START, "seed")
    builder.add_conditional_edges("seed", route_after_seed)
    builder.add_conditional_edges("sample", route_after_sample)
    builder.add_conditional_edges("rest", route_after_rest)
    builder.add_conditional_edges("confirm", route_by_word)
    builder.add_edge("roll_out", END)
    return builder.compile(checkpointer=checkpointer, name="vertical_activation")


graph = build_resumable_graph()
