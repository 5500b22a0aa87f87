"""Export campaigns and approve many messages, as commands of `agentic-sales campaigns`."""
# ruff: noqa: PLC0415 - see `cli.main`: imports inside the commands are the point

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import typer

from agentic_sales.cli.campaigns import CampaignArgument, waiting_message
from agentic_sales.cli.companies import write_csv
from agentic_sales.cli.output import FAILED, WRONG, AsJson, By, Url, answer, check_decider, end, note, print_json

app = typer.Typer()

_AT_ONCE = 200


@app.command("export-file")
def export_campaign(
    campaign: CampaignArgument,
    *,
    people: Annotated[bool, typer.Option("--people", help="Its people. An import reads the file.")] = False,
    touches: Annotated[bool, typer.Option("--touches", help="Its messages.")] = False,
    outcomes: Annotated[bool, typer.Option("--outcomes", help="Its replies and bounces, without their words.")] = False,
    url: Url = None,
) -> None:
    """Write a file of a campaign as CSV to standard output. No cell is one that a spreadsheet executes.

    agentic-sales campaigns export-file spring --people > people.csv
    """
    from agentic_sales.cli.views.asking import path_of

    wanted = [name for name, flag in (("people", people), ("touches", touches), ("outcomes", outcomes)) if flag]
    if len(wanted) != 1:
        end(WRONG, "say which file: one of --people, --touches and --outcomes")
    write_csv(f"/campaigns{path_of(campaign, 'export', wanted[0])}", url)


@app.command("approve-many")
def approve_many(
    approvals: Annotated[
        list[str] | None, typer.Argument(metavar="[APPROVAL]...", help="Ids, or their begins.")
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="The oldest waiting messages of --campaign.")] = False,
    campaign: Annotated[str | None, typer.Option(help="Only messages of this campaign.")] = None,
    limit: Annotated[int, typer.Option(help="Most messages of --all.", min=1, max=1000)] = 25,
    by: By = "",
    note_text: Annotated[str, typer.Option("--note", help="A note on the decisions. It is kept.")] = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Approve several messages, each by a decision of its own. Messages without approval are listed with the reason.

    agentic-sales campaigns approve-many 5f2b 91ac --by Ann
    agentic-sales campaigns approve-many --all --campaign spring --limit 20 --by Ann

    A person may approve AGENTIC_SALES_APPROVALS_PER_DAY messages a day in this way. Exit status: 0 all of them were
    approved, 1 some were not.
    """
    from agentic_sales.cli.views import campaigns

    if every == bool(approvals):
        end(WRONG, "name messages by their ids, or take --all of a --campaign")
    if every and campaign is None:
        end(WRONG, "--all takes the messages of one campaign: --campaign NAME")
    check_decider(by)
    waiting = answer(as_json, lambda: campaigns.ask("GET", "/approvals", url, campaign_id=campaign, limit=1000))
    chosen = waiting[:limit] if every else [waiting_message(waiting, begin) for begin in approvals or []]
    told: dict[str, list[dict[str, Any]]] = {"approved": [], "left": []}
    for at in range(0, len(chosen), _AT_ONCE):
        seen = [{name: one[name] for name in ("approval_id", "digest")} for one in chosen[at : at + _AT_ONCE]]
        body = {"approvals": seen, "by": by, "note": note_text}
        done = answer(as_json, partial(campaigns.ask, "POST", "/approve-many", url, body))
        told = {kind: [*rows, *done[kind]] for kind, rows in told.items()}
    if as_json:
        print_json(told)
    else:
        _tell(chosen, told)
    if told["left"]:
        raise typer.Exit(FAILED)


def _tell(chosen: Sequence[Mapping[str, Any]], told: dict[str, list[dict[str, Any]]]) -> None:
    to = {question["approval_id"]: question["message"]["to_email"] for question in chosen}
    note(f"{len(told['approved'])} of {len(chosen)} messages are approved")
    for one in told["left"]:
        note(f"not approved: message to {to[one['approval_id']]}: {one['reason']}", style="yellow")
