"""Decide how an attempt of a run on a thread begins: with the input, with a command, where it stood, or not at all.

A run that was delivered again must not begin again. The checkpointer tells how far it came. Its checkpoints carry its
`run_id`, and the writes of a finished node stand beside the checkpoint even before the next one is made. So finished
nodes are not run again, the input is not appended twice, and a resume value is used once. A run that has ended, and
was not recorded as ended, is answered from its state.
"""

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from langgraph.checkpoint.base import WRITES_IDX_MAP, BaseCheckpointSaver
from langgraph.constants import END
from langgraph.types import Command, PregelTask, Send, StateSnapshot
from pydantic import BaseModel

from agentic_sales.errors import InvalidRequest, NothingToResume, UnknownCheckpoint
from agentic_sales.runs.ledger import Claim, Ledger
from agentic_sales.workers.child.snapshots import read_state, reading, thread_config
from agentic_sales.workers.loader import Graph

WAKE = "wake"
"""Kind of a run that lets a thread go on however it stands."""
_INTERRUPT_ID = re.compile(r"[0-9a-f]{32}")
_NO_TASK = str(UUID(int=0))
"""Task under which LangGraph stores the writes of a command."""
_NOTE = "command"


@dataclass(frozen=True, slots=True)
class Start:
    """How a graph is started."""

    values: Any
    """The input; or a `Command`; or None: it goes on where its thread stands."""
    checkpoint_id: str | None = None
    """Older checkpoint of the thread from which it starts; None: the latest."""
    is_input: bool = False
    """The values are an input, which must fit the graph's schema."""


def checkpoint_id_of(request: Mapping[str, Any]) -> str | None:
    """Return the checkpoint that a request names, in any of LangGraph's forms."""
    configured: Any = (request.get("config") or {}).get("configurable")
    places = (request, request.get("checkpoint"), configured)
    return next((place["checkpoint_id"] for place in places if place and place.get("checkpoint_id")), None)


async def how_to_start(graph: Graph, claim: Claim, ledger: Ledger) -> Start | StateSnapshot:
    """Say how this attempt begins; a state means that nothing is left to run: it is the run's answer.

    Raises:
        InvalidRequest: The command is none.
        NothingToResume: The thread waits at no interrupt, or not at the one that the command names.
        StateUnreadable: The thread's state does not fit the graph.
        UnknownCheckpoint: The thread does not have the checkpoint that the run is to start from.
    """
    if claim.attempt > 1:
        head = await read_state(graph, thread_config(claim.thread_id), subgraphs=True)
        if _made_by(head, claim):
            return head if await _stands(graph, head, claim) else Start(None)
    if claim.request.get("kind") == WAKE:
        return await woken(graph, claim.thread_id, claim.request.get("input"), claim.request.get("resume"))
    checkpoint_id, values = checkpoint_id_of(claim.request), claim.request.get("input")
    command = claim.request.get("command")
    if command is None and checkpoint_id is None and values is not None:
        return Start(values, is_input=True)
    at = await read_state(graph, thread_config(claim.thread_id, checkpoint_id), subgraphs=True)
    if checkpoint_id and at.created_at is None:
        raise UnknownCheckpoint(claim.thread_id, checkpoint_id)
    if command is not None:
        return await _with_command(graph, command, at, claim, ledger)
    return Start(values, checkpoint_id, is_input=values is not None or at.created_at is None)


async def woken(graph: Graph, thread_id: str, values: Mapping[str, Any] | None, answer: Any = None) -> Start:
    """Answer every interrupt at which the thread waits, or go on after a dead worker, or begin with the input.

    The waker of a thread need not know its state. A thread whose next node was removed from the graph has nothing left
    to do. It begins again, with the rest of its state.

    Args:
        graph: The graph with its checkpointer.
        thread_id: The thread.
        values: Input for a thread that has nothing left to do.
        answer: Answer to the interrupts.

    Raises:
        StateUnreadable: The thread's state does not fit the graph.
    """
    at = await read_state(graph, thread_config(thread_id), subgraphs=True)
    if is_waiting(at):
        waiting = waiting_interrupts(at)
        answers = dict.fromkeys(waiting, answer)
        return Start(Command(resume=_resume_with(waiting, answers)))
    if at.tasks:
        return Start(None)
    _refuse_unreadable(graph, {**at.values, **(values or {})})
    return Start(values, is_input=True)


