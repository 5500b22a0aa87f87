"""Answer questions about a thread: its state, its history, an update, an undoing, its end.

A question travels as a run does. So the pool that owns a graph answers for it, and the facade needs no graph. An update
is made once, however often it is delivered, because its checkpoint carries its `run_id`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from langgraph.errors import InvalidUpdateError
from langgraph.types import StateSnapshot

from agentic_sales.errors import InvalidRequest, InvalidUpdate, UnknownCheckpoint
from agentic_sales.runs.ledger import Claim
from agentic_sales.workers.child.resume import checkpoint_id_of
from agentic_sales.workers.child.snapshots import (
    End,
    checkpoint_json,
    pause_of,
    read_state,
    reading,
    snapshot_json,
    thread_config,
)
from agentic_sales.workers.loader import Graph, LoadedGraph

if TYPE_CHECKING:
    from agentic_sales.workers.child.saver import Saver

HISTORY_LIMIT = 10
"""States that a history has when the question does not say."""
MOST_HISTORY = 1000


async def answer_question(loaded: LoadedGraph, saver: "Saver", claim: Claim) -> End:
    """Answer the question of a claimed run.

    Raises:
        InvalidRequest: There is no such question, or a part of it is wrong.
        InvalidUpdate: The graph does not take the update.
        StateUnreadable: The thread's state does not fit the graph.
        UnknownCheckpoint: The thread does not have the checkpoint that the question names.
    """
    match claim.request.get("kind"):
        case "state":
            return End(snapshot_json(await _state(loaded.graph, claim)))
        case "update_state":
            return End(await _update_state(loaded, claim), await pause_of(loaded.graph, claim.thread_id))
        case "history":
            return End(await _history(loaded.graph, claim))
        case "rollback":
            await saver.adelete_runs(claim.thread_id, _run_ids(claim.request))
            return End({}, await pause_of(loaded.graph, claim.thread_id))
        case "delete":
            checkpoints = await saver.acount(claim.thread_id)
            await saver.adelete_thread(claim.thread_id)
            return End({"checkpoints": checkpoints})
        case kind:
            raise InvalidRequest(f"a worker cannot answer the question `{kind}`")


async def _state(graph: Graph, claim: Claim) -> StateSnapshot:
    checkpoint_id, checkpoint_ns = checkpoint_id_of(claim.request), _namespace(claim.request)
    config = thread_config(claim.thread_id, checkpoint_id, checkpoint_ns)
    state = await read_state(graph, config, subgraphs=bool(claim.request.get("subgraphs")))
    if checkpoint_id and state.created_at is None:
        raise UnknownCheckpoint(claim.thread_id, checkpoint_id)
    return state


async def _update_state(loaded: LoadedGraph, claim: Claim) -> dict[str, Any]:
    graph, request = loaded.graph, claim.request
    if claim.attempt > 1:
        head = await read_state(graph, thread_config(claim.thread_id, None, _namespace(request)))
        if (head.metadata or {}).get("run_id") == claim.run_id:
            return _updated(checkpoint_json(head.config))
    await _state(graph, claim)
    config = thread_config(claim.thread_id, checkpoint_id_of(request), _namespace(request))
    config["metadata"] = {**(request.get("metadata") or {}), "run_id": claim.run_id}
    try:
        values = request.get("values")
        made = await graph.aupdate_state(config, values, as_node=request.get("as_node"))
    except (InvalidUpdateError, TypeError, ValueError) as exc:
        raise InvalidUpdate(loaded.row.assistant_id, exc) from exc
    return _updated(checkpoint_json(made))


def _updated(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    return {"checkpoint": checkpoint, "configurable": checkpoint, "checkpoint_id": checkpoint["checkpoint_id"]}


async def _history(graph: Graph, claim: Claim) -> list[dict[str, Any]]:
    request = claim.request
    limit = request.get("limit", HISTORY_LIMIT)
    if not isinstance(limit, int) or not 0 < limit <= MOST_HISTORY:
        raise InvalidRequest(f"`limit` must be a number from 1 to {MOST_HISTORY}, not {limit!r}")
    before = _before(request.get("before"))
    states = graph.aget_state_history(
        thread_config(claim.thread_id, checkpoint_id_of(request), _namespace(request)),
        filter=request.get("metadata"),
        before=thread_config(claim.thread_id, before) if before else None,
        limit=limit,
    )
    with reading(graph):
        return [snapshot_json(state) async for state in states]


def _run_ids(request: Mapping[str, Any]) -> list[str]:
    run_ids = request.get("run_ids")
    if not isinstance(run_ids, list) or not all(isinstance(run_id, str) for run_id in run_ids):
        raise InvalidRequest("`run_ids` must be the ids of the runs that are undone")
    return run_ids


def _before(before: Any) -> str | None:
    """Return the id of the checkpoint in any of the forms in which the SDKs name it."""
    match before:
        case None | str():
            return before
        case {"configurable": {"checkpoint_id": str(checkpoint_id)}} | {"checkpoint_id": str(checkpoint_id)}:
            return checkpoint_id
        case _:
            raise InvalidRequest("`before` must be the id of a checkpoint, a checkpoint, or a config that names one")


def _namespace(request: Mapping[str, Any]) -> str:
    checkpoint: Any = request.get("checkpoint") or {}
    return str(checkpoint.get("checkpoint_ns") or "") if isinstance(checkpoint, dict) else ""
