"""Know whose step the event loop of a child executes, where it executes several runs at once.

A task factory wraps the coroutine of every task that belongs to a run. Around each step it notes the run in the mark
that this child shares with its parent. asyncio tells the current task to other threads only, and cannot after a kill.
Measured: 0.3 µs a step.
"""

import asyncio
from collections.abc import Coroutine, Generator
from contextvars import Context, ContextVar
from dataclasses import dataclass
from typing import Any

from agentic_sales.workers.mark import Mark


@dataclass(frozen=True, slots=True)
class Owner:
    """The run that a step belongs to; a sub-run in place belongs to the run that the queue delivered."""

    assistant_id: str
    """Its workflow."""
    entry: bytes
    """Its name in the mark."""


current_owner: ContextVar[Owner | None] = ContextVar("current_owner", default=None)
"""The run to which the present context belongs. None: the child itself."""


class Steps:
    """The steps of one event loop."""

    def __init__(self, mark: Mark) -> None:
        self.number = 0
        """How many steps of runs have begun."""
        self.owner: Owner | None = None
        """The run whose step is being executed. None: no run's."""
        self._mark = mark

    def task(
        self,
        loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
        *,
        context: Context | None = None,
        **options: Any,
    ) -> "asyncio.Task[Any]":
        """Make a task whose steps are noted; a task factory of asyncio."""
        owner = current_owner.get() if context is None else context.get(current_owner)
        if owner is not None and asyncio.iscoroutine(coroutine):
            coroutine = _Stepped(coroutine, owner, self)
        return asyncio.Task(coroutine, loop=loop, context=context, **options)

    def enter(self, owner: Owner | None) -> Owner | None:
        """Note that a step begins, or goes on; return whose step was interrupted by it."""
        interrupted, self.owner = self.owner, owner
        if owner is None:
            self._mark.leave()
        else:
            self.number += 1
            self._mark.enter(owner.entry)
        return interrupted


class _Stepped(Coroutine[Any, Any, Any]):
    """A coroutine that notes its steps."""

    __slots__ = ("__weakref__", "_coroutine", "_owner", "_steps")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], owner: Owner, steps: Steps) -> None:
        self._coroutine, self._owner, self._steps = coroutine, owner, steps

    def send(self, value: Any) -> Any:
        """Execute one step."""
        interrupted = self._steps.enter(self._owner)
        try:
            return self._coroutine.send(value)
        finally:
            self._steps.enter(interrupted)

    def throw(self, *error: Any) -> Any:
        """Execute one step that begins with an exception."""
        interrupted = self._steps.enter(self._owner)
        try:
            return self._coroutine.throw(*error)
        finally:
            self._steps.enter(interrupted)

    def close(self) -> None:
        """End the coroutine."""
        self._coroutine.close()

    def __await__(self) -> Generator[Any, None, Any]:
        return self._coroutine.__await__()

    def __repr__(self) -> str:
        return repr(self._coroutine)
