"""Look at runs, cancel them, and retry or discard the dead ones."""
# ruff: noqa: PLC0415 - see `cli.main`: imports inside the commands are the point

from collections.abc import Callable
from typing import Annotated, Any

import typer

from agentic_sales.cli.output import AsJson, Most, Url, answer, print_json, show_list, tell

app = typer.Typer(no_args_is_help=True, help="Show and cancel runs. Retry or discard the dead ones.")

RunIdArgument = Annotated[str, typer.Argument(metavar="RUN_ID", help="Id of the run.")]


@app.command()
def dead(
    limit: Most = 100,
    url: Url = None,
    as_json: AsJson = False,  # noqa: FBT002 - typer makes a flag of it
) -> None:
    """List the runs that were given up because their workers died too often. The latest is first.

    agentic-sales runs dead
    """
    from agentic_sales.cli.views import runs

    found = answer(as_json, lambda: runs.dead(url, limit=limit))
    show_list(found, as_json, runs.as_table, "no run is dead")


@app.command()
def show(run_id: RunIdArgument, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - typer makes a flag of it
    """Print the fleet's record of a run. It is JSON with or without --json.

    agentic-sales runs show 01a1fda2-1197-71ec-8481-4e806fc8af31
    """
    from agentic_sales.cli.views import runs

    print_json(answer(as_json, lambda: runs.show(run_id, url)))


@app.command()
def retry(run_id: RunIdArgument, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Put a dead run on its queue again, with its losses forgiven.

    agentic-sales runs retry 01a1fda2-1197-71ec-8481-4e806fc8af31
    """
    from agentic_sales.cli.views import runs

    _print_run(as_json, lambda: runs.retry(run_id, url))


@app.command()
def discard(run_id: RunIdArgument, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Take a run off the dead list for good.

    agentic-sales runs discard 01a1fda2-1197-71ec-8481-4e806fc8af31
    """
    from agentic_sales.cli.views import runs

    _print_run(as_json, lambda: runs.discard(run_id, url))


@app.command()
def cancel(run_id: RunIdArgument, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Cancel a run for good. A waiting run ends at once and a running one at its next node edge.

    agentic-sales runs cancel 01a1fda2-1197-71ec-8481-4e806fc8af31
    """
    from agentic_sales.cli.views import runs

    _print_run(as_json, lambda: runs.cancel(run_id, url))


def _print_run(as_json: bool, ask: Callable[[], dict[str, Any]]) -> None:  # noqa: FBT001 - the flag of the command
    from agentic_sales.cli.views import runs

    run = answer(as_json, ask)
    tell(run, as_json, runs.as_line(run))
