"""Wait for a state of the world with a deadline, and say what the state was when it is not reached."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.05


def eventually(
    what: str,
    probe: Callable[[], T],
    is_reached: Callable[[T], object] = bool,
    *,
    within_s: float = 10.0,
) -> T:
    """Return what `probe` returns as soon as it is as wanted.

    Args:
        what: The wanted state, in words.
        probe: Looks at the world; must be cheap.
        is_reached: Says whether that is it; default: it is truthy.
        within_s: Longest wait, in seconds.
    """
    deadline = time.monotonic() + within_s
    while True:
        state = probe()
        if is_reached(state):
            return state
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {within_s:g} s; the state is {state!r}")
        time.sleep(POLL_S)
