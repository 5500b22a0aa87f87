"""Serve the present and past states of threads and a change of them. The pool that owns the graph answers."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from agentic_sales.contracts import Checkpoint, Writable
from agentic_sales.errors import InvalidRequest
from agentic_sales.facade.answers import JsonAnswer
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.callers import Trace
from agentic_sales.facade.state import Facade, FacadeState
from agentic_sales.facade.threads.questions import ask_about
from agentic_sales.facade.threads.threads import OK, THREAD_ERRORS, checked_thread_id
from agentic_sales.observability.tracing import TraceContext
from agentic_sales.store.threads import StoredThread
from agentic_sales.wire import from_wire

router = APIRouter(tags=["threads"], route_class=JsonRoute)

Subgraphs = Annotated[bool, Query(description="Include the states of subgraphs.")]


class StateAt(BaseModel):
    """Body of a question for an older state."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    checkpoint: Checkpoint = Field(description="The state that is meant.")
    subgraphs: bool = Field(default=False, description="Include the states of subgraphs.")


class StateUpdate(BaseModel):
    """Body of a change of the state."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    values: Writable | list[Writable] | None = Field(
        default=None, description="Values to write, as if a node had returned them."
    )
    as_node: str | None = Field(default=None, description="The node that is to have returned it; none: the last one.")
    checkpoint: Checkpoint | None = Field(default=None, description="Older state to start from.")
    checkpoint_id: str | None = Field(default=None, description="Id of the older state to start from.")


class NamedCheckpoint(Checkpoint):
    """A checkpoint, by its id."""

    checkpoint_id: str = Field(description="Id of the state.")


class CheckpointConfig(BaseModel):
    """A config that names a checkpoint."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    configurable: NamedCheckpoint
    """The checkpoint."""


class HistoryRequest(BaseModel):
    """Body of a question for the states that a thread has had."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    limit: int = Field(default=10, ge=1, le=1000, description="Most states to return.")
    before: str | CheckpointConfig | NamedCheckpoint | None = Field(
        default=None, description="Only states before this one."
    )
    metadata: dict[str, Any] | None = Field(
        default=None, description="Only states with these values in their metadata."
    )
    checkpoint: Checkpoint | None = Field(default=None, description="The states that led to this one.")


@router.get("/threads/{thread_id}/state", responses=THREAD_ERRORS, summary="The state of a thread")
async def state(facade: Facade, trace: Trace, thread_id: str, *, subgraphs: Subgraphs = False) -> Response:
    """Return the latest state of a thread. It is empty when no resumable workflow has run there."""
    return await _state(facade, trace, thread_id, {"subgraphs": subgraphs})


@router.post("/threads/{thread_id}/state/checkpoint", responses=THREAD_ERRORS, summary="An older state of a thread")
async def state_at(facade: Facade, trace: Trace, thread_id: str, body: StateAt) -> Response:
    """Return the state of a thread at a checkpoint."""
    return await _state(facade, trace, thread_id, body.model_dump())


@router.get("/threads/{thread_id}/state/{checkpoint_id}", responses=THREAD_ERRORS, summary="An older state of a thread")
async def state_by_id(
    facade: Facade, trace: Trace, thread_id: str, checkpoint_id: str, *, subgraphs: Subgraphs = False
) -> Response:
    """Return the state of a thread at the checkpoint of an id."""
    return await _state(facade, trace, thread_id, {"checkpoint_id": checkpoint_id, "subgraphs": subgraphs})


@router.post("/threads/{thread_id}/state", responses=THREAD_ERRORS, summary="Change the state of a thread")
async def update_state(facade: Facade, trace: Trace, thread_id: str, body: StateUpdate) -> Response:
    """Write into the state of a thread as one of its nodes would. 409 while a run holds it."""
    thread = await _thread(facade, thread_id)
    if thread.assistant_id is None:
        raise InvalidRequest(
            f"thread `{thread_id}` holds no workflow's state that could be changed; run a resumable one on it, or name "
            "one as `graph_id` in its metadata"
        )
    await facade.threads.write_down()
    answer = await ask_about(facade, trace, thread, {"kind": "update_state", **body.model_dump()}, changes_it=True)
    if answer.status_code == OK:
        now_so = await ask_about(facade, trace, thread, {"kind": "state"})
        if now_so.status_code == OK:
            await facade.threads.revalue(thread_id, from_wire(bytes(now_so.body))["values"])
    return answer


@router.get("/threads/{thread_id}/history", responses=THREAD_ERRORS, summary="The states that a thread has had")
async def history(
    facade: Facade,
    trace: Trace,
    thread_id: str,
    limit: Annotated[int, Query(ge=1, le=1000, description="Most states to return.")] = 10,
    before: Annotated[str | None, Query(description="Only states before this checkpoint.")] = None,
) -> Response:
    """Return the states of a thread with the latest first."""
    return await _history(facade, trace, thread_id, HistoryRequest(limit=limit, before=before))


@router.post("/threads/{thread_id}/history", responses=THREAD_ERRORS, summary="The states that a thread has had")
async def search_history(facade: Facade, trace: Trace, thread_id: str, body: HistoryRequest | None = None) -> Response:
    """Return the wanted states of a thread with the latest first."""
    return await _history(facade, trace, thread_id, body or HistoryRequest())


async def _thread(facade: FacadeState, thread_id: str) -> StoredThread:
    """Return a thread. One without state belongs to the assistant in its metadata as LangGraph's do."""
    thread = await facade.threads.load(checked_thread_id(thread_id))
    row = facade.control.rows.get(str(thread.metadata.get("graph_id")))
    if thread.assistant_id is not None or row is None or not row.resumable:
        return thread
    return replace(thread, assistant_id=row.assistant_id)


async def _state(facade: FacadeState, trace: TraceContext, thread_id: str, which: dict[str, Any]) -> Response:
    thread = await _thread(facade, thread_id)
    if thread.assistant_id is None:
        return JsonAnswer(_empty_state(thread_id))
    return await ask_about(facade, trace, thread, {"kind": "state", **which})


async def _history(facade: FacadeState, trace: TraceContext, thread_id: str, asked: HistoryRequest) -> Response:
    thread = await _thread(facade, thread_id)
    if thread.assistant_id is None:
        return JsonAnswer([])
    return await ask_about(facade, trace, thread, {"kind": "history", **asked.model_dump(exclude_none=True)})


def _empty_state(thread_id: str) -> dict[str, Any]:
    return {
        "values": {},
        "next": [],
        "tasks": [],
        "metadata": {},
        "created_at": None,
        "checkpoint": {"thread_id": thread_id, "checkpoint_ns": "", "checkpoint_id": None},
        "parent_checkpoint": None,
        "interrupts": [],
        "checkpoint_id": None,
        "parent_checkpoint_id": None,
    }
