"""Take one round of a flow on: discover leads, learn about each, score it, and let its person join a campaign.

    START → begin_round → discover → collect → begin_steps → reach_out → schedule_next → sleep → discover
    → collect → begin_steps → reach_out → schedule_next → END

A visit waits for no source. The sub-runs that it begins run in the batch lane. A later visit reads their ends. `sleep`
interrupts until the tick of the flows wakes the thread of the round. The store says how far the round and each lead
are, so the checkpoint only says where the thread waits. Nothing here sends: the campaign asks a person first.
"""

from typing import Any, Literal

from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer, interrupt
from pydantic import BaseModel, Field

from agentic_sales.campaigns.leads import desk, reaching, visit
from agentic_sales.campaigns.leads.report import report_of_round
from agentic_sales.campaigns.visits import clock
from agentic_sales.rules.forms import Form
from agentic_sales.settings import settings
from agentic_sales.store.database import Database, current_database


class Input(Form):
    """Input of a round. A round that is there goes on as it was begun."""

    flow: str = Field(min_length=1, max_length=64, description="Id of the flow; `agentic-sales flows list` has all.")
    round: str = Field(
        default="", max_length=100, pattern=r"^([A-Za-z0-9][\w.-]*)?$", description="Id of the round. Empty: a new one."
    )
    limit: int | None = Field(default=None, ge=1, le=1_000, description="Most leads. Null: the flow's limit.")
    budget_usd: float | None = Field(default=None, gt=0, le=10_000, description="Most cost. Null: the flow's budget.")
    dry_run: bool = Field(default=False, description="Write nothing into the book and enroll nobody.")


class Output(BaseModel):
    """How the round stands."""

    leads: dict[str, int] = Field(default_factory=dict, description="Leads by stage.")
    next_visit_at: str | None = Field(
        default=None, description="When the next visit is, in UTC. Null: the round ended."
    )
    report: dict[str, Any] = Field(default_factory=dict, description="state, reason, found, spent_usd and arms.")


class State(Input, Output):
    """Input, output, and whether the thread is the round's own."""

    is_own_thread: bool = Field(default=False, description="A run on another thread makes one visit and ends.")


EXAMPLE: dict[str, Any] = {"flow": "open_source", "round": "example", "limit": 3, "dry_run": True}


async def begin_round(state: State, config: RunnableConfig) -> dict[str, Any]:
    """Make the round, unless it is there."""
    thread_id = str((config.get("configurable") or {}).get("thread_id") or "")
    round_id = state.round or desk.round_id_of(state.flow, thread_id)
    order = desk.RoundOrder(
        flow_id=state.flow, most_leads=state.limit, budget_usd=state.budget_usd, is_dry=state.dry_run
    )
    await desk.begin_round(_database(), round_id, order, trace={}, now=clock.waking_now())
    return {"round": round_id, "is_own_thread": thread_id == desk.thread_of(round_id)}


async def discover(state: State) -> dict[str, Any]:
    """Begin the discovery, or write its leads."""
    await visit.discover(_database(), state.round, now=clock.waking_now())
    return {}


async def collect(state: State) -> dict[str, Any]:
    """Write the results of ended steps to their leads."""
    await visit.collect(_database(), state.round, now=clock.waking_now())
    return {}


async def begin_steps(state: State) -> dict[str, Any]:
    """Begin the next step of leads that have one."""
    await visit.begin_steps(_database(), state.round, now=clock.waking_now())
    return {}


async def reach_out(state: State) -> dict[str, Any]:
    """Let the people of kept leads join the campaign."""
    await reaching.reach_out(_database(), state.round, now=clock.waking_now(), clock_now=clock.now())
    return {}


async def schedule_next(state: State) -> dict[str, Any]:
    """Write when the next visit is, and tell how the round stands."""
    row = await visit.schedule_next(_database(), state.round, now=clock.waking_now())
    report = await report_of_round(_database(), state.round)
    at = row.wake_at.isoformat() if row.wake_at else None
    return {"leads": report.pop("leads"), "next_visit_at": at, "report": report}


def route_by_end(state: State) -> Literal["sleep", "__end__"]:
    """Sleep on the round's own thread while a visit can still come."""
    is_through = state.report.get("state") in {"finished", "failed"}
    return "__end__" if is_through or not state.is_own_thread else "sleep"


async def sleep(state: State) -> dict[str, Any]:
    """Wait for the next visit."""
    interrupt({"wake_at": state.next_visit_at, "leads": state.leads})
    return {}


def _database() -> Database:
    return current_database(settings())


def build_lead_flow_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes as drawn above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_node(begin_round)
    builder.add_sequence([discover, collect, begin_steps, reach_out, schedule_next])
    builder.add_node(sleep)
    builder.add_edge(START, "begin_round")
    builder.add_edge("begin_round", "discover")
    builder.add_conditional_edges("schedule_next", route_by_end)
    builder.add_edge("sleep", "discover")
    return builder.compile(checkpointer=checkpointer, name="lead_flow")


graph = build_lead_flow_graph()
