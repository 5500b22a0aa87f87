"""Try inputs of every kind for a time each, and print how many were tried and how many held: `make hostile`."""

import argparse
import sys
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path
from time import monotonic

from agentic_sales.settings import Settings
from agentic_sales.store.migrate import upgrade
from tests.hostile.heads import heads
from tests.hostile.kinds import KINDS, Kind, Tried, tried
from tests.hostile.operations import failures_of
from tests.support.services import redis_server

AT_ONCE = 200
PER_OPERATION = 20


def main() -> int:
    """Return 1 when an input did what it must not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each kind is tried")
    seconds = parser.parse_args().seconds
    results = [_told(_for(seconds, kind)) for kind in KINDS]
    with heads() as kind:
        results.append(_told(_for(seconds, kind)))
    results += map(_told, _operations(seconds))
    broken = [one for one in results if one.failure]
    inputs = sum(one.inputs for one in results)
    _write(f"{inputs} inputs tried, {len(results) - len(broken)} of {len(results)} kinds and operations held")
    return 1 if broken else 0


def _for(seconds: float, kind: Kind) -> Tried:
    return _until(monotonic() + seconds, lambda number: [tried(kind, most=AT_ONCE, number=number)])[0]


def _operations(seconds: float) -> list[Tried]:
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as redis:
        configuration = Settings(state_dir=Path(folder), redis_url=redis.url)
        upgrade(configuration)
        ends_at = monotonic() + seconds
        return _until(ends_at, lambda number: failures_of(configuration, most=PER_OPERATION, number=number))


def _until(ends_at: float, attempt: Callable[[int], list[Tried]]) -> list[Tried]:
    """Try again with other inputs until the time is over, at least once; sum up what each name had."""
    sums: dict[str, Tried] = {}
    for number in count():
        for one in attempt(number):
            before = sums.get(one.name, Tried(one.name, 0, None))
            sums[one.name] = Tried(one.name, before.inputs + one.inputs, before.failure or one.failure)
        if monotonic() > ends_at or any(one.failure for one in sums.values()):
            return list(sums.values())
    raise AssertionError("counting ends never")


def _told(one: Tried) -> Tried:
    _write(str(one))
    return one


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
