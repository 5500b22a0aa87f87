"""Tell every process of a worker that it is being stopped: one byte, written by the parent and read by its children.

The memory is made before the fork and shared by it: it needs no signal handler in a child, no pipe and no thread, and a
child that is forked later sees it too.
"""

import mmap

_byte = mmap.mmap(-1, 1)


class WorkerStopping(Exception):
    """Raised where a run is left to another worker, because this one is being stopped."""

    is_failure = False
    """Read by traces: a run that is given back has not failed."""


class ChildRecycled(SystemExit):
    """Raised to replace a child whose run went over its limit: threads that the run started may still be working."""


def ask_to_stop() -> None:
    """Say that this worker is being stopped; it cannot be taken back."""
    _byte[0] = 1


def is_stopping() -> bool:
    """Say whether this worker is being stopped."""
    return _byte[0] == 1
