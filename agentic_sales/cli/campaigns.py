"""Make, start and stop campaigns, approve their messages, and show their state."""
# ruff: noqa: PLC0415 - see `cli.main`: imports inside the commands are the point

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from agentic_sales.cli import mailboxes
from agentic_sales.cli.output import (
    FAILED,
    WRONG,
    AsJson,
    By,
    From,
    Most,
    Url,
    answer,
    check_decider,
    end,
    note,
    print_json,
    show_list,
    tell,
)

app = typer.Typer(
    no_args_is_help=True, help="Make, start and stop campaigns, approve their messages and show their state."
)

CampaignArgument = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Id of the campaign.")]
PersonArgument = Annotated[str, typer.Argument(metavar="EMAIL", help="Address of the person.")]


@app.command()
def create(
    campaign: CampaignArgument,
    plan: Annotated[Path, typer.Option("--plan", help="JSON file of the plan. `-` is standard input.")],
    name: Annotated[str, typer.Option(help="Name for people.")] = "",
    url: Url = None,
    as_json: AsJson = False,  # noqa: FBT002 - typer makes a flag of it
) -> None:
    """Make a campaign as a draft. Nothing happens before its start.

    agentic-sales campaigns create spring --plan plan.json

    A plan of two messages: {"mailboxes": ["sales"], "steps": [{}, {"delay_days": 3}]}

    agentic-sales campaigns plan explains the other keys of a plan: hours, days, variants, approval.
    """
    from agentic_sales.cli.views import campaigns

    body = {"campaign_id": campaign, "name": name, "plan": read_json(plan)}
    made = answer(as_json, lambda: campaigns.ask("POST", "", url, body))
    tell(made, as_json, f"campaign `{campaign}` is a draft; import people, rehearse it, then start it")


@app.command()
def plan(as_json: AsJson = False) -> None:  # noqa: FBT002 - typer makes a flag of it
    """Explain every key of a campaign's plan with its meaning and default. With --json, print its JSON Schema.

    agentic-sales campaigns plan
    """
    from agentic_sales.cli.views.plan_keys import plan_as_table, plan_schema

    if as_json:
        print_json(plan_schema())
    else:
        Console().print(plan_as_table())


# Names under which the commands of `agentic-sales mailboxes` are found here, too.
app.command("mailbox")(mailboxes.add)
app.command("mailboxes")(mailboxes.list_mailboxes)
app.command()(mailboxes.hold)
app.command()(mailboxes.release)


