"""What is run on everything that is measured, and what DESIGN.md section 8 asks of the fleet."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.bench.load import Measured, Question

WAIT_S, LONG_WAIT_S = 0.2, 2.0
TURNS = 3_600_000
"""Loop turns of the graph that keeps a processor busy: some 100 ms."""

ECHO = Question("echo", lambda n: {"x": n}, lambda n: {"x": n, "y": n})
WAIT = Question("sleepy", lambda _: {"wait_s": WAIT_S}, lambda _: {"wait_s": WAIT_S, "waited_s": WAIT_S})
LONG_WAIT = Question(
    "sleepy", lambda _: {"wait_s": LONG_WAIT_S}, lambda _: {"wait_s": LONG_WAIT_S, "waited_s": LONG_WAIT_S}
)
BURN = Question("burn", lambda _: {"turns": TURNS}, lambda _: {"turns": TURNS, "odd_turns": TURNS // 2})


@dataclass(frozen=True)
class Goal:
    """What the fleet should reach."""

    text: str
    """In words."""
    is_met: Callable[[Measured], bool]
    """Says whether a measurement reaches it."""


def p50_of_at_most(ms: float) -> Goal:
    """Ask for a median latency."""
    return Goal(f"p50 ≤ {ms:g} ms", lambda measured: measured.percentile_ms(50) <= ms)


def at_least(runs_per_s: float) -> Goal:
    """Ask for a rate."""
    return Goal(f"≥ {runs_per_s:g} runs/s", lambda measured: measured.runs_per_s >= runs_per_s)


@dataclass(frozen=True)
class Work:
    """One line of the comparison."""

    part: str
    """Part of the benchmark that it belongs to."""
    name: str
    """What is run, in words."""
    question: Question
    """What is asked."""
    callers: int
    """How many ask at the same time."""
    goal: Goal | None = None
    """What is asked of the fleet; None: nothing."""


WORKS = (
    Work("echo", "echo", ECHO, 1, p50_of_at_most(6)),
    Work("echo", "echo", ECHO, 16),
    Work("echo", "echo", ECHO, 64, at_least(500)),
    Work("cpu", "100 ms CPU", BURN, 8, at_least(16)),
    Work("waits", "wait 200 ms", WAIT, 64, at_least(250)),
    Work("waits", "wait 200 ms", WAIT, 200, at_least(400)),
    Work("slots", "wait 200 ms", WAIT, 200, at_least(400)),
    Work("slots", "wait 2 s", LONG_WAIT, 1000, at_least(300)),
)
"""The waits come last: what is slow at them is still busy when it is asked the next."""
LIGHT_CALLERS, BUSY_CALLERS = 4, 16
"""Callers of light runs, and of the runs that keep another pool busy meanwhile."""
MOST_TIMES_SLOWER = 2.0
"""How much slower light runs may be while another pool is saturated, as p50 over their quiet p50."""
