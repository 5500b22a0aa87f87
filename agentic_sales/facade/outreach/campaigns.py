"""Serve campaigns. Make and fill and start and stop them and answer their questions and report on them.

No request here sends or runs anything. It changes rows. The next tick acts on them.
"""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from agentic_sales.campaigns.answers.inbound import Kind
from agentic_sales.campaigns.outcomes.report import report_of
from agentic_sales.campaigns.people.places import person_named
from agentic_sales.campaigns.plan import desk
from agentic_sales.campaigns.plan.check import read_plan
from agentic_sales.campaigns.plan.material import material_of
from agentic_sales.campaigns.sending.approval import approve, edit_message, reject
from agentic_sales.campaigns.sending.door import resolve, when_and_why
from agentic_sales.campaigns.sending.touches import touch_named
from agentic_sales.campaigns.visits import clock
from agentic_sales.campaigns.visits.coming import coming_visits
from agentic_sales.contracts import (
    ApprovalId,
    ApprovalState,
    CampaignId,
    CampaignState,
    ContactId,
    EnrollmentState,
    TouchId,
    TouchState,
)
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.pages import Limit, Offset, page
from agentic_sales.facade.state import Facade
from agentic_sales.facade.store_errors import ERRORS
from agentic_sales.store.approvals import ApprovalRow, approvals
from agentic_sales.store.campaigns import CampaignRow, EnrollmentRow, campaigns, enrollments
from agentic_sales.store.contacts import contact
from agentic_sales.store.database import Database
from agentic_sales.store.inbound import InboundRow, inbound_messages
from agentic_sales.store.mailboxes import mailboxes
from agentic_sales.store.touches import TouchRow, touch, touches

router = APIRouter(prefix="/campaigns", tags=["campaigns"], route_class=JsonRoute)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DecidedBody(_Body):
    """Begin of the body of each request that corrects something."""

    by: str = Field(
        min_length=1, max_length=200, description="Name of the person that decides. The audit list keeps it."
    )
    note: str = Field(default="", max_length=2_000, description="Why; the audit list keeps it.")


class Unparking(_Body):
    """Body of a request that lets parked people go on. It may be left out."""

    person: str = Field(default="", max_length=320, description="Address or `contact_id`. Empty: everybody.")
    by: str = Field(default="", max_length=200, description="Name of the person that decides. The audit list keeps it.")
    note: str = Field(default="", max_length=2_000, description="Why; the audit list keeps it.")


class NewCampaign(_Body):
    """Body of a request that makes a campaign."""

    campaign_id: str = Field(description="Its id: 1 to 64 letters, digits, `-` and `_`.")
    name: str = Field(default="", description="For people.")
    plan: dict[str, Any] = Field(description="A plan; `agentic-sales campaigns plan --json` prints its schema.")


class ApprovalAnswer(_Body):
    """Body of a request that answers a question about a message."""

    decision: Literal["approve", "reject", "edit"] = Field(description="The answer.")
    digest: str = Field(description="Digest of the message that was seen; the answer counts for no other.")
    by: str = Field(min_length=1, max_length=200, description="Name of the person that answers.")
    note: str = Field(default="", max_length=2_000, description="Note of the person.")
    subject: str = Field(default="", max_length=998, description="Of an edit: the new subject.")
    text: str = Field(default="", max_length=100_000, description="Of an edit: the new text.")


class Resolution(_Body):
    """Body of a request that ends an ambiguous touch."""

    state: Literal["sent", "failed"] = Field(description="State that a person found out.")
    by: str = Field(min_length=1, max_length=200, description="Name of that person.")


@router.post("", responses=ERRORS, status_code=201, summary="Make a campaign")
async def create_campaign(facade: Facade, body: NewCampaign) -> dict[str, Any]:
    """Make a campaign as a draft. Nothing happens before its start."""
    state, now = facade, clock.now()
    async with state.database.reading() as connection:
        known = [row.mailbox_id for row in await mailboxes(connection)]
    plan = read_plan(body.plan, control=state.control, check_input=state.validator.check, now=now, mailboxes=known)
    return described(await desk.create(state.database, body.campaign_id, name=body.name, plan=plan, now=now))


@router.get("", responses=ERRORS, summary="List campaigns")
async def list_campaigns(
    facade: Facade, state: CampaignState | None = None, limit: Limit = 100, offset: Offset = 0
) -> Response:
    """List campaigns with the newest first."""
    async with facade.database.reading() as connection:
        found = await campaigns(connection, state=state, limit=limit + 1, offset=offset)
    return page([described(row) for row in found], limit=limit, offset=offset)


