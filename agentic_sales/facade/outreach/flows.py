"""Serve flows. Begin and plan their rounds, pause and resume them, and report on them and their leads.

No request here runs a step. It changes rows. The next tick acts on them.
"""

from dataclasses import asdict
from datetime import UTC
from secrets import token_hex
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from agentic_sales.campaigns.leads import desk
from agentic_sales.campaigns.leads.arms import MOST_ROUNDS, learnt_of
from agentic_sales.campaigns.leads.report import described_flow, described_round
from agentic_sales.campaigns.leads.visit import WORKFLOW, discovery_question
from agentic_sales.campaigns.plan.material import material_of
from agentic_sales.campaigns.visits import clock
from agentic_sales.contracts import CampaignId
from agentic_sales.errors import InvalidRequest, StateConflict
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.callers import Trace
from agentic_sales.facade.pages import Limit, Offset, page
from agentic_sales.facade.state import Facade
from agentic_sales.facade.store_errors import ERRORS
from agentic_sales.flows import IMPORT, Flow
from agentic_sales.observability.spans import lasting_headers
from agentic_sales.rules.lead_steps import LISTED
from agentic_sales.rules.outcome_rewards import ArmKind
from agentic_sales.store.flow_rounds import FlowPlanRow, FlowRoundRow, flow_plan, flow_rounds
from agentic_sales.store.leads import Stage, leads, stage_counts

router = APIRouter(prefix="/flows", tags=["flows"], route_class=JsonRoute)

ROUNDS_SHOWN = 20
_SHOWN = ("flow_id", "round_id", "state", "reason", "found", "most_leads", "spent_usd", "budget_usd", "is_dry")
_TIMES = ("campaign_id", "promoted_by", "wake_at", "created_at", "updated_at")


class NewRound(BaseModel):
    """Body of a request that begins a round, or plans rounds if it has a schedule."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    round: str = Field(
        default="", max_length=100, description="Id of the round; one that is there stays. Empty: a new one."
    )
    limit: int | None = Field(default=None, ge=1, le=1_000, description="Most leads. Null: the flow's limit.")
    budget_usd: float | None = Field(default=None, gt=0, le=10_000, description="Most cost. Null: the flow's budget.")
    dry_run: bool = Field(default=False, description="Write nothing into the book and enroll nobody.")
    input: dict[str, Any] = Field(default_factory=dict, description="Input of the discovery that replaces the flow's.")
    campaign_id: str = Field(default="", max_length=64, description="Campaign that the people join.")
    mailbox_id: str = Field(
        default="", max_length=64, description="Mailbox of the flow's own campaign, which is made and started."
    )
    promote_by: str = Field(
        default="",
        max_length=200,
        description="Name of the person that lets the round make contacts of people with checked addresses.",
    )
    cron: str = Field(default="", max_length=100, description="Schedule of five fields. Empty: one round, now.")
    time_zone: str = Field(default="UTC", max_length=64, description="IANA zone of the schedule.")
    missed: Literal["once", "skip"] = Field(
        default="once", description="Whether missed slots are made up for by one round, or left out."
    )


class Resumption(BaseModel):
    """Body of a request that resumes rounds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    budget_usd: float | None = Field(default=None, gt=0, le=10_000, description="New budget. Null: as it is.")
    campaign_id: str = Field(default="", max_length=64, description="Campaign that waiting people join.")


class AllowedArm(BaseModel):
    """Body of a request that lets a stopped arm go on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: ArmKind = Field(description="Kind of the arm: query, source, persona, template or score_band.")
    arm: str = Field(min_length=1, max_length=1_000, description="Its name, as the report shows it.")


@router.get("", responses=ERRORS, summary="List the flows")
async def list_flows(facade: Facade) -> list[dict[str, Any]]:
    """List the flows with their leads by stage, their newest round and their plan."""
    return [await _described(facade, flow_id) for flow_id in facade.control.flows]


@router.get("/{flow_id}", responses=ERRORS, summary="Describe a flow")
async def describe_flow(facade: Facade, flow_id: str) -> dict[str, Any]:
    """Describe a flow with its steps, its plan, its stopped arms and its rounds, the newest first."""
    flow = facade.control.flow(flow_id)
    async with facade.database.reading() as connection:
        rounds = await flow_rounds(connection, flow_id=flow_id, limit=ROUNDS_SHOWN)
        stopped = (await learnt_of(connection, flow_id, now=clock.now())).stopped_of(flow)
    told = {"flow": asdict(flow), "stopped": stopped, "rounds": [_round(row) for row in rounds]}
    return {**await _described(facade, flow_id), **told}


@router.get("/{flow_id}/material", responses=ERRORS, summary="Hand out what a rehearsal needs")
async def rehearsal_material(
    facade: Facade, flow_id: str, people: Annotated[int, Query(ge=1, le=10_000)] = 25
) -> dict[str, list[dict[str, Any]]]:
    """Hand out the campaign of a flow's newest round that has one, as `GET /campaigns/{campaign_id}/material` does."""
    flow = facade.control.flow(flow_id)
    async with facade.database.reading() as connection:
        rounds = await flow_rounds(connection, flow_id=flow.flow_id, limit=MOST_ROUNDS)
        campaign = next((row.campaign_id for row in rounds if row.campaign_id), None)
        if campaign is None:
            cure = f"agentic-sales flows run {flow_id} --mailbox NAME makes one"
            raise StateConflict("flow", flow_id, f"no round of it has a campaign; {cure}")
        return await material_of(connection, CampaignId(campaign), people=people)


