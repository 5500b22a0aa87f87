"""Wait until processes have ended; one that only nobody has reaped yet has ended too."""

from collections.abc import Iterable

import psutil  # type: ignore[import-untyped]  # psutil ships no types

from tests.support.waiting import eventually

LONGEST_S = 40.0
"""Longer than a guard's two grace periods."""


def wait_until_ended(processes: Iterable[psutil.Process]) -> None:
    """Return when none of the processes runs any more; fail with those that do."""
    watched = list(processes)
    eventually(
        "every process has ended", lambda: [p for p in watched if _runs(p)], lambda left: not left, within_s=LONGEST_S
    )


def process_of(pid: int) -> list[psutil.Process]:
    """Return the process of an id, or nothing if it has ended already."""
    try:
        return [psutil.Process(pid)]
    except psutil.NoSuchProcess:
        return []


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
