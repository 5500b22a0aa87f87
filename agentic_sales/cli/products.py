"""Import products into the store of a fleet and list them."""
# ruff: noqa: PLC0415 - see `cli.main`: imports inside the commands are the point

import json
from pathlib import Path
from typing import Annotated

import typer

from agentic_sales.cli.output import WRONG, AsJson, Url, answer, end, show_list, tell

app = typer.Typer(no_args_is_help=True, help="Import products into the store and list them.")


@app.command("import")
def import_products(
    file: Annotated[Path, typer.Argument(help="JSON file of a product or of a list of products.")],
    url: Url = None,
    as_json: AsJson = False,  # noqa: FBT002 - typer makes a flag of it
) -> None:
    """Write products into the store. A product with a known name replaces the old one under the same number.

    agentic-sales products import products.json

    A product: {"name": "Acme QA", "url": "https://acme.example", "personas": [{"title": "Head of QA", "pain": "…"}]}
    """
    from agentic_sales.cli.views.asking import ask_facade

    try:
        given = json.loads(file.read_text(encoding="utf-8"))
    except OSError as exc:
        end(WRONG, f"`{file}` cannot be read: {exc.strerror}")
    except ValueError as exc:
        end(WRONG, f"`{file}` is no JSON: {exc}")
    numbers = answer(as_json, lambda: ask_facade("POST", "/products", url, given))
    tell(numbers, as_json, *(f"product {number}: {name}" for name, number in numbers.items()))


@app.command("list")
def list_products(url: Url = None, as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """List the products with the numbers by which campaigns and `email_outreach` name them.

    agentic-sales products list
    """
    from agentic_sales.cli.views import book
    from agentic_sales.cli.views.asking import ask_facade

    found = answer(as_json, lambda: ask_facade("GET", "/products", url, limit=1000))
    show_list(found, as_json, book.products_as_table, "there is no product yet: agentic-sales products import --help")
