"""Tell the state of a thread in the JSON that LangGraph's callers know."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Interrupt, PregelTask, StateSnapshot
from pydantic import ValidationError

from agentic_sales.contracts import plain_text
from agentic_sales.errors import StateUnreadable
from agentic_sales.wire import from_wire, to_wire
from agentic_sales.workers.loader import Graph

INTERRUPTS = "__interrupt__"
"""Key of a final state under which LangGraph names the interrupts at which its thread waits."""

NOWHERE: Mapping[str, Any] = {"next": [], "interrupts": {}}
"""Where a thread waits that is known to wait nowhere, as nothing is known of one whose state could not be read."""


@dataclass(frozen=True, slots=True)
class End:
    """How a run, or a question about a thread, ended that did not fail."""

    state: Any
    """Its answer: a final state, which names the interrupts at which it waits, or the answer to a question."""
    pause: Mapping[str, Any] | None = None
    """Where its thread waits; None: it does not, or the question has not changed it."""


def thread_config(thread_id: str, checkpoint_id: str | None = None, checkpoint_ns: str = "") -> RunnableConfig:
    """Name a thread, or one checkpoint of it, in LangGraph's words."""
    configurable: dict[str, Any] = {"thread_id": thread_id, "checkpoint_ns": checkpoint_ns}
    return {"configurable": configurable | ({"checkpoint_id": checkpoint_id} if checkpoint_id else {})}


@contextmanager
def reading(graph: Graph) -> Iterator[None]:
    """Name the misfit when the body finds a state that was stored for another form of the graph.

    Raises:
        StateUnreadable: A field of the state is missing, or is no longer what the graph takes it for.
    """
    try:
        yield
    except ValidationError as exc:
        problems = ((".".join(map(str, problem["loc"])) or "the state", problem["msg"]) for problem in exc.errors())
        raise StateUnreadable(graph.get_name(), problems) from exc


async def read_state(graph: Graph, config: RunnableConfig, *, subgraphs: bool = False) -> StateSnapshot:
    """Read the state of a thread, or of one checkpoint of it.

    Raises:
        StateUnreadable: It does not fit the graph.
    """
    with reading(graph):
        return await graph.aget_state(config, subgraphs=subgraphs)


def snapshot_json(state: StateSnapshot) -> dict[str, Any]:
    """Describe a state; a thread without checkpoints has no values, and nothing comes next."""
    checkpoint = checkpoint_json(state.config)
    parent = None if state.parent_config is None else checkpoint_json(state.parent_config)
    return {
        "values": state.values,
        "next": state.next,
        "tasks": [_task_json(task) for task in state.tasks],
        "metadata": state.metadata or {},
        "created_at": state.created_at,
        "checkpoint": checkpoint,
        "parent_checkpoint": parent,
        "interrupts": interrupts_json(state.interrupts),
        "checkpoint_id": checkpoint["checkpoint_id"],
        "parent_checkpoint_id": parent and parent["checkpoint_id"],
    }


def checkpoint_json(config: RunnableConfig) -> dict[str, Any]:
    """Describe which checkpoint a config names."""
    configurable: Mapping[str, Any] = config["configurable"]
    named = {name: configurable[name] for name in ("checkpoint_map",) if configurable.get(name)}
    return {
        "thread_id": configurable["thread_id"],
        "checkpoint_ns": configurable.get("checkpoint_ns", ""),
        "checkpoint_id": configurable.get("checkpoint_id"),
        **named,
    }


def interrupts_json(interrupts: Iterable[Interrupt]) -> list[dict[str, Any]]:
    """Describe interrupts; a value that is no JSON is shown as near to it as possible, since a person must see it."""
    return [{"value": shown(interrupt.value), "id": interrupt.id} for interrupt in interrupts]


def shown(value: Any) -> Any:
    """Return a value as JSON can hold it: itself, else with bytes in base64 and objects as text."""
    try:
        to_wire(value)
    except ValueError:
        return _as_text(value)
    return value


def _as_text(value: Any) -> Any:
    told = partial(plain_text, write=repr)
    try:
        return from_wire(to_wire(value, bytes_as="base64", fallback=told))
    except ValueError:
        return told(value)


def pause_json(state: StateSnapshot) -> dict[str, Any] | None:
    """Say where a thread waits; None: it does not."""
    if not state.next:
        return None
    waiting = {task.id: interrupts_json(task.interrupts) for task in state.tasks if task.interrupts}
    return {"next": state.next, "interrupts": waiting}


async def pause_of(graph: Graph, thread_id: str) -> dict[str, Any] | None:
    """Read where a thread waits; None: it does not.

    Raises:
        StateUnreadable: Its state does not fit the graph.
    """
    return pause_json(await read_state(graph, thread_config(thread_id)))


def output_of(graph: Graph, state: StateSnapshot) -> Any:
    """Return the answer of a run that ended in this state. It equals the return value of the graph."""
    names = graph.output_channels
    values = state.values if isinstance(names, str) else {n: state.values[n] for n in names if n in state.values}
    return {**values, INTERRUPTS: interrupts_json(state.interrupts)} if state.interrupts else values


def _task_json(task: PregelTask) -> dict[str, Any]:
    nested = task.state
    return {
        "id": task.id,
        "name": task.name,
        "path": task.path,
        "error": None if task.error is None else plain_text(task.error),
        "interrupts": interrupts_json(task.interrupts),
        "checkpoint": checkpoint_json(nested) if isinstance(nested, dict) else None,
        "state": snapshot_json(nested) if isinstance(nested, StateSnapshot) else None,
        "result": task.result,
    }
