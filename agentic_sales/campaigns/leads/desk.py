"""Carry out a person's commands on flows: begin a round, plan rounds, pause and resume them.

A change wakes the rounds that it concerns. The next tick visits them.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.leads.arms import ARMS, MOST_ROUNDS, learnt_of, plan_for, plan_of, stop_words, with_plan
from agentic_sales.campaigns.leads.visit import WORKFLOW
from agentic_sales.campaigns.plan.desk import check_joinable, known_campaign
from agentic_sales.campaigns.plan.plan import CampaignPlan, Step
from agentic_sales.campaigns.plan.windows import zone_named
from agentic_sales.campaigns.visits import clock
from agentic_sales.contracts import CampaignId, MailboxId
from agentic_sales.control import control_plane
from agentic_sales.errors import InvalidRequest, StateConflict
from agentic_sales.flows import Flow, Template
from agentic_sales.observability.spans import lasting_headers
from agentic_sales.rules.cron import CronError, next_slot
from agentic_sales.rules.outcome_rewards import ArmKind
from agentic_sales.store.campaigns import RUNNING as CAMPAIGN_RUNS
from agentic_sales.store.campaigns import add_campaign, campaign, move_campaign
from agentic_sales.store.database import Database
from agentic_sales.store.flow_rounds import (
    FAILED,
    FINISHED,
    OWN_CAMPAIGN,
    PAUSED,
    RUNNING,
    FlowRoundRow,
    add_round,
    change_plan,
    change_round,
    flow_round,
    flow_rounds,
    locked_round,
    save_plan,
)
from agentic_sales.store.leads import release_stopped, release_waiting
from agentic_sales.store.mailboxes import mailbox
from agentic_sales.store.statements import known

THREAD_PREFIX = "flow-"
"""Prefix of the ids of rounds' threads."""
Missed = Literal["once", "skip"]
_ROUND = re.compile(r"[A-Za-z0-9][\w.-]{0,99}")


@dataclass(frozen=True, slots=True)
class RoundOrder:
    """A person's order for a round."""

    flow_id: str
    """The flow."""
    most_leads: int | None = None
    """Most leads. None: the flow's limit."""
    budget_usd: float | None = None
    """Most cost in USD. None: the flow's budget."""
    is_dry: bool = False
    """Write nothing into the book, and enroll nobody."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """Parts of the input of the discovery that replace the flow's own."""
    campaign_id: str = ""
    """Campaign that the people join. Empty: none, or the flow's own if a mailbox is named."""
    mailbox_id: str = ""
    """Mailbox of the flow's own campaign, which is made if it is not there. Empty: `campaign_id` counts."""
    promoted_by: str = ""
    """Person that lets the round make contacts of people. Empty: each person is promoted by hand."""


def thread_of(round_id: str) -> str:
    """Return the thread of a round."""
    return f"{THREAD_PREFIX}{round_id}"


def round_id_of(flow_id: str, seed: str) -> str:
    """Return the id of a round, the same for the same seed."""
    return f"{flow_id}-{sha256(seed.encode()).hexdigest()[:12]}"


async def begin_round(
    database: Database, round_id: str, order: RoundOrder, *, trace: Mapping[str, str], now: datetime
) -> FlowRoundRow:
    """Make a round that is visited at once. A round of this id stays as it is.

    Args:
        database: The store.
        round_id: Its id.
        order: The order.
        trace: Headers of the trace that its runs and the visits to its people belong to. Empty: that of the current
            run, else a new one.
        now: The present.

    Raises:
        UnknownFlow: There is no such flow.
        UnknownRecord: There is no such campaign or mailbox.
        InvalidRequest: The id is none.
        StateConflict: The campaign was stopped, or the round is one of another flow.
    """
    async with database.writing() as connection:
        return await begin_round_over(connection, round_id, order, trace=trace, now=now)


