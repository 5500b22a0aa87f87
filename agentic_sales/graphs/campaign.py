"""Take one person through a campaign, over days: write, let a person agree, send, wait, until an answer or the end.

    START → check_reply → guard → generate_touch → guard → approve → guard → send_touch → guard → record
    → guard → schedule_next → sleep → check_reply → guard → schedule_next → END

`check_reply` also drafts the answer to a reply, and sends it once a person agreed. `guard` decides on the next step
from the store, or from what the node before has just read or written there. Each node that carries a decision out leads
back to it. `sleep` interrupts until the tick or
an event wakes the thread. The checkpoint only says where the thread waits. After the death of a process the next visit
finds the open steps. Only the send door sends, and never twice.
"""

from typing import Any, Literal

from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer, interrupt
from pydantic import BaseModel, Field

from agentic_sales.campaigns.visits import answering, clock, visit, work
from agentic_sales.campaigns.visits.machine import NextAct
from agentic_sales.contracts import CampaignId, ContactId
from agentic_sales.errors import UnknownRecord
from agentic_sales.rules.forms import Form
from agentic_sales.settings import settings
from agentic_sales.store.database import Database, current_database
from agentic_sales.store.visits import Key

NEXT = {"write": "generate_touch", "ask": "approve", "send": "send_touch", "advance": "record"}
LAST = "schedule_next"
"""The node of each decision, and the node of all others: they end the visit."""


class Input(Form):
    """Input of a thread."""

    campaign_id: str = Field(min_length=1, max_length=128, description="The campaign.")
    contact_id: str = Field(min_length=1, max_length=128, description="The person.")


class Output(BaseModel):
    """How the person's way through the campaign stands."""

    act: str = Field(default="", description="The last decision.")
    why: str = Field(default="", description="Why, for people.")
    wake_at: str | None = Field(None, description="When the next visit is, in UTC. Null: when an event wakes it.")
    step: int = Field(default=0, description="Step that comes next, from 0.")
    sent: list[str] = Field(default_factory=list, description="Touches that were sent, oldest first.")


class State(Input, Output):
    """Input, output, and the notes of a visit for its end."""

    wakes: int = Field(default=-1, description="How often they had been woken when the visit began; -1: not known.")
    answer_at: str | None = Field(None, description="When an agreed answer is due, in UTC. Null: none waits.")


EXAMPLE: dict[str, Any] = {"campaign_id": "example", "contact_id": "example"}


async def check_reply(state: State) -> dict[str, Any]:
    """Read the mails that came back since the last visit, draw the consequences, and take the answers to them on."""
    wakes, has_replied = await work.read_replies(_database(), _key(state))
    answer_at = await answering.take_on(_database(), _key(state)) if has_replied else None
    return {"wakes": wakes, "answer_at": answer_at}


async def guard(state: State) -> dict[str, Any]:
    """Decide on the next step."""
    try:
        decision, step = await work.next_act(_database(), _key(state))
    except UnknownRecord as exc:  # the person was forgotten: nothing is left to do, nor to write down
        return {**NextAct("leave", str(exc)).plain(), "step": state.step, "sent": state.sent}
    return {**decision.plain(), "step": step, "sent": state.sent}


def route_by_act(state: State) -> str:
    """Go where the decision is carried out."""
    return NEXT.get(state.act, LAST)


async def generate_touch(state: State) -> dict[str, Any]:
    """Let the step's workflow write the message, or write it anew, and put it into the send ledger."""
    await work.write_message(_database(), _key(state))
    return {}


async def approve(state: State) -> dict[str, Any]:
    """Ask a person whether the message may be sent."""
    await work.ask_for_approval(_database(), _key(state))
    return {}


async def send_touch(state: State) -> dict[str, Any]:
    """Send the message through the door, which may say: not now, or never."""
    row = await work.send_message(_database(), _key(state), state.step)
    return {"sent": [*state.sent, row.touch_id]} if row.state == "sent" else {}


async def record(state: State) -> dict[str, Any]:
    """Go on to the next step."""
    await work.go_on(_database(), _key(state), state.step)
    return {}


async def schedule_next(state: State) -> dict[str, Any]:
    """Write down when the next visit is, or how the person's way ended."""
    wake_at = min(filter(None, (state.wake_at, state.answer_at)), default=None)
    decision = NextAct.of(state.act, state.why, wake_at)
    await visit.settle(_database(), _key(state), decision, wakes=state.wakes, now=clock.now())
    return {}


def route_by_end(state: State) -> Literal["sleep", "__end__"]:
    """Sleep while anything can still happen."""
    return "sleep" if state.act in {"sleep", "park"} else "__end__"


async def sleep(state: State) -> dict[str, Any]:
    """Wait for the next visit."""
    interrupt({"wake_at": state.wake_at, "why": state.why})
    return {}


def _key(state: State) -> Key:
    return CampaignId(state.campaign_id), ContactId(state.contact_id)


def _database() -> Database:
    return current_database(settings())


def build_campaign_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes as drawn above."""
    builder = StateGraph(State, input_schema=Input)
    for node in (check_reply, guard, generate_touch, approve, send_touch, record, schedule_next, sleep):
        builder.add_node(node)
    builder.add_edge(START, "check_reply")
    builder.add_edge("check_reply", "guard")
    builder.add_conditional_edges("guard", route_by_act, [*sorted(NEXT.values()), LAST])
    for node in (generate_touch, approve, send_touch, record):
        builder.add_edge(node.__name__, "guard")
    builder.add_conditional_edges("schedule_next", route_by_end)
    builder.add_edge("sleep", "check_reply")
    return builder.compile(checkpointer=checkpointer, name="campaign")


graph = build_campaign_graph()
