"""Look at a pool that nobody breaks while another one is broken: its callers should notice nothing."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.chaos.report import Report
from tests.support.fleet import Fleet

QUIET_SAMPLES = 30
PAUSE_S = 0.05
MOST_TIMES_SLOWER = 5.0
FAST_ENOUGH_S = 0.25
"""On a machine of few cores that all processes share, a p95 below this is no harm, whatever its ratio."""


@contextmanager
def undisturbed(fleet: Fleet, report: Report) -> Iterator[None]:
    """Ask the other pool before and all through the body, and compare the times of its answers."""
    quiet = [_answer_s(fleet) for _ in range(QUIET_SAMPLES)]
    during: list[float] = []
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.wait(PAUSE_S):
            during.append(_answer_s(fleet))

    thread = threading.Thread(target=ask, name="probe")
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
    before_s, after_s = _p95(quiet), _p95(during)
    report.count(other_pool_p95_ratio=round(after_s / before_s, 2), other_pool_p95_ms=round(1000 * after_s, 1))
    holds = after_s <= max(MOST_TIMES_SLOWER * before_s, FAST_ENOUGH_S)
    report.hold("other pools notice nothing", holds=holds, found=f"p95 {before_s:.3f} s → {after_s:.3f} s")


def _answer_s(fleet: Fleet) -> float:
    asked_at_s = time.perf_counter()
    response = fleet.call("echo", {"x": 1})
    assert response.status_code == 200, response.text
    return time.perf_counter() - asked_at_s


def _p95(times_s: list[float]) -> float:
    return sorted(times_s)[int(0.95 * (len(times_s) - 1))]