@app.command("import")
def import_people(
    campaign: CampaignArgument,
    file: Annotated[Path, typer.Argument(help="CSV file of people. It needs a column of e-mail addresses.")],
    *,
    basis: Annotated[str | None, typer.Option(help="Lawful basis of lines that name none.")] = None,
    source: Annotated[str, typer.Option(help="Source of that basis.")] = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Import people from a CSV file and enroll them. Every refused line is shown with its column.

    agentic-sales campaigns import spring people.csv --basis legitimate_interest --source 'their web sites'
    """
    from agentic_sales.cli.views import campaigns

    raw = _read(file) if str(file) == "-" else file
    if isinstance(raw, Path) and not raw.is_file():
        end(WRONG, f"`{file}` is no file")
    events = campaigns.import_events(campaign, raw, url, basis=basis, source=source)
    report = answer(as_json, lambda: campaigns.import_report(events, tell_line=None if as_json else note))
    tell(report, as_json, campaigns.import_sum(report))
    if campaigns.is_nobody_taken(report):
        end(FAILED, campaigns.NOBODY_TAKEN)


@app.command()
def start(campaign: CampaignArgument, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Start a campaign. Show the next person with the time, and the number of messages that wait for a word.

    agentic-sales campaigns start spring

    A message is written and asked about a day before it may go, also at a weekend. `draft_ahead_h` of the plan says how
    many hours. It goes only after a word, within the window. Breaches of the mail providers' rules for senders are
    told before.
    """
    from agentic_sales.cli.views import deliverability

    note(*(f"warning: {line}" for line in deliverability.warnings_of(campaign, url)), style="yellow")
    _move(campaign, "start", url, as_json)
    _tell_next(campaign, url, as_json)


@app.command()
def pause(campaign: CampaignArgument, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Pause a campaign. Nothing more is written or sent until it is resumed.

    agentic-sales campaigns pause spring
    """
    _move(campaign, "pause", url, as_json)


@app.command()
def resume(campaign: CampaignArgument, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Resume a paused campaign. Show the next person with the time, and the number of messages that wait for a word.

    agentic-sales campaigns resume spring
    """
    _move(campaign, "resume", url, as_json)
    _tell_next(campaign, url, as_json)


@app.command("next")
def next_visits(
    campaign: CampaignArgument,
    *,
    limit: Most = 20,
    offset: From = 0,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List the next people of a campaign, each with the time of the message and the reason for the wait.

    agentic-sales campaigns next spring
    """
    from agentic_sales.cli.views import coming

    found = answer(as_json, lambda: coming.ask_next(campaign, url, limit=limit, offset=offset))
    nothing = f"nobody of campaign `{campaign}` is on the way: agentic-sales campaigns import --help"
    show_list(found, as_json, coming.as_table, nothing)


@app.command()
def stop(campaign: CampaignArgument, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Stop a campaign for good. Its waiting messages are never sent.

    agentic-sales campaigns stop spring
    """
    _move(campaign, "stop", url, as_json)


@app.command()
def unpark(
    campaign: CampaignArgument,
    person: Annotated[
        str | None, typer.Argument(metavar="[PERSON]", help="Address or id of a person. The default is everybody.")
    ] = None,
    *,
    by: By = "",
    note_text: Annotated[str, typer.Option("--note", help="Reason. The audit list keeps it.")] = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Let parked people go on after the cause is mended. `show` tells the cause.

    agentic-sales campaigns unpark spring jo@example.com --by Ann
    """
    from agentic_sales.cli.views import asking, campaigns

    path, body = asking.path_of(campaign, "unpark"), {"person": person or "", "by": by, "note": note_text}
    told = answer(as_json, lambda: campaigns.ask("POST", path, url, body))
    tell(told, as_json, f"{told['unparked']} people of campaign `{campaign}` go on")


@app.command()
def show(
    campaign: Annotated[
        str | None, typer.Argument(metavar="[CAMPAIGN]", help="Id of a campaign. The default lists all of them.")
    ] = None,
    timeline: Annotated[bool, typer.Option("--timeline", help="Also list its messages by time.")] = False,  # noqa: FBT002 - as above
    url: Url = None,
    as_json: AsJson = False,  # noqa: FBT002 - as above
) -> None:
    """Draw the state of a campaign: its funnel, its messages and the answers per variant.

    agentic-sales campaigns show spring --timeline
    """
    from agentic_sales.cli.views import asking, campaigns

    if campaign is None:
        listed = answer(as_json, lambda: campaigns.ask("GET", "", url))
        nothing = "there is no campaign yet: agentic-sales campaigns create --help"
        return show_list(listed, as_json, campaigns.as_table, nothing)
    path = asking.path_of(campaign)
    found = answer(as_json, lambda: campaigns.ask("GET", path, url))
    if as_json:
        return print_json(found)
    Console().print(campaigns.as_picture(found))
    if timeline:
        messages = answer(as_json, lambda: campaigns.ask("GET", f"{path}/touches", url, limit=1000))
        Console().print(campaigns.touches_as_table(messages, named_by="subject"))
    return None


@app.command()
def touches(
    campaign: CampaignArgument,
    *,
    state: Annotated[str | None, typer.Option(help="List only messages in this state, such as ambiguous.")] = None,
    limit: Most = 100,
    offset: From = 0,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List the messages of a campaign with their ids and their states.

    agentic-sales campaigns touches spring --state ambiguous
    """
    from agentic_sales.cli.views import asking, campaigns

    path = f"{asking.path_of(campaign)}/touches"
    found = answer(as_json, lambda: campaigns.ask("GET", path, url, state=state, limit=limit, offset=offset))
    nothing = f"campaign `{campaign}` has no message {f'that is {state}' if state else 'yet'}"
    show_list(found, as_json, campaigns.touches_as_table, nothing)


@app.command()
def touch(
    touch_id: Annotated[str, typer.Argument(metavar="TOUCH", help="Id of the message, or its begin.")],
    url: Url = None,
    as_json: AsJson = False,  # noqa: FBT002 - as above
) -> None:
    """Say when a message will go and why not now.

    agentic-sales campaigns touch 5f2b…
    """
    from agentic_sales.cli.views import asking, campaigns

    told = answer(as_json, lambda: campaigns.ask("GET", f"/touches{asking.path_of(touch_id)}", url))
    tell(told, as_json, campaigns.forecast_line(told))


@app.command()
def resolve(
    touch_id: Annotated[str, typer.Argument(metavar="TOUCH", help="Id of an ambiguous message, or its begin.")],
    state: Annotated[str, typer.Argument(metavar="sent|failed", help="State of the message, as you found out.")],
    *,
    by: By = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Decide whether an ambiguous message was sent. Its person then goes on or ends.

    agentic-sales campaigns resolve 5f2b… sent --by Ann
    """
    from agentic_sales.cli.views import asking, campaigns

    if not by:
        end(WRONG, "name the person that found out: --by NAME")
    path, body = f"/touches{asking.path_of(touch_id)}/resolve", {"state": state, "by": by}
    told = answer(as_json, lambda: campaigns.ask("POST", path, url, body))
    tell(told, as_json, f"message to {told['to_email']}: {told['state']}")


@app.command()
def approve(
    approval: Annotated[
        str | None, typer.Argument(metavar="[APPROVAL]", help="Id of an approval. The default lists all of them.")
    ] = None,
    *,
    campaign: Annotated[str | None, typer.Option(help="List only messages of this campaign.")] = None,
    by: By = "",
    reject: Annotated[bool, typer.Option("--reject", help="Refuse the message instead.")] = False,
    edit: Annotated[
        Path | None, typer.Option("--edit", help="File with a new text. Its first line is `Subject: …`.")
    ] = None,
    note_text: Annotated[str, typer.Option("--note", help="A note on the decision. It is kept.")] = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Approve a message, refuse it or change it. Without an id, show the messages that wait for approval.

    agentic-sales campaigns approve 5f2b… --by Ann
    """
    from agentic_sales.cli.views import asking, campaigns

    waiting = answer(as_json, lambda: campaigns.ask("GET", "/approvals", url, campaign_id=campaign, limit=1000))
    if approval is None:
        if as_json:
            print_json(waiting)
        elif waiting:
            Console().print(campaigns.approvals_as_text(waiting))
            note("answer one: agentic-sales campaigns approve ID --by NAME [--reject | --edit FILE]")
        else:
            note("no message waits for anybody's word")
        return
    seen = waiting_message(waiting, approval)
    check_decider(by)
    if reject and edit is not None:
        end(WRONG, "a message is refused or changed, not both: --reject or --edit")
    body = {"decision": "reject" if reject else "approve", "digest": seen["digest"], "by": by, "note": note_text}
    if edit is not None:
        body |= {"decision": "edit", **_edited(edit)}
    path = f"/approvals{asking.path_of(seen['approval_id'])}"
    decided = answer(as_json, lambda: campaigns.ask("POST", path, url, body))
    anew = f" as `{decided['approval_id']}`: the changed message waits for a word" if edit is not None else ""
    tell(decided, as_json, f"message to {decided['message']['to_email']}: {decided['state']}{anew}")


@app.command()
def rehearse(
    campaign: CampaignArgument,
    people: Annotated[int, typer.Option(help="Most people to rehearse.", min=1, max=10_000)] = 25,
    start_at: Annotated[
        datetime | None, typer.Option("--start", help="Begin of the campaign in UTC. The default is now.")
    ] = None,
    url: Url = None,
    as_json: AsJson = False,  # noqa: FBT002 - as above
) -> None:
    """Let all days of a campaign pass in seconds and print its calendar. No mail leaves and nothing is changed.

    agentic-sales campaigns rehearse spring --people 10

    The campaign and its people come from the fleet. Messages are written here, and taken as approved at once.
    """
    from agentic_sales.cli.views import asking, campaigns

    path = asking.path_of(campaign, "material")
    material = answer(as_json, lambda: campaigns.ask("GET", path, url, people=people))

    from agentic_sales.observability.logs import configure_logs
    from agentic_sales.rehearsal import rehearse as rehearsing

    configure_logs("warning")
    messages = rehearsing.rehearse_campaign(material, start_at=(start_at or datetime.now(UTC)).replace(tzinfo=UTC))
    if as_json:
        print_json([message.as_data() for message in messages])
    else:
        Console().print(rehearsing.as_calendar(messages))


@app.command()
def export(person: PersonArgument, url: Url = None) -> None:
    """Print everything that the store holds of a person as JSON, for the answer to a request for access.

    agentic-sales campaigns export ann@example.com
    """
    from agentic_sales.cli.views import campaigns

    print_json(answer(True, lambda: campaigns.ask("POST", "/export", url, {"email": person})))


@app.command()
def forget(
    person: PersonArgument,
    url: Url = None,
    as_json: AsJson = False,  # noqa: FBT002 - as above
) -> None:
    """Erase a person everywhere. A digest of the address is kept so that nobody writes to it again.

    agentic-sales campaigns forget ann@example.com

    The command waits for a visit that is at work. If that takes long, nothing was erased yet: ask again.
    """
    from agentic_sales.cli.views import campaigns

    told = answer(as_json, lambda: campaigns.ask("POST", "/forget", url, {"email": person}))
    tell(told, as_json, *campaigns.forgotten_lines(told))


def _move(campaign: str, verb: str, url: str | None, as_json: bool) -> None:  # noqa: FBT001 - the flag of the command
    from agentic_sales.cli.views import asking, campaigns

    path = asking.path_of(campaign, verb)
    moved = answer(as_json, lambda: campaigns.ask("POST", path, url))
    tell(moved, as_json, f"campaign `{campaign}` is {moved['state']}")


def _tell_next(campaign: str, url: str | None, as_json: bool) -> None:  # noqa: FBT001 - the flag of the command
    """Show the next person to people. A program asks `next` itself."""
    from agentic_sales.cli.views import coming

    if not as_json:
        visits = answer(as_json, lambda: coming.ask_next(campaign, url, limit=coming.LOOKED_AT))
        note(*coming.next_lines(campaign, visits))


def _read(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as exc:
        end(WRONG, f"`{file}` cannot be read: {exc.strerror}")


def read_json(file: Path) -> Any:
    """Read the JSON document of a file. `-` is standard input. A mistake ends the command."""
    try:
        return json.loads(_read(file))
    except ValueError as exc:
        end(WRONG, f"`{file}` is no JSON: {exc}")


def waiting_message(waiting: Sequence[Mapping[str, Any]], begin: str) -> Mapping[str, Any]:
    """Return the one waiting message whose approval's id begins so. End the command if there is none, or several."""
    seen = [question for question in waiting if question["approval_id"].startswith(begin)]
    if not seen:
        end(
            WRONG,
            f"no waiting message has an id that begins with `{begin}`: it was answered, or has expired, or never was",
        )
    if len(seen) > 1:
        end(WRONG, f"{len(seen)} messages that wait have an id that begins with `{begin}`; write more of it")
    return seen[0]


def _edited(file: Path) -> dict[str, str]:
    try:
        head, _, text = _read(file).decode().partition("\n")
    except UnicodeDecodeError as exc:
        end(WRONG, f"`{file}` is not UTF-8: {exc.reason} at byte {exc.start}")
    if not head.startswith("Subject: "):
        end(WRONG, f"the first line of `{file}` must be `Subject: …`")
    return {"subject": head.removeprefix("Subject: ").strip(), "text": text.strip()}
