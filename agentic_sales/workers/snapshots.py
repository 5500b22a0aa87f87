"""Tell the state of a thread in the JSON that LangGraph's callers know."""

from collections.abc import Iterable, Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Interrupt, PregelTask, StateSnapshot

from agentic_sales.workers.loader import Graph

INTERRUPTS = "__interrupt__"
"""Key of a final state under which LangGraph names the interrupts at which its thread waits."""


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
    """Describe interrupts."""
    return [{"value": interrupt.value, "id": interrupt.id} for interrupt in interrupts]


def pause_json(state: StateSnapshot) -> dict[str, Any] | None:
    """Say where a thread waits; None: it does not."""
    if not state.next:
        return None
    waiting = {task.id: interrupts_json(task.interrupts) for task in state.tasks if task.interrupts}
    return {"next": state.next, "interrupts": waiting}


def output_of(graph: Graph, state: StateSnapshot) -> Any:
    """Return what a run that ended in this state answers: the same as if the graph had just returned it."""
    names = graph.output_channels
    values = state.values if isinstance(names, str) else {n: state.values[n] for n in names if n in state.values}
    return {**values, INTERRUPTS: interrupts_json(state.interrupts)} if state.interrupts else values


def _task_json(task: PregelTask) -> dict[str, Any]:
    nested = task.state
    return {
        "id": task.id,
        "name": task.name,
        "path": task.path,
        "error": None if task.error is None else str(task.error),
        "interrupts": interrupts_json(task.interrupts),
        "checkpoint": checkpoint_json(nested) if isinstance(nested, dict) else None,
        "state": snapshot_json(nested) if isinstance(nested, StateSnapshot) else None,
        "result": task.result,
    }