async def begin_round_over(
    connection: AsyncConnection, round_id: str, order: RoundOrder, *, trace: Mapping[str, str], now: datetime
) -> FlowRoundRow:
    """Do as `begin_round` does over the connection of a writing transaction."""
    flow = control_plane().flow(order.flow_id)
    if not _ROUND.fullmatch(round_id):
        raise InvalidRequest(f"`{round_id}` is no id of a round: 1 to 100 letters, digits, `.`, `-` and `_`")
    if await flow_round(connection, round_id) is None:
        most_leads = order.most_leads or flow.limits.leads
        campaigns = await _campaigns_of(connection, flow, order, now)
        has_templates = bool(campaigns) and "" not in campaigns
        learnt = await learnt_of(connection, flow.flow_id, now=clock.now())
        plan = plan_for(flow, learnt, order.given, most_leads, round_id=round_id, has_templates=has_templates)
        values = {
            "round_id": round_id,
            "flow_id": flow.flow_id,
            "given": {**order.given, ARMS: {**plan, **({"campaigns": campaigns} if has_templates else {})}},
            "most_leads": most_leads,
            "budget_usd": order.budget_usd or flow.limits.budget_usd,
            "is_dry": order.is_dry,
            "campaign_id": next(iter(campaigns.values()), None),
            "promoted_by": order.promoted_by,
            "trace": dict(trace) or lasting_headers(WORKFLOW),
        }
        await add_round(connection, values, now=now)
    row = known(await flow_round(connection, round_id), "flow round", round_id)
    if row.flow_id != flow.flow_id:
        raise StateConflict("flow round", round_id, f"it is a round of flow `{row.flow_id}`")
    return row


async def pause(database: Database, name: str, *, now: datetime) -> list[str]:
    """Pause a round, or all rounds of a flow and its plan. Return the rounds that were paused.

    Raises:
        UnknownRecord: There is no such flow and no such round.
        StateConflict: Nothing of it runs.
    """
    async with database.writing() as connection:
        is_planned = await _switch_plan(connection, name, is_paused=True, now=now)
        paused = await _change(connection, name, {"state": PAUSED, "reason": "a person paused it"}, (RUNNING,), now)
        if not paused and not is_planned:
            raise StateConflict("flow", name, "no round of it runs, and it has no plan")
    return paused


async def resume(
    database: Database, name: str, *, now: datetime, budget_usd: float | None = None, campaign_id: str = ""
) -> list[str]:
    """Resume a round, or all paused and failed rounds of a flow and its plan. Return the rounds that go on.

    Args:
        database: The store.
        name: A flow or a round.
        now: The present.
        budget_usd: New budget of each. None leaves it.
        campaign_id: Campaign for people that wait for one. Empty leaves it.

    Raises:
        UnknownRecord: There is no such flow, round or campaign.
        StateConflict: Nothing of it waits.
    """
    values: dict[str, Any] = {"state": RUNNING, "reason": "", "wake_at": now, "fruitless": 0, "tries": 0}
    values |= {"budget_usd": budget_usd} if budget_usd else {}
    async with database.writing() as connection:
        states: tuple[str, ...] = (PAUSED, FAILED)
        if campaign_id:
            check_joinable(await known_campaign(connection, CampaignId(campaign_id)))
            values["campaign_id"], states = campaign_id, ()
        is_planned = await _switch_plan(connection, name, is_paused=False, now=now)
        resumed = await _change(connection, name, values, states, now)
        for round_id in resumed if campaign_id else ():
            await release_waiting(connection, round_id, now=now)
        if not resumed and not is_planned:
            raise StateConflict("flow", name, "no round of it is paused or failed, and it has no plan")
    return resumed


async def plan_rounds(
    database: Database, order: RoundOrder, cron: str, *, time_zone: str, missed: Missed, now: datetime
) -> datetime:
    """Let rounds of a flow begin by a schedule, in the place of the schedule before. Return the first slot.

    Raises:
        UnknownFlow: There is no such flow.
        InvalidRequest: The schedule or the zone is none.
    """
    flow = control_plane().flow(order.flow_id)
    zone = zone_named(time_zone)
    if zone is None:
        raise InvalidRequest(f'the zone must be an IANA name, such as "Europe/Berlin", not "{time_zone}"')
    try:
        first = next_slot(cron, now, zone)
    except CronError as exc:
        raise InvalidRequest(str(exc)) from exc
    async with database.writing() as connection:
        await _campaigns_of(connection, flow, order, now)
        told = {"flow_id": flow.flow_id, "cron": cron, "time_zone": time_zone, "missed": missed, "next_at": first}
        await save_plan(connection, {**told, "request": asdict(order), "is_paused": False}, now=now)
    return first


