"""Serve the facts of the book, and take a person's own word as one."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from agentic_sales.campaigns.visits import clock
from agentic_sales.contracts import Subject
from agentic_sales.errors import InvalidRequest
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.book.subjects import described_fact, known_subject
from agentic_sales.facade.pages import Limit, Offset, page
from agentic_sales.facade.state import Facade
from agentic_sales.facade.store_errors import ERRORS
from agentic_sales.store.facts import Fact, facts_of
from agentic_sales.store.recording import record_facts

router = APIRouter(prefix="/facts", tags=["book"], route_class=JsonRoute)

FIELD = "^[a-z][a-z0-9_]{0,63}$"
Named = Annotated[str, Query(min_length=1, max_length=600, description="Such as `company:acme.de` or `person:0199…`.")]


class Word(BaseModel):
    """Body of a request that states a fact."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: str = Field(min_length=1, max_length=600, description="Such as `company:acme.de` or `person:0199…`.")
    field: str = Field(pattern=FIELD, description="Field that the fact fills.")
    value: str | int | float | bool | list[Any] | dict[str, Any] = Field(description="Its value.")
    by: str = Field(
        min_length=1, max_length=200, pattern=r"\S", description="Name of the person behind the fact. It is kept."
    )
    source_url: str = Field(default="", max_length=2_000, description="Page that says so.")
    quote: str = Field(default="", max_length=2_000, description="Words of the page.")


@router.get("", responses=ERRORS, summary="List the known facts of a subject")
async def list_facts(
    facade: Facade,
    subject: Named,
    *,
    field: Annotated[str | None, Query(pattern=FIELD, description="Only facts of this field.")] = None,
    history: Annotated[bool, Query(description="Also facts that are not current any more.")] = False,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Response:
    """List the facts of a subject with their sources and quotes, the current one of each field first."""
    async with facade.database.reading() as connection:
        about = await known_subject(connection, subject)
        found = await facts_of(connection, about, field=field, with_history=history, limit=limit + 1, offset=offset)
    return page([described_fact(row) for row in found], limit=limit, offset=offset)


@router.post("", responses=ERRORS, status_code=201, summary="State a fact as a person")
async def state_fact(facade: Facade, body: Word) -> dict[str, Any]:
    """Record a person's word. It counts more than the findings of workflows."""
    async with facade.database.writing() as connection:
        about = await known_subject(connection, body.subject)
        fact = _stated(about, body)
        await record_facts(connection, [fact])
        [row, *_] = await facts_of(connection, about, field=body.field)
    return described_fact(row)


def _stated(about: Subject, body: Word) -> Fact:
    now = clock.now()
    try:
        return Fact(
            about,
            body.field,
            body.value,
            "person",
            now,
            source_url=body.source_url,
            quote=body.quote,
            workflow=body.by,
        )
    except ValueError as exc:
        raise InvalidRequest(str(exc)) from exc
