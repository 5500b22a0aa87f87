"""Correct campaigns under way, as commands of `agentic-sales campaigns`: plans, people and classes of answers."""
# ruff: noqa: PLC0415 - see `cli.main`: imports inside the commands are the point

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from agentic_sales.cli.campaigns import CampaignArgument, read_json
from agentic_sales.cli.output import AsJson, By, From, Most, Url, answer, check_decider, show_list, tell

app = typer.Typer()

PersonArgument = Annotated[str, typer.Argument(metavar="PERSON", help="Address or id of the person.")]
Note = Annotated[str, typer.Option("--note", help="Reason. The audit list keeps it.")]


@app.command()
def edit(
    campaign: CampaignArgument,
    plan: Annotated[Path, typer.Option("--plan", help="JSON file of the whole new plan. `-` is standard input.")],
    *,
    move: Annotated[bool, typer.Option("--move", help="Let people under way go by the new plan, too.")] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Only tell the effects. Nothing is changed.")] = False,
    by: By = "",
    note: Note = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Change the plan of a campaign. Each change is a new version, and the versions before are kept.

    agentic-sales campaigns edit spring --plan plan.json --preview --by Ann

    A draft or a paused campaign takes any plan. A running one takes other words alone: the `input` of its steps and of
    their variants.

    People without any message yet go by the new plan. People under way stay on their version, unless you say --move.
    Their waiting messages are then written and asked about again where the plan changes their words.
    """
    from agentic_sales.cli.views import corrections

    body = {"plan": read_json(plan), "move": move, "preview": preview, **_decision(by, note)}
    done = _post(campaign, "edit", body, url, as_json)
    tell(done, as_json, *corrections.edit_lines(campaign, done, moves=move))


@app.command()
def versions(campaign: CampaignArgument, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - typer makes a flag of it
    """List the versions of a campaign's plan, the present one first. With --json, print each whole plan.

    agentic-sales campaigns versions spring
    """
    from agentic_sales.cli.views import asking, campaigns, corrections

    path = asking.path_of(campaign, "versions")
    found = answer(as_json, lambda: campaigns.ask("GET", path, url))
    show_list(found, as_json, corrections.versions_as_table, "there is no version")


@app.command()
def clone(
    campaign: CampaignArgument,
    copy: Annotated[str, typer.Argument(metavar="COPY", help="Id of the new campaign.")],
    *,
    name: Annotated[str, typer.Option(help="Name for people.")] = "",
    by: By = "",
    note: Note = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Make a draft with the plan of a campaign. Its people do not come along.

    agentic-sales campaigns clone spring autumn --by Ann
    """
    made = _post(campaign, "clone", {"campaign_id": copy, "name": name, **_decision(by, note)}, url, as_json)
    tell(made, as_json, f"campaign `{copy}` is a draft; import people, rehearse it, then start it")


@app.command()
def add(
    campaign: CampaignArgument,
    person: PersonArgument,
    *,
    by: By = "",
    note: Note = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Add a known person to a campaign, or one that was removed from it. `import` brings new people in.

    agentic-sales campaigns add spring jo@example.com --by Ann
    """
    place = _post(campaign, "add", {"person": person, **_decision(by, note)}, url, as_json)
    tell(place, as_json, f"{person} is in campaign `{campaign}`, at step {place['step']}")


@app.command()
def move(
    campaign: CampaignArgument,
    person: PersonArgument,
    *,
    step: Annotated[int | None, typer.Option("--step", help="Next step, from 0.", min=0)] = None,
    version: Annotated[int | None, typer.Option("--version", help="Version of the plan.", min=1)] = None,
    to: Annotated[str | None, typer.Option("--to", help="Another campaign, which the person joins instead.")] = None,
    by: By = "",
    note: Note = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Move a person to another step, another version of the plan, or another campaign.

    agentic-sales campaigns move spring jo@example.com --step 1 --by Ann

    A message that was sent is never sent again. A message that waits is withdrawn, or written and asked about again. A
    person at the end of the way goes on.
    """
    body = {"person": person, "step": step, "version": version, "to": to, **_decision(by, note)}
    place = _post(campaign, "move", body, url, as_json)
    told = f"at step {place['step']} of version {place['plan_version']}"
    tell(place, as_json, f"{person} is in campaign `{place['campaign_id']}`, {told}")


@app.command()
def remove(
    campaign: CampaignArgument,
    person: PersonArgument,
    *,
    by: By = "",
    note: Note = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Take a person out of a campaign. A waiting message is never sent. Other campaigns go on.

    agentic-sales campaigns remove spring jo@example.com --by Ann
    """
    place = _post(campaign, "remove", {"person": person, **_decision(by, note)}, url, as_json)
    tell(place, as_json, f"{person} gets nothing more from campaign `{campaign}`; `add` lets the person go on")


@app.command()
def reclassify(
    event: Annotated[str, typer.Argument(metavar="EVENT", help="Id of the answer, as `inbound` lists it.")],
    reply_class: Annotated[str, typer.Argument(metavar="CLASS", help="The right class, such as out_of_office.")],
    *,
    until: Annotated[str | None, typer.Option("--until", help="Of an absence: day of the return, YYYY-MM-DD.")] = None,
    by: By = "",
    note: Note = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Correct the class of an answer. The consequences follow: the person goes on, or is stopped everywhere.

    agentic-sales campaigns reclassify EVENT out_of_office --until 2026-09-01 --by Ann

    The classes are interested, not_now, not_interested, unsubscribe, out_of_office, bounced and other. After
    out_of_office the campaigns that the answer had ended go on. Every other class ends them.
    """
    from agentic_sales.cli.views import asking, campaigns, corrections

    body = {"reply_class": reply_class, "until": until, **_decision(by, note)}
    path = f"/inbound{asking.path_of(event, 'reclassify')}"
    done = answer(as_json, lambda: campaigns.ask("POST", path, url, body))
    tell(done, as_json, *corrections.reclassified_lines(done))


@app.command()
def audit(
    campaign: Annotated[
        str | None, typer.Argument(metavar="[CAMPAIGN]", help="Id. The default is all of them.")
    ] = None,
    *,
    limit: Most = 100,
    offset: From = 0,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List the changes of campaigns by hand, each with name, time and reason. The newest comes first.

    agentic-sales campaigns audit spring
    """
    from agentic_sales.cli.views import campaigns, corrections

    query = {"campaign_id": campaign, "limit": limit, "offset": offset}
    found = answer(as_json, lambda: campaigns.ask("GET", "/audit", url, **query))
    show_list(found, as_json, corrections.audit_as_table, "nobody has corrected anything yet")


def _decision(by: str, note: str) -> dict[str, str]:
    check_decider(by)
    return {"by": by, "note": note}


def _post(campaign: str, verb: str, body: Mapping[str, Any], url: str | None, as_json: bool) -> Any:  # noqa: FBT001 - the flag of the command
    from agentic_sales.cli.views import asking, campaigns

    path = asking.path_of(campaign, verb)
    return answer(as_json, lambda: campaigns.ask("POST", path, url, body))
