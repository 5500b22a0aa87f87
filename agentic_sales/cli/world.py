"""Serve the sample world, in which every workflow can run without a key and without the internet."""
# ruff: noqa: PLC0415 - see `cli.main`: imports inside the commands are the point

from pathlib import Path
from typing import Annotated

import typer

from agentic_sales.cli.output import WRONG, end, note

app = typer.Typer(
    no_args_is_help=True, help="Serve an invented world of companies, their sites and the services that know them."
)


@app.callback()
def world() -> None:
    """Serve an invented world of companies on this machine."""


@app.command()
def up(
    port: Annotated[int, typer.Option(help="TCP port on loopback. 0 takes a free one.", min=0, max=65_535)] = 8090,
    misbehave: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND[:SERVICE[:TIMES]]", help="Let services fail, for example 429:github or 5xx."),
    ] = None,
    real_limits: Annotated[bool, typer.Option("--real-limits", help="Count by the real services' limits.")] = False,  # noqa: FBT002 - typer makes a flag of it
    companies: Annotated[Path | None, typer.Option(help="Directory of other companies.")] = None,
) -> None:
    """Serve the sample world until Ctrl-C. It prints the settings that lead a fleet into it.

    agentic-sales world up --misbehave 429:github:3

    Put the printed lines into the environment of `agentic-sales up`.
    """
    from agentic_sales.local.world.companies import FILES
    from agentic_sales.local.world.misbehaviour import read_misbehaviour
    from agentic_sales.local.world.server import serve_world
    from agentic_sales.local.world.up import wait_for_end

    folder = companies or FILES
    if not folder.is_dir():
        end(WRONG, f"`{folder}` is no directory of companies")
    try:
        failures = [read_misbehaviour(text) for text in misbehave or []]
    except ValueError as exc:
        end(WRONG, str(exc))
    try:
        with serve_world(port, folder=folder, has_real_limits=real_limits) as served:
            for kind, service, times in failures:
                served.misbehave(kind, service, times)
            typer.echo("\n".join(f"{name}={value}" for name, value in served.environment().items()))
            note(f"{len(served.companies.all)} companies at {served.base_url}; Ctrl-C ends it")
            wait_for_end()
    except OSError as exc:
        end(WRONG, f"port {port} cannot be used: {exc.strerror}; choose another with --port")