def _refuse_unreadable(graph: Graph, values: Mapping[str, Any]) -> None:
    """Refuse a state that no node could take, of a thread that has no next node to be read for."""
    schema = graph.builder.state_schema
    if issubclass(schema, BaseModel):
        with reading(graph):
            schema.model_validate(values)


def is_waiting(state: StateSnapshot) -> bool:
    """Say whether a thread waits at interrupts, and at nothing else."""
    unfinished = [task for task in state.tasks if task.result is None]
    return bool(unfinished) and all(task.interrupts for task in unfinished)


def waiting_interrupts(state: StateSnapshot) -> dict[str, bool]:
    """Return the interrupts at which a thread waits, and whether an answer finds each by its id.

    It does not in a subgraph whose state was changed while it waited: LangGraph looks for the answer beside the
    checkpoint of the interrupt, and the change has made a newer one.
    """
    found: dict[str, bool] = {}
    for task in state.tasks:
        nested = task.state if isinstance(task.state, StateSnapshot) and task.state.tasks else None
        if nested is not None and (inner := waiting_interrupts(nested)):
            found |= inner
        elif task.result is None:
            found |= {interrupt.id: nested is None for interrupt in task.interrupts}
    return found


def _resume_with(waiting: Mapping[str, bool], answers: Mapping[str, Any]) -> Any:
    """Return answers in the form in which LangGraph finds them: by their ids, else as the only one that there is."""
    if len(waiting) == 1 and not all(waiting.values()):
        return next(iter(answers.values()), None)
    return dict(answers)


def _made_by(state: StateSnapshot, claim: Claim) -> bool:
    return (state.metadata or {}).get("run_id") == claim.run_id


async def _stands(graph: Graph, head: StateSnapshot, claim: Claim) -> bool:
    """Say whether a run whose checkpoint this is has come to its end: the graph's, an interrupt, or a breakpoint."""
    if not head.tasks or is_waiting(head):
        return True
    if any(_has_begun(task) for task in head.tasks) or (head.metadata or {}).get("source") == "fork":
        return False
    if _names_one(claim.request.get("interrupt_before"), head.tasks):
        return True
    if not claim.request.get("interrupt_after") or head.parent_config is None:
        return False
    before = await read_state(graph, head.parent_config)
    return _names_one(claim.request["interrupt_after"], before.tasks)


def _has_begun(task: PregelTask) -> bool:
    return task.result is not None or task.error is not None or bool(task.interrupts)


def _names_one(breakpoints: Any, tasks: Iterable[PregelTask]) -> bool:
    return breakpoints == "*" or any(task.name in (breakpoints or ()) for task in tasks)


async def _with_command(
    graph: Graph, command: Any, at: StateSnapshot, claim: Claim, ledger: Ledger
) -> Start | StateSnapshot:
    if not isinstance(command, dict) or not any(command.get(name) is not None for name in ("resume", "goto", "update")):
        raise InvalidRequest("`command` must be an object with `resume`, `goto` or `update`")
    if command.get("resume") is None and at.created_at is None:
        raise NothingToResume(claim.thread_id, "no run has left a state to go on from; start one with an `input`")
    waiting = waiting_interrupts(at)
    written = await _writes_of_commands(graph, at)
    first = await _first_note(command, list(waiting), written, claim, ledger)
    answers = {key: value for key, value in _resume_map(command, first["resume"]).items() if key in waiting}
    is_written = written > first["written"]
    rest = Command(
        resume=_resume_with(waiting, answers) if answers else None,
        update=None if is_written else _update(command.get("update"), graph.channels),
        goto=() if is_written else _goto(command.get("goto"), graph.builder.nodes),
    )
    if rest.resume is not None or rest.update or rest.goto:
        return Start(rest, checkpoint_id_of(claim.request))
    return at if is_waiting(at) else Start(None)


