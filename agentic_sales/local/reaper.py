"""Outlive a killed supervisor and end the processes that it leaves behind.

A supervisor that gets SIGKILL cannot clean up. Its children run in sessions of their own, so neither the terminal nor
the kernel ends them. `Reaper` starts this very file as a guard that holds the read end of a pipe. The pipe ends with
the supervisor, however it died. The guard then ends the processes that are still registered.

The guard must stay on the standard library, so that it starts in milliseconds and cannot break.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import IO, Self

GRACE_S = 15.0
"""Seconds between SIGTERM and SIGKILL. They are more than the ten that a worker needs to drain its runs."""
_POLL_S = 0.05


class Reaper:
    """A process that ends the registered ones if this process dies without doing it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and file
            [sys.executable, "-I", "-S", __file__], stdin=subprocess.PIPE, start_new_session=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the processes that are still registered, and the guard."""
        self._pipe.close()
        self._process.wait()

    def watch(self, pid: int) -> None:
        """Register a session leader. The first one is ended last."""
        self._tell(f"+{pid}\n")

    def release(self, pid: int) -> None:
        """Forget a process that has ended. Its id may then belong to another process."""
        self._tell(f"-{pid}\n")

    @property
    def _pipe(self) -> IO[bytes]:
        if self._process.stdin is None:
            raise RuntimeError("the guard was started without a pipe")
        return self._process.stdin

    def _tell(self, line: str) -> None:
        self._pipe.write(line.encode())
        self._pipe.flush()


def registered_at_end(lines: Iterable[str]) -> list[int]:
    """Read registrations until the pipe ends. Return the remaining ones in order."""
    pids: dict[int, None] = {}
    for line in lines:
        sign, pid = line[0], int(line[1:])
        if sign == "+":
            pids[pid] = None
        else:
            pids.pop(pid, None)
    return list(pids)


def end_all(pids: Sequence[int]) -> None:
    """End session leaders and the processes of their sessions. The others depend on the first, so it is ended last."""
    _end(pids[1:])
    _end(pids[:1])


def _end(pids: Sequence[int]) -> None:
    for pid in pids:
        _signal_process(pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_S
    while time.monotonic() < deadline and any(_signal_process(pid, 0) for pid in pids):
        time.sleep(_POLL_S)
    for pid in pids:
        kill_group(pid)


def kill_group(pid: int) -> None:
    """Kill a session leader and the rest of its process group."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # macOS answers EPERM for a group of zombies
        return


def _signal_process(pid: int, signal_number: int) -> bool:
    """Signal a process. Return whether it was there."""
    try:
        os.kill(pid, signal_number)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_all(registered_at_end(sys.stdin))
