"""List, show, import, export, promote and forget the people of the book, and show facts."""
# ruff: noqa: PLC0415 - see `cli.main`: imports inside the commands are the point

from typing import Annotated

import typer
from rich.console import Console

from agentic_sales.cli.companies import CsvFile, send_file, write_csv
from agentic_sales.cli.output import WRONG, AsJson, By, From, Most, Url, answer, end, print_json, show_list, tell

app = typer.Typer(no_args_is_help=True, help="List, show, import, export, promote and forget people of the book.")

PersonId = Annotated[str, typer.Argument(metavar="PERSON", help="Id of the person.")]
OfCompany = Annotated[str | None, typer.Option("--company", help="Id, site or name of the company.")]
Contacts = Annotated[
    bool | None, typer.Option("--contacts/--no-contacts", help="List only contacts, or only the others.")
]


@app.command("list")
def list_people(
    *,
    company: OfCompany = None,
    contacts: Contacts = None,
    limit: Most = 100,
    offset: From = 0,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List people, the newest first. Only a contact may get mail.

    agentic-sales people list --company acme.example
    """
    from agentic_sales.cli.views import book
    from agentic_sales.cli.views.asking import ask_facade

    query = {"company": company, "contact": contacts, "limit": limit, "offset": offset}
    found = answer(as_json, lambda: ask_facade("GET", "/people", url, **query))
    show_list(found, as_json, book.people_as_table, "the book has no such person; agentic-sales people import --help")


@app.command()
def show(person: PersonId, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - typer makes a flag of it
    """Show a person with the known facts and their sources.

    agentic-sales people show 0199…
    """
    from agentic_sales.cli.views import book
    from agentic_sales.cli.views.asking import ask_facade, path_of

    found = answer(as_json, lambda: ask_facade("GET", f"/people{path_of(person)}", url))
    if as_json:
        return print_json(found)
    return Console().print(book.person_as_picture(found))


@app.command("import")
def import_people(file: CsvFile, url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Import people from a CSV file into the book. They become no contacts.

    agentic-sales people import connections.csv

    `agentic-sales campaigns import` takes people in as contacts. It asks for a lawful basis.
    """
    send_file("/people/import", file, url, as_json)


@app.command("export")
def export_people(*, company: OfCompany = None, contacts: Contacts = None, url: Url = None) -> None:
    """Write people with their facts as CSV to standard output. No cell is one that a spreadsheet executes.

    agentic-sales people export --company acme.example > people.csv
    """
    write_csv("/people/export", url, company=company, contact=contacts)


@app.command()
def promote(
    person: PersonId,
    *,
    basis: Annotated[str, typer.Option(help="Lawful basis: consent, contract or legitimate_interest.")] = "",
    source: Annotated[str, typer.Option(help="Source of the basis, in words that the person may read.")] = "",
    by: By = "",
    email: Annotated[
        str | None, typer.Option("--email", help="Address of the person. The default is the known one.")
    ] = None,
    checked: Annotated[str, typer.Option(help="Evidence that the address is right.")] = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Make a contact of a person, so that campaigns may write. It needs a checked address and a lawful basis.

    agentic-sales people promote 0199… --basis legitimate_interest --source 'their team page' --by Ann
    """
    from agentic_sales.cli.views.asking import ask_facade, path_of

    if not (basis and source and by):
        end(WRONG, "name the basis, the source and the person that decides: --basis BASIS --source TEXT --by NAME")
    body = {"basis": basis, "source": source, "by": by, "email": email, "checked": checked}
    told = answer(as_json, lambda: ask_facade("POST", f"/people{path_of(person, 'promote')}", url, body))
    known = "" if told["is_new"] else "; the address was one before, and its recorded basis stays"
    verdict = f"the address is {told['verdict']}: {'; '.join(told['reasons'])}" if told["verdict"] else ""
    tell(told, as_json, f"the person is contact `{told['contact_id']}`{known}", *([verdict] if verdict else []))


@app.command()
def forget(
    *,
    email: Annotated[str, typer.Option("--email", help="Address of the person.")] = "",
    profile: Annotated[str, typer.Option(help="URL of a page about the person.")] = "",
    name: Annotated[str, typer.Option(help="Whole name of the person. It needs --company.")] = "",
    company: Annotated[str, typer.Option(help="Id, site or name of the person's company.")] = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Erase a person everywhere, also one without a known address. No source brings the person back.

    agentic-sales people forget --profile github.com/ada
    """
    from agentic_sales.cli.views import campaigns
    from agentic_sales.cli.views.asking import ask_facade

    if not (email or profile or (name and company)):
        end(WRONG, "name the person: --email, or --profile, or --name with --company")
    body = {"email": email, "profile": profile, "name": name, "company": company}
    told = answer(as_json, lambda: ask_facade("POST", "/people/forget", url, body))
    lines = campaigns.forgotten_lines(told) if told["known"] else ["nobody of this name is known, and nobody will be"]
    tell(told, as_json, *lines)


def facts(
    subject: Annotated[
        str, typer.Argument(metavar="SUBJECT", help="A site, or a kind and an id: `person:0199…`, `opening:…`.")
    ],
    *,
    field: Annotated[str | None, typer.Option(help="List only facts of this field.")] = None,
    history: Annotated[bool, typer.Option("--history", help="Also list facts that are not current any more.")] = False,
    limit: Most = 100,
    offset: From = 0,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List the known facts of a subject, with the sources and their words.

    agentic-sales facts acme.example --history
    """
    from agentic_sales.cli.views import book
    from agentic_sales.cli.views.asking import ask_facade

    query = {"subject": subject, "field": field, "history": history or None, "limit": limit, "offset": offset}
    found = answer(as_json, lambda: ask_facade("GET", "/facts", url, **query))
    show_list(found, as_json, book.facts_as_list, f"nothing is known of `{subject}`")
