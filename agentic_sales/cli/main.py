"""The command line starts the fleet, runs workflows, shows the routes and checks the control plane.

Every command imports its modules when it runs. So `--help` is instant, and a registry that does not import is one
clear line instead of a traceback. Exit status 0 is success and 1 is a failure. Exit status 2 is a wrong request or
configuration. Exit status 3 means that the fleet did not answer in time.
"""
# ruff: noqa: PLC0415 - see above: imports inside the commands are the point

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from agentic_sales.cli import (
    campaign_files,
    campaigns,
    companies,
    corrections,
    costs,
    db,
    documents,
    evals,
    flows,
    mailboxes,
    market,
    people,
    products,
    runs,
    suggestions,
    suppressions,
    topic,
    verticals,
    webhooks,
    world,
)
from agentic_sales.cli.output import FAILED, WRONG, AsJson, Url, answer, end, fail, note, print_json
from agentic_sales.errors import AgenticSalesError, ConfigurationError
from agentic_sales.packaged import extend_path

app = typer.Typer(
    name="agentic-sales",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Many sales workflows on one shared fleet.\n\nStart here: [bold]agentic-sales demo[/]",
)

app.add_typer(runs.app, name="runs")
campaigns.app.add_typer(suppressions.app)
campaigns.app.add_typer(campaign_files.app)
campaigns.app.add_typer(corrections.app)
campaigns.app.add_typer(suggestions.app)
app.add_typer(campaigns.app, name="campaigns")
flows.app.command()(market.simulate)
flows.app.command()(costs.cost)
flows.app.command()(costs.measure)
app.add_typer(flows.app, name="flows")
app.add_typer(verticals.app, name="verticals")
app.add_typer(mailboxes.app, name="mailboxes")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(companies.app, name="companies")
app.add_typer(people.app, name="people")
app.command()(people.facts)
app.command("eval")(evals.evaluate)
app.command()(topic.topic)
app.add_typer(products.app, name="products")
app.add_typer(documents.app, name="documents")
app.add_typer(db.app, name="db")
app.add_typer(world.app, name="world")

Registry = Annotated[
    str | None, typer.Option("--registry", metavar="MODULE", help="A further registry, such as acme.sales.registry.")
]
Host = Annotated[str, typer.Option(help="Address that the facade binds.")]
Port = Annotated[int, typer.Option(help="TCP port of the facade.", min=1, max=65_535)]


def _tell_version(is_asked: bool) -> None:  # noqa: FBT001 - typer calls it with the flag
    if is_asked:
        from importlib.metadata import version

        typer.echo(f"agentic-sales {version('agentic-sales')}")
        raise typer.Exit


