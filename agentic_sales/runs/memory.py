"""Hand what one node of a run has read to the node right after it, so that it is not read again.

No checkpoint has it. After the death of a process, in another attempt and outside a worker there is nothing in hand,
and a node reads by itself. So what is handed over must be right to lose.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")


class RunMemory:
    """Holds what the last node of a run left for the next one."""

    def __init__(self) -> None:
        self.left: object = None
        """What was left. None: nothing was."""


_current: ContextVar[RunMemory | None] = ContextVar("current_memory", default=None)


@contextmanager
def remembering() -> Iterator[None]:
    """Let the nodes of a run in the body hand over to one another."""
    token = _current.set(RunMemory())
    try:
        yield
    finally:
        _current.reset(token)


def leave(value: object) -> None:
    """Leave something for the node right after this one."""
    if (memory := _current.get()) is not None:
        memory.left = value


def take(kind: type[T]) -> T | None:
    """Take what the node before has left, once. None if nothing of this kind was left."""
    if (memory := _current.get()) is None:
        return None
    left, memory.left = memory.left, None
    return left if isinstance(left, kind) else None
