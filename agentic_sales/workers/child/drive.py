"""Drive the graph of a claimed run to its end, from the input or from the last checkpoint of its thread.

Only graphs of resumable rows have a thread. Each of their steps is stored before the next begins. The caller's
`durability` does not change that (it is always "sync"), because a worker can be killed at any moment.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from langgraph.runtime import RunControl
from langgraph.types import StateSnapshot
from pydantic import ValidationError

from agentic_sales.errors import InvalidInput, NotResumable
from agentic_sales.registry import GraphSpec
from agentic_sales.runs.events import EventWriter
from agentic_sales.runs.ledger import Claim, Ledger
from agentic_sales.workers.child.resume import WAKE, Start, how_to_start
from agentic_sales.workers.child.snapshots import (
    INTERRUPTS,
    End,
    interrupts_json,
    output_of,
    pause_json,
    pause_of,
    thread_config,
)
from agentic_sales.workers.child.streaming import stream_graph, stream_state
from agentic_sales.workers.child.traced import traced_config
from agentic_sales.workers.loader import LoadedGraph

_BREAKPOINTS = ("interrupt_before", "interrupt_after")
_NEEDS_A_THREAD = ("command", "checkpoint", "checkpoint_id", *_BREAKPOINTS)


def refuse_what_needs_a_thread(row: GraphSpec, request: Mapping[str, Any]) -> None:
    """Refuse a request that only a resumable row can serve.

    Raises:
        NotResumable: The row keeps no state.
    """
    if row.resumable:
        return
    asked = [name for name in _NEEDS_A_THREAD if request.get(name)]
    asked += [request["kind"]] if request.get("kind", "run") != "run" else []
    if asked:
        raise NotResumable(row.assistant_id, asked[0])


def is_run(request: Mapping[str, Any]) -> bool:
    """Say whether a request asks for a run; the other kinds are questions about a thread."""
    return request.get("kind", "run") in {"run", WAKE}


async def prepare(loaded: LoadedGraph, claim: Claim, ledger: Ledger) -> Start | StateSnapshot:
    """Say how a graph is started, or that nothing is left to run; nothing has run when this raises.

    Raises:
        InvalidInput: The input does not fit the graph.
        InvalidRequest: The command is none, or goes to a node that the graph does not have.
        NothingToResume: The command resumes an interrupt at which the thread does not wait.
        UnknownCheckpoint: The thread does not have the checkpoint that the run is to start from.
    """
    start = await _start(loaded, claim, ledger)
    if isinstance(start, Start) and start.is_input:
        _validate(loaded, start.values)
    return start


async def drive(
    loaded: LoadedGraph, claim: Claim, ledger: Ledger, control: RunControl, start: Start | StateSnapshot
) -> End:
    """Run a graph until it ends, or waits."""
    if isinstance(start, StateSnapshot):
        return await _end_without_running(loaded, claim, ledger, start)
    state = await _run(loaded, claim, ledger, control, start)
    if isinstance(state, dict) and INTERRUPTS in state:
        state = {**state, INTERRUPTS: interrupts_json(state[INTERRUPTS])}
    return End(state, await _pause(loaded, claim, state))


async def _start(loaded: LoadedGraph, claim: Claim, ledger: Ledger) -> Start | StateSnapshot:
    if loaded.row.resumable:
        return await how_to_start(loaded.graph, claim, ledger)
    return Start(claim.request.get("input"), is_input=True)


async def _end_without_running(loaded: LoadedGraph, claim: Claim, ledger: Ledger, state: StateSnapshot) -> End:
    output = output_of(loaded.graph, state)
    if claim.stream_modes:
        await stream_state(output, claim=claim, write=EventWriter(ledger.redis, claim).write)
    return End(output, pause_json(state))


async def _run(loaded: LoadedGraph, claim: Claim, ledger: Ledger, control: RunControl, start: Start) -> Any:
    config, options = traced_config(_config(loaded.row, claim, start)), _options(loaded.row, claim)
    if not claim.stream_modes:
        return await loaded.graph.ainvoke(start.values, config, control=control, **options)
    write = EventWriter(ledger.redis, claim).write
    return await stream_graph(
        loaded.graph, start.values, config, claim=claim, control=control, options=options, write=write
    )


async def _pause(loaded: LoadedGraph, claim: Claim, state: Any) -> Mapping[str, Any] | None:
    may_wait = INTERRUPTS in (state or ()) or any(claim.request.get(name) for name in _BREAKPOINTS)
    return await pause_of(loaded.graph, claim.thread_id) if loaded.row.resumable and may_wait else None


def _options(row: GraphSpec, claim: Claim) -> dict[str, Any]:
    options = {"context": claim.request.get("context")}
    if row.resumable:
        options |= {name: claim.request[name] for name in _BREAKPOINTS if claim.request.get(name)}
        options |= {"durability": "sync"}
    return options


def _config(row: GraphSpec, claim: Claim, start: Start) -> Any:
    config: Mapping[str, Any] = claim.request.get("config") or {}
    metadata = {**(config.get("metadata") or {}), **(claim.request.get("metadata") or {})}
    metadata |= {"assistant_id": row.assistant_id, "run_id": claim.run_id, "attempt": claim.attempt}
    config = {**config, "run_id": UUID(claim.run_id), "run_name": row.assistant_id, "metadata": metadata}
    if not row.resumable:
        return config
    thread = thread_config(claim.thread_id, start.checkpoint_id)["configurable"]
    return {**config, "configurable": {**(config.get("configurable") or {}), **thread}}


def _validate(loaded: LoadedGraph, values: Any) -> None:
    try:
        loaded.input_type.model_validate(values)
    except ValidationError as exc:
        raise InvalidInput(loaded.row.assistant_id, _problems(exc)) from exc


def _problems(error: ValidationError) -> list[tuple[str, str]]:
    return [("".join(f"/{part}" for part in problem["loc"]), problem["msg"]) for problem in error.errors()]
