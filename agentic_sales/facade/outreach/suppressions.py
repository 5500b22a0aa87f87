"""Serve the suppression list. Show it and put a person on it by hand and take a person off it.

Addresses come in bodies alone. A URL stands in logs. Logs outlive the person's row.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from agentic_sales.campaigns.people.lifting import lift_suppressions, suppress_by_hand
from agentic_sales.campaigns.visits import clock
from agentic_sales.contracts import StopReason
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.outreach.forget import Person
from agentic_sales.facade.pages import Limit, Offset, page
from agentic_sales.facade.state import Facade
from agentic_sales.facade.store_errors import ERRORS
from agentic_sales.store.contacts import contact_by_hash
from agentic_sales.store.suppressions import SuppressionRow, lifts, suppressions

router = APIRouter(prefix="/campaigns/suppressions", tags=["campaigns"], route_class=JsonRoute)

Digest = Annotated[str | None, Query(pattern="^[0-9a-f]{64}$", description="Digest of a normalized address.")]


class Suppression(Person):
    """Body of a request that sends nothing more to a person."""

    by: str = Field(
        min_length=1, max_length=200, pattern=r"\S", description="Name of the person behind the entry. It is kept."
    )


class Lift(Suppression):
    """Body of a request that takes a person off the list."""

    why: str = Field(min_length=1, max_length=2_000, pattern=r"\S", description="Why; it is kept.")
    reason: StopReason | None = Field(default=None, description="Only the entry of this reason. Null: every one.")
    has_opted_in: bool = Field(default=False, description="The person has asked for mail after an opt-out.")


@router.get("", responses=ERRORS, summary="List the people that get no mail, with the reasons")
async def list_suppressions(
    facade: Facade,
    *,
    reason: StopReason | None = None,
    source: str | None = None,
    email_hash: Digest = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Response:
    """List the suppressions with the newest first. Each has a digest and an address where the person is known."""
    narrowed: dict[str, Any] = {"reason": reason, "source": source, "email_hash": email_hash}
    async with facade.database.reading() as connection:
        found = await suppressions(connection, **narrowed, limit=limit + 1, offset=offset)
        return page([await _described(connection, row) for row in found], limit=limit, offset=offset)


@router.get("/lifts", responses=ERRORS, summary="List the lifted entries, with names and reasons")
async def list_lifts(facade: Facade, *, email_hash: Digest = None, limit: Limit = 100, offset: Offset = 0) -> Response:
    """List the removals from the suppression list with the newest first."""
    async with facade.database.reading() as connection:
        found = await lifts(connection, email_hash=email_hash, limit=limit + 1, offset=offset)
    return page([row.as_data() for row in found], limit=limit, offset=offset)


@router.post("", responses=ERRORS, summary="Send nothing more to a person")
async def suppress(facade: Facade, body: Suppression) -> dict[str, list[str]]:
    """Send nothing more to a person in any campaign. Return the work that this ended."""
    stopped = await suppress_by_hand(facade.database, body.email, by=body.by, now=clock.now())
    return {"touches": list(stopped.touches), "campaigns": list(stopped.campaigns)}


@router.post("/lift", responses=ERRORS, summary="Take a person off the list")
async def lift(facade: Facade, body: Lift) -> list[dict[str, Any]]:
    """Take a person off the list. Stopped work of the person stays stopped.

    409 when the person asked to be on the list.
    """
    lifted = await lift_suppressions(
        facade.database,
        body.email,
        by=body.by,
        why=body.why,
        reason=body.reason,
        has_opted_in=body.has_opted_in,
        now=clock.now(),
    )
    return [row.as_data() for row in lifted]


async def _described(connection: AsyncConnection, row: SuppressionRow) -> dict[str, Any]:
    person = await contact_by_hash(connection, row.email_hash)
    return {**row.as_data(), "email": None if person is None else person.email}
