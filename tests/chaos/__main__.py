"""Break the fleet on purpose and count what becomes of its runs: `make chaos`, `python -m tests.chaos --help`."""

import argparse
import secrets
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from rich.console import Console

from tests.chaos.arena import Arena, open_arena
from tests.chaos.scenarios import SCENARIOS

SUMMED = ("kills", "twice", "lost", "ambiguous")
"""Counts that scenarios which kill campaigns have in common, added up at the end."""
CONSOLE = Console(soft_wrap=True, markup=False, highlight=False)


def main() -> int:
    """Run what was asked for; return 1 when anything that was promised did not hold."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every context is left
    CONSOLE.print(f"seed {options.seed}, {options.runs} runs, frozen for {options.freeze_s:g} s")
    with TemporaryDirectory(prefix="agentic-sales-chaos-") as folder:
        how = {name: getattr(options, name) for name in ("seed", "runs", "freeze_s", "inside")}
        with open_arena(Path(folder), **how, tell=lambda line: CONSOLE.print(f"  {line}")) as arena:
            summed = Counter[str]()
            held = [_holds(name, arena, summed) for name in options.only]
    if summed:
        CONSOLE.print("\nof campaigns and their send door: " + ", ".join(f"{summed[name]} {name}" for name in SUMMED))
    broken = f"{held.count(False)} of {len(held)} scenarios found something broken"
    CONSOLE.print("everything held" if all(held) else broken)
    return 0 if all(held) else 1


def _holds(name: str, arena: Arena, summed: Counter[str]) -> bool:
    begun_at_s = time.monotonic()
    CONSOLE.print(f"\n{name}: {' '.join((SCENARIOS[name].__doc__ or '').split())}")
    try:
        report = SCENARIOS[name](arena)
    except pytest.skip.Exception as exc:
        CONSOLE.print(f"{name}: skipped, {exc}")
        return True
    except AssertionError as exc:
        CONSOLE.print(f"{name}: BROKEN: {exc}")
        return False
    if "kills" in report.counts:
        summed.update({count: int(report.counts.get(count, 0)) for count in SUMMED})
    CONSOLE.print(f"{name} ({time.monotonic() - begun_at_s:.0f} s): {report}")
    return not report.broken


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=240, help="runs of the largest scenario (default: %(default)s)")
    parser.add_argument(
        "--freeze-s", type=float, default=60.0, help="how long a worker is frozen (default: %(default)s)"
    )
    parser.add_argument(
        "--inside", action="store_true", help="kill campaigns inside every transaction too: twice as many points"
    )
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000), help="seed of every random choice")
    parser.add_argument("--only", action="append", choices=SCENARIOS, help="run this scenario alone; can be repeated")
    options = parser.parse_args()
    options.only = options.only or list(SCENARIOS)
    return options


if __name__ == "__main__":
    sys.exit(main())
