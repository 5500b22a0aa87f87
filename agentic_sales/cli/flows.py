"""List, show, run, pause, resume, rehearse and report the flows that turn a source into leads."""
# ruff: noqa: PLC0415 - see `cli.main`: imports inside the commands are the point

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from agentic_sales.cli.output import WRONG, AsJson, From, Most, Url, answer, end, print_json, show_list, tell

app = typer.Typer(no_args_is_help=True, help="Run the flows that turn a source into leads.")

FlowArgument = Annotated[str, typer.Argument(metavar="FLOW", help="Id of the flow. `flows list` tells all.")]

NameArgument = Annotated[str, typer.Argument(metavar="FLOW|ROUND", help="Id of a flow or of one of its rounds.")]


@app.command("list")
def list_flows(as_json: AsJson = False) -> None:  # noqa: FBT002 - typer makes a flag of it
    """List the flows of this deployment, each with its goal, its source and the condition for a lead.

    agentic-sales flows list
    """
    from agentic_sales.cli.views import flows
    from agentic_sales.control import control_plane

    found = control_plane().flows.values()
    if as_json:
        return print_json([flows.flow_as_data(flow) for flow in found])
    return Console().print(flows.flows_as_table(found))


@app.command()
def show(flow: FlowArgument, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Show the steps of a flow with their pools, its threshold, its messages, its limits and its stopped arms.

    agentic-sales flows show open_source

    Only the stopped arms need a running fleet. Without one the rest is shown.
    """
    from agentic_sales.cli.views import flows
    from agentic_sales.control import control_plane

    control = control_plane()
    shown, stopped = control.flow(flow), _stopped_arms(flow, url)
    if as_json:
        return print_json({**flows.flow_as_data(shown), "stopped": stopped})
    return Console().print(flows.flow_as_picture(shown, control, stopped))


@app.command()
def run(
    flow: FlowArgument,
    *,
    limit: Annotated[int | None, typer.Option(help="Most leads. The default is the flow's limit.", min=1)] = None,
    budget: Annotated[float | None, typer.Option(help="Most cost in USD. The default is the flow's.", min=0.01)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing into the book, enroll nobody.")] = False,
    input_text: Annotated[str, typer.Option("--input", "-i", metavar="JSON", help="Input of the discovery.")] = "{}",
    file: Annotated[
        Path | None, typer.Option("--file", help="CSV file of leads, for a flow that takes a list.", exists=True)
    ] = None,
    campaign: Annotated[str, typer.Option(help="Campaign that the people join.")] = "",
    mailbox: Annotated[str, typer.Option(help="Mailbox of the flow's own campaign, which is made.")] = "",
    promote_by: Annotated[
        str,
        typer.Option("--promote-by", metavar="NAME", help="Name of the person that lets it make contacts of people."),
    ] = "",
    cron: Annotated[str, typer.Option(help="Schedule of five fields. The default is one round, now.")] = "",
    zone: Annotated[str, typer.Option(help="IANA zone of the schedule.")] = "UTC",
    missed: Annotated[str, typer.Option(help="once or skip: the rule for missed slots.")] = "once",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Begin a round of a flow, or let rounds begin by a schedule. Every message waits for a person's word.

    agentic-sales flows run open_source --limit 20 --mailbox sales

    agentic-sales flows run open_source --cron '0 6 * * 1-5' --zone Europe/Berlin

    agentic-sales flows run list --file leads.csv (columns company, domain, person, title, email, profile)
    """
    from agentic_sales.cli.views.asking import ask_facade, path_of

    body: dict[str, Any] = {
        "limit": limit,
        "budget_usd": budget,
        "dry_run": dry_run,
        "input": _object(input_text) | _listed(file),
    }
    body |= {"campaign_id": campaign, "mailbox_id": mailbox, "promote_by": promote_by}
    body |= {"cron": cron, "time_zone": zone, "missed": missed}
    made = answer(as_json, lambda: ask_facade("POST", f"/flows{path_of(flow, 'run')}", url, body))
    if cron:
        return tell(made, as_json, f"the first round of `{flow}` begins at {made['next_at']}")
    return tell(made, as_json, f"round `{made['round_id']}` has begun: agentic-sales flows report {made['round_id']}")


@app.command()
def pause(name: NameArgument, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Pause a round, or a flow with its schedule. Work under way ends, and nothing more begins.

    agentic-sales flows pause open_source
    """
    from agentic_sales.cli.views.asking import ask_facade, path_of

    told = answer(as_json, lambda: ask_facade("POST", f"/flows{path_of(name, 'pause')}", url))
    tell(told, as_json, f"paused: {', '.join(told['paused']) or 'the schedule'}")


@app.command()
def resume(
    name: NameArgument,
    *,
    budget: Annotated[float | None, typer.Option(help="New budget in USD.", min=0.01)] = None,
    campaign: Annotated[str, typer.Option(help="Campaign that waiting people join.")] = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Resume a round, or a flow with its schedule, with another budget or campaign where one is given.

    agentic-sales flows resume open_source --budget 20
    """
    from agentic_sales.cli.views.asking import ask_facade, path_of

    body: dict[str, Any] = {"budget_usd": budget, "campaign_id": campaign}
    told = answer(as_json, lambda: ask_facade("POST", f"/flows{path_of(name, 'resume')}", url, body))
    tell(told, as_json, f"resumed: {', '.join(told['resumed']) or 'the schedule'}")


@app.command()
def allow(
    flow: FlowArgument,
    kind: Annotated[str, typer.Argument(help="query, source, persona or template.")],
    arm: Annotated[str, typer.Argument(help="Name of the arm, as the report shows it.")],
    *,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Let an arm go on that complaints, bounces or opt-outs stopped. The next of them stops it again.

    agentic-sales flows allow sales_tech template question
    """
    from agentic_sales.cli.views.asking import ask_facade, path_of

    body = {"kind": kind, "arm": arm}
    told = answer(as_json, lambda: ask_facade("POST", f"/flows{path_of(flow, 'arms', 'allow')}", url, body))
    tell(
        told, as_json, f"{kind} `{arm}` goes on; rounds with leads that waited: {', '.join(told['resumed']) or 'none'}"
    )


@app.command()
def report(name: NameArgument, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Report on a flow or a round: leads by stage, their results per arm, and the lessons of it.

    agentic-sales flows report open_source
    """
    from agentic_sales.cli.views import flows
    from agentic_sales.cli.views.asking import ask_facade, path_of

    told = answer(as_json, lambda: ask_facade("GET", f"/flows{path_of(name, 'report')}", url))
    if as_json:
        return print_json(told)
    return Console().print(flows.report_as_picture(told))


@app.command()
def leads(
    name: NameArgument,
    *,
    stage: Annotated[str | None, typer.Option(help="List only leads in this stage, such as waiting.")] = None,
    limit: Most = 100,
    offset: From = 0,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List the leads of a flow or a round with their scores, stages, reasons and outcomes.

    agentic-sales flows leads open_source --stage waiting
    """
    from agentic_sales.cli.views import flows
    from agentic_sales.cli.views.asking import ask_facade, path_of

    path, query = f"/flows{path_of(name, 'leads')}", {"stage": stage, "limit": limit, "offset": offset}
    found = answer(as_json, lambda: ask_facade("GET", path, url, **query))
    show_list(found, as_json, flows.leads_as_table, f"`{name}` has no lead {f'that is {stage}' if stage else 'yet'}")


@app.command()
def rehearse(
    flow: FlowArgument,
    *,
    people: Annotated[int, typer.Option(help="Most people to rehearse.", min=1, max=10_000)] = 25,
    start_at: Annotated[
        datetime | None, typer.Option("--start", help="Begin of the campaign in UTC. The default is now.")
    ] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Print the calendar of the mails that would go to the people of a flow's newest campaign. No mail leaves.

    agentic-sales flows rehearse open_source
    """
    from agentic_sales.cli.views.asking import ask_facade, path_of

    path = f"/flows{path_of(flow, 'material')}"
    material = answer(as_json, lambda: ask_facade("GET", path, url, people=people))

    from agentic_sales.observability.logs import configure_logs
    from agentic_sales.rehearsal import rehearse as rehearsing

    configure_logs("warning")
    messages = rehearsing.rehearse_campaign(material, start_at=(start_at or datetime.now(UTC)).replace(tzinfo=UTC))
    if as_json:
        print_json([message.as_data() for message in messages])
    else:
        Console().print(rehearsing.as_calendar(messages))


def _stopped_arms(flow: str, url: str | None) -> list[dict[str, Any]] | None:
    """Return the stopped arms of a flow. None: no facade tells them."""
    from agentic_sales.cli.views.asking import ask_facade, path_of
    from agentic_sales.client import LangGraphError

    try:
        told: list[dict[str, Any]] = ask_facade("GET", f"/flows{path_of(flow)}", url)["stopped"]
    except LangGraphError:
        return None
    return told


def _listed(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return {"leads": [{str(name).strip().lower(): value for name, value in row.items() if name} for row in rows]}


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as exc:
        end(WRONG, f"--input is no JSON: {exc}")
    if not isinstance(value, dict):
        end(WRONG, "--input must be a JSON object")
    return value
