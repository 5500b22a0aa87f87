"""Visit one person in a campaign: read the situation, and store the result of a decision.

Each function is one transaction. If a process dies between two of them, the row says where to go on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.people.permission import refusal_of
from agentic_sales.campaigns.plan.plan import CampaignPlan, mailbox_for, stored_plan, variant_for
from agentic_sales.campaigns.plan.windows import zone_named
from agentic_sales.campaigns.sending.approval import ask_approval
from agentic_sales.campaigns.sending.touches import Draft, write_touch
from agentic_sales.campaigns.visits.machine import NextAct, Situation
from agentic_sales.contracts import CampaignId, CompanyId, ContactId, MailboxId, TouchId
from agentic_sales.control import control_plane
from agentic_sales.errors import UnknownRecord
from agentic_sales.rules.fields import filled_in
from agentic_sales.rules.names import filled, name_in_address, whole_name
from agentic_sales.store.approvals import approvals_of
from agentic_sales.store.campaigns import CampaignRow, EnrollmentRow, change_enrollment, enrollment
from agentic_sales.store.companies import company
from agentic_sales.store.contacts import ContactRow
from agentic_sales.store.database import Database
from agentic_sales.store.inbound import InboundRow, inbound_of
from agentic_sales.store.mailboxes import MailboxRow, mailbox
from agentic_sales.store.touches import SENT, TouchRow, touches
from agentic_sales.store.visits import Key, end_visit, visited

log = structlog.get_logger()

MOST_TOUCHES = 10_000
"""More messages than any campaign has for one person."""
UNREAD = frozenset({"reply", "auto_reply"})
"""Kinds of inbound mail that `classify_reply` reads."""


async def situation_of(connection: AsyncConnection, key: Key) -> Situation:
    """Read all inputs of the next decision.

    Raises:
        UnknownRecord: The campaign, the person or the enrollment is not there, or no longer.
    """
    campaign_id, contact_id = key
    campaign, person, enrolled = await _visited(connection, key)
    plan = stored_plan(campaign)
    theirs = await touches(connection, campaign_id=campaign_id, contact_id=contact_id, limit=MOST_TOUCHES)
    written = next((row for row in theirs if row.step == enrolled.step), None)
    sent = [row for row in theirs if row.state in SENT and row.step < enrolled.step]
    return Situation(
        campaign=campaign,
        plan=plan,
        enrollment=enrolled,
        person=person,
        zone=_zone_of(person, plan),
        fields=_fields_of(person),
        refusal=await refusal_of(connection, person),
        touch=written,
        approval=await _latest_approval(connection, written),
        sent_at=max((row.sent_at for row in sent if row.sent_at), default=None),
        sent_from=MailboxId(max(sent, key=lambda row: row.step).mailbox_id) if sent else None,
    )


async def zone_of(database: Database, key: Key) -> ZoneInfo:
    """Return a person's time zone, or the campaign's if the person's is not known.

    Raises:
        UnknownRecord: The campaign, the person or the enrollment is not there, or no longer.
    """
    async with database.reading() as connection:
        campaign, person, _ = await _visited(connection, key)
    return _zone_of(person, stored_plan(campaign))


async def _visited(connection: AsyncConnection, key: Key) -> tuple[CampaignRow, ContactRow, EnrollmentRow]:
    found = await visited(connection, key)
    if found is None:
        raise UnknownRecord("enrollment", f"{key[0]}/{key[1]}")
    return found


def _zone_of(person: ContactRow, plan: CampaignPlan) -> ZoneInfo:
    return zone_named(person.time_zone or "") or zone_named(plan.time_zone) or ZoneInfo("UTC")


def _fields_of(person: ContactRow) -> dict[str, Any]:
    own = ("first_name", "last_name", "position", "time_zone", "consent_basis")
    return {**person.fields, **{name: getattr(person, name) or "" for name in own}}


async def _latest_approval(connection: AsyncConnection, written: TouchRow | None) -> Any:
    if written is None:
        return None
    asked = await approvals_of(connection, TouchId(written.touch_id))
    return next((row for row in reversed(asked) if row.digest == written.digest and row.state != "edited"), None)


@dataclass(frozen=True, slots=True)
class Commission:
    """A request to a workflow to write a message."""

    assistant_id: str
    """The workflow."""
    input: dict[str, Any]
    """Its input."""


async def commission_of(connection: AsyncConnection, situation: Situation) -> Commission:
    """Return the workflow that writes the present step's message, with its inputs."""
    step, enrolled = situation.step, situation.enrollment
    assert step is not None  # noqa: S101 - decided by `machine.decide`
    campaign_id, contact_id = CampaignId(enrolled.campaign_id), ContactId(enrolled.contact_id)
    person = situation.person
    employer = await company(connection, CompanyId(person.company_id)) if person.company_id else None
    known = {
        "recipient_name": whole_name(person.first_name, person.last_name),
        "recipient_role": person.position,
        "recipient_email": person.email,
        "company_name": employer.name if employer else "",
        "campaign_id": campaign_id,
    }
    fields = situation.plan.fields_of(situation.fields)
    variant = variant_for(situation.plan, campaign_id, contact_id, enrolled.step)
    given = filled_in({**step.input, **(variant.input if variant else {})}, fields)
    sender = await mailbox(connection, sender_of(situation))
    told = {name: value for name, value in fields.items() if value}
    further: dict[str, Any] = {"recipient_fields": told, **_signed_by(sender)}
    taken = control_plane().schemas[step.workflow]["input"].get("properties", {})
    further = {name: value for name, value in further.items() if name in taken}
    return Commission(step.workflow, {**known, **further, **given})


