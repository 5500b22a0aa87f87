"""The command line: start the fleet, run workflows, look at the routes, check the control plane.

Every command imports what it needs when it runs, so that `--help` is instant, and so that a registry that does not
import is one clear line instead of a traceback. Exit status: 0 fine, 1 something failed, 2 the request or the
configuration is wrong, 3 the fleet did not answer in time.
"""
# ruff: noqa: PLC0415 - see above: imports inside the commands are the point

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console

from agentic_sales.errors import AgenticSalesError, ConfigurationError

app = typer.Typer(
    name="agentic-sales",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Many sales workflows on one shared fleet.\n\nStart here: [bold]agentic-sales demo[/]",
)

T = TypeVar("T")

runs_app = typer.Typer(no_args_is_help=True, help="Look at runs, cancel them, and deal with the dead ones.")
app.add_typer(runs_app, name="runs")
db_app = typer.Typer(no_args_is_help=True, help="Bring the SQL database to the schema of this release.")
app.add_typer(db_app, name="db")

FAILED, WRONG = 1, 2

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")]
Registry = Annotated[
    str | None, typer.Option("--registry", metavar="MODULE", help="A further registry, e.g. acme.sales.registry.")
]
Host = Annotated[str, typer.Option(help="Address that the facade binds.")]
Url = Annotated[str | None, typer.Option(help="The facade's URL; default: LANGGRAPH_URL.")]
RunIdArgument = Annotated[str, typer.Argument(metavar="RUN_ID", help="Id of the run.")]
Port = Annotated[int, typer.Option(help="TCP port of the facade.", min=1, max=65_535)]


@app.command()
def run(
    assistant: Annotated[str, typer.Argument(help="Name of the workflow; `agentic-sales routes` lists them.")],
    input_text: Annotated[str, typer.Option("--input", "-i", metavar="JSON|@FILE|-", help="Its input.")] = "{}",
    url: Url = None,
    timeout_s: Annotated[
        float | None,
        typer.Option("--timeout", min=0.001, help="Seconds to wait; default: the workflow's time limit and 60 s more."),
    ] = None,
    as_json: AsJson = False,  # noqa: FBT002 - typer makes a flag of it
) -> None:
    """Run a workflow on the fleet and print its output.

    agentic-sales run email_compose --input '{"recipient_name": "Ada", "company_name": "Acme"}'

    Exit status: 0 done, 1 the run failed, 2 the input is wrong, 3 the fleet did not answer in time.
    """
    from agentic_sales.client import LangGraphError
    from agentic_sales.control import control_plane
    from agentic_sales.dev import run as command

    values = command.read_input(input_text)
    if problems := command.input_problems(control_plane(), assistant, values):
        _end(WRONG, f"the input does not fit `{assistant}`:", *(f"  {problem}" for problem in problems))
    timeout_s = timeout_s or command.default_timeout_s(control_plane(), assistant)
    try:
        result = command.call(assistant, values, url=url, timeout_s=timeout_s)
    except LangGraphError as exc:
        if as_json:
            _print_json(command.error_as_data(exc))
        _end(command.exit_status(exc), str(exc))
    _print_json(command.result_as_data(result) if as_json else result.output)
    _note(*(f"{name} {value}" for name, value in command.trail(result)))


@app.command()
def routes(as_json: AsJson = False) -> None:  # noqa: FBT002 - typer makes a flag of it
    """Show where every assistant runs, and which list decided it.

    EMAIL_WORKER_QUEUE= agentic-sales routes
    """
    from agentic_sales.control import control_plane
    from agentic_sales.dev.routes import routes_as_data, routes_as_table
    from agentic_sales.settings import settings

    control, overrides = control_plane(), settings().routing_env
    if as_json:
        _print_json(routes_as_data(control, overrides))
        return
    Console().print(routes_as_table(control, overrides))
    _note(*(f"warning: {warning}" for warning in control.warnings))


@app.command()
def up(host: Host = "127.0.0.1", port: Port = 8002) -> None:
    """Start the whole fleet here, with a Redis of its own, and keep it running until Ctrl-C.

    agentic-sales up --port 9000
    """
    from agentic_sales.dev.up import up as keep_up
    from agentic_sales.settings import settings

    raise typer.Exit(keep_up(host, port, settings(), Console()))


@app.command()
def demo(
    url: Annotated[str | None, typer.Option(help="A company's web site; default: a sample site on loopback.")] = None,
) -> None:
    """Start a fleet, take one company through the whole pipeline, show what happened, and end the fleet.

    agentic-sales demo --url https://example.com
    """
    from agentic_sales.dev.demo import demo as run_demo
    from agentic_sales.settings import settings

    raise typer.Exit(run_demo(url, settings(), Console()))