async def _first_note(
    command: Mapping[str, Any], waiting: list[str], written: int, claim: Claim, ledger: Ledger
) -> Mapping[str, Any]:
    """Return the state of the thread at the first look of the run."""
    if claim.attempt > 1 and (kept := await ledger.note(claim.run_id, _NOTE)) is not None:
        return kept
    note = {"resume": _interrupts_meant(command.get("resume"), waiting, claim.thread_id), "written": written}
    return await ledger.note_once(claim.run_id, _NOTE, note)


def _interrupts_meant(resume: Any, waiting: list[str], thread_id: str) -> list[str]:
    if resume is None:
        return []
    if not waiting:
        raise NothingToResume(thread_id, "it waits at no interrupt")
    if _is_map(resume):
        if unknown := sorted(resume.keys() - set(waiting)):
            raise NothingToResume(thread_id, f"it does not wait at interrupt `{unknown[0]}`")
        return list(resume)
    if len(waiting) > 1:
        raise NothingToResume(thread_id, f"it waits at {len(waiting)} interrupts, so name the one that is answered")
    return waiting


def _is_map(resume: Any) -> bool:
    return isinstance(resume, dict) and bool(resume) and all(_INTERRUPT_ID.fullmatch(key) for key in resume)


def _resume_map(command: Mapping[str, Any], meant: Iterable[str]) -> dict[str, Any]:
    """Answer interrupts by their ids: an answer without an id would be given to the next interrupt as well."""
    resume = command.get("resume")
    answers: Mapping[str, Any] = (
        resume if isinstance(resume, dict) and _is_map(resume) else dict.fromkeys(meant, resume)
    )
    return {key: answers[key] for key in meant}


async def _writes_of_commands(graph: Graph, at: StateSnapshot) -> int:
    """Count the writes of commands beside a checkpoint."""
    saver: BaseCheckpointSaver[Any] = graph.checkpointer  # type: ignore[assignment]  # resumable rows have one
    found = await saver.aget_tuple(at.config) if at.created_at else None
    writes = found.pending_writes or [] if found else []
    return sum(task_id == _NO_TASK and channel not in WRITES_IDX_MAP for task_id, channel, _ in writes)


def _goto(goto: Any, nodes: Container[str]) -> Any:
    """Turn the wire form of `goto` into LangGraph's: a name, a node with an input, or a list of those."""
    match goto:
        case None:
            return ()
        case str():
            return _known(goto, nodes)
        case {"node": str(node)}:
            return Send(_known(node, nodes), goto.get("input"))
        case list() if not any(isinstance(part, list) for part in goto):
            return [_goto(part, nodes) for part in goto]
        case _:
            raise InvalidRequest("`command.goto` must be a node, {`node`, `input`}, or a list of those")


def _known(node: str, nodes: Container[str]) -> str:
    if node not in nodes and node != END:
        raise InvalidRequest(f"`command.goto` names `{node[:128]}`, which is no node of this workflow")
    return node


def _update(update: Any, channels: Container[str]) -> Any:
    """Turn the wire form of `update` into LangGraph's: an object, or pairs of key and value."""
    if update is None:
        return None
    if not isinstance(update, dict) and (not isinstance(update, list) or not all(map(_is_pair, update))):
        raise InvalidRequest("`command.update` must be an object, or a list of pairs of key and value")
    pairs = list(update.items()) if isinstance(update, dict) else [(key, value) for key, value in update]
    for name, _ in pairs:
        if name not in channels or name.startswith("__") or ":" in name:  # these two are LangGraph's own
            raise InvalidRequest(f"`command.update` names `{name[:128]}`, which is no field of this workflow's state")
    return pairs


def _is_pair(value: Any) -> bool:
    match value:
        case [str(), _]:
            return isinstance(value, list)
        case _:
            return False
