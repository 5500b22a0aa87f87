"""Import products into the store, checked by the schema of the workflow that reads them, and list them."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from jsonschema_rs import Validator, validator_for
from rich.table import Table

from agentic_sales.control import control_plane
from agentic_sales.errors import InvalidRequest
from agentic_sales.facade.runs.validation import problems_of
from agentic_sales.settings import Settings
from agentic_sales.store.database import open_database
from agentic_sales.store.migrate import ensure_migrated
from agentic_sales.store.products import products, save_product

READER = "email_outreach"
"""The workflow whose input describes a product."""
MOST_LISTED = 1000


def import_products(configuration: Settings, given: Any) -> dict[str, int]:
    """Write products, all or none. Return their numbers by their names.

    Args:
        configuration: Names the store.
        given: A product, or a list of them.

    Raises:
        InvalidRequest: One of them is not a product.
        ConfigurationError: The store cannot be used.
    """
    wanted = given if isinstance(given, list) else [given]
    validator = _validator()
    problems = [
        f"product {number}: {pointer or '/'}: {problem}"
        for number, each in enumerate(wanted)
        for pointer, problem in problems_of(validator, each)
    ]
    if problems or not wanted:
        raise InvalidRequest("; ".join(problems) or "the file has no product")
    ensure_migrated(configuration)
    return asyncio.run(_save(configuration, wanted))


def _validator() -> Validator:
    known = control_plane().schemas[READER]["input"]["$defs"]
    return validator_for({**known["Product"], "$defs": known})


async def _save(configuration: Settings, wanted: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    now = datetime.now(UTC)
    async with open_database(configuration) as database, database.writing() as connection:
        return {
            each["name"]: await save_product(
                connection, each["name"], {name: value for name, value in each.items() if name != "name"}, now=now
            )
            for each in wanted
        }


def listed(configuration: Settings) -> list[dict[str, Any]]:
    """Return the products by their numbers.

    Raises:
        ConfigurationError: The store cannot be used.
    """
    ensure_migrated(configuration)
    return asyncio.run(_listed(configuration))


async def _listed(configuration: Settings) -> list[dict[str, Any]]:
    async with open_database(configuration) as database, database.reading() as connection:
        found = await products(connection, limit=MOST_LISTED)
    return [{"product_id": row.product_id, "name": row.name, **row.content} for row in found]


def as_table(found: Sequence[Mapping[str, Any]]) -> Table:
    """Lay products out for people."""
    table = Table("number", "name", "url", "personas", "templates")
    for each in found:
        counts = (str(len(each.get(part) or ())) for part in ("personas", "templates"))
        table.add_row(str(each["product_id"]), each["name"], each.get("url", ""), *counts)
    return table
