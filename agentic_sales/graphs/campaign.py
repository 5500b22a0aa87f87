"""Take one person through a campaign, over days: write, let a person agree, send, wait, until an answer or the end.

    START → check_reply → guard → generate_touch → guard → approve → guard → send_touch → guard → record
    → guard → schedule_next → sleep → check_reply → guard → schedule_next → END

`guard` decides what comes next, each time from what the store has, and whatever carries a decision out leads back to
it. `sleep` interrupts until the campaign's tick, or an event, wakes the thread. So the checkpoint only says where the
thread waits; wherever a process died, the next visit finds out what is left to do, and the send door lets no message
out twice. Nothing here sends but through that door.
"""

from datetime import datetime
from typing import Any, Literal

from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer, interrupt
from pydantic import BaseModel, ConfigDict, Field

from agentic_sales.campaigns.answers.replies import asked_of, note_class
from agentic_sales.campaigns.sending.door import Door
from agentic_sales.campaigns.sending.links import open_links
from agentic_sales.campaigns.sending.touches import touch_key
from agentic_sales.campaigns.visits import clock, surroundings
from agentic_sales.campaigns.visits.machine import Act, NextAct, decide
from agentic_sales.campaigns.visits.visit import (
    advance,
    ask_person,
    commission_of,
    keep_draft,
    park,
    put_off,
    settle,
    situation_of,
    stop,
    unread_replies,
    wakes_of,
    zone_of,
)
from agentic_sales.contracts import CampaignId, ContactId
from agentic_sales.errors import InvalidMessage, NotPermitted, UnknownRecord
from agentic_sales.runs.subruns import run_assistant
from agentic_sales.settings import settings
from agentic_sales.store.database import Database, current_database
from agentic_sales.store.visits import Key

NEXT: dict[Act, str] = {
    "write": "generate_touch",
    "ask": "approve",
    "send": "send_touch",
    "advance": "record",
    "sleep": "schedule_next",
    "park": "schedule_next",
    "stop": "schedule_next",
    "finish": "schedule_next",
    "leave": "schedule_next",
}
"""Decision to the node that carries it out."""


class Input(BaseModel):
    """What a thread is begun with."""

    model_config = ConfigDict(extra="forbid")

    campaign_id: str = Field(min_length=1, max_length=128, description="The campaign.")
    contact_id: str = Field(min_length=1, max_length=128, description="The person.")


class Output(BaseModel):
    """How the person's way through the campaign stands."""

    act: str = Field(default="", description="What was decided last.")
    why: str = Field(default="", description="Why, for people.")
    wake_at: str | None = Field(
        default=None, description="When the next visit is, in UTC; null: when an event wakes it."
    )
    step: int = Field(default=0, description="Step that comes next, from 0.")
    sent: list[str] = Field(default_factory=list, description="Touches that were sent, oldest first.")


class State(Input, Output):
    """Input, output, and what a visit notes for its end."""

    wakes: int = Field(
        default=-1, description="How often the person had been woken when the visit began; -1: nobody looked."
    )


EXAMPLE: dict[str, Any] = {"campaign_id": "example", "contact_id": "example"}


async def check_reply(state: State) -> dict[str, Any]:
    """Read what came back since the last visit, and draw the consequences."""
    database, key = _database(), _key(state)
    wakes = await wakes_of(database, key)  # before anything is read that may change meanwhile
    for reply in await unread_replies(database, key[1]):
        told = (await run_assistant("classify_reply", asked_of(reply))).output
        zone = await zone_of(database, key)
        back_at = await note_class(database, reply, key[1], told, zone=zone, now=clock.now())
        if back_at is not None:
            await put_off(database, key, back_at, now=clock.now())
    return {"wakes": wakes}


async def guard(state: State) -> dict[str, Any]:
    """Decide what comes next."""
    try:
        async with _database().reading() as connection:
            situation = await situation_of(connection, _key(state))
    except UnknownRecord as exc:  # the person was forgotten: nothing is left to do, nor to write down
        return {**_told(NextAct("leave", str(exc))), "step": state.step, "sent": state.sent}
    return {**_told(decide(situation, clock.now())), "step": situation.enrollment.step, "sent": state.sent}


def route_by_act(state: State) -> str:
    """Go where the decision is carried out."""
    return NEXT[state.act]  # type: ignore[index]  # only `guard` writes it


async def generate_touch(state: State) -> dict[str, Any]:
    """Let the step's workflow write the message, and put it into the send ledger; or stop, if it says so."""
    database, key = _database(), _key(state)
    async with database.reading() as connection:
        situation = await situation_of(connection, key)
        commission = await commission_of(connection, situation)
    written = await run_assistant(commission.assistant_id, commission.input)
    if skipped := written.output.get("skip_reason"):
        await stop(database, key, str(skipped), now=clock.now())
        return {}
    try:
        await keep_draft(
            database,
            situation,
            written.output,
            run_id=written.record.run_id,
            langsmith_run_id=written.record.langsmith_run_id,
            now=clock.now(),
        )
    except NotPermitted as exc:  # the person left while the message was written
        await stop(database, key, str(exc), now=clock.now())
    except InvalidMessage as exc:  # a person must look; who lets it go on has it written anew
        await park(database, key, str(exc), now=clock.now())
    return {}


async def approve(state: State) -> dict[str, Any]:
    """Ask a person whether the message may be sent."""
    database = _database()
    async with database.reading() as connection:
        situation = await situation_of(connection, _key(state))
    await ask_person(database, situation, now=clock.now())
    return {}


async def send_touch(state: State) -> dict[str, Any]:
    """Send the message through the door, which may say: not now, or never."""
    async with surroundings.transport() as transport:
        door = Door(_database(), transport, open_links(settings()))
        row = await door.send(touch_key(*_key(state), state.step), now=clock.now())
    return {"sent": [*state.sent, row.touch_id]} if row.state == "sent" else {}


async def record(state: State) -> dict[str, Any]:
    """Go on to the next step."""
    await advance(_database(), _key(state), step=state.step, now=clock.now())
    return {}


async def schedule_next(state: State) -> dict[str, Any]:
    """Write down when the next visit is, or how the person's way ended."""
    decision = NextAct(state.act, state.why, _moment(state.wake_at))  # type: ignore[arg-type]  # only `guard` writes it
    await settle(_database(), _key(state), decision, wakes=state.wakes, now=clock.now())
    return {}


def route_by_end(state: State) -> Literal["sleep", "__end__"]:
    """Sleep while anything can still happen."""
    return "sleep" if state.act in {"sleep", "park"} else "__end__"


async def sleep(state: State) -> dict[str, Any]:
    """Wait for the next visit."""
    interrupt({"wake_at": state.wake_at, "why": state.why})
    return {}


def _told(decision: NextAct) -> dict[str, Any]:
    at = decision.at.isoformat() if decision.at else None
    return {"act": decision.act, "why": decision.why, "wake_at": at}


def _moment(told: str | None) -> datetime | None:
    return datetime.fromisoformat(told) if told else None


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
    builder.add_conditional_edges("guard", route_by_act, sorted(set(NEXT.values())))
    for node in (generate_touch, approve, send_touch, record):
        builder.add_edge(node.__name__, "guard")
    builder.add_conditional_edges("schedule_next", route_by_end)
    builder.add_edge("sleep", "check_reply")
    return builder.compile(checkpointer=checkpointer, name="campaign")


graph = build_campaign_graph()
