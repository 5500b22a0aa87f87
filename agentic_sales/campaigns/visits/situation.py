"""Read the situation of one person in a campaign: all inputs of the next decision, and of the next message."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.people.permission import refusal_of
from agentic_sales.campaigns.plan.plan import CampaignPlan, mailbox_for, variant_for
from agentic_sales.campaigns.plan.versions import plan_at
from agentic_sales.campaigns.plan.windows import zone_named
from agentic_sales.campaigns.sending.touches import digest_of, is_of_other_facts
from agentic_sales.campaigns.visits.machine import Situation
from agentic_sales.contracts import CampaignId, ContactId, MailboxId
from agentic_sales.control import control_plane
from agentic_sales.errors import UnknownRecord
from agentic_sales.rules.fields import filled_in
from agentic_sales.rules.names import name_in_address, whole_name
from agentic_sales.store.campaigns import EnrollmentRow
from agentic_sales.store.companies import CompanyRow
from agentic_sales.store.contacts import ContactRow
from agentic_sales.store.database import Database
from agentic_sales.store.mailboxes import MailboxRow, mailbox
from agentic_sales.store.sends import RowsOfTouch
from agentic_sales.store.touches import SENT, WAITING
from agentic_sales.store.visits import Key, RowsOfVisit, visited


async def situation_of(connection: AsyncConnection, key: Key) -> Situation:
    """Read all inputs of the next decision.

    Raises:
        UnknownRecord: The campaign, the person or the enrollment is not there, or no longer.
    """
    rows = await _visited(connection, key)
    person, enrolled = rows.person, rows.enrollment
    plan = await plan_at(connection, rows.campaign, enrolled.plan_version)
    planned = [row for row in rows.touches if row.answers is None]
    written = next((row for row in planned if row.step == enrolled.step), None)
    sent = [row for row in rows.touches if row.state in SENT and row.step < enrolled.step]
    situation = Situation(
        campaign=rows.campaign,
        plan=plan,
        enrollment=enrolled,
        person=person,
        employer=rows.employer,
        zone=_zone_of(person, plan),
        fields=_fields_of(person),
        refusal=await refusal_of(connection, person),
        touch=written,
        approval=rows.approvals.get(written.touch_id) if written else None,
        sent_at=max((row.sent_at for row in sent if row.sent_at), default=None),
        sent_from=MailboxId(max(sent, key=lambda row: row.step).mailbox_id) if sent else None,
        is_written_ahead=any(row.step > enrolled.step for row in planned),
    )
    if written is None or not written.facts or written.state not in WAITING or situation.step is None:
        return situation
    return replace(situation, facts=(await commission_of(connection, situation)).facts)


async def is_of_others(
    connection: AsyncConnection, rows: RowsOfTouch, *, plan: CampaignPlan, sender: MailboxRow
) -> bool:
    """Tell whether a waiting message of the present step is written from other facts than the present ones.

    It reads no more than it must, because the send door asks it. A sender that the plan still names stays the sender.
    """
    written, enrolled, person = rows.touch, rows.enrollment, rows.person
    if enrolled is None or not written.facts or written.state not in WAITING:
        return False
    if not written.step == enrolled.step < len(plan.steps):
        return False
    asked = _Asked(plan, enrolled, person, rows.employer, _fields_of(person), MailboxId(written.mailbox_id))
    return is_of_other_facts(written, (await commission_of(connection, asked, sender)).facts)


async def zone_of(database: Database, key: Key) -> ZoneInfo:
    """Return a person's time zone, or the campaign's if the person's is not known.

    Raises:
        UnknownRecord: The campaign, the person or the enrollment is not there, or no longer.
    """
    async with database.reading() as connection:
        rows = await _visited(connection, key)
        return _zone_of(rows.person, await plan_at(connection, rows.campaign, rows.enrollment.plan_version))


async def _visited(connection: AsyncConnection, key: Key) -> RowsOfVisit:
    found = await visited(connection, key)
    if found is None:
        raise UnknownRecord("enrollment", f"{key[0]}/{key[1]}")
    return found


def _zone_of(person: ContactRow, plan: CampaignPlan) -> ZoneInfo:
    return zone_named(person.time_zone or "") or zone_named(plan.time_zone) or ZoneInfo("UTC")


def _fields_of(person: ContactRow) -> dict[str, Any]:
    own = ("first_name", "last_name", "position", "time_zone", "consent_basis")
    return {**person.fields, **{name: getattr(person, name) or "" for name in own}}


@dataclass(frozen=True, slots=True)
class Commission:
    """A request to a workflow to write a message."""

    assistant_id: str
    """The workflow."""
    input: dict[str, Any]
    """Its input."""
    facts: str
    """Digest of all that the message is written from. Another digest means another message."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """The part of a situation from which a message is written. Its fields are those of `Situation`."""

    plan: CampaignPlan
    enrollment: EnrollmentRow
    person: ContactRow
    employer: CompanyRow | None
    fields: Mapping[str, Any]
    sent_from: MailboxId | None


async def commission_of(
    connection: AsyncConnection, situation: Situation | _Asked, mailbox_read: MailboxRow | None = None
) -> Commission:
    """Return the workflow that writes the present step's message, with its inputs.

    Args:
        connection: Of the caller's transaction.
        situation: From what it is written.
        mailbox_read: A mailbox that the transaction has read already. It is read again if another one is the sender.
    """
    enrolled = situation.enrollment
    step = situation.plan.steps[enrolled.step]
    campaign_id, contact_id = CampaignId(enrolled.campaign_id), ContactId(enrolled.contact_id)
    person = situation.person
    known = {
        "recipient_name": whole_name(person.first_name, person.last_name),
        "recipient_role": person.position,
        "recipient_email": person.email,
        "company_name": situation.employer.name if situation.employer else "",
        "campaign_id": campaign_id,
    }
    fields = situation.plan.fields_of(situation.fields)
    variant = variant_for(situation.plan, campaign_id, contact_id, enrolled.step)
    given = filled_in({**step.input, **(variant.input if variant else {})}, fields)
    sent_from = sender_of(situation)
    is_read = mailbox_read is not None and mailbox_read.mailbox_id == sent_from
    sender = mailbox_read if is_read else await mailbox(connection, sent_from)
    told = {name: value for name, value in fields.items() if value}
    further: dict[str, Any] = {"recipient_fields": told, **signed_by(sender)}
    schema = control_plane().schemas.get(step.workflow, {"input": {}})
    taken = schema["input"].get("properties", {})
    further = {name: value for name, value in further.items() if name in taken}
    asked = {**known, **further, **given}
    away_until_at = enrolled.not_before_at.isoformat() if enrolled.not_before_at else ""
    written = json.dumps(asked, sort_keys=True, ensure_ascii=False, default=str)
    return Commission(
        step.workflow,
        asked,
        digest_of(step.workflow, written, step.thread, str(enrolled.step), sent_from, away_until_at),
    )


def signed_by(sender: MailboxRow | None) -> dict[str, str]:
    """Return who signs. A mailbox without a name signs by its address, because nobody signs as nobody."""
    if sender is None:
        return {}
    name = sender.display_name or name_in_address(sender.address)
    return {"sender_name": name, "sender_role": sender.sender_role, "signature": sender.signature}


def sender_of(situation: Situation | _Asked) -> MailboxId:
    """Return the mailbox of the present step's message: that of the message before, while the plan names it."""
    if situation.sent_from is not None and situation.sent_from in situation.plan.mailboxes:
        return situation.sent_from
    enrolled = situation.enrollment
    return mailbox_for(situation.plan, CampaignId(enrolled.campaign_id), ContactId(enrolled.contact_id))