@router.post("/{flow_id}/run", responses=ERRORS, status_code=201, summary="Begin a round, or plan rounds")
async def run_flow(facade: Facade, trace: Trace, flow_id: str, body: NewRound) -> dict[str, Any]:
    """Begin a round of a flow, or let rounds begin by a schedule. The next tick visits it."""
    now, flow = clock.waking_now(), facade.control.flow(flow_id)
    order = desk.RoundOrder(
        flow_id=flow_id,
        most_leads=body.limit,
        budget_usd=body.budget_usd,
        is_dry=body.dry_run,
        given=body.input,
        campaign_id=body.campaign_id,
        mailbox_id=body.mailbox_id,
        promoted_by=body.promote_by,
    )
    _check_input(facade, flow, body)
    if body.cron:
        if body.round:
            raise InvalidRequest("`round` names one round, and `cron` begins many; give one of them")
        first = await desk.plan_rounds(
            facade.database, order, body.cron, time_zone=body.time_zone, missed=body.missed, now=now
        )
        return {"flow_id": flow_id, "next_at": first.isoformat()}
    round_id = body.round or f"{flow_id}-{now.astimezone(UTC):%Y%m%dT%H%M%S}-{token_hex(2)}"
    return _round(
        await desk.begin_round(facade.database, round_id, order, trace=lasting_headers(WORKFLOW, trace), now=now)
    )


@router.post("/{name}/pause", responses=ERRORS, summary="Pause a round, or a flow")
async def pause_rounds(facade: Facade, name: str) -> dict[str, list[str]]:
    """Pause a round, or all rounds of a flow and its plan. Work under way ends, and nothing more begins."""
    return {"paused": await desk.pause(facade.database, name, now=clock.waking_now())}


@router.post("/{name}/resume", responses=ERRORS, summary="Resume a round, or a flow")
async def resume_rounds(facade: Facade, name: str, body: Resumption | None = None) -> dict[str, list[str]]:
    """Resume a paused or failed round, or all of a flow and its plan. A campaign lets waiting people join."""
    told = body or Resumption()
    resumed = await desk.resume(
        facade.database,
        name,
        now=clock.waking_now(),
        budget_usd=told.budget_usd,
        campaign_id=told.campaign_id,
    )
    return {"resumed": resumed}


@router.post("/{flow_id}/arms/allow", responses=ERRORS, summary="Let a stopped arm go on")
async def allow_arm(facade: Facade, flow_id: str, body: AllowedArm) -> dict[str, list[str]]:
    """Let an arm go on that complaints, bounces or opt-outs stopped. The next of them stops it again."""
    woken = await desk.allow_arm(facade.database, flow_id, body.kind, body.arm, now=clock.waking_now())
    return {"resumed": woken}


@router.get("/{name}/report", responses=ERRORS, summary="Report on a round, or on a flow")
async def report(facade: Facade, name: str) -> dict[str, Any]:
    """Report the leads by stage, their results per arm with intervals, and their costs.

    For a flow it also tells the changes of the next round, in sentences.
    """
    async with facade.database.reading() as connection:
        rounds = await desk.rounds_named(connection, name)
        if name not in facade.control.flows:
            return await described_round(connection, rounds[0])
        return await described_flow(connection, name)


@router.get("/{name}/leads", responses=ERRORS, summary="List the leads of a round, or of a flow")
async def list_leads(
    facade: Facade, name: str, stage: Stage | None = None, limit: Limit = 100, offset: Offset = 0
) -> Response:
    """List leads with stage, score, reasons and outcome, those with the highest score first."""
    async with facade.database.reading() as connection:
        rounds = await desk.rounds_named(connection, name)
        of: dict[str, Any] = {"flow_id": name} if name in facade.control.flows else {"round_id": rounds[0].round_id}
        found = await leads(connection, **of, stage=stage, limit=limit + 1, offset=offset)
    shown = [{key: value for key, value in row.as_data().items() if key not in {"told", "looked_at"}} for row in found]
    return page(shown, limit=limit, offset=offset)


def _check_input(facade: Facade, flow: Flow, body: NewRound) -> None:
    """Refuse an input that the discovery does not take, before anything is written."""
    if flow.discover.assistant_id == IMPORT:
        listed = body.input.get("leads")
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed) or not listed:
            columns = ", ".join(LISTED)
            raise InvalidRequest(f"flow `{flow.flow_id}` needs `input.leads`, a list of objects with {columns}")
        return
    limit = {"most_leads": body.limit or flow.limits.leads, "given": body.input, "is_dry": body.dry_run}
    facade.validator.check(flow.discover.assistant_id, discovery_question(flow, FlowRoundRow(**limit)))


async def _described(facade: Facade, flow_id: str) -> dict[str, Any]:
    flow = facade.control.flow(flow_id)
    async with facade.database.reading() as connection:
        newest = await flow_rounds(connection, flow_id=flow_id, limit=1)
        plan = await flow_plan(connection, flow_id)
        counts = await stage_counts(connection, flow_id=flow_id)
    return {
        "flow_id": flow_id,
        "looks_for": flow.looks_for,
        "leads": counts,
        "newest_round": _round(newest[0]) if newest else None,
        "plan": _plan(plan) if plan else None,
    }


def _round(row: FlowRoundRow) -> dict[str, Any]:
    return {name: value for name, value in row.as_data().items() if name in {*_SHOWN, *_TIMES}}


def _plan(row: FlowPlanRow) -> dict[str, Any]:
    return row.as_data()
