"""Run the gate several times, each in a clean clone, and print the time of each: `python -m tests.gate --times 5`.

A clone has no byte code and no cache, as in CI. The environments are installed before the clock starts, since an
installation costs what the package index costs. The first gate that fails ends it, and what it said is printed.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic

from tests.support.fleet import PROJECT

GOAL_S = 600.0
"""What a gate may take on two cores, in seconds."""


def main() -> int:
    """Return 1 when a gate failed or took longer than the goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5, help="how often the gate is run")
    parser.add_argument("--target", default="test", help="the target of the Makefile")
    asked = parser.parse_args()
    durations = []
    for number in range(1, asked.times + 1):
        duration_s = _gate(asked.target)
        if duration_s is None:
            return 1
        durations.append(duration_s)
        _write(f"run {number} of {asked.times}: green after {duration_s:.0f} s")
    worst_s = max(durations)
    _write(f"{len(durations)} in a row were green; the slowest took {worst_s:.0f} s of {GOAL_S:.0f} s")
    return int(worst_s > GOAL_S)


def _gate(target: str) -> float | None:
    """Clone, install, and run a target. Return its seconds, or None when it failed."""
    with tempfile.TemporaryDirectory(prefix="gate-") as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", PROJECT, clone], check=True)
        subprocess.run(["make", "--silent", "install", "langgraph-dev"], cwd=clone, check=True)
        began = monotonic()
        log = Path(folder) / "log"
        with log.open("wb") as output:
            ended = subprocess.run(["make", target], cwd=clone, stdout=output, stderr=subprocess.STDOUT, check=False)
        duration_s = monotonic() - began
        if ended.returncode == 0:
            return duration_s
        _write(log.read_text(errors="replace"))
        _write(f"`make {target}` of {_commit()} failed with {ended.returncode} after {duration_s:.0f} s")
        return None


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.strip()


def _write(line: str) -> None:
    sys.stdout.write(f"{line}{os.linesep}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
