"""Count the requests to the sample world against the limits of its services."""

import time
from collections import defaultdict
from dataclasses import dataclass
from threading import Lock

WIDER = 1000
"""How many times wider the limits are unless the real ones are asked for."""


@dataclass(frozen=True)
class Rate:
    """A limit as the real service has it."""

    calls: int
    per_s: float


@dataclass(frozen=True)
class Count:
    """The rest of a limit after a request."""

    limit: int
    remaining: int
    reset_at_s: float
    """Unix time at which the span ends."""
    is_over: bool
    """This request is one too many."""

    @property
    def left_s(self) -> int:
        """Whole seconds until the span ends, at least one."""
        return max(1, round(self.reset_at_s - time.time()))


class Meters:
    """The counts of one world. Spans begin with their first request, as GitHub's do."""

    def __init__(self, *, are_real: bool) -> None:
        self.are_real = are_real
        self._spans: defaultdict[str, tuple[float, int]] = defaultdict(lambda: (0.0, 0))
        self._lock = Lock()

    def forget(self) -> None:
        """Begin every count anew."""
        with self._lock:
            self._spans.clear()

    def count(self, name: str, rate: Rate, cost: int = 1) -> Count:
        """Count a request."""
        limit = rate.calls if self.are_real else rate.calls * WIDER
        with self._lock:
            ends_at, used = self._spans[name]
            now = time.time()
            if now >= ends_at:
                ends_at, used = now + rate.per_s, 0
            is_over = used + cost > limit
            used += 0 if is_over else cost
            self._spans[name] = (ends_at, used)
        return Count(limit, max(0, limit - used), ends_at, is_over)
