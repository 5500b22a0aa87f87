"""Correct the class of an answer that was read wrongly. The consequences follow in the same transaction.

A person's word outranks a workflow's. A class that ends the sequence stops mail to the person everywhere. A class that
does not end it takes back what this answer alone had caused: its entries on the list of suppressions, and the ends of
the person's campaigns. Drafts that go on are written and asked about again. A drafted answer that waits is withdrawn,
since it answers the wrong class.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, get_args

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.answers.events import STOPS
from agentic_sales.campaigns.answers.replies import AWAY, CONSEQUENCES
from agentic_sales.campaigns.answers.suggestions import suggest
from agentic_sales.campaigns.outcomes.learning import learn
from agentic_sales.campaigns.people.stops import stop_person
from agentic_sales.campaigns.plan.desk import VISITED, named
from agentic_sales.campaigns.plan.windows import instant, zone_named
from agentic_sales.campaigns.sending.touches import answer_key, touch_key
from agentic_sales.campaigns.webhooks.events import announce, ids_of
from agentic_sales.contracts import CampaignId, ContactId, StopReason, TouchId
from agentic_sales.errors import InvalidRequest, StateConflict
from agentic_sales.rules.replies import ReplyClass
from agentic_sales.store.audit import note_act
from agentic_sales.store.campaigns import (
    EnrollmentRow,
    change_enrollment,
    locked_campaign,
    move_campaign,
    place_enrollment,
    stopped_since,
)
from agentic_sales.store.contacts import ContactRow, contact, locked_contact
from agentic_sales.store.database import Database
from agentic_sales.store.inbound import InboundRow, correct_inbound, inbound, inbound_of
from agentic_sales.store.statements import known
from agentic_sales.store.suppressions import lift, suppressions_of
from agentic_sales.store.touches import note_outcome, renew, suppress_touch, touch

CLASSES: tuple[str, ...] = get_args(ReplyClass)
"""Classes that a person can give."""
GOES_ON = "out_of_office"
"""The class after which the sequence goes on."""
ANSWERS = frozenset({"reply", "auto_reply"})

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Reclassified:
    """What followed from a corrected class."""

    event_id: str
    """The answer."""
    before: str | None
    """Its class before. None if it had none."""
    reply_class: str
    """Its class now."""
    stopped: tuple[str, ...]
    """Campaigns in which the person was on the way and is stopped."""
    lifted: tuple[str, ...]
    """Reasons of the suppressions that this answer had caused, and that are taken back."""
    resumed: tuple[str, ...]
    """Campaigns in which the person goes on."""
    still_stopped_by: tuple[str, ...]
    """Reasons that still keep mail away from the person."""


async def reclassify(
    database: Database,
    event_id: str,
    reply_class: str,
    *,
    by: str,
    now: datetime,
    until: date | None = None,
    note: str = "",
) -> Reclassified:
    """Give an answer another class, and draw the consequences.

    Args:
        database: Where the answers are.
        event_id: The answer.
        reply_class: One of `CLASSES`.
        by: Name of the person that has read it.
        now: The present.
        until: Of an absence: the day on which the person is back. None: three days after the answer.
        note: Why, in words.

    Raises:
        UnknownRecord: There is no such answer, or its person was forgotten.
        InvalidRequest: There is no such class, nobody is named, or `until` is given for no absence.
        StateConflict: The event is no answer, or it has this class already.
    """
    name = named(by)
    if reply_class not in CLASSES:
        raise InvalidRequest(f"`{reply_class}` is no class of answers; there are {', '.join(CLASSES)}")
    if until is not None and reply_class != GOES_ON:
        raise InvalidRequest(f"`until` (--until) is the end of an absence, and `{reply_class}` is none")
    async with database.writing() as connection:
        reply = known(await inbound(connection, event_id), "answer", event_id)
        person = known(await contact(connection, ContactId(reply.contact_id or "")), "person of answer", event_id)
        await locked_contact(connection, person.email_hash)  # First, as every transaction does.
        reply = known(await inbound(connection, event_id), "answer", event_id)
        _check(reply, reply_class)
        done = await _consequences(connection, reply, person, reply_class, until=until, by=name, now=now)
        told: dict[str, Any] = {"event_id": event_id, "before": reply.reply_class, "reply_class": reply_class}
        told |= {"stopped": list(done.stopped), "lifted": list(done.lifted), "resumed": list(done.resumed)}
        about = None if reply.touch_id is None else await touch(connection, TouchId(reply.touch_id))
        read = {**ids_of(reply, about), "reply_class": reply_class, "kind": _kind_of(reply_class)}
        await announce(connection, "reply.classified", f"{event_id}:{reply_class}:{now.isoformat()}", read, now=now)
        campaign_id = None if about is None else CampaignId(about.campaign_id)
        whom: Any = {"campaign_id": campaign_id, "contact_id": ContactId(person.contact_id)}
        await note_act(connection, "reclassify", by=name, note=note, told=told, now=now, **whom)
    log.info("answer_reclassified", event_id=event_id, before=done.before, reply_class=reply_class)
    return done


def _kind_of(reply_class: str) -> str:
    """Tell whether a person (`reply`) or a machine (`auto_reply`) writes answers of a class."""
    return "reply" if CONSEQUENCES.get(reply_class) in {"replied", "unsubscribed"} else "auto_reply"


def _check(reply: InboundRow, reply_class: str) -> None:
    if reply.kind not in ANSWERS:
        raise StateConflict("answer", reply.event_id, f"it is no answer, but `{reply.kind}`")
    if reply.reply_class == reply_class:
        raise StateConflict("answer", reply.event_id, f"it is `{reply_class}` already")


async def _consequences(
    connection: AsyncConnection,
    reply: InboundRow,
    person: ContactRow,
    reply_class: str,
    *,
    until: date | None,
    by: str,
    now: datetime,
) -> Reclassified:
    reason = CONSEQUENCES.get(reply_class)
    await correct_inbound(connection, reply.event_id, reply_class, kind=_kind_of(reply_class))
    withdrawn = f"{by} read the reply as `{reply_class}`"
    await suppress_touch(connection, answer_key(reply.event_id), detail=withdrawn, now=now)
    await suggest(connection, reply, person, reply_class, now=now)
    keeps = {reason} if reason is not None else set[str]()
    if reason == "unsubscribed" and reply.kind == "reply":
        keeps.add("replied")
    lifted = await _take_back(connection, reply, person, keeps, by=by, now=now)
    stopped: tuple[str, ...] = ()
    if reason is not None:
        source = f"{by}, who read {reply.event_id}"
        stopped = (await stop_person(connection, person.email_hash, reason, source=source, now=now)).campaigns
    if reply.touch_id is not None:
        outcome = {"outcome": reason, "outcome_at": reply.received_at if reason else None}
        await note_outcome(connection, TouchId(reply.touch_id), outcome, now=now)
        await learn(connection, TouchId(reply.touch_id), reply_class, now=now)
    left = tuple(row.reason for row in await suppressions_of(connection, person.email_hash))
    resumed: tuple[str, ...] = ()
    if lifted and not left:
        resumed = await _resume(connection, reply, person, lifted, until=until, now=now)
    return Reclassified(reply.event_id, reply.reply_class, reply_class, stopped, lifted, resumed, left)


async def _take_back(
    connection: AsyncConnection,
    reply: InboundRow,
    person: ContactRow,
    keeps: Collection[str],
    *,
    by: str,
    now: datetime,
) -> tuple[str, ...]:
    """Lift the suppressions that this answer alone had caused. One that another event also causes stays."""
    others = await inbound_of(connection, ContactId(person.contact_id))
    caused = {found for row in others if row.event_id != reply.event_id and (found := _reason_of(row))}
    why = f"the answer {reply.event_id} was read wrongly"
    lifted = []
    for row in await suppressions_of(connection, person.email_hash):
        is_of_it = row.source == reply.event_id or row.source.endswith(f", who read {reply.event_id}")
        if is_of_it and row.reason not in keeps and row.reason not in caused:
            await lift(connection, row, by=by, why=why, now=now)
            lifted.append(row.reason)
    return tuple(lifted)


def _reason_of(row: InboundRow) -> StopReason | None:
    """Return why an event stops mail to its person. None if it does not."""
    if row.kind == "auto_reply" or (row.kind == "reply" and row.reply_class is not None):
        found = CONSEQUENCES.get(row.reply_class or "")
        return found if row.kind == "reply" or found in {"unsubscribed", "bounced"} else None
    return STOPS.get(row.kind)  # type: ignore[call-overload, no-any-return]  # a kind is a text in its row


async def _resume(
    connection: AsyncConnection,
    reply: InboundRow,
    person: ContactRow,
    lifted: Collection[str],
    *,
    until: date | None,
    now: datetime,
) -> tuple[str, ...]:
    """Let the person go on where this answer had ended the way. A campaign that was stopped stays so."""
    contact_id = ContactId(person.contact_id)
    resumed = []
    for enrolled in await stopped_since(connection, contact_id, lifted, since=reply.created_at):
        campaign_id = CampaignId(enrolled.campaign_id)
        campaign = await locked_campaign(connection, campaign_id)
        if campaign is None or campaign.state == "stopped":
            continue
        await _go_on(connection, enrolled, campaign_id, contact_id, is_visited=campaign.state in VISITED, now=now)
        back_at = _back_at(reply, person, until)
        await change_enrollment(connection, campaign_id, contact_id, {"not_before_at": back_at}, now=now)
        resumed.append(enrolled.campaign_id)
    return tuple(resumed)


async def _go_on(
    connection: AsyncConnection,
    enrolled: EnrollmentRow,
    campaign_id: CampaignId,
    contact_id: ContactId,
    *,
    is_visited: bool,
    now: datetime,
) -> None:
    await renew(connection, touch_key(campaign_id, contact_id, enrolled.step), now=now)
    await move_campaign(connection, campaign_id, expected=("finished",), to="running", now=now)
    await place_enrollment(connection, enrolled, {}, is_visited=is_visited, now=now)


def _back_at(reply: InboundRow, person: ContactRow, until: date | None) -> datetime:
    zone = zone_named(person.time_zone or "UTC")
    return reply.received_at + AWAY if until is None or zone is None else instant(until, time(), zone)
