"""Share a few bytes between a child and its parent. The parent reads them after the child's death.

A child that executes several runs at once writes down whose step its event loop executes. A process that is killed can
tell nothing any more. Its mark still names the run that had the processor. So this run alone loses an attempt. The
bytes are made before the fork. A write costs less than a tenth of a microsecond.
"""

import mmap

_ID_BYTES = 36
_ON_LOOP, _BLAMED = slice(0, 1 + _ID_BYTES), slice(40, 41 + _ID_BYTES)
_RETIRING, _SIZE = 80, 81
_MOST_KEPT = 256


class Mark:
    """State of a child, in memory that it shares with its parent."""

    def __init__(self) -> None:
        self._bytes = mmap.mmap(-1, _SIZE)

    def enter(self, entry: bytes) -> None:
        """Say whose step the loop executes from now on. `entry_of` makes the entry."""
        self._bytes[_ON_LOOP] = entry

    def leave(self) -> None:
        """Say that the loop executes no step of a run."""
        self._bytes[0] = 0

    def blame(self, run_id: str) -> None:
        """Say that this child ends because of a run."""
        self._bytes[_BLAMED] = entry_of(run_id)

    def retire(self) -> None:
        """Say that this child takes no further runs and ends after its last one."""
        self._bytes[_RETIRING] = 1

    @property
    def is_retiring(self) -> bool:
        """Tell whether this child takes no further runs."""
        return self._bytes[_RETIRING] == 1

    @property
    def culprit(self) -> str | None:
        """Name the run that is to blame for the end of this child. None means that none is known."""
        for place in (_BLAMED, _ON_LOOP):
            is_set, *run_id = self._bytes[place]
            if is_set:
                return bytes(run_id).decode()
        return None


def entry_of(run_id: str) -> bytes:
    """Return the bytes that name a run in a mark.

    Raises:
        ValueError: The id does not have the 36 characters of a UUID.
    """
    if len(run_id) != _ID_BYTES:
        raise ValueError(f"run id {run_id!r} has {len(run_id)} characters; expected the {_ID_BYTES} of a UUID")
    return b"\x01" + run_id.encode("ascii")


_marks: dict[int, Mark] = {}


def keep_mark(pid: int, mark: Mark) -> None:
    """Keep the mark of a child that was started. Marks of children that ended long ago are dropped."""
    _marks[pid] = mark
    while len(_marks) > _MOST_KEPT:
        del _marks[next(iter(_marks))]


def mark_of(pid: int) -> Mark | None:
    """Return the mark of a child, also after its end. None means that it executes one run at a time."""
    return _marks.get(pid)
