"""Serve the companies of the book: list, show, import, export, merge and block them."""

from contextlib import ExitStack
from functools import partial
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from agentic_sales.campaigns.book.company_import import CompanyImport, CompanyStatus
from agentic_sales.campaigns.book.export import exported_companies
from agentic_sales.campaigns.visits import clock
from agentic_sales.contracts import CompanyId, Subject
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.book.subjects import described_fact, known_company
from agentic_sales.facade.importing import Importing, received
from agentic_sales.facade.pages import Limit, Offset, page
from agentic_sales.facade.state import Facade, FacadeState
from agentic_sales.facade.store_errors import ERRORS
from agentic_sales.store.analyses import analyses_of
from agentic_sales.store.companies import CompanyFilter, CompanyRow, block_company, companies, company
from agentic_sales.store.contacts import count_contacts
from agentic_sales.store.facts import current_values, facts_of
from agentic_sales.store.keys import is_former_id, keys_of
from agentic_sales.store.merge import merge_companies
from agentic_sales.store.people import people
from agentic_sales.store.statements import known
from agentic_sales.store.subjects import count_things

router = APIRouter(prefix="/companies", tags=["book"], route_class=JsonRoute)

CSV = "text/csv; charset=utf-8"
PEOPLE_SHOWN = 100


class _BookBody(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Merge(_BookBody):
    """Body of a request that joins two companies."""

    into: str = Field(min_length=1, max_length=300, description="The company that stays: its id or its site.")
    other: str = Field(
        min_length=1, max_length=300, description="Id or site of the company that is joined. Its row is removed."
    )


class Block(_BookBody):
    """Body of a request that blocks a company, or lifts the block."""

    by: str = Field(
        min_length=1, max_length=200, pattern=r"\S", description="Name of the person behind the decision. It is kept."
    )
    why: str = Field(min_length=1, max_length=2_000, pattern=r"\S", description="Why; it is kept.")


def _wanted(
    *,
    text: Annotated[str | None, Query(max_length=300, description="Part of the name or of the domain.")] = None,
    country: Annotated[str | None, Query(max_length=200, description="Value of the fact `country`.")] = None,
    category: Annotated[str | None, Query(max_length=200, description="Value of the fact `category`.")] = None,
    missing_field: Annotated[
        str | None, Query(pattern="^[a-z][a-z0-9_]{0,63}$", description="Field of which no fact is known.")
    ] = None,
    blocked: Annotated[bool | None, Query(description="Only those that are blocked, or that are not.")] = None,
) -> CompanyFilter:
    return CompanyFilter(text, country, category, missing_field, blocked)


Wanted = Annotated[CompanyFilter, Depends(_wanted)]


@router.get("", responses=ERRORS, summary="List companies")
async def list_companies(facade: Facade, wanted: Wanted, limit: Limit = 100, offset: Offset = 0) -> Response:
    """List companies with the newest first, each with its country, category and industry as far as they are known."""
    async with facade.database.reading() as connection:
        found = await companies(connection, wanted, limit=limit + 1, offset=offset)
        ids = [row.company_id for row in found]
        values = await current_values(connection, "company", ids, ("country", "category", "industry"))
    return page([{**described(row), "facts": values[row.company_id]} for row in found], limit=limit, offset=offset)


@router.post("/import", responses=ERRORS, summary="Take companies in from a CSV file")
async def import_companies(
    facade: Facade, request: Request, file: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """Take companies in with the columns that are known as facts. The answer tells of every line.

    Files may be as large as those of contacts, and the progress is told alike. `file` is the name of the file. It
    becomes the source of the facts.
    """
    with ExitStack() as opened:
        read = await received(request.stream(), opened, partial(CompanyImport, now=clock.now(), file=file))
        importing = Importing(read, read.batches(facade.database), get_args(CompanyStatus))
        return await importing.answer(request.headers.get("accept", ""), opened)


@router.get("/export", responses={**ERRORS, 200: {"content": {"text/csv": {}}}}, summary="Export companies as CSV")
async def export_companies(facade: Facade, wanted: Wanted) -> StreamingResponse:
    """Export companies with their facts. Cells that a spreadsheet would execute begin with an apostrophe."""
    return StreamingResponse(exported_companies(facade.database, wanted), media_type=CSV)


@router.post("/merge", responses=ERRORS, summary="Join two rows that mean one company")
async def merge(facade: Facade, body: Merge) -> dict[str, Any]:
    """Move everything of a company to another one and erase its row. Its site leads to the other one from now on."""
    async with facade.database.writing() as connection:
        into = CompanyId((await known_company(connection, body.into)).company_id)
        other = CompanyId((await known_company(connection, body.other)).company_id)
        moved = await merge_companies(connection, into=into, other=other, now=clock.now())
        row = known(await company(connection, into), "company", into)
    counts = {"facts": moved.facts, "analyses": moved.analyses, "references": moved.references}
    return {**described(row), "moved": counts}


@router.get("/{company}", responses=ERRORS, summary="Show a company")
async def show_company(facade: Facade, company: str) -> dict[str, Any]:
    """Show a company with its current facts. It is named by its id, its site or the bare name that it alone has."""
    async with facade.database.reading() as connection:
        row = await known_company(connection, company)
        company_id, subject = CompanyId(row.company_id), Subject("company", row.company_id)
        facts = await facts_of(connection, subject)
        staff = await people(connection, company_id=company_id, limit=PEOPLE_SHOWN)
        written = await analyses_of(connection, subject)
        return {
            **described(row),
            "former_keys": [
                key for key in await keys_of(connection, subject) if key != row.key and not is_former_id(key)
            ],
            "facts": [described_fact(fact) for fact in facts],
            "people": [{"person_id": each.person_id, "name": each.name} for each in staff],
            "contacts": await count_contacts(connection, company_id),
            "things": await count_things(connection, company_id),
            "analyses": [
                {"analysis_id": each.analysis_id, "kind": each.kind, "created_at": each.created_at.isoformat()}
                for each in written
            ],
        }


@router.post("/{company}/block", responses=ERRORS, summary="Write to nobody of a company")
async def block(facade: Facade, company: str, body: Block) -> dict[str, Any]:
    """Write to nobody of a company any more. It holds for written messages, too."""
    return await _switch(facade, company, body, is_blocked=True)


@router.post("/{company}/unblock", responses=ERRORS, summary="Let a company be written to again")
async def unblock(facade: Facade, company: str, body: Block) -> dict[str, Any]:
    """Lift the block of a company. Messages that it ended stay ended."""
    return await _switch(facade, company, body, is_blocked=False)


async def _switch(facade: FacadeState, name: str, body: Block, *, is_blocked: bool) -> dict[str, Any]:
    async with facade.database.writing() as connection:
        company_id = CompanyId((await known_company(connection, name)).company_id)
        now = clock.now() if is_blocked else None
        await block_company(connection, company_id, by=body.by, why=body.why, now=now)
        return described(known(await company(connection, company_id), "company", company_id))


def described(row: CompanyRow) -> dict[str, Any]:
    """Describe a company in short."""
    return {name: value for name, value in row.as_data().items() if name != "name_key"}