def _signed_by(sender: MailboxRow | None) -> dict[str, str]:
    """Return who signs. A mailbox without a name signs by its address, because nobody signs as nobody."""
    if sender is None:
        return {}
    name = sender.display_name or name_in_address(sender.address)
    return {"sender_name": name, "sender_role": sender.sender_role, "signature": sender.signature}


def sender_of(situation: Situation) -> MailboxId:
    """Return the mailbox of the present step's message: that of the message before, while the plan names it."""
    if situation.sent_from is not None and situation.sent_from in situation.plan.mailboxes:
        return situation.sent_from
    enrolled = situation.enrollment
    return mailbox_for(situation.plan, CampaignId(enrolled.campaign_id), ContactId(enrolled.contact_id))


async def keep_draft(
    database: Database,
    situation: Situation,
    output: Mapping[str, Any],
    *,
    run_id: str,
    langsmith_run_id: str | None,
    now: datetime,
) -> TouchRow:
    """Store a workflow's message in the send ledger.

    Raises:
        NotPermitted: The person must not be written to by now.
        UnknownRecord: The person or the mailbox is not there any more.
        InvalidMessage: No mail can be made of it.
    """
    enrolled = situation.enrollment
    campaign_id, contact_id = CampaignId(enrolled.campaign_id), ContactId(enrolled.contact_id)
    variant = variant_for(situation.plan, campaign_id, contact_id, enrolled.step)
    name = whole_name(situation.fields["first_name"], situation.fields["last_name"])
    draft = Draft(
        campaign_id=campaign_id,
        contact_id=contact_id,
        step=enrolled.step,
        mailbox_id=sender_of(situation),
        subject=filled(output["subject"], name),
        is_reply=situation.step is not None and situation.step.thread == "same",
        text=filled(output.get("text") or output.get("body") or "", name),
        html=filled(output.get("html") or "", name),
        not_before_at=now,
        variant=variant.name if variant else "",
        run_id=run_id,
        langsmith_run_id=langsmith_run_id,
    )
    async with database.writing() as connection:
        return await write_touch(connection, draft, now=now)


async def ask_person(database: Database, situation: Situation, *, now: datetime) -> None:
    """Ask a person whether the present step's message may be sent."""
    assert situation.touch is not None  # noqa: S101 - decided by `machine.decide`
    async with database.writing() as connection:
        expires_at = now + situation.plan.approval_ttl
        await ask_approval(connection, situation.touch, expires_at=expires_at, now=now)


async def advance(database: Database, key: Key, *, step: int, now: datetime) -> None:
    """Go on to the step after this one. A second worker's earlier advance stays as it is."""
    values = {"step": step + 1, "fruitless": 0, "not_before_at": None}
    async with database.writing() as connection:
        await change_enrollment(connection, *key, values, now=now, expected_step=step)


async def put_off(database: Database, key: Key, until_at: datetime, *, now: datetime) -> None:
    """Let the next message wait until the person is back."""
    async with database.writing() as connection:
        await change_enrollment(connection, *key, {"not_before_at": until_at}, now=now)


_ENDS = {"park": "parked", "stop": "stopped", "finish": "finished"}


async def wakes_of(database: Database, key: Key) -> int:
    """Return how often a person was woken until now. A wake during a visit changes the number."""
    async with database.reading() as connection:
        enrolled = await enrollment(connection, *key)
    return enrolled.wakes if enrolled else 0


async def stop(database: Database, key: Key, why: str, *, now: datetime) -> None:
    """Stop a person's way through the campaign, in the middle of a visit."""
    async with database.writing() as connection:
        await change_enrollment(connection, *key, {"state": "stopped", "reason": why}, now=now)


async def park(database: Database, key: Key, why: str, *, now: datetime) -> None:
    """Park a person's enrollment in the middle of a visit."""
    async with database.writing() as connection:
        await change_enrollment(connection, *key, {"state": "parked", "reason": why}, now=now)


async def settle(database: Database, key: Key, decision: NextAct, *, wakes: int, now: datetime) -> None:
    """End the visit as decided: asleep until its moment, parked, stopped, finished, or as it is.

    If the person was woken since the visit began, the decision is dropped. The visit may not have seen the new answer.
    The next visit decides again.
    """
    values: dict[str, Any] = {"fruitless": 0, "updated_at": now, "wake_at": decision.at}
    if decision.act in _ENDS:
        values |= {"state": _ENDS[decision.act], "reason": decision.why, "wake_at": None}
    elif decision.act == "sleep":
        values |= {"reason": decision.why}
    async with database.writing() as connection:
        await end_visit(connection, key, values, wakes=wakes)
    log.info("visit_ended", campaign_id=key[0], contact_id=key[1], act=decision.act)


async def unread_replies(database: Database, contact_id: ContactId) -> list[InboundRow]:
    """Return the unread inbound mails of a person, oldest first."""
    async with database.reading() as connection:
        return [
            row for row in await inbound_of(connection, contact_id) if row.kind in UNREAD and row.reply_class is None
        ]
