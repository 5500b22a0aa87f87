"""Serve suggestions: the people that answers named in their writers' places. A person accepts or declines each."""

from dataclasses import asdict
from functools import partial
from typing import Any

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from agentic_sales.campaigns.answers.suggestions import SuggestionChoice, accept, decline
from agentic_sales.campaigns.plan.desk import known_campaign
from agentic_sales.campaigns.visits import clock
from agentic_sales.contracts import CampaignId, ConsentBasis
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.outreach.campaigns import DecidedBody
from agentic_sales.facade.pages import Limit, Offset, page
from agentic_sales.facade.state import Facade
from agentic_sales.facade.store_errors import ERRORS
from agentic_sales.sources.mail_servers import MailServers
from agentic_sales.sources.mailboxes import MailboxVerdict, glance
from agentic_sales.store.suggestions import SuggestionState, suggestions

router = APIRouter(prefix="/campaigns", tags=["campaigns"], route_class=JsonRoute)


class AcceptedSuggestion(DecidedBody):
    """Body of a request that accepts a suggestion."""

    email: str = Field(default="", max_length=320, description="Address of the person. Empty: that of the answer.")
    name: str = Field(default="", max_length=200, description="Name of the person. Empty: that of the answer.")
    basis: ConsentBasis = Field(default="legitimate_interest", description="Lawful basis; it is kept.")


@router.get("/{campaign_id}/suggestions", responses=ERRORS, summary="List the people that answers named")
async def list_suggestions(
    facade: Facade, campaign_id: str, state: SuggestionState | None = None, limit: Limit = 100, offset: Offset = 0
) -> Response:
    """List the people that answers to a campaign named in their writers' places. The newest is first."""
    chosen = CampaignId(campaign_id)
    async with facade.database.reading() as connection:
        await known_campaign(connection, chosen)
        found = await suggestions(connection, chosen, state=state, limit=limit + 1, offset=offset)
    return page([row.as_data() for row in found], limit=limit, offset=offset)


@router.post("/suggestions/{suggestion_id}/accept", responses=ERRORS, summary="Enroll a person that an answer named")
async def accept_suggestion(facade: Facade, suggestion_id: str, body: AcceptedSuggestion) -> dict[str, Any]:
    """Make a contact of a named person, who joins the campaign of the answer. A suppressed person is refused."""
    choice = SuggestionChoice(**body.model_dump())
    check = partial(_verdict, MailServers(facade.settings))
    return asdict(await accept(facade.database, suggestion_id, choice, check=check, now=clock.now()))


@router.post("/suggestions/{suggestion_id}/decline", responses=ERRORS, summary="Decline a person that an answer named")
async def decline_suggestion(facade: Facade, suggestion_id: str, body: DecidedBody) -> dict[str, Any]:
    """Decline a named person. The person is not suggested again."""
    done = await decline(facade.database, suggestion_id, by=body.by, note=body.note, now=clock.now())
    return done.as_data()


async def _verdict(servers: MailServers, address: str) -> MailboxVerdict:
    return (await glance(servers, [address]))[address]
