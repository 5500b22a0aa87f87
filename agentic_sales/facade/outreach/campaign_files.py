"""Serve the files of a campaign, and take one person's word on many of its messages."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from agentic_sales.campaigns.outcomes.csv_export import CampaignFile, exported
from agentic_sales.campaigns.plan import desk
from agentic_sales.campaigns.sending.many_approvals import SeenMessage, approve_many
from agentic_sales.campaigns.visits import clock
from agentic_sales.contracts import ApprovalId, CampaignId
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.book.companies import CSV
from agentic_sales.facade.state import Facade
from agentic_sales.facade.store_errors import ERRORS

router = APIRouter(prefix="/campaigns", tags=["campaigns"], route_class=JsonRoute)

MOST_AT_ONCE = 200


class SeenApproval(BaseModel):
    """A question, with the message as it was seen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    approval_id: str = Field(max_length=200, description="Id of the question.")
    digest: str = Field(max_length=200, description="Digest of the seen message; the answer counts for no other.")


class ManyAnswers(BaseModel):
    """Body of a request that approves many messages."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    approvals: list[SeenApproval] = Field(min_length=1, max_length=MOST_AT_ONCE, description="The messages.")
    by: str = Field(min_length=1, max_length=200, pattern=r"\S", description="Name of the person that agrees.")
    note: str = Field(default="", max_length=2_000, description="Note of the person. It is kept with each message.")


@router.post("/approve-many", responses=ERRORS, summary="Approve several messages, each by itself")
async def approve_several(facade: Facade, body: ManyAnswers) -> dict[str, Any]:
    """Approve messages one by one, each with a decision of its own. `left` has each that was not, and why.

    A person may approve AGENTIC_SALES_APPROVALS_PER_DAY messages of a UTC day in this way.
    """
    done = await approve_many(
        facade.database,
        [SeenMessage(ApprovalId(one.approval_id), one.digest) for one in body.approvals],
        by=body.by,
        note=body.note,
        most_a_day=facade.settings.approvals_per_day,
        now=clock.now(),
    )
    left = [{"approval_id": one.approval_id, "reason": one.reason} for one in done.left]
    return {"approved": [row.as_data() for row in done.approved], "left": left}


@router.get("/{campaign_id}/export/{file}", responses=ERRORS, summary="Export a campaign as CSV")
async def export_campaign(facade: Facade, campaign_id: str, file: CampaignFile) -> StreamingResponse:
    """Export people, messages, or replies and bounces as CSV. No cell is one that a spreadsheet executes."""
    async with facade.database.reading() as connection:
        found = await desk.known_campaign(connection, CampaignId(campaign_id))
    return StreamingResponse(exported(facade.database, found, file), media_type=CSV)