@app.callback()
def options(
    _is_version_asked: Annotated[  # noqa: FBT002 - typer makes a flag of it
        bool, typer.Option("--version", "-V", callback=_tell_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""


@app.command()
def run(
    assistant: Annotated[str, typer.Argument(help="Name of the workflow. `agentic-sales routes` lists all names.")],
    input_text: Annotated[
        str, typer.Option("--input", "-i", metavar="JSON|@FILE|-", help="Input of the workflow.")
    ] = "{}",
    url: Url = None,
    timeout_s: Annotated[
        float | None,
        typer.Option(
            "--timeout", min=0.001, help="Seconds to wait. The default is the time limit of the workflow and 60 s more."
        ),
    ] = None,
    as_json: AsJson = False,  # noqa: FBT002 - typer makes a flag of it
) -> None:
    """Run a workflow on the fleet, show its progress, and print its output. --json shows no progress.

    agentic-sales run email_compose --input '{"recipient_name": "Ada", "company_name": "Acme"}'

    Exit status: 0 done, 1 the run failed, 2 the input is wrong, 3 the fleet did not answer in time.
    """
    from agentic_sales.cli.views import run as command
    from agentic_sales.client import LangGraphError
    from agentic_sales.control import control_plane

    values = command.read_input(input_text)
    if problems := command.input_problems(control_plane(), assistant, values):
        end(WRONG, f"the input does not fit `{assistant}`:", *(f"  {problem}" for problem in problems))
    timeout_s = timeout_s or command.default_timeout_s(control_plane(), assistant)
    try:
        result = command.call(assistant, values, url=url, timeout_s=timeout_s, is_quiet=as_json)
    except LangGraphError as exc:
        if as_json:
            print_json(command.error_as_data(exc))
        end(command.exit_status(exc), str(exc))
    print_json(command.result_as_data(result) if as_json else result.output)
    note(*(f"{name} {value}" for name, value in command.trail(result)))


@app.command()
def feedback(
    run_id: runs.RunIdArgument,
    key: Annotated[str, typer.Option(help="Name of the score, such as user_score.")],
    score: Annotated[float, typer.Option(help="Value of the score.")],
    comment: Annotated[str | None, typer.Option(help="A comment. It is kept redacted.")] = None,
    url: Url = None,
) -> None:
    """Rate a run and print the id of the feedback. It is for LangSmith and is kept while LangSmith is away.

    agentic-sales feedback 01a1fda2-1197-71ec-8481-4e806fc8af31 --key user_score --score 1
    """
    from agentic_sales.cli.views import runs as command

    kept = answer(False, lambda: command.give_feedback(run_id, url, key=key, score=score, comment=comment))
    print_json({"feedback_id": kept})


@app.command()
def routes(as_json: AsJson = False) -> None:  # noqa: FBT002 - typer makes a flag of it
    """Show the queue of every assistant and the list that decided it.

    EMAIL_WORKER_QUEUE= agentic-sales routes
    """
    from agentic_sales.cli.views.routes import routes_as_data, routes_as_table
    from agentic_sales.control import control_plane
    from agentic_sales.settings import settings

    control, overrides = control_plane(), settings().routing_env
    if as_json:
        print_json(routes_as_data(control, overrides))
        return
    Console().print(routes_as_table(control, overrides))
    note(*(f"warning: {warning}" for warning in control.warnings))


@app.command()
def up(host: Host = "127.0.0.1", port: Port = 8002) -> None:
    """Start the whole fleet here with a Redis of its own. It runs until Ctrl-C.

    agentic-sales up --port 9000
    """
    from agentic_sales.local.up import up as keep_up
    from agentic_sales.settings import settings

    raise typer.Exit(keep_up(host, port, settings(), Console()))


@app.command()
def demo(
    url: Annotated[
        str | None, typer.Option(help="Web site of a company. The default is a sample site on loopback.")
    ] = None,
) -> None:
    """Start a fleet, take one company through the pipeline, let two flows write to people and end the fleet.

    agentic-sales demo --url https://example.com
    """
    from agentic_sales.local.demo import demo as run_demo
    from agentic_sales.observability.logs import configure_logs
    from agentic_sales.settings import settings

    configure_logs("warning")
    raise typer.Exit(run_demo(url, settings(), Console()))


@app.command()
def check(
    registry: Registry = None,
    as_json: AsJson = False,  # noqa: FBT002 - typer makes a flag of it
    examples: Annotated[  # noqa: FBT002 - typer makes a flag of it
        bool, typer.Option("--examples", help="Also run every EXAMPLE and name the lines that block the event loop.")
    ] = False,
) -> None:
    """Verify everything that a wrong registry row can break. Name every problem and its remedy.

    agentic-sales check --registry acme.sales.registry
    """
    from agentic_sales.checks.check import check_fleet, check_registry
    from agentic_sales.settings import settings

    problems = check_registry(registry, settings()) if registry else check_fleet(settings(), Path.cwd())
    if examples and not problems:
        from agentic_sales.checks.registries import rows_of
        from agentic_sales.cli.examples import blocking_examples
        from agentic_sales.control import control_plane

        rows = rows_of(registry) if registry else control_plane().rows
        problems += blocking_examples(rows, {*settings().extra_registries, *filter(None, [registry])})
    if as_json:
        print_json([problem.as_data() for problem in problems])
    required = [problem for problem in problems if problem.is_required]
    for problem in problems:
        if not problem.is_required:
            note(f"recommended: {problem}")
    if required:
        end(FAILED, *map(str, required), f"{len(required)} to mend")
    note("nothing to mend")


@app.command()
def doctor(url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - typer makes a flag of it
    """Examine a running fleet and its mailboxes' domains. Say how to mend each problem.

    agentic-sales doctor --url https://sales.example.com

    Exit status: 0 nothing is broken (there may be warnings), 1 something is.
    """
    from agentic_sales.cli.views.findings import as_table
    from agentic_sales.control import control_plane
    from agentic_sales.doctor.examine import as_data, examine, has_failed
    from agentic_sales.settings import settings

    findings = examine(url, settings(), control_plane())
    if as_json:
        print_json(as_data(findings))
    else:
        Console().print(as_table(findings))
    if has_failed(findings):
        raise typer.Exit(FAILED)


@app.command()
def gen(registry: Registry = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - typer makes a flag of it
    """Write the files that follow from the registry: langgraph.json here, schemas.json and graphs.json beside each.

    With --registry, only the two files of that registry are written.

    agentic-sales gen --registry acme.sales.registry
    """
    from agentic_sales.checks.generate import generate_all, generate_beside
    from agentic_sales.settings import settings

    paths = generate_beside(registry) if registry else generate_all(settings(), Path.cwd())
    if as_json:
        print_json([str(path) for path in paths])
    else:
        note(*(f"wrote {path}" for path in paths))


@app.command()
def serve(
    host: Host = "127.0.0.1",
    port: Port = 8002,
    dev: Annotated[bool, typer.Option("--dev", help="Start without a token, on loopback only.")] = False,  # noqa: FBT002 - as above
) -> None:
    """Serve the facade, which takes HTTP and fills the queues. `agentic-sales up` starts it with all that it needs.

    agentic-sales serve --dev
    """
    from agentic_sales.facade.server import serve as serve_facade
    from agentic_sales.settings import settings

    serve_facade(host, port, dev=dev or settings().dev)


@app.command()
def flower(
    host: Annotated[str, typer.Option(help="Address that Flower binds.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="TCP port of Flower.", min=1, max=65_535)] = 5555,
) -> None:
    """Serve Flower, which shows the pools, their workers and their tasks. FLOWER_BASIC_AUTH names its users.

    FLOWER_BASIC_AUTH=ada:secret agentic-sales flower --host 0.0.0.0
    """
    from agentic_sales.cli.flower import serve_flower
    from agentic_sales.settings import settings

    serve_flower(host, port, settings())


def main() -> None:
    """Run the command line. Every error of ours is a clear line on standard error."""
    extend_path()
    try:
        app()
    except ConfigurationError as exc:
        fail(WRONG, str(exc))
    except AgenticSalesError as exc:
        fail(FAILED, str(exc))
    except ValueError as exc:
        # The table that raised this one did not import, so its class cannot be imported here either.
        if type(exc).__name__ not in {"RegistryError", "FlowError"}:
            raise
        fail(WRONG, str(exc))
