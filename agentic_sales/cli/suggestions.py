"""Show and decide on the people that answers named, as commands of `agentic-sales campaigns`."""
# ruff: noqa: PLC0415 - see `cli.main`: imports inside the commands are the point

from typing import Annotated, Any

import typer

from agentic_sales.cli.campaigns import CampaignArgument
from agentic_sales.cli.corrections import Note
from agentic_sales.cli.output import AsJson, By, From, Most, Url, answer, check_decider, show_list, tell

app = typer.Typer()

SuggestionArgument = Annotated[str, typer.Argument(metavar="SUGGESTION", help="Id, as `suggestions` lists it.")]


@app.command()
def suggestions(
    campaign: CampaignArgument,
    *,
    state: Annotated[str | None, typer.Option(help="List only these: open, accepted or declined.")] = None,
    limit: Most = 100,
    offset: From = 0,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List the people that answers named in their writers' places, the newest first. Nobody is enrolled by that.

    agentic-sales campaigns suggestions spring --state open
    """
    from agentic_sales.cli.views import asking, campaigns
    from agentic_sales.cli.views import suggestions as view

    path = asking.path_of(campaign, "suggestions")
    found = answer(as_json, lambda: campaigns.ask("GET", path, url, state=state, limit=limit, offset=offset))
    show_list(found, as_json, view.as_table, f"no answer named {'such ' if state else ''}a person")


@app.command()
def accept(
    suggestion: SuggestionArgument,
    *,
    email: Annotated[str, typer.Option("--email", help="Address. The default is that of the answer.")] = "",
    name: Annotated[str, typer.Option("--name", help="Name. The default is that of the answer.")] = "",
    basis: Annotated[str, typer.Option("--basis", help="Lawful basis of a message. It is kept.")] = "",
    by: By = "",
    note: Note = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Enroll a person that an answer named in the campaign of the answer. The basis keeps your name.

    agentic-sales campaigns accept 3f0c2a9be1d44c70 --by Ann

    A suppressed person is refused. The default of --basis is legitimate_interest.
    """
    told = {"email": email, "name": name, **({"basis": basis} if basis else {})}
    place = _decide(suggestion, "accept", {**told, "by": by, "note": note}, url, as_json)
    tell(place, as_json, f"the person is in campaign `{place['campaign_id']}`, at step {place['step']}")


@app.command()
def decline(
    suggestion: SuggestionArgument, *, by: By = "", note: Note = "", url: Url = None, as_json: AsJson = False
) -> None:
    """Decline a person that an answer named. The person is not suggested again.

    agentic-sales campaigns decline 3f0c2a9be1d44c70 --by Ann
    """
    done = _decide(suggestion, "decline", {"by": by, "note": note}, url, as_json)
    tell(done, as_json, f"suggestion `{suggestion}` is declined; nobody is enrolled")


def _decide(suggestion: str, verb: str, body: dict[str, Any], url: str | None, as_json: bool) -> Any:  # noqa: FBT001 - the flag of the command
    from agentic_sales.cli.views import asking, campaigns

    check_decider(body["by"])
    path = f"/suggestions{asking.path_of(suggestion, verb)}"
    return answer(as_json, lambda: campaigns.ask("POST", path, url, body))