async def allow_arm(database: Database, flow_id: str, kind: ArmKind, name: str, *, now: datetime) -> list[str]:
    """Let a stopped arm of a flow go on, since a person has looked at it. Its next harm stops it again.

    Returns:
        Rounds with leads that go on.

    Raises:
        UnknownFlow: There is no such flow.
        StateConflict: The arm is not stopped.
    """
    flow = control_plane().flow(flow_id)
    async with database.writing() as connection:
        learnt = await learnt_of(connection, flow.flow_id, now=clock.now())
        if name not in learnt.stopped(kind):
            raise StateConflict("arm", f"{flow_id}/{kind}/{name}", "it is not stopped")
        newest = known(await locked_round(connection, learnt.rounds[0].round_id), "flow round", flow_id)
        allowed = plan_of(newest).get("allowed", {})
        mine = {**allowed.get(kind, {}), name: learnt.harms(kind)[name]}
        given = with_plan(newest, allowed={**allowed, kind: mine})
        await change_round(connection, newest.round_id, {"given": given}, now=now)
        woken = sorted(await release_stopped(connection, flow_id, stop_words(kind, name), now=now))
        for round_id in woken:
            going_on = {"state": RUNNING, "reason": "", "wake_at": now}
            await change_round(connection, round_id, going_on, now=now, states=(RUNNING, FINISHED))
    return woken


async def rounds_named(connection: AsyncConnection, name: str) -> list[FlowRoundRow]:
    """Return the rounds of a flow, the newest first, or the one round of this id.

    Raises:
        UnknownRecord: There is neither.
    """
    if name in control_plane().flows:
        return await flow_rounds(connection, flow_id=name, limit=MOST_ROUNDS)
    return [known(await flow_round(connection, name), "flow or round", name)]


async def _switch_plan(connection: AsyncConnection, name: str, *, is_paused: bool, now: datetime) -> bool:
    if name not in control_plane().flows:
        return False
    return await change_plan(connection, name, {"is_paused": is_paused}, now=now)


async def _change(
    connection: AsyncConnection, name: str, values: Mapping[str, Any], states: tuple[str, ...], now: datetime
) -> list[str]:
    rows = await rounds_named(connection, name)
    return [
        row.round_id
        for row in rows
        if await change_round(connection, row.round_id, values, now=now, states=states) is not None
    ]


async def _campaigns_of(
    connection: AsyncConnection, flow: Flow, order: RoundOrder, now: datetime
) -> dict[str, CampaignId]:
    """Return the campaigns that people join, by template. One that is not of a template has an empty name.

    The flow's own ones are made and started if a mailbox is named.
    """
    if order.campaign_id:
        check_joinable(await known_campaign(connection, CampaignId(order.campaign_id)))
        return {"": CampaignId(order.campaign_id)}
    if not order.mailbox_id:
        return {}
    known(await mailbox(connection, MailboxId(order.mailbox_id)), "mailbox", order.mailbox_id)
    found: dict[str, CampaignId] = {}
    for template in flow.outreach.templates or (None,):
        name = template.name if template else ""
        parts = (OWN_CAMPAIGN, flow.flow_id, *((name,) if name else ()), order.mailbox_id)
        own = CampaignId("-".join(parts).replace(".", "-")[:64])
        if await campaign(connection, own) is None:
            plan = campaign_plan(flow, order.mailbox_id, template)
            await add_campaign(connection, own, name=flow.looks_for, plan=plan.model_dump(mode="json"), now=now)
            await move_campaign(connection, own, expected=("draft",), to=CAMPAIGN_RUNS, now=now)
        check_joinable(await known_campaign(connection, own))
        found[name] = own
    return found


def campaign_plan(flow: Flow, mailbox_id: str, template: Template | None = None) -> CampaignPlan:
    """Return the plan of a flow's own campaign. A person must agree to each of its messages.

    Args:
        flow: The flow.
        mailbox_id: Mailbox of the campaign.
        template: Template of the first message. None: the flow's messages say it.
    """
    told = [mail.instructions for mail in flow.outreach.mails]
    told[0] = template.instructions if template else told[0]
    steps = tuple(
        Step(delay_days=mail.delay_days, workflow=mail.workflow, input={"instructions": words} if words else {})
        for mail, words in zip(flow.outreach.mails, told, strict=True)
    )
    return CampaignPlan(steps=steps, mailboxes=(MailboxId(mailbox_id),))
