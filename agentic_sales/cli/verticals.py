"""List, activate and watch verticals, and say the word on the findings for one."""
# ruff: noqa: PLC0415 - see `cli.main`: imports inside the commands are the point

from typing import Annotated, Any

import typer
from rich.console import Console

from agentic_sales.cli.output import AsJson, By, Url, answer, print_json, show_list, tell

app = typer.Typer(no_args_is_help=True, help="Activate verticals: find companies by their code, ask, roll out.")

SlugArgument = Annotated[str, typer.Argument(metavar="SLUG", help="The vertical. `verticals list` tells all.")]


@app.command("list")
def list_verticals(url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - typer makes a flag of it
    """List the verticals and how the activation of each stands.

    agentic-sales verticals list
    """
    from agentic_sales.cli.views import verticals
    from agentic_sales.cli.views.asking import ask_facade

    found = answer(as_json, lambda: ask_facade("GET", "/verticals", url))
    show_list(found, as_json, verticals.verticals_as_table, "this deployment has no vertical")


@app.command()
def activate(
    slug: SlugArgument,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Let the round write nothing into the book and enroll nobody.")
    ] = False,
    pages: Annotated[int, typer.Option(help="Most pages of 100 files of a code search.", min=1, max=10)] = 1,
    sample: Annotated[int, typer.Option(help="Most companies to look at first.", min=1, max=20)] = 5,
    limit: Annotated[
        int | None, typer.Option(help="Most leads of the round. The default is the flow's.", min=1)
    ] = None,
    budget: Annotated[float | None, typer.Option(help="Most cost of the round in USD.", min=0.01)] = None,
    campaign: Annotated[str, typer.Option(help="Campaign that the people join.")] = "",
    mailbox: Annotated[str, typer.Option(help="Mailbox of the flow's own campaign, which is made.")] = "",
    promote_by: Annotated[
        str,
        typer.Option(
            "--promote-by", metavar="NAME", help="Name of the person that lets the round make contacts of people."
        ),
    ] = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Search for companies of a vertical and look at a sample. A round begins when somebody has confirmed it.

    agentic-sales verticals activate ingestible --dry-run
    """
    from agentic_sales.cli.views.asking import ask_facade, path_of

    body: dict[str, Any] = {"dry_run": dry_run, "pages": pages, "sample": sample, "limit": limit, "budget_usd": budget}
    body |= {"campaign_id": campaign, "mailbox_id": mailbox, "promote_by": promote_by}
    told = answer(as_json, lambda: ask_facade("POST", f"/verticals{path_of(slug, 'activate')}", url, body))
    tell(told, as_json, f"the search for `{told['slug']}` has begun: {told['next']}")


@app.command()
def status(slug: SlugArgument, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Show the state of a vertical's activation, its findings and the next command.

    agentic-sales verticals status ingestible
    """
    from agentic_sales.cli.views import verticals
    from agentic_sales.cli.views.asking import ask_facade, path_of

    told = answer(as_json, lambda: ask_facade("GET", f"/verticals{path_of(slug)}", url))
    if as_json:
        return print_json(told)
    return Console().print(verticals.vertical_as_picture(told))


@app.command()
def confirm(slug: SlugArgument, *, by: By, url: Url = None, as_json: AsJson = False) -> None:
    """Confirm the findings for a vertical. The round of the flow `code` begins.

    agentic-sales verticals confirm ingestible --by Ann
    """
    _say(slug, "confirm", {"by": by}, url, is_json=as_json)


@app.command()
def refuse(
    slug: SlugArgument,
    *,
    by: By,
    why: Annotated[str, typer.Option(help="Why. It is kept.")] = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Refuse the findings for a vertical. Its activation ends, and nothing was written.

    agentic-sales verticals refuse ingestible --by Ann --why "too small"
    """
    _say(slug, "refuse", {"by": by, "why": why}, url, is_json=as_json)


@app.command()
def resume(slug: SlugArgument, *, url: Url = None, as_json: AsJson = False) -> None:
    """Let a failed activation go on where it stood.

    agentic-sales verticals resume ingestible
    """
    _say(slug, "resume", None, url, is_json=as_json)


def _say(slug: str, act: str, body: dict[str, Any] | None, url: str | None, *, is_json: bool) -> None:
    from agentic_sales.cli.views.asking import ask_facade, path_of

    told = answer(is_json, lambda: ask_facade("POST", f"/verticals{path_of(slug, act)}", url, body))
    tell(told, is_json, f"`{told['slug']}` goes on: agentic-sales verticals status {told['slug']}")
