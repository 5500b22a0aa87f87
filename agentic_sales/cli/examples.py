"""Run the `EXAMPLE` of every row under the watch that a worker keeps over children of several slots.

The examples run in a process of their own, since they need an empty store, the sample site and no model, whatever this
deployment's environment says.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from agentic_sales.checks.problems import Problem
from agentic_sales.control import control_plane
from agentic_sales.local.site import serve_sample_site
from agentic_sales.registry import GraphSpec
from agentic_sales.rehearsal.in_process import sub_runs_in_process
from agentic_sales.settings import Settings, child_environment
from agentic_sales.store.database import close_current_database
from agentic_sales.store.migrate import upgrade
from agentic_sales.workers.child.steps import Owner, Steps, current_owner
from agentic_sales.workers.child.watch import TOLD_AFTER_S, Watch
from agentic_sales.workers.loader import load_graph
from agentic_sales.workers.mark import Mark, entry_of

ROUNDS = 3
"""How often a line must block to be told of; what another program of this machine delays does not do so every time."""
_NO_RUN = entry_of("00000000-0000-0000-0000-000000000000")
_LONGEST_S = 300.0


def blocking_examples(rows: Iterable[str], registries: Iterable[str]) -> list[Problem]:
    """Name the lines of rows' examples that keep the event loop to themselves.

    Args:
        rows: Assistants to look at. A row without an example is left out.
        registries: Dotted paths of the further registries that have them.

    Raises:
        RuntimeError: An example raised; the message has what it wrote.
    """
    with serve_sample_site() as site, TemporaryDirectory(prefix="agentic-sales-check-") as folder:
        upgrade(Settings(state_dir=Path(folder)))
        environment = child_environment(
            {
                "AGENTIC_SALES_STATE_DIR": folder,
                "AGENTIC_SALES_ALLOW_PRIVATE_HOSTS": urlsplit(site).netloc,
                "AGENTIC_SALES_EXTRA_REGISTRIES": ",".join(registries),
                "DATABASE_URL": None,
                "AGENTIC_SALES_MODEL": None,
                "AGENTIC_SALES_MODEL_DEEP": None,
            }
        )
        command = [sys.executable, "-m", __name__, site, *rows]
        done = subprocess.run(  # noqa: S603 - it is this interpreter, with ids of rows
            command, env=environment, capture_output=True, text=True, timeout=_LONGEST_S, check=False
        )
    if done.returncode:
        raise RuntimeError(f"an example failed: {done.stderr[-2000:]}")
    return [Problem(**found) for found in json.loads(done.stdout.splitlines()[-1])]


def _main() -> None:
    site, *rows = sys.argv[1:]
    found = [problem.as_data() for row in rows for problem in problems_of_example(control_plane().row(row), site)]
    print(json.dumps(found))  # noqa: T201 - the asking process reads it


def problems_of_example(row: GraphSpec, site: str) -> list[Problem]:
    """Run a row's example in this process a few times; name the lines that kept the event loop each time.

    Args:
        row: The row.
        site: URL that `{site}` stands for in the example.
    """
    loaded = load_graph(row)
    if not isinstance(example := getattr(loaded.module, "EXAMPLE", None), dict):
        return []
    values = json.loads(json.dumps(example).replace("{site}", site))

    async def run() -> None:
        with sub_runs_in_process():
            await loaded.graph.ainvoke(values)
        await close_current_database()

    _watched(row, run)  # the first run pays for what is imported late
    places = set.intersection(*(_watched(row, run) for _ in range(ROUNDS)))
    advice = f"it keeps the event loop for more than {TOLD_AFTER_S:g} s; await it, or use asyncio.to_thread"
    return [Problem(row.assistant_id, "EXAMPLE", place, advice, is_required=False) for place in sorted(places)]


def _watched(row: GraphSpec, run: Any) -> set[str]:
    """Run an example once; return the lines that blocked the loop."""
    places: set[str] = set()
    steps = Steps(Mark())
    watch = Watch(steps, lambda _, place: places.add(place))
    token = current_owner.set(Owner(row.assistant_id, _NO_RUN))
    try:
        with asyncio.Runner() as runner:
            runner.get_loop().set_task_factory(steps.task)
            watch.start()
            runner.run(run())
    finally:
        watch.stop()
        current_owner.reset(token)
    return places


if __name__ == "__main__":
    _main()