@router.get("/approvals", responses=ERRORS, summary="List the messages that wait for approval")
async def list_approvals(
    facade: Facade,
    *,
    state: ApprovalState = "pending",
    campaign_id: str | None = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Response:
    """List questions about messages with the oldest first. Each comes with its message."""
    campaign = CampaignId(campaign_id) if campaign_id else None
    async with facade.database.reading() as connection:
        found = await approvals(connection, state=state, campaign_id=campaign, limit=limit + 1, offset=offset)
        questions = [_question(row, await touch(connection, TouchId(row.touch_id))) for row in found]
    return page(questions, limit=limit, offset=offset)


@router.post("/approvals/{approval_id}", responses=ERRORS, summary="Approve, edit or reject a message")
async def answer_approval(facade: Facade, approval_id: str, body: ApprovalAnswer) -> dict[str, Any]:
    """Answer a question. One of many simultaneous answers counts. The others and late ones are 409."""
    database, key, now = facade.database, ApprovalId(approval_id), clock.now()
    if body.decision == "edit":
        row = await edit_message(
            database, key, digest=body.digest, subject=body.subject, text=body.text, by=body.by, note=body.note, now=now
        )
    else:
        decide = approve if body.decision == "approve" else reject
        row = await decide(database, key, digest=body.digest, by=body.by, note=body.note, now=now)
    async with database.reading() as connection:
        return _question(row, await touch(connection, TouchId(row.touch_id)))


@router.get("/inbound", responses=ERRORS, summary="List the replies and bounces")
async def list_inbound(
    facade: Facade,
    *,
    campaign_id: str | None = None,
    contact_id: str | None = None,
    kind: Kind | None = None,
    reply_class: str | None = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Response:
    """List answers and bounces and receipts with the newest first. One without a touch names no message of ours."""
    async with facade.database.reading() as connection:
        found = await inbound_messages(
            connection,
            campaign_id=CampaignId(campaign_id) if campaign_id else None,
            contact_id=ContactId(contact_id) if contact_id else None,
            kind=kind,
            reply_class=reply_class,
            limit=limit + 1,
            offset=offset,
        )
        return page([await _came_back(connection, row) for row in found], limit=limit, offset=offset)


@router.get("/touches/{touch_id}", responses=ERRORS, summary="Say when a message will go, and why not now")
async def describe_touch(facade: Facade, touch_id: str) -> dict[str, Any]:
    """Describe a message and forecast it by the rules of the send door. The begin of its id is enough."""
    async with facade.database.reading() as connection:
        key = await touch_named(connection, touch_id)
    forecast = await when_and_why(facade.database, key, now=clock.now())
    async with facade.database.reading() as connection:
        row = await touch(connection, key)
    return {**(row.as_data() if row else {}), "goes_at": _moment(forecast.at), "why": list(forecast.why)}


@router.post("/touches/{touch_id}/resolve", responses=ERRORS, summary="Tell the fate of an ambiguous message")
async def resolve_touch(facade: Facade, touch_id: str, body: Resolution) -> dict[str, Any]:
    """End an ambiguous message with a person's finding. The sequence of its recipient goes on accordingly.

    The begin of its id is enough.
    """
    async with facade.database.reading() as connection:
        key = await touch_named(connection, touch_id)
    row = await resolve(facade.database, key, body.state, by=body.by, now=clock.now())
    return row.as_data()


@router.get("/{campaign_id}", responses=ERRORS, summary="Tell how a campaign does")
async def describe_campaign(facade: Facade, campaign_id: str) -> dict[str, Any]:
    """Describe a campaign with its plan and progress and the results of its messages and variants.

    It tells how far its people are and which variant does better.
    """
    async with facade.database.reading() as connection:
        row = await desk.known_campaign(connection, CampaignId(campaign_id))
        report = await report_of(connection, CampaignId(campaign_id), steps=len(row.plan["steps"]))
    return {**described(row), "plan": row.plan, **asdict(report)}


@router.get("/{campaign_id}/next", responses=ERRORS, summary="List the coming visits of a campaign")
async def list_coming(facade: Facade, campaign_id: str, limit: Limit = 100, offset: Offset = 0) -> Response:
    """List the coming visits to people with the next one first. Each says when it is and why its message waits."""
    key, now = CampaignId(campaign_id), clock.now()
    async with facade.database.reading() as connection:
        await desk.known_campaign(connection, key)
        found = await coming_visits(connection, key, now=now, limit=limit + 1, offset=offset)
    return page([visit.as_data() for visit in found], limit=limit, offset=offset)


@router.get("/{campaign_id}/material", responses=ERRORS, summary="Hand out the material of a rehearsal")
async def rehearsal_material(
    facade: Facade, campaign_id: str, people: Annotated[int, Query(ge=1, le=10_000)] = 25
) -> dict[str, list[dict[str, Any]]]:
    """Hand out the campaign, some of its people and all that decides about their messages. Nothing is changed."""
    async with facade.database.reading() as connection:
        return await material_of(connection, CampaignId(campaign_id), people=people)


@router.post("/{campaign_id}/unpark", responses=ERRORS, summary="Let parked people go on")
async def unpark_people(
    facade: Facade, campaign_id: str, contact_id: str | None = None, body: Unparking | None = None
) -> dict[str, int]:
    """Let one parked person or all of the campaign go on. A still blocked person is parked again with the reason."""
    told = body or Unparking()
    chosen = ContactId(contact_id) if contact_id else None
    if told.person:
        async with facade.database.writing() as connection:
            chosen = ContactId((await person_named(connection, told.person)).contact_id)
    by: dict[str, Any] = {"by": told.by, "note": told.note, "now": clock.now()}
    return {"unparked": await desk.unpark_people(facade.database, CampaignId(campaign_id), chosen, **by)}


@router.post("/{campaign_id}/{verb}", responses=ERRORS, summary="Start, pause, resume or stop a campaign")
async def move_campaign(facade: Facade, campaign_id: str, verb: desk.Verb) -> dict[str, Any]:
    """Move a campaign to another state. 409 where that makes no sense."""
    return described(await desk.move(facade.database, CampaignId(campaign_id), verb, now=clock.now()))


@router.get("/{campaign_id}/enrollments", responses=ERRORS, summary="List the people of a campaign")
async def list_enrollments(
    facade: Facade, campaign_id: str, state: EnrollmentState | None = None, limit: Limit = 100, offset: Offset = 0
) -> Response:
    """List the people of a campaign and their places in it."""
    async with facade.database.reading() as connection:
        await desk.known_campaign(connection, CampaignId(campaign_id))
        found = await enrollments(connection, CampaignId(campaign_id), state=state, limit=limit + 1, offset=offset)
    return page([_enrollment(row) for row in found], limit=limit, offset=offset)


@router.get("/{campaign_id}/touches", responses=ERRORS, summary="List the messages of a campaign")
async def list_touches(
    facade: Facade,
    campaign_id: str,
    *,
    state: TouchState | None = None,
    contact_id: str | None = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Response:
    """List the messages of a campaign and their results with the oldest first."""
    async with facade.database.reading() as connection:
        await desk.known_campaign(connection, CampaignId(campaign_id))
        found = await touches(
            connection,
            campaign_id=CampaignId(campaign_id),
            contact_id=ContactId(contact_id) if contact_id else None,
            states=(state,) if state else (),
            limit=limit + 1,
            offset=offset,
        )
    return page([row.as_data() for row in found], limit=limit, offset=offset)


def described(row: CampaignRow) -> dict[str, Any]:
    """Describe a campaign in short."""
    return {name: value for name, value in row.as_data().items() if name != "plan"}


def _question(row: ApprovalRow, about: TouchRow | None) -> dict[str, Any]:
    named = ("campaign_id", "contact_id", "step", "to_email", "subject", "text", "html")
    message = {name: getattr(about, name) for name in named} if about else {}
    return {**row.as_data(), "message": message}


async def _came_back(connection: AsyncConnection, row: InboundRow) -> dict[str, Any]:
    about = None if row.touch_id is None else await touch(connection, TouchId(row.touch_id))
    person = None if row.contact_id is None else await contact(connection, ContactId(row.contact_id))
    of = {"campaign_id": about.campaign_id if about else None, "email": person.email if person else None}
    return {**row.as_data(), **of}


def _enrollment(row: EnrollmentRow) -> dict[str, Any]:
    shown = ("contact_id", "state", "reason", "step", "wake_at", "created_at", "updated_at")
    return {name: value for name, value in row.as_data().items() if name in shown}


def _moment(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _database(facade: Facade) -> Database:
    return facade.database
