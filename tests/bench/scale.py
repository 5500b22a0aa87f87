"""Say what a fleet of a given size carries: arithmetic on what was measured, and a simulation of the waiting.

`python -m tests.bench.scale` prints the tables of `deploy/README.md`; a test holds them equal. The costs of one run
are measured by `tests.bench` and written down here, so that the tables are the same on every machine.
"""

import heapq
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import ceil, exp, log, sqrt

COSTS_MS = {"facade": 1.6, "worker parent": 0.9, "worker child": 1.9, "Redis": 0.45}
"""Processor time of one echo run by role, in ms: `python -m tests.bench --only echo`, 64 callers, on two cores that
other work kept busy besides, so rather too much than too little."""
LEDGER_KIB = 5.0
"""Memory that Redis keeps for one run until it expires, in KiB: an `email_compose` by rules, request and answer."""
RATES = (1, 10, 100, 500, 1000, 3000)
"""Runs per second that are asked for."""
RUN_S = 8.0
"""Length of a run that waits for a model most of the time, in seconds."""
DAY_S, HOUR_S = 86_400, 3_600
BUSIEST = 0.7
"""Share of a core that may be planned with: the rest is for bursts and for what breaks."""
SPREAD = 1.0
"""Standard deviation of the length of runs, as a share of its mean; models and web sites are about this uneven."""
ARRIVALS = 60_000
"""Runs that are simulated per line."""
WARM_UP = 5_000
"""Runs at the beginning that are not counted: the fleet begins empty."""
SEED = 7


@dataclass(frozen=True)
class Pool:
    """A queue and its children."""

    children: int
    """Runs that it executes at a time."""
    runs_per_s: float
    """Runs that arrive, in a second on average."""
    run_s: float = RUN_S
    """Mean length of a run, in seconds."""

    @property
    def load(self) -> float:
        """Share of the children that are busy on average."""
        return self.runs_per_s * self.run_s / self.children


def arrivals(runs_per_s: float, run_s: float, chance: random.Random) -> Iterator[tuple[float, float]]:
    """Yield when runs arrive, and how long each takes: independent callers, uneven lengths."""
    sigma = sqrt(log(1 + SPREAD**2))
    median_s = run_s * exp(-(sigma**2) / 2)
    now_s = 0.0
    while True:
        now_s += chance.expovariate(runs_per_s)
        yield now_s, chance.lognormvariate(log(median_s), sigma)


def waits(runs: Iterable[tuple[float, float]], children: int) -> Iterator[float]:
    """Yield how long each run waits for a child, in seconds, first come first served."""
    free_at_s = [0.0] * children
    for arrived_s, length_s in runs:
        begun_s = max(arrived_s, free_at_s[0])
        heapq.heapreplace(free_at_s, begun_s + length_s)
        yield begun_s - arrived_s


def simulated(pool: Pool) -> list[float]:
    """Return the waits of one pool, sorted, in seconds."""
    runs = arrivals(pool.runs_per_s, pool.run_s, random.Random(SEED))  # noqa: S311 - a simulation
    found = [wait for wait, _ in zip(waits(runs, pool.children), range(ARRIVALS), strict=False)]
    return sorted(found[WARM_UP:])


def percentile(ordered: list[float], percent: int) -> float:
    """Return a percentile of sorted values."""
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def in_time(seconds: float) -> str:
    """Write a wait."""
    return "0" if seconds < 0.005 else f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"


def table(*rows: Iterable[str]) -> str:
    """Write rows as a Markdown table; the first is its head."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    columns = lines[0].count("|") - 1
    return "\n".join((lines[0], f"|{' ---: |' * columns}", *lines[1:]))


def costs() -> str:
    """Say what a run costs each role, and what one core of it carries."""
    head = ("role", "ms per run", f"runs/s per core at {_percent(BUSIEST)}")
    return table(head, *((role, f"{ms:g}", f"{1000 * BUSIEST / ms:.0f}") for role, ms in COSTS_MS.items()))


def sizes() -> str:
    """Say what each rate of runs needs."""
    head = ("runs/s", "facades", "children", "worker cores", "Redis busy", "ledger, a day", "ledger, an hour")
    return table(head, *(_size(rate) for rate in RATES))


def _size(rate: int) -> tuple[str, ...]:
    return (
        str(rate),
        str(_cores(rate, "facade")),
        f"{ceil(rate * RUN_S / BUSIEST)}",
        str(_cores(rate, "worker parent", "worker child")),
        _percent(rate * COSTS_MS["Redis"] / 1000),
        *(f"{rate * kept_s * LEDGER_KIB / 2**20:.1f} GiB" for kept_s in (DAY_S, HOUR_S)),
    )


def _cores(rate: int, *roles: str) -> int:
    return ceil(rate * sum(COSTS_MS[role] for role in roles) / 1000 / BUSIEST)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


POOLS = (
    *(Pool(16, share * 16 / RUN_S) for share in (0.5, 0.7, 0.8, 0.9)),
    *(Pool(64, share * 64 / RUN_S) for share in (0.8, 0.9)),
    *(Pool(320, share * 320 / RUN_S) for share in (0.9, 0.95)),
)


def waiting() -> str:
    """Say how long runs wait in pools of several sizes and loads."""
    head = ("children", "runs/s", "busy", "wait p50", "wait p95", "wait p99")
    return table(head, *(_line(pool) for pool in POOLS))


def _line(pool: Pool) -> tuple[str, ...]:
    ordered = simulated(pool)
    waited = (in_time(percentile(ordered, percent)) for percent in (50, 95, 99))
    return (str(pool.children), f"{pool.runs_per_s:g}", _percent(pool.load), *waited)


TABLES: dict[str, Callable[[], str]] = {"costs": costs, "sizes": sizes, "waiting": waiting}
"""The tables of `deploy/README.md`, by the marker above each."""


def main() -> None:
    """Print the tables."""
    for write in TABLES.values():
        print(write(), end="\n\n")  # noqa: T201 - this is the output


if __name__ == "__main__":
    main()
