"""Take one company through the whole fleet, let two flows find people and write to them: `make demo`.

The fleet is the fleet of the Procfile. It has ports and a directory of its own, and nothing of it is left afterwards.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from agentic_sales.campaigns.visits.clock import ClockFile
from agentic_sales.client import Client, LangGraphError
from agentic_sales.local import demo_flows, demo_story
from agentic_sales.local.demo_report import failures, show
from agentic_sales.local.fleet import FleetPlan, LocalFleet, running_fleet
from agentic_sales.local.interrupts import run_interruptibly
from agentic_sales.local.ports import free_port
from agentic_sales.local.supervisor import FleetFailed
from agentic_sales.local.world.server import serve_world
from agentic_sales.registry import BY_ID
from agentic_sales.settings import Settings

ASSISTANT = "pipeline"
_COMPANY = "northwind-signals"
"""File of the company in the sample world."""
_CHILDREN_PER_POOL = "2"
"""One company needs no more, and a small machine starts faster."""
_SECOND_ACT = (
    "Two flows look for people: `hiring` on job boards, `open_source` on GitHub. "
    "The days between their mails pass in seconds …"
)
_TOLD_LINES = 40
_FAILED = 1


def demo(url: str | None, configuration: Settings, console: Console) -> int:
    """Run the pipeline over one company's web site, and two flows. Return 0 for a full success.

    Args:
        url: The web site. None: a company of the sample world. The flows look in the sample world either way.
        configuration: This process's. Its model and its key are used, its Redis is not.
        console: Shows the story.

    Raises:
        ConfigurationError: The fleet cannot start as configured.
    """
    with _world(url) as (site, sources), TemporaryDirectory(prefix="agentic-sales-demo-") as folder:
        clock = demo_flows.clock_in(Path(folder))
        plan = FleetPlan(
            state_dir=Path(folder),
            port=free_port(),
            flower_port=free_port(),
            environment={
                # The demo must not touch the resources of the person's own fleet.
                "CELERY_BROKER_URL": None,
                "DATABASE_URL": None,
                "AGENTIC_SALES_WORKER_CONCURRENCY": _CHILDREN_PER_POOL,
                **demo_flows.environment(clock),
                **sources,
            },
        )
        # A real site need not say everything; the sample company's does.
        return run_interruptibly(_demo(plan, site, clock, configuration, console, may_skip=url is not None))


@contextmanager
def _world(url: str | None) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the site of a company and the settings that lead the fleet to the sample world."""
    with serve_world() as world:
        yield url or world.companies.by_file[_COMPANY].url, world.environment()


class _Log:
    """The last lines of the fleet before a decision."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=_TOLD_LINES)
        self._is_open = True

    def add(self, name: str, line: str) -> None:
        if self._is_open and line.strip():
            self.lines.append(f"{name} | {line}")

    @asynccontextmanager
    async def until_here(self) -> AsyncIterator[None]:
        """Take no more lines after the context. The lines of the shutdown would push out the reason of a failure."""
        try:
            yield
        finally:
            self._is_open = False


async def _demo(
    plan: FleetPlan, site: str, clock: ClockFile, configuration: Settings, console: Console, *, may_skip: bool
) -> int:
    log, token = _Log(), configuration.auth_token
    try:
        async with running_fleet(plan, log.add) as fleet, log.until_here():
            with _step(console, f"Starting a fleet on {plan.url}: Redis and every process of the Procfile …"):
                await fleet.wait_until_ready()
            with Client(plan.url, token.get_secret_value() if token else None) as client:
                wrong = await _unless_it_fails(fleet, _acts(client, fleet, site, clock, console, may_skip=may_skip))
    except (FleetFailed, LangGraphError) as exc:
        wrong = [str(exc)]
    if wrong:
        _tell_failure(console, wrong, log)
    return _FAILED if wrong else 0


async def _acts(
    client: Client, fleet: LocalFleet, site: str, clock: ClockFile, console: Console, *, may_skip: bool
) -> list[str]:
    """Play both acts in one trace and show each. Return the failures."""
    with demo_flows.one_trace() as trace_id:
        await demo_flows.begin(client)  # They look for people while the first act goes on.
        with _step(console, f"{site} goes through discovery, classification and e-mail …"):
            result = await client.arun(ASSISTANT, {"domains": [site]}, timeout_s=BY_ID[ASSISTANT].time_limit_s)
        show(result, console)
        with _step(console, _SECOND_ACT):
            story = await demo_flows.play(client, fleet, clock, trace_id)
    for part in demo_story.told(story):
        console.print(part, highlight=False)
    return [*failures(result.output, may_skip=may_skip), *demo_story.wrong(story)]


@contextmanager
def _step(console: Console, text: str) -> Iterator[None]:
    """Tell the current step, with a spinner on a terminal."""
    if not console.is_terminal:
        console.print(text, highlight=False)
    with console.status(text):
        yield


async def _unless_it_fails(fleet: LocalFleet, acts: Coroutine[Any, Any, list[str]]) -> list[str]:
    """Wait for an act on a fleet. A process of the fleet that ends meanwhile ends the waiting."""
    playing, failed = asyncio.create_task(acts), asyncio.create_task(fleet.supervisor.first_exit())
    try:
        await asyncio.wait({playing, failed}, return_when=asyncio.FIRST_COMPLETED)
        if failed.done():
            raise failed.result()
        return playing.result()
    finally:
        playing.cancel()
        failed.cancel()


def _tell_failure(console: Console, reasons: list[str], log: _Log) -> None:
    console.print("\nThe last lines of the fleet:", style="dim")
    for line in log.lines:
        console.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)
    console.print()
    for reason in reasons:
        console.print(f"The demo failed: {reason}", style="bold red", markup=False, highlight=False, soft_wrap=True)
