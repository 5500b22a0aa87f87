"""Keep a local fleet running until it is ended, for `make up` and `agentic-sales up`."""

import asyncio
import signal
from datetime import datetime

from honcho.colour import get_colours  # type: ignore[import-untyped]  # honcho ships no types
from honcho.printer import Message, Printer  # type: ignore[import-untyped]  # as above
from rich.console import Console

from agentic_sales.local.fleet import FleetPlan, LocalFleet, running_fleet
from agentic_sales.local.interrupts import run_interruptibly
from agentic_sales.local.supervisor import Sink
from agentic_sales.settings import Settings

_ENDED_BY_A_PERSON = {128 + signal.SIGINT, 128 + signal.SIGTERM, 128 + signal.SIGHUP}
_EXAMPLE = '{"assistant_id": "email_compose", "input": {"company_name": "Acme", "recipient_name": "Ada"}}'


def up(host: str, port: int, configuration: Settings, console: Console) -> int:
    """Run the fleet until Ctrl-C. Return 0 when it was ended on purpose.

    Raises:
        ConfigurationError: The fleet cannot start as configured.
        FleetFailed: A process ended by itself, or the fleet did not get ready.
    """
    plan = FleetPlan(
        state_dir=configuration.state_dir,
        host=host,
        port=port,
        flower_port=configuration.flower_port,
        redis_url=configuration.redis_url if "redis_url" in configuration.model_fields_set else None,
        # The processes write into pipes, but their reader has a terminal.
        environment={"AGENTIC_SALES_LOG_FORMAT": "text"} if _reads_text(configuration, console) else {},
    )
    status = run_interruptibly(_up(plan, configuration, console))
    return 0 if status in _ENDED_BY_A_PERSON else status


def _reads_text(configuration: Settings, console: Console) -> bool:
    return configuration.log_format == "auto" and console.is_terminal


async def _up(plan: FleetPlan, configuration: Settings, console: Console) -> int:
    async with running_fleet(plan, _printed(console)) as fleet:
        await fleet.wait_until_ready()
        console.print(_welcome(fleet, has_token=configuration.auth_token is not None), highlight=False, soft_wrap=True)
        try:
            failure = await fleet.supervisor.first_exit()
        except asyncio.CancelledError:
            console.print(
                "\nEnding the fleet: running runs get ten seconds, then they go back; Ctrl-C again kills them."
            )
            raise
        raise failure


def _printed(console: Console) -> Sink:
    """Print every line as honcho does, with the time and the name in a colour of its own."""
    printer = Printer(console.file, width=len("worker-discovery"))
    colours: dict[str, str] = {}
    supply = get_colours()

    def sink(name: str, line: str) -> None:
        if name not in colours:
            colours[name] = next(supply)
        printer.write(Message("line", line, datetime.now().astimezone(), name, colours[name]))

    return sink


def _welcome(fleet: LocalFleet, *, has_token: bool) -> str:
    key = ' -H "authorization: Bearer $LANGGRAPH_AUTH_TOKEN"' if has_token else ""
    return f"""
[bold green]The fleet is ready.[/]

  facade   {fleet.plan.url}
  docs     {fleet.plan.url}/docs
  Flower   {fleet.plan.flower_url}

Try it:

  curl -s {fleet.plan.url}/runs/wait -H 'content-type: application/json'{key} -d '{_EXAMPLE}'
  agentic-sales routes

Ctrl-C ends all of it.
"""
