"""Serve the endpoints that are told of campaigns' events, and their outbox. No request here carries a secret."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from agentic_sales.campaigns.visits import clock
from agentic_sales.campaigns.webhooks import keeping
from agentic_sales.campaigns.webhooks.events import EVENTS
from agentic_sales.errors import InvalidRequest
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.pages import Limit, Offset, page
from agentic_sales.facade.runs.webhooks import check_receiver
from agentic_sales.facade.state import Facade
from agentic_sales.facade.store_errors import ERRORS
from agentic_sales.store.webhooks import DEAD, PENDING, endpoints, message_counts, messages

router = APIRouter(prefix="/campaigns/webhooks", tags=["campaigns"], route_class=JsonRoute)


class NewEndpoint(BaseModel):
    """Body of a request that adds an endpoint."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint_id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", description="Its id.")
    url: str = Field(min_length=1, max_length=2_000, description="Where events are posted, on the public internet.")
    events: list[str] = Field(default=[], max_length=20, description=f"Which ones; none: all. {', '.join(EVENTS)}.")
    secret: str = Field(
        default="", max_length=500, description="Where its secret is: `env:NAME` or `file:/path`. Empty: the fleet's."
    )


@router.post("", responses=ERRORS, status_code=201, summary="Add an endpoint for campaigns' events")
async def add(facade: Facade, body: NewEndpoint) -> dict[str, Any]:
    """Add an endpoint. Events are signed as Standard Webhooks asks and told at least once, under an id that stays."""
    if not body.secret and facade.settings.webhook_secret is None:
        raise InvalidRequest("secret: name one by `env:NAME` or `file:/path`, or set AGENTIC_SALES_WEBHOOK_SECRET")
    await check_receiver(facade, body.url)
    now = clock.now()
    row = await keeping.open_endpoint(
        facade.database, body.endpoint_id, url=body.url, events=body.events, secret=body.secret, now=now
    )
    return row.as_data()


@router.get("", responses=ERRORS, summary="List the endpoints for campaigns' events")
async def list_all(facade: Facade) -> list[dict[str, Any]]:
    """List the endpoints, each with how many events wait and how many nobody took."""
    async with facade.database.reading() as connection:
        rows, counts = await endpoints(connection), await message_counts(connection)
    return [
        {**row.as_data(), **{state: counts.get((row.endpoint_id, state), 0) for state in (PENDING, DEAD)}}
        for row in rows
    ]


@router.get("/{endpoint_id}/messages", responses=ERRORS, summary="List the messages to an endpoint")
async def list_messages(
    facade: Facade,
    endpoint_id: str,
    state: Literal["pending", "delivered", "dead"] | None = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Response:
    """List the events of an endpoint with their tries, the newest first. Delivered ones are kept for a week."""
    async with facade.database.reading() as connection:
        found = await messages(connection, endpoint_id=endpoint_id, state=state, limit=limit + 1, offset=offset)
    return page([row.as_data() for row in found], limit=limit, offset=offset)


@router.post("/{endpoint_id}/test", responses=ERRORS, summary="Send a test event to an endpoint")
async def test(facade: Facade, endpoint_id: str) -> dict[str, str]:
    """Put a test event into the outbox. The list of its messages tells how it went."""
    return {"event_id": await keeping.try_endpoint(facade.database, endpoint_id, now=clock.now())}


@router.post("/{endpoint_id}/retry", responses=ERRORS, summary="Try dead events of an endpoint again")
async def retry(facade: Facade, endpoint_id: str, event_id: str | None = None) -> dict[str, int]:
    """Let the events be tried again that nobody took, or one of them."""
    return {"retried": await keeping.retry_dead(facade.database, endpoint_id, event_id, now=clock.now())}


@router.delete("/{endpoint_id}", responses=ERRORS, status_code=204, summary="Remove an endpoint")
async def remove(facade: Facade, endpoint_id: str) -> Response:
    """Remove an endpoint. Its undelivered messages are dropped."""
    await keeping.close_endpoint(facade.database, endpoint_id)
    return Response(status_code=204)
