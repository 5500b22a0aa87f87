"""Apply the consequences of the class that `classify_reply` gives an answer."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from agentic_sales.campaigns.answers.suggestions import suggest
from agentic_sales.campaigns.outcomes.learning import learn
from agentic_sales.campaigns.people.stops import stop_person
from agentic_sales.campaigns.plan.windows import instant
from agentic_sales.campaigns.webhooks.events import announce, ids_of
from agentic_sales.contracts import ContactId, StopReason, TouchId
from agentic_sales.store.contacts import contact, locked_contact
from agentic_sales.store.database import Database
from agentic_sales.store.inbound import MAYBE_UNSUBSCRIBE, InboundRow, classify_inbound
from agentic_sales.store.touches import note_outcome, touch

CONSEQUENCES: dict[str, StopReason] = {
    "unsubscribe": "unsubscribed",
    "bounced": "bounced",
    "interested": "replied",
    "not_now": "replied",
    "not_interested": "replied",
    "other": "replied",
    MAYBE_UNSUBSCRIBE: "replied",
}
"""Class of an answer to the stop's reason. An absence note is no answer, so the sequence goes on after it."""
OF_MACHINES = frozenset({"unsubscribe", "bounced"})
"""Classes that also stop after a machine's mail. The mailbox of a person that has left stops as well, see `is_gone`."""
AWAY = timedelta(days=3)
"""Length of an absence if the note names no day."""
LONGEST_AWAY = timedelta(days=366)
"""Longest absence that is believed. A stranger's `until 9999-12-31` would end beyond the calendar."""


def asked_of(reply: InboundRow) -> dict[str, Any]:
    """Return the input with which `classify_reply` is asked about an answer."""
    return {
        "subject": reply.subject[:1000],
        "body": reply.text[:200_000] or "(empty)",
        "is_automatic": reply.kind == "auto_reply",
        "received_on": reply.received_at.date().isoformat(),
    }


def class_of(reply: InboundRow, told: dict[str, Any]) -> str:
    """Return the class of an answer as a campaign keeps it."""
    is_unclear = told.get("is_doubtful") and reply.kind == "reply" and told["reply_class"] not in OF_MACHINES
    return MAYBE_UNSUBSCRIBE if is_unclear else str(told["reply_class"])


async def note_class(
    database: Database,
    reply: InboundRow,
    contact_id: ContactId,
    told: dict[str, Any],
    *,
    zone: ZoneInfo,
    now: datetime,
) -> datetime | None:
    """Store the meaning of an answer, and apply its stop, in one transaction.

    Args:
        database: Where the campaigns are.
        reply: The answer.
        contact_id: The answer's person.
        told: The output of `classify_reply`.
        zone: The person's time zone. In it begins the day on which the person is back.
        now: The present.

    Returns:
        Until when the person is away. None if the answer tells of no absence.
    """
    reply_class = class_of(reply, told)
    reason = CONSEQUENCES.get(reply_class)
    async with database.writing() as connection:
        person = await contact(connection, contact_id)
        if person is not None:  # First, as every transaction does, and the erasure of a person too.
            await locked_contact(connection, person.email_hash)
        if not await classify_inbound(connection, reply.event_id, reply_class):
            return None  # A person has read it meanwhile, or it was forgotten.
        written = None if reply.touch_id is None else await touch(connection, TouchId(reply.touch_id))
        read = {**ids_of(reply, written), "contact_id": contact_id, "reply_class": reply_class, "kind": reply.kind}
        await announce(connection, "reply.classified", f"{reply.event_id}:{reply_class}", read, now=now)
        if reply.touch_id is not None:
            await learn(connection, TouchId(reply.touch_id), reply_class, now=now)
        if person is not None:
            is_gone = bool(told.get("is_gone"))
            await suggest(connection, reply, person, reply_class, is_gone=is_gone, now=now)
        is_end = reply.kind == "reply" or reply_class in OF_MACHINES or bool(told.get("is_gone"))
        if person is not None and reason is not None and is_end:
            await stop_person(connection, person.email_hash, reason, source=reply.event_id, now=now)
            if reply.touch_id is not None:
                outcome = {"outcome": reason, "outcome_at": reply.received_at}
                await note_outcome(connection, TouchId(reply.touch_id), outcome, now=now)
    return _back_at(told.get("until"), reply, zone) if reply_class == "out_of_office" else None


def _back_at(until: str | None, reply: InboundRow, zone: ZoneInfo) -> datetime:
    if until is None:
        return reply.received_at + AWAY
    last = reply.received_at.date() + LONGEST_AWAY
    return instant(min(date.fromisoformat(until), last), time(), zone)