@app.command()
def check(registry: Registry = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - typer makes a flag of it
    """Verify everything that a wrong registry row can break; name every problem and what to do.

    agentic-sales check --registry acme.sales.registry
    """
    from agentic_sales.dev.check import check_fleet, check_registry
    from agentic_sales.settings import settings

    problems = check_registry(registry, settings()) if registry else check_fleet(settings(), Path.cwd())
    if as_json:
        _print_json([problem.as_data() for problem in problems])
    if problems:
        _end(FAILED, *map(str, problems), f"{len(problems)} to mend")
    _note("nothing to mend")


@app.command()
def gen(registry: Registry = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - typer makes a flag of it
    """Write the files that follow from the registry: langgraph.json here, schemas.json beside each registry.

    With --registry, only that registry's schemas.json is written.

    agentic-sales gen --registry acme.sales.registry
    """
    from agentic_sales.dev.generate import generate_all, generate_schemas
    from agentic_sales.settings import settings

    paths = [generate_schemas(registry)] if registry else generate_all(settings(), Path.cwd())
    if as_json:
        _print_json([str(path) for path in paths])
    else:
        _note(*(f"wrote {path}" for path in paths))


@app.command()
def serve(
    host: Host = "127.0.0.1",
    port: Port = 8002,
    dev: Annotated[bool, typer.Option("--dev", help="Start without a token, on loopback only.")] = False,  # noqa: FBT002 - as above
) -> None:
    """Serve the facade: HTTP in, queue out. `agentic-sales up` starts it with everything that it needs.

    agentic-sales serve --dev
    """
    from agentic_sales.facade.server import serve as serve_facade
    from agentic_sales.settings import settings

    serve_facade(host, port, dev=dev or settings().dev)


@runs_app.command()
def dead(
    limit: Annotated[int, typer.Option(help="Most that are listed.", min=1, max=1000)] = 100,
    url: Url = None,
    as_json: AsJson = False,  # noqa: FBT002 - typer makes a flag of it
) -> None:
    """List the runs that were given up because their workers died too often, the latest first.

    agentic-sales runs dead
    """
    from agentic_sales.dev import runs

    found = _answer(as_json, lambda: runs.dead(url, limit=limit))
    if as_json:
        _print_json(found)
    elif found:
        Console().print(runs.as_table(found))
    else:
        _note("no run is dead")


@runs_app.command()
def show(run_id: RunIdArgument, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - typer makes a flag of it
    """Print what the fleet knows of a run, as JSON with or without --json.

    agentic-sales runs show 01a1fda2-1197-71ec-8481-4e806fc8af31
    """
    from agentic_sales.dev import runs

    _print_json(_answer(as_json, lambda: runs.show(run_id, url)))


@runs_app.command()
def retry(run_id: RunIdArgument, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Put a dead run on its queue again, with its losses forgiven.

    agentic-sales runs retry 01a1fda2-1197-71ec-8481-4e806fc8af31
    """
    from agentic_sales.dev import runs

    _print_run(as_json, lambda: runs.retry(run_id, url))


@runs_app.command()
def discard(run_id: RunIdArgument, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Take a run off the dead list for good.

    agentic-sales runs discard 01a1fda2-1197-71ec-8481-4e806fc8af31
    """
    from agentic_sales.dev import runs

    _print_run(as_json, lambda: runs.discard(run_id, url))


@runs_app.command()
def cancel(run_id: RunIdArgument, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Cancel a run for good: one that waits ends at once, one that runs at its next node edge.

    agentic-sales runs cancel 01a1fda2-1197-71ec-8481-4e806fc8af31
    """
    from agentic_sales.dev import runs

    _print_run(as_json, lambda: runs.cancel(run_id, url))


@db_app.command()
def upgrade(as_json: AsJson = False) -> None:  # noqa: FBT002 - typer makes a flag of it
    """Bring the database of DATABASE_URL, or the local one, to the schema of this release.

    agentic-sales db upgrade
    """
    from agentic_sales.settings import settings
    from agentic_sales.store.migrate import newest_revision
    from agentic_sales.store.migrate import upgrade as upgrade_database

    applied = upgrade_database(settings())
    if as_json:
        _print_json({"applied": applied, "revision": newest_revision()})
        return
    _note(*(f"applied {revision}" for revision in applied), f"the database is at revision {newest_revision()}")


@db_app.command()
def current(as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Show the revision of the database and the one that this release needs; exit status 1 when they differ.

    agentic-sales db current
    """
    from agentic_sales.settings import settings
    from agentic_sales.store.migrate import current_revision, newest_revision

    found, needed = current_revision(settings()), newest_revision()
    if as_json:
        _print_json({"revision": found, "needed": needed})
    else:
        _note(f"the database is at revision {found or 'none'}, this release needs {needed}")
    if found != needed:
        raise typer.Exit(FAILED)


def main() -> None:
    """Run the command line; every error of ours is a clear line on standard error."""
    # As `celery -A` and `python -m` do: a registry in the working directory can be named.
    sys.path.append(str(Path.cwd()))
    try:
        app()
    except ConfigurationError as exc:
        _fail(WRONG, str(exc))
    except AgenticSalesError as exc:
        _fail(FAILED, str(exc))
    except ValueError as exc:
        # The registry that raised this one did not import, so its class cannot be imported here either.
        if type(exc).__name__ != "RegistryError":
            raise
        _fail(WRONG, str(exc))


def _print_run(as_json: bool, ask: Callable[[], dict[str, Any]]) -> None:  # noqa: FBT001 - the flag of the command
    from agentic_sales.dev import runs

    run = _answer(as_json, ask)
    if as_json:
        _print_json(run)
    else:
        _note(runs.as_line(run))


def _answer(as_json: bool, ask: Callable[[], T]) -> T:  # noqa: FBT001 - the flag of the command
    from agentic_sales.client import LangGraphError
    from agentic_sales.dev.run import error_as_data, exit_status

    try:
        return ask()
    except LangGraphError as exc:
        if as_json:
            _print_json(error_as_data(exc))
        _end(exit_status(exc), str(exc))


def _fail(status: int, *lines: str) -> NoReturn:
    _note(*lines, style="red")
    sys.exit(status)


def _end(status: int, *lines: str) -> NoReturn:
    _note(*lines, style="red")
    raise typer.Exit(status)


def _note(*lines: str, style: str | None = None) -> None:
    """Tell people something on standard error, so that standard output holds nothing but the result."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    for line in lines:
        console.print(line, style=style, markup=False)


def _print_json(data: Any) -> None:
    """Print JSON on standard output, coloured on a terminal only."""
    console = Console(soft_wrap=True)
    text = json.dumps(data, indent=2, ensure_ascii=False)
    if console.is_terminal:
        console.print_json(text)
    else:
        sys.stdout.write(f"{text}\n")
