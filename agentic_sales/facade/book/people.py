"""Serve the people of the book: list, show, import, export and promote them. Names and addresses come in bodies."""

from contextlib import ExitStack
from functools import partial
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response, StreamingResponse

from agentic_sales.campaigns.book.export import exported_people
from agentic_sales.campaigns.book.people_import import PeopleImport
from agentic_sales.campaigns.book.promotion import Grounds, promote
from agentic_sales.campaigns.people.import_contacts import Status
from agentic_sales.campaigns.visits import clock
from agentic_sales.contracts import CompanyId, ConsentBasis, PersonId, Subject
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.book.companies import CSV
from agentic_sales.facade.book.subjects import described_fact, known_company
from agentic_sales.facade.importing import Importing, received
from agentic_sales.facade.pages import Limit, Offset, page
from agentic_sales.facade.state import Facade
from agentic_sales.facade.store_errors import ERRORS
from agentic_sales.sources.mailboxes import MailboxChecks
from agentic_sales.sources.service import place_of
from agentic_sales.store.companies import companies_of, company
from agentic_sales.store.facts import current_values, facts_of
from agentic_sales.store.people import PersonRow, people, person
from agentic_sales.store.statements import known

router = APIRouter(prefix="/people", tags=["book"], route_class=JsonRoute)

OfCompany = Annotated[str | None, Query(max_length=300, description="Id or site of their company.")]
IsContact = Annotated[bool | None, Query(description="Only those that are contacts, or that are not.")]


class Promotion(BaseModel):
    """Body of a request that makes a contact of a person."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    basis: ConsentBasis = Field(description="Lawful basis of writing to the person.")
    source: str = Field(
        min_length=1, max_length=500, pattern=r"\S", description="Its source in words that the person may read."
    )
    by: str = Field(
        min_length=1, max_length=200, pattern=r"\S", description="Name of the person behind the decision. It is kept."
    )
    email: str | None = Field(default=None, max_length=320, description="The address. Null: the known one.")
    checked: str = Field(
        default="", max_length=500, description="How you know that the address is right, where no check has said so."
    )


@router.get("", responses=ERRORS, summary="List people")
async def list_people(
    facade: Facade,
    *,
    company: OfCompany = None,
    contact: IsContact = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Response:
    """List people with the newest first, each with company and position. They are no contacts before a promotion."""
    async with facade.database.reading() as connection:
        found = await people(
            connection,
            company_id=await _company_id(connection, company),
            is_contact=contact,
            limit=limit + 1,
            offset=offset,
        )
        firms = await companies_of(connection, {CompanyId(row.company_id) for row in found if row.company_id})
        values = await current_values(connection, "person", [row.person_id for row in found], ("position",))
    listed = []
    for row in found:
        firm = firms.get(CompanyId(row.company_id or ""))
        listed.append({**described(row), "company": firm.name if firm else None, "facts": values[row.person_id]})
    return page(listed, limit=limit, offset=offset)


@router.post("/import", responses=ERRORS, summary="Take people in from a CSV file")
async def import_people(facade: Facade, request: Request, file: Annotated[str, Query(max_length=200)] = "") -> Response:
    """Take people into the book. They become no contacts. The answer tells of every line.

    Files may be as large as those of contacts, and the progress is told alike. `file` is the name of the file. It
    becomes the source of the facts.
    """
    with ExitStack() as opened:
        read = await received(request.stream(), opened, partial(PeopleImport, now=clock.now(), file=file))
        importing = Importing(read, read.batches(facade.database), get_args(Status))
        return await importing.answer(request.headers.get("accept", ""), opened)


@router.get("/export", responses={**ERRORS, 200: {"content": {"text/csv": {}}}}, summary="Export people as CSV")
async def export_people(facade: Facade, company: OfCompany = None, contact: IsContact = None) -> StreamingResponse:
    """Export people with their facts. Cells that a spreadsheet would execute begin with an apostrophe."""
    database = facade.database
    async with database.reading() as connection:
        company_id = await _company_id(connection, company)
    return StreamingResponse(exported_people(database, company_id=company_id, is_contact=contact), media_type=CSV)


@router.get("/{person_id}", responses=ERRORS, summary="Show a person")
async def show_person(facade: Facade, person_id: str) -> dict[str, Any]:
    """Show a person with company and current facts."""
    async with facade.database.reading() as connection:
        row = known(await person(connection, PersonId(person_id)), "person", person_id)
        firm = await company(connection, CompanyId(row.company_id)) if row.company_id else None
        facts = await facts_of(connection, Subject("person", person_id))
    return {
        **described(row),
        "company": firm.name if firm else None,
        "facts": [described_fact(fact) for fact in facts],
    }


@router.post("/{person_id}/promote", responses=ERRORS, summary="Make a contact of a person")
async def promote_person(facade: Facade, person_id: str, body: Promotion) -> dict[str, Any]:
    """Make a contact of a person, with a checked address and a recorded basis. 409 where one of them is missing.

    The address is checked: its form, the DNS, and a Reacher server if there is one. An address that takes no mail is
    refused. Where the verdict is not `deliverable`, `checked` has to say how the address is known to be right.
    """
    grounds = Grounds(body.basis, body.source, body.by, body.checked)
    async with MailboxChecks(facade.settings, place=place_of(facade.runs.ledger.redis)) as checks:
        promoted = await promote(
            facade.database,
            PersonId(person_id),
            grounds,
            check=checks.check,
            now=clock.now(),
            email=body.email,
        )
    return {
        "person_id": promoted.person_id,
        "contact_id": promoted.contact_id,
        "is_new": promoted.is_new,
        "verdict": promoted.verdict or None,
        "reasons": list(promoted.reasons),
    }


async def _company_id(connection: AsyncConnection, name: str | None) -> CompanyId | None:
    return None if name is None else CompanyId((await known_company(connection, name)).company_id)


def described(row: PersonRow) -> dict[str, Any]:
    """Describe a person in short."""
    return {name: value for name, value in row.as_data().items() if name != "name_key"}
