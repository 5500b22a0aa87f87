"""Import products into the store and list them."""
# ruff: noqa: PLC0415 - see `cli.main`: imports inside the commands are the point

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from agentic_sales.cli.output import WRONG, AsJson, end, print_json, tell
from agentic_sales.errors import InvalidRequest

app = typer.Typer(no_args_is_help=True, help="Import products into the store and list them.")


@app.command("import")
def import_products(
    file: Annotated[Path, typer.Argument(help="JSON file of a product or of a list of products.")],
    as_json: AsJson = False,  # noqa: FBT002 - typer makes a flag of it
) -> None:
    """Write products into the store. A product with a known name replaces the old one under the same number.

    agentic-sales products import products.json

    A product: {"name": "Acme QA", "url": "https://acme.example", "personas": [{"title": "Head of QA", "pain": "…"}]}
    """
    from agentic_sales.local import products
    from agentic_sales.settings import settings

    try:
        numbers = products.import_products(settings(), json.loads(file.read_text(encoding="utf-8")))
    except OSError as exc:
        end(WRONG, f"`{file}` cannot be read: {exc.strerror}")
    except ValueError as exc:
        end(WRONG, f"`{file}` is no JSON: {exc}")
    except InvalidRequest as exc:
        end(WRONG, str(exc))
    tell(numbers, as_json, *(f"product {number}: {name}" for name, number in numbers.items()))


@app.command("list")
def list_products(as_json: AsJson = False) -> None:  # noqa: FBT002 - as above
    """List the products with the numbers by which campaigns and `email_outreach` name them.

    agentic-sales products list
    """
    from agentic_sales.local import products
    from agentic_sales.settings import settings

    found = products.listed(settings())
    if as_json:
        print_json(found)
    else:
        Console().print(products.as_table(found))
