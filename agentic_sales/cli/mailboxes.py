"""Add, list, hold and release the mailboxes that campaigns write from."""
# ruff: noqa: PLC0415 - see `cli.main`: imports inside the commands are the point

from typing import Annotated, Any

import typer

from agentic_sales.cli.output import AsJson, Url, answer, show_list, tell

app = typer.Typer(no_args_is_help=True, help="Add, list, hold and release the mailboxes that campaigns write from.")

MailboxArgument = Annotated[str, typer.Argument(metavar="MAILBOX", help="Id of the mailbox.")]
DailyCap = Annotated[int, typer.Option(help="Most messages a day.", min=0)]
Spacing = Annotated[float, typer.Option(help="Least time between two messages, in seconds.", min=0)]


@app.command()
def add(
    mailbox_id: MailboxArgument,
    *,
    address: Annotated[str, typer.Option(help="Address in the From header.")],
    postal_address: Annotated[str, typer.Option(help="Postal address of the sender. Every message shows it.")],
    name: Annotated[str, typer.Option(help="Name of the sender.")] = "",
    reply_to: Annotated[str | None, typer.Option(help="Address for replies. The default is the mailbox's own.")] = None,
    time_zone: Annotated[str, typer.Option(help="IANA name. Its day is the day of the cap.")] = "UTC",
    daily_cap: DailyCap = 50,
    ramp_start: Annotated[
        int | None, typer.Option(help="Messages on the first day. The default is no ramp-up.", min=1)
    ] = None,
    ramp_per_day: Annotated[int, typer.Option(help="How many more on each further day.", min=0)] = 0,
    spacing_s: Spacing = 0.0,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Add a mailbox that campaigns write from.

    agentic-sales mailboxes add sales --address ann@acme.example --postal-address '1 Main Street, Springfield'
    """
    from agentic_sales.cli.views import campaigns

    body: dict[str, Any] = {
        "mailbox_id": mailbox_id,
        "address": address,
        "postal_address": postal_address,
        "display_name": name,
        "reply_to": reply_to,
        "time_zone": time_zone,
        "daily_cap": daily_cap,
        "ramp_start": ramp_start,
        "ramp_per_day": ramp_per_day,
        "spacing_s": spacing_s,
    }
    made = answer(as_json, lambda: campaigns.ask("POST", "/mailboxes", url, body))
    tell(made, as_json, f"campaigns can write from `{mailbox_id}`, {daily_cap} messages a day")


@app.command("list")
def list_mailboxes(url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - typer makes a flag of it
    """List the mailboxes. A mailbox that does not send is shown with the end of the pause and the reason.

    agentic-sales mailboxes list
    """
    from agentic_sales.cli.views import campaigns

    found = answer(as_json, lambda: campaigns.ask("GET", "/mailboxes", url))
    nothing = "there is no mailbox yet: agentic-sales mailboxes add --help"
    show_list(found, as_json, campaigns.mailboxes_as_table, nothing)


@app.command()
def hold(mailbox_id: MailboxArgument, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Let a mailbox send nothing until its release.

    agentic-sales mailboxes hold sales
    """
    _switch(mailbox_id, "hold", url, as_json)


@app.command()
def release(mailbox_id: MailboxArgument, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Let a mailbox send again after a hold or a refusal by its server. Its waiting messages are tried at once.

    agentic-sales mailboxes release sales
    """
    _switch(mailbox_id, "release", url, as_json)


def _switch(mailbox_id: str, verb: str, url: str | None, as_json: bool) -> None:  # noqa: FBT001 - the flag of the command
    from agentic_sales.cli.views import asking, campaigns

    path = f"/mailboxes{asking.path_of(mailbox_id, verb)}"
    switched = answer(as_json, lambda: campaigns.ask("POST", path, url))
    tell(switched, as_json, f"mailbox `{mailbox_id}` {'sends' if switched['is_active'] else 'is held'}")
