"""Go from a topic to drafts of mails, and watch the people as they are found."""
# ruff: noqa: PLC0415 - see `cli.main`: imports inside the commands are the point

from typing import Annotated

import typer

from agentic_sales.cli.output import WRONG, AsJson, Url, answer, end, note, print_json


def topic(
    name: Annotated[str | None, typer.Argument(metavar="TOPIC", help="Subject of the people's work.")] = None,
    *,
    vertical: Annotated[str | None, typer.Option(help="Vertical that they shall fit, such as ingestible.")] = None,
    product: Annotated[int | None, typer.Option(help="Number of the product that the mails offer.", min=1)] = None,
    max_people: Annotated[int, typer.Option(help="Most people with a draft.", min=1, max=50)] = 10,
    sender: Annotated[str, typer.Option(help="Name of the sender.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing into the book.")] = False,
    run: Annotated[str | None, typer.Option(metavar="RUN_ID", help="Join a run that was started before.")] = None,
    timeout_s: Annotated[float, typer.Option("--timeout", min=0.001, help="Seconds to wait.")] = 1860.0,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Find people by their work on a topic, judge them, and draft mails to them. Nothing is sent.

    agentic-sales topic "retrieval evaluation" --vertical ingestible --sender "Ada Example"

    The run goes on when this command ends. `--run` shows it again, from its first event.
    Exit status: 0 done, 1 the run failed, 2 the input is wrong, 3 the fleet did not answer in time.
    """
    from agentic_sales.cli.views import topic as view
    from agentic_sales.cli.views.run import input_problems, trail
    from agentic_sales.control import control_plane

    values = {"topic": name, "vertical": vertical, "product_id": product, "max_people": max_people}
    values = {key: value for key, value in values.items() if value is not None}
    values |= {"sender_name": sender, "dry_run": dry_run}
    if run is None and (name is None or vertical is None):
        end(WRONG, "give a TOPIC and --vertical, or join a run with --run")
    if run is None and (problems := input_problems(control_plane(), view.ASSISTANT, values)):
        end(WRONG, *problems)
    found = answer(as_json, lambda: view.run_topic(values, run_id=run, url=url, timeout_s=timeout_s, is_quiet=as_json))
    if as_json:
        print_json(found.output)
    else:
        typer.echo("\n".join(view.as_lines(found.output)))
    note(*(f"{key} {value}" for key, value in trail(found)))
