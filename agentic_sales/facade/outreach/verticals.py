"""Serve verticals. Activate one, confirm or refuse its findings, and tell how each stands.

No request here runs a stage. It changes a row. The next tick acts on it.
"""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from agentic_sales.campaigns.activations import desk
from agentic_sales.campaigns.visits import clock
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.callers import Trace
from agentic_sales.facade.state import Facade
from agentic_sales.facade.store_errors import ERRORS
from agentic_sales.rules.verticals import Vertical
from agentic_sales.store.activations import ActivationRow, activation, activations
from agentic_sales.store.leads import stage_counts

router = APIRouter(prefix="/verticals", tags=["verticals"], route_class=JsonRoute)

_SHOWN = ("activation_id", "state", "stage", "reason", "is_dry", "found", "word", "word_by", "round_id")
_TIMES = ("wake_at", "created_at", "updated_at")


class NewActivation(BaseModel):
    """Body of a request that activates a vertical."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dry_run: bool = Field(default=False, description="Its round writes nothing into the book and enrolls nobody.")
    pages: int = Field(default=1, ge=1, le=10, description="Most pages of 100 files of a code search.")
    sample: int = Field(default=5, ge=1, le=20, description="Most companies that a person looks at first.")
    limit: int | None = Field(default=None, ge=1, le=1_000, description="Most leads of the round. Null: the flow's.")
    budget_usd: float | None = Field(
        default=None, gt=0, le=10_000, description="Most cost of the round. Null: as well."
    )
    campaign_id: str = Field(default="", max_length=64, description="Campaign that the people of the round join.")
    mailbox_id: str = Field(default="", max_length=64, description="Mailbox of the flow's own campaign, which is made.")
    promote_by: str = Field(
        default="", max_length=200, description="Name of the person that lets the round make contacts of people."
    )


class Confirmation(BaseModel):
    """Body of a request that confirms the findings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: str = Field(
        min_length=1, max_length=200, pattern=r"\S", description="Name of the person behind the word. It is kept."
    )


class Refusal(Confirmation):
    """Body of a request that refuses the findings."""

    why: str = Field(default="", max_length=500, description="Why; it is kept.")


@router.get("", responses=ERRORS, summary="List the verticals")
async def list_verticals(facade: Facade) -> list[dict[str, Any]]:
    """List the verticals of this deployment with their activations."""
    async with facade.database.reading() as connection:
        rows = {row.slug: row for row in await activations(connection)}
    return [_described(vertical, rows.get(slug)) for slug, vertical in sorted(desk.known_verticals().items())]


@router.get("/{name}", responses=ERRORS, summary="Describe a vertical")
async def describe_vertical(facade: Facade, name: str) -> dict[str, Any]:
    """Describe a vertical with its code searches, its activation, the sample and the leads of its round."""
    vertical = desk.vertical_named(name)
    async with facade.database.reading() as connection:
        row = await activation(connection, vertical.slug)
        counts = await stage_counts(connection, round_id=row.round_id) if row and row.round_id else {}
    searches = [{"stack": one.stack, "query": one.query} for one in vertical.code]
    return {**_described(vertical, row), "searches": searches, "sample": row.sample if row else [], "leads": counts}


@router.post("/{name}/activate", responses=ERRORS, status_code=201, summary="Activate a vertical")
async def activate_vertical(facade: Facade, trace: Trace, name: str, body: NewActivation) -> dict[str, Any]:
    """Search for companies of a vertical and look at a sample. The round begins when a person has confirmed it."""
    order = desk.ActivationOrder(
        pages=body.pages,
        sample=body.sample,
        most_leads=body.limit,
        budget_usd=body.budget_usd,
        campaign_id=body.campaign_id,
        mailbox_id=body.mailbox_id,
        promoted_by=body.promote_by,
    )
    return _told(
        await desk.activate(
            facade.database, name, order, is_dry=body.dry_run, trace=trace.outbound(), now=clock.waking_now()
        )
    )


@router.post("/{name}/confirm", responses=ERRORS, summary="Confirm the findings for a vertical")
async def confirm_vertical(facade: Facade, name: str, body: Confirmation) -> dict[str, Any]:
    """Let the round of a vertical begin."""
    return _told(await desk.say(facade.database, name, "confirmed", by=body.by, now=clock.waking_now()))


@router.post("/{name}/refuse", responses=ERRORS, summary="Refuse the findings for a vertical")
async def refuse_vertical(facade: Facade, name: str, body: Refusal) -> dict[str, Any]:
    """End the activation of a vertical. Nothing was written into the book."""
    return _told(await desk.say(facade.database, name, "refused", by=body.by, why=body.why, now=clock.waking_now()))


@router.post("/{name}/resume", responses=ERRORS, summary="Resume a failed activation")
async def resume_vertical(facade: Facade, name: str) -> dict[str, Any]:
    """Let a failed activation go on where it stood."""
    return _told(await desk.resume(facade.database, name, now=clock.waking_now()))


def _described(vertical: Vertical, row: ActivationRow | None) -> dict[str, Any]:
    return {"slug": vertical.slug, "title": vertical.title, "activation": _told(row) if row else None}


def _told(row: ActivationRow) -> dict[str, Any]:
    shown = {name: value for name, value in row.as_data().items() if name in {*_SHOWN, *_TIMES}}
    return {"slug": row.slug, **shown, "next": desk.next_command(row)}
