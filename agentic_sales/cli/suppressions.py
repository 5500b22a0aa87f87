"""Show and change the suppression list and show inbound mail, as commands of `agentic-sales campaigns`."""
# ruff: noqa: PLC0415 - see `cli.main`: imports inside the commands are the point

from typing import Annotated

import typer

from agentic_sales.cli.campaigns import PersonArgument
from agentic_sales.cli.output import WRONG, AsJson, By, From, Most, Url, answer, check_decider, end, show_list, tell

app = typer.Typer()

Reason = Annotated[
    str | None,
    typer.Option(help="Reason: replied, bounced, complained, unsubscribed, suppressed (by the provider) or stopped."),
]


@app.command()
def suppressions(
    *,
    person: Annotated[str | None, typer.Option("--email", help="List only entries of this person.")] = None,
    reason: Reason = None,
    source: Annotated[str | None, typer.Option(help="List only entries from this person or event.")] = None,
    lifted: Annotated[bool, typer.Option("--lifted", help="List the lifted entries instead.")] = False,
    limit: Most = 100,
    offset: From = 0,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List the suppressed people with the reasons. The newest is first.

    agentic-sales campaigns suppressions --reason bounced

    A forgotten person is a digest alone, and --email still finds it.
    """
    from agentic_sales.cli.views import campaigns, suppressions

    if lifted and (reason or source):
        end(WRONG, "--lifted lists all lifted entries, or those of one --email; leave --reason and --source out")
    path = "/suppressions/lifts" if lifted else "/suppressions"
    query = {"email_hash": _digest(person), "reason": reason, "source": source, "limit": limit, "offset": offset}
    found = answer(as_json, lambda: campaigns.ask("GET", path, url, **query))
    if lifted:
        show_list(found, as_json, suppressions.lifts_as_table, "nothing was taken off the list")
    else:
        which = "such " if person or reason or source else ""
        show_list(found, as_json, suppressions.as_table, f"the list has no {which}entry")


@app.command()
def suppress(person: PersonArgument, *, by: By = "", url: Url = None, as_json: AsJson = False) -> None:
    """Send nothing more to a person in any campaign. The store need not know the person.

    agentic-sales campaigns suppress ann@example.com --by Bob
    """
    from agentic_sales.cli.views import campaigns

    check_decider(by)
    told = answer(as_json, lambda: campaigns.ask("POST", "/suppressions", url, {"email": person, "by": by}))
    ended = f"it ended {len(told['touches'])} messages, {len(told['campaigns'])} campaigns"
    tell(told, as_json, f"nothing more is sent; {ended}")


@app.command()
def lift(
    person: PersonArgument,
    *,
    by: By = "",
    why: Annotated[str, typer.Option(help="Reason. It is kept.")] = "",
    reason: Reason = None,
    opted_in: Annotated[
        bool, typer.Option("--opted-in", help="The person had opted out and has asked for mail since.")
    ] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Allow a later campaign to write to a person again. Stopped enrollments stay stopped.

    agentic-sales campaigns lift ann@example.com --by Bob --why 'her mailbox is back' --reason bounced

    After an unsubscription, a complaint or an erasure, only --opted-in takes the person off the list.
    """
    from agentic_sales.cli.views import campaigns

    if not by or not why:
        end(WRONG, "give a name and a reason: --by NAME --why TEXT")
    body = {"email": person, "by": by, "why": why, "reason": reason, "has_opted_in": opted_in}
    told = answer(as_json, lambda: campaigns.ask("POST", "/suppressions/lift", url, body))
    tell(told, as_json, f"the person may be written to again: {', '.join(row['reason'] for row in told)} lifted")


@app.command()
def inbound(
    *,
    campaign: Annotated[str | None, typer.Option(help="List only mail about messages of this campaign.")] = None,
    contact: Annotated[str | None, typer.Option(help="List only mail from or about the person of this id.")] = None,
    kind: Annotated[str | None, typer.Option(help="List only this kind, such as reply, auto_reply or bounced.")] = None,
    reply_class: Annotated[str | None, typer.Option("--class", help="List only answers of this class.")] = None,
    limit: Most = 100,
    offset: From = 0,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List inbound mail, the newest first: answers with their meaning, bounces, complaints and receipts.

    agentic-sales campaigns inbound --campaign spring --class maybe_unsubscribe
    """
    from agentic_sales.cli.views import campaigns, suppressions

    narrowed = {"campaign_id": campaign, "contact_id": contact, "kind": kind, "reply_class": reply_class}
    query = {**narrowed, "limit": limit, "offset": offset}
    found = answer(as_json, lambda: campaigns.ask("GET", "/inbound", url, **query))
    show_list(
        found,
        as_json,
        suppressions.inbound_as_table,
        f"nothing {'such ' if any(narrowed.values()) else ''}came back",
    )


def _digest(person: str | None) -> str | None:
    """Return the digest of an address. The address itself must not stand in a URL."""
    from agentic_sales.campaigns.people.addresses import email_hash
    from agentic_sales.errors import InvalidAddress

    try:
        return None if person is None else email_hash(person)
    except InvalidAddress as exc:
        end(WRONG, str(exc))
