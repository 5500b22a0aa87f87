"""Serve the products that outreach sells. They are checked by the schema of the workflow that reads them."""

from typing import Annotated, Any

from fastapi import APIRouter, Body
from jsonschema_rs import Validator, validator_for
from starlette.responses import Response

from agentic_sales.campaigns.visits import clock
from agentic_sales.control import ControlPlane
from agentic_sales.errors import InvalidRequest
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.pages import Limit, Offset, page
from agentic_sales.facade.runs.validation import problems_of
from agentic_sales.facade.state import Facade
from agentic_sales.facade.store_errors import ERRORS
from agentic_sales.store.products import products, save_product

router = APIRouter(prefix="/products", tags=["book"], route_class=JsonRoute)

READER = "email_outreach"
"""The workflow with an input that describes a product."""
Given = Annotated[dict[str, Any] | list[dict[str, Any]], Body(description="A product, or a list of products.")]


@router.post("", responses=ERRORS, summary="Write products")
async def write_products(facade: Facade, given: Given) -> dict[str, int]:
    """Write products, all or none. Answer their numbers by their names. A known name keeps its number."""
    wanted = given if isinstance(given, list) else [given]
    validator = _validator(facade.control)
    problems = [
        f"product {number}: {pointer or '/'}: {problem}"
        for number, each in enumerate(wanted)
        for pointer, problem in problems_of(validator, each)
    ]
    if problems or not wanted:
        raise InvalidRequest("; ".join(problems) or "the list has no product")
    async with facade.database.writing() as connection:
        return {
            each["name"]: await save_product(
                connection,
                each["name"],
                {name: value for name, value in each.items() if name != "name"},
                now=clock.now(),
            )
            for each in wanted
        }


@router.get("", responses=ERRORS, summary="List the products")
async def list_products(facade: Facade, limit: Limit = 100, offset: Offset = 0) -> Response:
    """List products by their numbers, by which campaigns and `email_outreach` name them."""
    async with facade.database.reading() as connection:
        found = await products(connection, limit=limit + 1, offset=offset)
    return page(
        [{"product_id": row.product_id, "name": row.name, **row.content} for row in found], limit=limit, offset=offset
    )


def _validator(control: ControlPlane) -> Validator:
    known = control.schemas[READER]["input"]["$defs"]
    return validator_for({**known["Product"], "$defs": known})
