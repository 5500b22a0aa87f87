"""Bring the SQL database to the schema of this release."""
# ruff: noqa: PLC0415 - see `cli.main`: imports inside the commands are the point

import typer

from agentic_sales.cli.output import FAILED, AsJson, note, print_json

app = typer.Typer(no_args_is_help=True, help="Bring the SQL database to the schema of this release.")


@app.command()
def upgrade(as_json: AsJson = False) -> None:  # noqa: FBT002 - typer makes a flag of it
    """Bring the database of DATABASE_URL or the local one to the schema of this release.

    agentic-sales db upgrade
    """
    from agentic_sales.settings import settings
    from agentic_sales.store.migrate import newest_revision
    from agentic_sales.store.migrate import upgrade as upgrade_database

    applied = upgrade_database(settings())
    if as_json:
        print_json({"applied": applied, "revision": newest_revision()})
        return
    note(*(f"applied {revision}" for revision in applied), f"the database is at revision {newest_revision()}")


@app.command()
def current(as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """Show the revision of the database and the revision of this release. Exit status 1 when they differ.

    agentic-sales db current
    """
    from agentic_sales.settings import settings
    from agentic_sales.store.migrate import current_revision, newest_revision

    found, needed = current_revision(settings()), newest_revision()
    if as_json:
        print_json({"revision": found, "needed": needed})
    else:
        note(f"the database is at revision {found or 'none'}, this release needs {needed}")
    if found != needed:
        raise typer.Exit(FAILED)
