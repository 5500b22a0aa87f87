"""Export the same data of a person that `forget` would erase."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from agentic_sales.campaigns.book.privacy import Whom, meant
from agentic_sales.campaigns.people.export import held_of
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.outreach.forget import Person
from agentic_sales.facade.state import Facade
from agentic_sales.facade.store_errors import ERRORS
from agentic_sales.store.traces import Traces

router = APIRouter(prefix="/campaigns", tags=["campaigns"], route_class=JsonRoute)

COPIES = "the records of the runs that wrote and read these messages hold copies of them for as long as records are \
kept; threads hold the person's id and dates alone"


class Exported(BaseModel):
    """All data that is held of a person."""

    known: bool = Field(description="False: the store does not know the person.")
    held: dict[str, list[dict[str, Any]]] = Field(description="Everything that the store has, by kind.")
    copies: str = Field(default=COPIES, description="Where else the same is to be found.")


@router.post("/export", responses=ERRORS, summary="Hand out the data of a person")
async def export(facade: Facade, body: Person) -> Exported:
    """Export all data that the store holds of a person. A person may ask for it. This changes nothing."""
    async with facade.database.reading() as connection:
        held = await held_of(connection, body.email)
        in_book = rows_of((await meant(connection, Whom(email=body.email))).traces)
    rows = {kind: [dict(row) for row in found] for kind, found in held.items()}
    return Exported(known="contacts" in held or bool(in_book), held={**rows, **in_book})


def rows_of(traces: Traces) -> dict[str, list[dict[str, Any]]]:
    """Return the records of the book as plain data, by the kinds that `forget` counts. Empty kinds are left out."""
    kinds = {"people": traces.people, "facts": traces.facts, "analyses": traces.analyses, "things": traces.things}
    kinds |= {"leads": traces.leads}
    rows = {kind: [row.as_data() for row in rows] for kind, rows in kinds.items() if rows}
    rows |= {"lines": [line.as_data() for line in traces.lines]} if traces.lines else {}
    rows |= {"samples": [each.as_data() for each in traces.samples]} if traces.samples else {}
    passages = [{"document": one.title, "url": one.url, "text": one.text} for one in traces.passages]
    return rows | ({"passages": passages} if passages else {})
