"""Add, change, test and log in the mailboxes that campaigns write from."""
# ruff: noqa: PLC0415 - see `cli.main`: imports inside the commands are the point

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from agentic_sales.cli.output import FAILED, WRONG, AsJson, Url, answer, end, note, print_json, show_list, tell

app = typer.Typer(no_args_is_help=True, help="Add, change, test and log in the mailboxes that campaigns write from.")

MailboxArgument = Annotated[str, typer.Argument(metavar="MAILBOX", help="Id of the mailbox.")]
Name = Annotated[str | None, typer.Option("--name", help="Name of the sender.")]
Role = Annotated[str | None, typer.Option("--role", help="Role of the sender. Drafts know it.")]
Signature = Annotated[str | None, typer.Option(help="Signature of its messages. The default is the name and the role.")]
ReplyTo = Annotated[str | None, typer.Option(help="Address for replies. The default is the mailbox's own.")]
Zone = Annotated[str | None, typer.Option(help="IANA name. Its day is the day of the cap. The default is UTC.")]
Hours = Annotated[
    str | None,
    typer.Option(metavar="JSON", help='Its own hours, such as {"starts": "08:00", "ends": "17:00"}. `null`: none.'),
]
DailyCap = Annotated[int | None, typer.Option(help="Most messages a day. The default is 50.", min=0)]
RampStart = Annotated[int | None, typer.Option(help="Messages on the first day. The default is no ramp-up.", min=1)]
RampPerDay = Annotated[int | None, typer.Option(help="How many more on each further day.", min=0)]
Spacing = Annotated[float | None, typer.Option(help="Least time between two messages, in seconds.", min=0)]
Login = Annotated[
    str | None,
    typer.Option(help="password, microsoft, google or resend. The default is the server of AGENTIC_SALES_MAIL."),
]
Smtp = Annotated[str | None, typer.Option(help="SMTP server, smtps://user@host:465, without a password.")]
Imap = Annotated[str | None, typer.Option(help="IMAP server, imaps://user@host:993, without a password.")]
Booking = Annotated[
    str | None, typer.Option(help="Page on which a person picks a time, https://…. Answers without free times name it.")
]
Secret = Annotated[str | None, typer.Option(help="Place of the secret: env:NAME or file:/path. Never the secret.")]


