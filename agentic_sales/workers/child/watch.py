"""Watch that no run keeps the event loop of its child for itself, where the child executes several runs at once.

A thread looks at the loop's step twenty times a second. A step that lasts longer than 0.1 s is logged with its stack
and counted for its assistant. A step that lasts longer than 10 s is interrupted: its run fails, and its neighbours go
on. A step that cannot be interrupted ends the child. Its parent reads in the child's mark which run is to blame, and
gives the neighbours back to their queue.

Code that holds the interpreter's lock, such as a long call into C, keeps this thread from looking as well. The hard
time limit of the run ends such a child.
"""

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable

import structlog

from agentic_sales.errors import LoopBlocked
from agentic_sales.workers.child.steps import Owner, Steps

log = structlog.get_logger()

LOOK_INTERVAL_S = 0.05
TOLD_AFTER_S = 0.1
"""Longest step that is not logged."""
INTERRUPTED_AFTER_S = 10.0
"""Longest step that is let go on."""
KILLED_AFTER_S = 3.0
"""How much longer a step that does not let itself be interrupted is let go on."""
SIGNALLED_AFTER_S = 1.0
"""A step that lasts this long is interrupted when the parent says that a run of this child is over its time limit."""
_FRAMES = 8
_SILENCE_S = 60.0
"""How long the same line of code is not logged again."""


class Watch:
    """The watch over one event loop, which runs in the main thread."""

    def __init__(
        self, steps: Steps, tell: Callable[[Owner, str], None], *, interrupted_after_s: float = INTERRUPTED_AFTER_S
    ) -> None:
        self._steps, self._tell, self._interrupted_after_s = steps, tell, interrupted_after_s
        self._loop_thread = threading.get_ident()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="watch", daemon=True)
        self._step = 0
        self._lasts_s = 0.0
        self._is_told = self._is_interrupted = False
        self._logged_at_s: dict[str, float] = {}

    def start(self) -> None:
        """Watch from now on, and take the signal that interrupts a step."""
        signal.signal(signal.SIGUSR1, self._on_signal)
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._is_over.set()
        self._thread.join()

    def _look_on(self) -> None:
        looked_at_s = time.monotonic()
        while not self._is_over.wait(LOOK_INTERVAL_S):
            now_s = time.monotonic()
            # A machine or a process that was frozen has blocked nothing, so no pause counts for more than two looks.
            try:
                self._look(min(now_s - looked_at_s, 2 * LOOK_INTERVAL_S))
            except Exception:  # a log that cannot be written ends no watch
                log.exception("loop_not_looked_at")
            looked_at_s = now_s

    def _look(self, passed_s: float) -> None:
        owner, step = self._steps.owner, self._steps.number
        if owner is None or step != self._step:
            self._step, self._lasts_s, self._is_told, self._is_interrupted = step, 0.0, False, False
            return
        self._lasts_s += passed_s
        if self._lasts_s >= TOLD_AFTER_S and not self._is_told:
            self._is_told = True
            calls = self._calls()
            self._tell(owner, calls[-1] if calls else "")
            self._log(owner, "loop_blocked", calls)
        if self._lasts_s >= self._interrupted_after_s and not self._is_interrupted:
            self._is_interrupted = True
            signal.pthread_kill(self._loop_thread, signal.SIGUSR1)
        if self._lasts_s >= self._interrupted_after_s + KILLED_AFTER_S:
            self._logged_at_s.clear()
            self._log(owner, "child_killed", self._calls())
            os.kill(os.getpid(), signal.SIGKILL)

    def _on_signal(self, *_: object) -> None:
        """Interrupt the step that has lasted too long; it is this thread that executes it."""
        owner = self._steps.owner
        if (
            owner is not None
            and self._steps.number == self._step
            and self._lasts_s >= min(SIGNALLED_AFTER_S, self._interrupted_after_s)
        ):
            raise LoopBlocked(owner.assistant_id, self._lasts_s)

    def _calls(self) -> list[str]:
        """Name the innermost calls of the loop's thread, the last one last."""
        frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001 - CPython's documented door
        calls = traceback.extract_stack(frame)[-_FRAMES:]
        return [f"{call.filename}:{call.lineno} {call.name}" for call in calls]

    def _log(self, owner: Owner, event: str, calls: list[str]) -> None:
        place, now_s = calls[-1] if calls else "", time.monotonic()
        if now_s - self._logged_at_s.get(place, -_SILENCE_S) >= _SILENCE_S:
            self._logged_at_s[place] = now_s
            run_id = owner.entry[1:].decode()
            log.warning(
                event, run_id=run_id, assistant_id=owner.assistant_id, blocked_s=round(self._lasts_s, 2), calls=calls
            )
