"""Serve corrections of campaigns: other plans, other places of people, other classes of answers, and the audit list.

Each names the person that decides. The commands of `agentic-sales campaigns` have the same words.
"""

from dataclasses import asdict
from datetime import date
from typing import Any

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from agentic_sales.campaigns.answers.reclassify import CLASSES, reclassify
from agentic_sales.campaigns.people import places
from agentic_sales.campaigns.plan import desk
from agentic_sales.campaigns.plan.check import read_plan
from agentic_sales.campaigns.plan.edits import edit_plan
from agentic_sales.campaigns.plan.versions import versions_of
from agentic_sales.campaigns.visits import clock
from agentic_sales.contracts import CampaignId, ContactId
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.outreach.campaigns import DecidedBody, described
from agentic_sales.facade.pages import Limit, Offset, page
from agentic_sales.facade.state import Facade
from agentic_sales.facade.store_errors import ERRORS
from agentic_sales.store.audit import audit_entries
from agentic_sales.store.mailboxes import mailboxes

router = APIRouter(prefix="/campaigns", tags=["campaigns"], route_class=JsonRoute)


class PlanEdit(DecidedBody):
    """Body of a request that changes the plan of a campaign."""

    plan: dict[str, Any] = Field(
        description="The whole new plan; `agentic-sales campaigns plan --json` has its schema."
    )
    move: bool = Field(default=False, description="People under way go by the new plan, too.")
    preview: bool = Field(default=False, description="Only tell the effects. Nothing is changed.")


class CampaignCopy(DecidedBody):
    """Body of a request that copies a campaign."""

    campaign_id: str = Field(description="Id of the copy: 1 to 64 letters, digits, `-` and `_`.")
    name: str = Field(default="", description="For people.")


class PersonDecision(DecidedBody):
    """Body of a request about one person of a campaign."""

    person: str = Field(min_length=1, max_length=320, description="Address or `contact_id` of the person.")


class PersonMove(PersonDecision):
    """Body of a request that moves a person."""

    step: int | None = Field(default=None, ge=0, description="Next step, from 0.")
    version: int | None = Field(default=None, ge=1, description="Version of the plan by which the person goes.")
    to: str | None = Field(default=None, description="Another campaign, which the person joins instead.")


class CorrectedClass(DecidedBody):
    """Body of a request that corrects the class of an answer."""

    reply_class: str = Field(description=f"The right class: {', '.join(CLASSES)}.")
    until: date | None = Field(default=None, description="Of an absence: the day on which the person is back.")


@router.get("/audit", responses=ERRORS, summary="List the changes of campaigns by hand")
async def list_audit(
    facade: Facade,
    *,
    campaign_id: str | None = None,
    contact_id: str | None = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Response:
    """List the corrections of campaigns with the newest first. Each has a name, a time and a reason."""
    async with facade.database.reading() as connection:
        found = await audit_entries(
            connection,
            campaign_id=CampaignId(campaign_id) if campaign_id else None,
            contact_id=ContactId(contact_id) if contact_id else None,
            limit=limit + 1,
            offset=offset,
        )
    return page([row.as_data() for row in found], limit=limit, offset=offset)


@router.post("/inbound/{event_id}/reclassify", responses=ERRORS, summary="Correct the class of an answer")
async def reclassify_answer(facade: Facade, event_id: str, body: CorrectedClass) -> dict[str, Any]:
    """Give an answer another class. The person goes on, or is stopped everywhere, as the class says."""
    told: dict[str, Any] = {"until": body.until, "by": body.by, "note": body.note, "now": clock.now()}
    return asdict(await reclassify(facade.database, event_id, body.reply_class, **told))


@router.get("/{campaign_id}/versions", responses=ERRORS, summary="List the versions of a campaign's plan")
async def list_versions(facade: Facade, campaign_id: str) -> list[dict[str, Any]]:
    """List every version of the plan with the present one first."""
    async with facade.database.reading() as connection:
        found = await desk.known_campaign(connection, CampaignId(campaign_id))
        return [dict(version) for version in await versions_of(connection, found)]


@router.post("/{campaign_id}/edit", responses=ERRORS, summary="Change the plan of a campaign")
async def edit_campaign(facade: Facade, campaign_id: str, body: PlanEdit) -> dict[str, Any]:
    """Replace the plan by a new version. While the campaign runs, only the wording of its steps can change.

    People that have not begun go by the new version. Those under way stay on theirs, unless `move` is true. `preview`
    changes nothing.
    """
    now = clock.now()
    async with facade.database.reading() as connection:
        known = [row.mailbox_id for row in await mailboxes(connection)]
    check = facade.validator.check
    plan = read_plan(body.plan, control=facade.control, check_input=check, now=now, mailboxes=known)
    told: dict[str, Any] = {"by": body.by, "note": body.note, "moves": body.move, "is_preview": body.preview}
    return asdict(await edit_plan(facade.database, CampaignId(campaign_id), plan, now=now, **told))


@router.post("/{campaign_id}/clone", responses=ERRORS, status_code=201, summary="Copy a campaign")
async def clone_campaign(facade: Facade, campaign_id: str, body: CampaignCopy) -> dict[str, Any]:
    """Make a draft with the present plan of a campaign. Its people do not come along."""
    told: dict[str, Any] = {"name": body.name, "by": body.by, "note": body.note, "now": clock.now()}
    return described(await desk.clone(facade.database, CampaignId(campaign_id), body.campaign_id, **told))


@router.post("/{campaign_id}/add", responses=ERRORS, summary="Add a known person to a campaign")
async def add_to_campaign(facade: Facade, campaign_id: str, body: PersonDecision) -> dict[str, Any]:
    """Add a person that the store knows. One that was removed goes on at the old place."""
    told: dict[str, Any] = {"by": body.by, "note": body.note, "now": clock.now()}
    return asdict(await places.add_person(facade.database, CampaignId(campaign_id), body.person, **told))


@router.post("/{campaign_id}/move", responses=ERRORS, summary="Move a person of a campaign")
async def move_in_campaign(facade: Facade, campaign_id: str, body: PersonMove) -> dict[str, Any]:
    """Move a person to another step, another version of the plan, or another campaign.

    A message that was sent is not sent again.
    """
    where: dict[str, Any] = {"step": body.step, "version": body.version, "to": CampaignId(body.to) if body.to else None}
    told: dict[str, Any] = {**where, "by": body.by, "note": body.note, "now": clock.now()}
    return asdict(await places.move_person(facade.database, CampaignId(campaign_id), body.person, **told))


@router.post("/{campaign_id}/remove", responses=ERRORS, summary="Take a person out of a campaign")
async def remove_from_campaign(facade: Facade, campaign_id: str, body: PersonDecision) -> dict[str, Any]:
    """End the way of a person in one campaign. A waiting message is never sent."""
    told: dict[str, Any] = {"by": body.by, "note": body.note, "now": clock.now()}
    return asdict(await places.remove_person(facade.database, CampaignId(campaign_id), body.person, **told))
