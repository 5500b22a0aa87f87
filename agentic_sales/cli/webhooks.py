"""Add, try and remove the endpoints that are told of campaigns' events."""
# ruff: noqa: PLC0415 - see `cli.main`: imports inside the commands are the point

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.table import Table

from agentic_sales.cli.output import FAILED, AsJson, Url, answer, end, note, print_json, show_list, tell

app = typer.Typer(no_args_is_help=True, help="Add, try and remove endpoints that are told of campaigns' events.")

EndpointArgument = Annotated[str, typer.Argument(metavar="ENDPOINT", help="Id of the endpoint.")]
TRIED_WITHIN_S = 60.0
_POLL_S = 0.5


@app.command()
def add(
    endpoint_id: EndpointArgument,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="https:// address that events are posted to.")],
    *,
    event: Annotated[
        list[str] | None, typer.Option("--event", help="Kind of event. Repeat it. The default is all.")
    ] = None,
    secret: Annotated[
        str,
        typer.Option(help="Place of the secret, env:NAME or file:/path. The default is that of the fleet."),
    ] = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Add an endpoint. It is told of each event at least once, signed as Standard Webhooks asks.

    agentic-sales webhooks add crm https://crm.acme.example/hooks --event reply.classified --secret env:CRM_SECRET

    Events: approval.due, message.sent, message.bounced, reply.classified, person.opted_out, campaign.paused,
    campaign.ended. They hold ids and classes, and no words of a mail.
    """
    body = {"endpoint_id": endpoint_id, "url": address, "events": event or [], "secret": secret}
    made = answer(as_json, lambda: _ask("POST", "", url, body))
    tell(made, as_json, f"`{endpoint_id}` is told of events; try it: agentic-sales webhooks test {endpoint_id}")


@app.command("list")
def list_endpoints(
    endpoint_id: Annotated[
        str | None, typer.Argument(metavar="[ENDPOINT]", help="List the messages to this endpoint.")
    ] = None,
    dead: Annotated[bool, typer.Option("--dead", help="List only events that nobody took.")] = False,  # noqa: FBT002 - typer makes a flag of it
    url: Url = None,
    as_json: AsJson = False,  # noqa: FBT002 - as above
) -> None:
    """List the endpoints, or the messages to one of them.

    agentic-sales webhooks list crm --dead
    """
    if endpoint_id is None:
        found = answer(as_json, lambda: _ask("GET", "", url))
        show_list(found, as_json, _endpoints, "there is no endpoint yet: agentic-sales webhooks add --help")
    else:
        path = f"{_path(endpoint_id, 'messages')}{'?state=dead' if dead else ''}"
        found = answer(as_json, lambda: _ask("GET", path, url))
        show_list(found, as_json, _messages, f"`{endpoint_id}` was told of no {'dead ' if dead else ''}event")


@app.command("test")
def try_endpoint(endpoint_id: EndpointArgument, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Send a test event and wait for the answer of the endpoint. A worker of core sends it.

    agentic-sales webhooks test crm

    Exit status: 0 the endpoint took it, 1 it did not.
    """
    event_id = answer(as_json, lambda: _ask("POST", _path(endpoint_id, "test"), url))["event_id"]
    until_s = time.monotonic() + TRIED_WITHIN_S
    told: dict[str, Any] = {"state": "pending", "error": "no worker of core has tried yet", "attempts": 0}
    while time.monotonic() < until_s:
        found = answer(as_json, lambda: _ask("GET", _path(endpoint_id, "messages"), url))
        told = next((row for row in found if row["event_id"] == event_id), told)
        if told["state"] != "pending" or (told["attempts"] and told["error"]):
            break
        time.sleep(_POLL_S)
    if as_json:
        print_json({"endpoint_id": endpoint_id, "event_id": event_id, "state": told["state"], "error": told["error"]})
    if told["state"] != "delivered":
        end(FAILED, f"`{endpoint_id}` did not take it: {told['error']}")
    if not as_json:
        note(f"`{endpoint_id}` took it")


@app.command()
def retry(
    endpoint_id: EndpointArgument,
    event_id: Annotated[
        str | None, typer.Argument(metavar="[EVENT]", help="Id of one event. The default is all.")
    ] = None,
    url: Url = None,
    as_json: AsJson = False,  # noqa: FBT002 - as above
) -> None:
    """Let events be tried again that nobody took.

    agentic-sales webhooks retry crm
    """
    path = f"{_path(endpoint_id, 'retry')}{f'?event_id={event_id}' if event_id else ''}"
    told = answer(as_json, lambda: _ask("POST", path, url))
    tell(told, as_json, f"{told['retried']} event(s) are tried again")


@app.command()
def remove(endpoint_id: EndpointArgument, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Remove an endpoint. Its undelivered messages are dropped.

    agentic-sales webhooks remove crm
    """
    answer(as_json, lambda: _ask("DELETE", _path(endpoint_id), url))
    tell({"endpoint_id": endpoint_id}, as_json, f"`{endpoint_id}` is removed")


def _ask(method: str, path: str, url: str | None, body: Any = None) -> Any:
    from agentic_sales.cli.views.asking import ask_facade

    return ask_facade(method, f"/campaigns/webhooks{path}", url, body)


def _path(*parts: str) -> str:
    from agentic_sales.cli.views.asking import path_of

    return path_of(*parts)


def _endpoints(found: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("endpoint", "address", "events", "wait", "dead")
    for row in found:
        events = ", ".join(row["events"]) or "all"
        table.add_row(row["endpoint_id"], row["url"], events, str(row["pending"]), str(row["dead"]))
    return table


def _messages(found: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("event", "kind", "happened", "state", "tries", "last error")
    for row in found:
        named = (row["event_id"], row["kind"], row["happened_at"][:19], row["state"])
        table.add_row(*named, str(row["attempts"]), row["error"])
    return table
