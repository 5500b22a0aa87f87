"""List, show, import, export, merge and block the companies of the book."""
# ruff: noqa: PLC0415 - see `cli.main`: imports inside the commands are the point

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from agentic_sales.cli.output import (
    FAILED,
    WRONG,
    AsJson,
    By,
    From,
    Most,
    Url,
    answer,
    end,
    note,
    print_json,
    show_list,
    tell,
)

app = typer.Typer(no_args_is_help=True, help="List, show, import, export, merge and block companies.")

CompanyArgument = Annotated[str, typer.Argument(metavar="COMPANY", help="Id, site or name of the company.")]
CsvFile = Annotated[Path, typer.Argument(help="CSV file. `-` is standard input.")]
Text = Annotated[str | None, typer.Option("--text", help="Part of the name or of the site.")]
Country = Annotated[str | None, typer.Option(help="List only companies of this country.")]
Category = Annotated[str | None, typer.Option(help="List only companies of this category.")]
Missing = Annotated[str | None, typer.Option("--missing", help="List only companies without a fact of this field.")]
Blocked = Annotated[
    bool | None, typer.Option("--blocked/--not-blocked", help="List only blocked companies, or only the others.")
]


@app.command("list")
def list_companies(
    *,
    text: Text = None,
    country: Country = None,
    category: Category = None,
    missing: Missing = None,
    blocked: Blocked = None,
    limit: Most = 100,
    offset: From = 0,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List companies, the newest first.

    agentic-sales companies list --country Germany --missing industry
    """
    from agentic_sales.cli.views import book
    from agentic_sales.cli.views.asking import ask_facade

    wanted: dict[str, object] = {"text": text, "country": country, "category": category, "missing_field": missing}
    query = {**wanted, "blocked": blocked, "limit": limit, "offset": offset}
    found = answer(as_json, lambda: ask_facade("GET", "/companies", url, **query))
    nothing = "the book has no such company; agentic-sales companies import --help"
    show_list(found, as_json, book.companies_as_table, nothing)


@app.command()
def show(company: CompanyArgument, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - typer makes a flag of it
    """Show a company: its facts with sources, its people and the documents about it.

    agentic-sales companies show acme.example
    """
    from agentic_sales.cli.views import book
    from agentic_sales.cli.views.asking import ask_facade, path_of

    found = answer(as_json, lambda: ask_facade("GET", f"/companies{path_of(company)}", url))
    if as_json:
        return print_json(found)
    return Console().print(book.company_as_picture(found))


@app.command("import")
def import_companies(file: CsvFile, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Import companies from a CSV file of any tool. Every line that was refused or known already is told.

    agentic-sales companies import accounts.csv
    """
    send_file("/companies/import", file, url, as_json)


@app.command("export")
def export_companies(
    *,
    text: Text = None,
    country: Country = None,
    category: Category = None,
    missing: Missing = None,
    blocked: Blocked = None,
    url: Url = None,
) -> None:
    """Write companies with their facts as CSV to standard output. No cell is one that a spreadsheet executes.

    agentic-sales companies export --country Germany > companies.csv
    """
    wanted: dict[str, object] = {"text": text, "country": country, "category": category, "missing_field": missing}
    write_csv("/companies/export", url, **wanted, blocked=blocked)


@app.command()
def merge(
    into: Annotated[str, typer.Argument(metavar="INTO", help="The company that stays.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Company that is joined. Its row is removed.")],
    url: Url = None,
    as_json: AsJson = False,  # noqa: FBT002 - as above
) -> None:
    """Join two rows that mean one company. Everything moves to the first one.

    agentic-sales companies merge acme.example acme-tools.example
    """
    from agentic_sales.cli.views.asking import ask_facade

    told = answer(as_json, lambda: ask_facade("POST", "/companies/merge", url, {"into": into, "other": other}))
    moved = ", ".join(f"{count} {kind}" for kind, count in told["moved"].items())
    tell(told, as_json, f"`{told['name']}` has both now; moved: {moved}")


@app.command()
def block(
    company: CompanyArgument,
    *,
    by: By = "",
    why: Annotated[str, typer.Option(help="Reason. It is kept.")] = "",
    lift: Annotated[bool, typer.Option("--lift", help="Let the company be written to again.")] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Write to nobody of a company any more, in any campaign. It holds for messages that wait, too.

    agentic-sales companies block acme.example --by Ann --why 'a partner of ours'
    """
    from agentic_sales.cli.views.asking import ask_facade, path_of

    if not by or not why:
        end(WRONG, "give a name and a reason: --by NAME --why TEXT")
    path = f"/companies{path_of(company, 'unblock' if lift else 'block')}"
    told = answer(as_json, lambda: ask_facade("POST", path, url, {"by": by, "why": why}))
    tell(
        told,
        as_json,
        f"people of `{told['name']}` may be written to" if lift else f"nobody of `{told['name']}` is written to",
    )


def send_file(path: str, file: Path, url: str | None, as_json: bool) -> None:  # noqa: FBT001 - the flag of the command
    """Send a file to be imported, tell of its lines, and fail if every line was refused."""
    from agentic_sales.cli.views import campaigns
    from agentic_sales.cli.views.asking import follow_import

    raw: Path | bytes = sys.stdin.buffer.read() if str(file) == "-" else file
    if isinstance(raw, Path) and not raw.is_file():
        end(WRONG, f"`{file}` is no file")
    tell_line = None if as_json else note
    report: dict[str, Any] = answer(
        as_json, lambda: campaigns.import_report(follow_import(path, raw, url), tell_line=tell_line)
    )
    tell(report, as_json, campaigns.counts_told(report))
    if campaigns.is_nobody_taken(report):
        end(FAILED, "every line was refused; the report tells why")


def write_csv(path: str, url: str | None, **query: object) -> None:
    """Write a file of the facade to standard output."""
    from agentic_sales.cli.views.asking import download

    answer(False, lambda: download(path, url, sys.stdout.buffer.write, **query))
    sys.stdout.buffer.flush()