@app.command()
def add(
    mailbox_id: MailboxArgument,
    *,
    address: Annotated[str, typer.Option(help="Address in the From header.")],
    postal_address: Annotated[str, typer.Option(help="Postal address of the sender. Every message shows it.")],
    name: Name = None,
    role: Role = None,
    signature: Signature = None,
    reply_to: ReplyTo = None,
    time_zone: Zone = None,
    window: Hours = None,
    daily_cap: DailyCap = None,
    ramp_start: RampStart = None,
    ramp_per_day: RampPerDay = None,
    spacing_s: Spacing = None,
    login: Login = None,
    smtp: Smtp = None,
    imap: Imap = None,
    secret: Secret = None,
    booking_link: Booking = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Add a mailbox that campaigns write from.

    agentic-sales mailboxes add sales --address ann@acme.example --postal-address '1 Main Street, Springfield'

    With a login of its own: --login microsoft, then `agentic-sales mailboxes login sales`. By a password:
    --login password --smtp smtps://smtp.acme.example --imap imaps://imap.acme.example --secret env:ANN_PASSWORD
    """
    from agentic_sales.cli.views import campaigns

    told: dict[str, Any] = {"display_name": name, "sender_role": role, "signature": signature, "reply_to": reply_to}
    told |= {"time_zone": time_zone, "window": _hours(window), "daily_cap": daily_cap, "ramp_start": ramp_start}
    told |= {"ramp_per_day": ramp_per_day, "spacing_s": spacing_s}
    told |= {"login": login, "smtp_url": smtp, "imap_url": imap, "secret": secret}
    told["booking_link"] = booking_link
    body = {"mailbox_id": mailbox_id, "address": address, "postal_address": postal_address, **_named(told)}
    made = answer(as_json, lambda: campaigns.ask("POST", "/mailboxes", url, body))
    tell(made, as_json, f"campaigns can write from `{mailbox_id}`; test it: agentic-sales mailboxes test {mailbox_id}")


@app.command()
def edit(
    mailbox_id: MailboxArgument,
    *,
    postal_address: Annotated[str | None, typer.Option(help="Postal address of the sender.")] = None,
    name: Name = None,
    role: Role = None,
    signature: Signature = None,
    reply_to: ReplyTo = None,
    time_zone: Zone = None,
    window: Hours = None,
    daily_cap: DailyCap = None,
    ramp_start: Annotated[
        int | None, typer.Option(help="Messages on the first day. 0 ends the ramp-up.", min=0)
    ] = None,
    ramp_per_day: RampPerDay = None,
    spacing_s: Spacing = None,
    login: Login = None,
    smtp: Smtp = None,
    imap: Imap = None,
    secret: Secret = None,
    booking_link: Booking = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Change a mailbox. Other values stay. An empty text takes a value away.

    agentic-sales mailboxes edit sales --daily-cap 80 --signature 'Ann, Acme'
    """
    from agentic_sales.cli.views import asking, campaigns

    told: dict[str, Any] = {
        "display_name": name,
        "sender_role": role,
        "signature": signature,
        "postal_address": postal_address,
    }
    told |= {"time_zone": time_zone, "daily_cap": daily_cap, "ramp_per_day": ramp_per_day, "spacing_s": spacing_s}
    told |= {"login": login, "smtp_url": smtp, "imap_url": imap, "secret": secret}
    told["booking_link"] = booking_link
    body = _named(told)
    if window is not None:
        body["window"] = _hours(window)
    if ramp_start is not None:
        body["ramp_start"] = ramp_start or None
    if reply_to is not None:
        body["reply_to"] = reply_to or None
    if not body:
        end(WRONG, "there is nothing to change; `agentic-sales mailboxes edit --help` lists the options")
    path = f"/mailboxes{asking.path_of(mailbox_id)}"
    changed = answer(as_json, lambda: campaigns.ask("PATCH", path, url, body))
    tell(changed, as_json, f"mailbox `{mailbox_id}` is changed: {', '.join(body)}")


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
def show(
    mailbox_id: MailboxArgument,
    received: Annotated[
        Path | None,
        typer.Option(help="Source of one of its mails, as the receiver saved it. It shows the signed headers."),
    ] = None,
    url: Url = None,
    as_json: AsJson = False,  # noqa: FBT002 - as above
) -> None:
    """Show a mailbox with its login and its limits, why it does not send, and how receivers see its domain.

    agentic-sales mailboxes show sales
    agentic-sales mailboxes show sales --received arrived.eml

    The DNS is asked for SPF, DKIM, DMARC, MX and the name of the server. Nothing is sent.
    """
    from agentic_sales.cli.views import campaigns, deliverability
    from agentic_sales.cli.views.findings import as_table
    from agentic_sales.rules.findings import Finding

    found = _mailbox(mailbox_id, url, as_json)
    mail = None if received is None else _read(received)
    findings = answer(as_json, lambda: deliverability.findings_of(found, url, mail))
    if as_json:
        print_json({**found, "deliverability": findings})
    else:
        Console().print(campaigns.mailbox_as_table(found))
        Console().print(as_table(Finding(**finding) for finding in findings))


@app.command("test")
def try_mailbox(mailbox_id: MailboxArgument, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Log a mailbox in to send and to read, from this machine. Its calendar and booking page are read. Nothing is sent.

    agentic-sales mailboxes test sales

    It uses the variables and the files of this process. Run it where the workers of core run. Exit status: 0 every
    way is open, 1 one is not.
    """
    from agentic_sales.campaigns.answers.trying import try_logins
    from agentic_sales.settings import settings

    tried = try_logins(settings(), _mailbox(mailbox_id, url, as_json))
    works = {"calendar": "it can be read", "booking": "its page answers"}
    lines = (f"{way}: {why or works.get(way, 'it logs in')}" for way, why in tried.items())
    tell({"mailbox_id": mailbox_id, **tried}, as_json, *lines)
    if any(tried.values()):
        end(FAILED, f"mailbox `{mailbox_id}` does not work yet")


@app.command()
def login(mailbox_id: MailboxArgument, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Log a mailbox in at Microsoft 365 or Google by a code that you type into a page. Then it goes on at once.

    agentic-sales mailboxes login sales

    The tokens are kept in a file on this machine. Run it where the workers of core run.
    """
    from agentic_sales.campaigns.answers.trying import log_in
    from agentic_sales.cli.views import asking, campaigns
    from agentic_sales.settings import settings

    file = log_in(settings(), _mailbox(mailbox_id, url, as_json), note)
    path = f"/mailboxes{asking.path_of(mailbox_id, 'retry')}"
    answer(as_json, lambda: campaigns.ask("POST", path, url))
    tell({"mailbox_id": mailbox_id, "file": str(file)}, as_json, f"mailbox `{mailbox_id}` is logged in: `{file}`")


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


@app.command()
def remove(mailbox_id: MailboxArgument, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Remove a mailbox that no campaign needs any more. Its messages stay.

    agentic-sales mailboxes remove sales
    """
    from agentic_sales.cli.views import asking, campaigns

    path = f"/mailboxes{asking.path_of(mailbox_id)}"
    answer(as_json, lambda: campaigns.ask("DELETE", path, url))
    tell({"mailbox_id": mailbox_id}, as_json, f"mailbox `{mailbox_id}` is removed")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as exc:
        end(WRONG, f"`{file}` cannot be read: {exc.strerror}")


def _mailbox(mailbox_id: str, url: str | None, as_json: bool) -> dict[str, Any]:  # noqa: FBT001 - the flag of the command
    from agentic_sales.cli.views import asking, campaigns

    path = f"/mailboxes{asking.path_of(mailbox_id)}"
    found: dict[str, Any] = answer(as_json, lambda: campaigns.ask("GET", path, url))
    return found


def _switch(mailbox_id: str, verb: str, url: str | None, as_json: bool) -> None:  # noqa: FBT001 - as above
    from agentic_sales.cli.views import asking, campaigns

    path = f"/mailboxes{asking.path_of(mailbox_id, verb)}"
    switched = answer(as_json, lambda: campaigns.ask("POST", path, url))
    tell(switched, as_json, f"mailbox `{mailbox_id}` {'sends' if switched['is_active'] else 'is held'}")


def _named(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}


def _hours(window: str | None) -> Any:
    try:
        return None if window is None else json.loads(window)
    except ValueError as exc:
        end(WRONG, f"`{window}` is no JSON: {exc}")
