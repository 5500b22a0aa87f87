"""Measure the fleet beside what it is built on and what it replaces: `make bench`, `python -m tests.bench --help`."""

import argparse
import json
import signal
import sys

from rich.console import Console

from tests.bench.load import WrongAnswer
from tests.bench.parts import LONG_PARTS, PARTS, Bench
from tests.bench.report import Fact, Result, as_data, show

LEAST_WIDTH = 180
"""Columns that the table needs, also where there is no terminal."""


def main() -> int:
    """Measure what was asked for; return the exit status."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every context is left
    console = Console(stderr=options.json)
    console.width = max(console.width, LEAST_WIDTH)
    bench = Bench(
        options.only, options.seconds, has_peer=options.peer, say=lambda text: console.print(text, style="dim")
    )
    try:
        lines = list(bench.lines())
    except WrongAnswer as exc:
        console.print(f"the benchmark failed: {exc}", style="bold red", markup=False)
        return 1
    except KeyboardInterrupt:
        return 130
    results = [line for line in lines if isinstance(line, Result)]
    facts = [line for line in lines if isinstance(line, Fact)]
    show(results, facts, console)
    if options.json:
        print(json.dumps(as_data(results, facts), indent=2))  # noqa: T201 - this is the output
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=4.0, help="length of each measurement of the fleet (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document; the tables go to standard error")
    parser.add_argument(
        "--only", action="append", choices=(*PARTS, *LONG_PARTS), help="measure this part alone; can be repeated"
    )
    parser.add_argument(
        "--no-peer", dest="peer", action="store_false", help="leave `langgraph dev` out, also where it is installed"
    )
    options = parser.parse_args()
    options.only = options.only or PARTS
    if not 0 < options.seconds <= 600:
        parser.error(f"--seconds is {options.seconds:g}; expected more than 0 and at most 600")
    return options


if __name__ == "__main__":
    sys.exit(main())
