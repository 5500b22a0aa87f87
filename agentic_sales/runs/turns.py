"""Describe a run's turn on a thread. One run has the thread at a time in the order of their records.

The step that records a resuming run compares it with the interrupts of the thread. So exactly one of two answers to an
interrupt is taken.
"""

from dataclasses import dataclass, field
from typing import Any

from agentic_sales.contracts import MultitaskStrategy, RunId
from agentic_sales.errors import AgenticSalesError, NothingToResume, ThreadBusy, ThreadOfAnother
from agentic_sales.store.threads import ThreadState
from agentic_sales.wire import to_wire

LONGEST_LINE = 1000
"""Runs that may wait for their turn on one thread."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A run's turn on a thread."""

    thread_id: str
    """The thread."""
    strategy: MultitaskStrategy = "enqueue"
    """Strategy when a run holds the thread."""
    keeps_state: bool = False
    """Whether the run's graph keeps its state in the thread."""
    resumes: tuple[str, ...] | None = None
    """Interrupts that the run answers. Empty means the standing one. None means that it resumes nothing."""
    is_question: bool = False
    """Question of the facade about the thread's state. A caller never sees it as a run."""
    undoes: tuple[RunId, ...] = ()
    """Runs whose checkpoints it removes. Their records go with its success."""
    known: ThreadState = field(default_factory=lambda: ThreadState(None, None))
    """The database's knowledge of the thread for a ledger that has forgotten it."""

    def as_json(self, assistant_id: str, *, cancelled: str) -> bytes:
        """Write the JSON that the ledger's scripts need.

        Args:
            assistant_id: Workflow of the run.
            cancelled: Body of the runs that end because of it.
        """
        turn: dict[str, Any] = {
            "thread_id": self.thread_id,
            "strategy": self.strategy,
            "keeps_state": self.keeps_state,
            "is_question": self.is_question,
            "undoes": " ".join(self.undoes),
            "known": {
                "assistant_id": self.known.assistant_id or "",
                "pause": "" if self.known.pause is None else to_wire(self.known.pause).decode(),
            },
            "assistant_id": assistant_id,
            "cancelled": cancelled,
            "longest_line": LONGEST_LINE,
        }
        if self.resumes is not None:
            turn["resumes"] = list(self.resumes)
        return to_wire(turn)


@dataclass(frozen=True, slots=True)
class NextRun:
    """A run at its turn on its thread. Its message is to be published."""

    run_id: RunId
    """The run."""
    assistant_id: str
    """Its workflow."""
    queue: str
    """Its queue."""


def next_run(told: object) -> NextRun | None:
    """Read the run to which a script passed a thread on. None means no run."""
    if not isinstance(told, bytes) or not told:
        return None
    run_id, assistant_id, queue = told.decode().split("\n")
    return NextRun(RunId(run_id), assistant_id, queue)


def refusal_of(turn: Turn, assistant_id: str, verdict: bytes, detail: str) -> AgenticSalesError | None:
    """Return the reason why a run may not have a turn. None means that the verdict is no refusal of the thread."""
    match verdict:
        case b"busy":
            return ThreadBusy(turn.thread_id, f"run `{detail}` is at work on it")
        case b"crowded":
            return ThreadBusy(turn.thread_id, f"{detail} runs wait for their turn on it, the most that may")
        case b"other":
            return ThreadOfAnother(turn.thread_id, owner=detail, asked=assistant_id)
        case b"answered":
            return NothingToResume(turn.thread_id, f"run `{detail}` has gone on with it already")
        case b"no_interrupt":
            where = f"the interrupt `{detail}`" if detail else "any interrupt"
            return NothingToResume(turn.thread_id, f"it does not wait at {where}")
        case _:
            return None
