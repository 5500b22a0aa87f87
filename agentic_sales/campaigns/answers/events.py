"""Act once on each inbound event. Find the touch, keep the event, and stop mail to the person where it says so."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.answers.inbound import Inbound, Kind
from agentic_sales.campaigns.outcomes import guardrail
from agentic_sales.campaigns.outcomes.learning import learn
from agentic_sales.campaigns.people.addresses import email_hash, normalized
from agentic_sales.campaigns.people.stops import stop_person
from agentic_sales.campaigns.webhooks.events import announce_bounced, announce_sent
from agentic_sales.contracts import CampaignId, ContactId, StopReason, TouchId, TouchState
from agentic_sales.errors import InvalidAddress
from agentic_sales.rules.conversations import answered_subject, firm_domain
from agentic_sales.store.campaigns import go_on, locked_campaign
from agentic_sales.store.contacts import ContactRow, contact, contact_by_hash, locked_contact
from agentic_sales.store.inbound import add_inbound
from agentic_sales.store.touches import (
    SENT,
    UNKNOWN,
    TouchRow,
    note_outcome,
    resolve,
    sent_to_domain,
    touch,
    touch_of_message,
    touches,
)
from agentic_sales.store.visits import wake

STOPS: Mapping[Kind, StopReason] = {
    "reply": "replied",
    "bounced": "bounced",
    "complained": "complained",
    "unsubscribed": "unsubscribed",
    "suppressed": "suppressed",
}
"""Kinds of event that end every message to a person, each with the ledger's reason."""
REPORTED = frozenset({"bounced", "complained"})
"""Kinds that a mail may report about an address other than its sender's."""
ANSWERS = frozenset({"reply", "auto_reply"})
ANSWERED_WITHIN = timedelta(days=90)
"""How old a message may be that an answer without references is to."""
MOST_SEARCHED = 1_000
NEVER_LEFT: Mapping[Kind, TouchState] = {"failed": "failed", "suppressed": "suppressed"}
"""Kinds by which the provider took a message and did not send it, each with the message's state then."""

Recorded = Literal["recorded", "known", "ignored"]
"""The result for an event. `ignored` means that no campaign wrote to the person that it is from or about."""

log = structlog.get_logger()


async def record(connection: AsyncConnection, event: Inbound, *, now: datetime) -> Recorded:
    """Keep an event and act on it, in the transaction of the caller. A second call changes nothing."""
    found = await _touch(connection, event)
    person = await _person(connection, event, found)
    if found is None and person is None:
        return "ignored"
    values = {
        "source": event.source,
        "kind": event.kind,
        "touch_id": None if found is None else found.touch_id,
        "contact_id": None if person is None else person.contact_id,
        "answer_to": "" if found is None or person is None else _answer_to(event, person),
        "message_id": event.message_id,
        "subject": event.subject,
        "text": event.text,
        "received_at": event.received_at,
    }
    if person is not None:  # Before the touches, as every transaction does.
        await locked_contact(connection, person.email_hash)
    watched = CampaignId(found.campaign_id) if found is not None and event.kind in guardrail.OUTCOMES else None
    if watched is not None:
        await locked_campaign(connection, watched)
    if not await add_inbound(connection, event.event_id, values, now=now):
        return "known"
    if found is not None:
        await _note(connection, found, event, now)
    if event.kind in STOPS and person is not None and (found is not None or _needs_no_message(event)):
        await stop_person(connection, person.email_hash, STOPS[event.kind], source=event.event_id, now=now)
    if found is not None and event.kind in ANSWERS:  # a visit reads it, also where every message was sent before
        campaign_id, contact_id = CampaignId(found.campaign_id), ContactId(found.contact_id)
        await wake(connection, now=now, campaign_id=campaign_id, contact_id=contact_id, states=("finished",))
    if watched is not None:
        await guardrail.pause_if_harmful(connection, watched, now=now)
    log.info("event_recorded", kind=event.kind, source=event.source, touch_id=values["touch_id"])
    return "recorded"


async def unsubscribe(
    connection: AsyncConnection, campaign_id: CampaignId, contact_id: ContactId, *, now: datetime
) -> Recorded:
    """Act on a person's wish to hear nothing more, from the link of any message of a campaign."""
    written = await touches(connection, campaign_id=campaign_id, contact_id=contact_id, states=("sent", *UNKNOWN))
    latest = max(written, key=lambda row: row.step, default=None)
    person = await contact(connection, contact_id)
    event = Inbound(
        event_id=f"unsubscribe:{campaign_id}:{contact_id}",
        source="link",
        kind="unsubscribed",
        received_at=now,
        touch_id=None if latest is None else TouchId(latest.touch_id),
        address="" if person is None else person.email,
    )
    return await record(connection, event, now=now)


async def _touch(connection: AsyncConnection, event: Inbound) -> TouchRow | None:
    named = None if event.touch_id is None else await touch(connection, event.touch_id)
    return (
        named
        or await touch_of_message(connection, message_ids=event.about_ids, provider_id=event.provider_id)
        or await _answered_by_alias(connection, event)
    )


async def _answered_by_alias(connection: AsyncConnection, event: Inbound) -> TouchRow | None:
    """Return the message that an answer without references is to, from another address of the recipient's firm.

    Its subject and domain must fit the messages to one person alone. The sender must not be a known person.
    """
    subject, domain = answered_subject(event.subject), firm_domain(event.address)
    if event.kind not in ANSWERS or not subject or not domain or await _known_person(connection, event) is not None:
        return None
    since = event.received_at - ANSWERED_WITHIN
    sent = await sent_to_domain(connection, domain, since=since, limit=MOST_SEARCHED)
    fitting = [row for row in sent if " ".join(row.subject.split()).casefold() == subject]
    return fitting[0] if len({row.contact_id for row in fitting}) == 1 else None


async def _known_person(connection: AsyncConnection, event: Inbound) -> ContactRow | None:
    try:
        return await contact_by_hash(connection, email_hash(event.address))
    except InvalidAddress:
        return None


async def _person(connection: AsyncConnection, event: Inbound, found: TouchRow | None) -> ContactRow | None:
    """Return the person of an event. It is the touch's recipient, or the sender of a reply that names no message."""
    if found is not None:
        return await contact(connection, ContactId(found.contact_id))
    return await _known_person(connection, event)


def _answer_to(event: Inbound, person: ContactRow) -> str:
    """Return the address that wants the answer to a reply in a known thread. Empty if it is the person's own."""
    if event.kind != "reply":
        return ""
    try:
        wanted = normalized(event.reply_to or event.address)
    except InvalidAddress:
        return ""
    return "" if email_hash(wanted) == person.email_hash else wanted


def _needs_no_message(event: Inbound) -> bool:
    """Tell whether an event is believed that names only an address and no message of ours.

    Anybody can mail a bounce or a complaint about somebody else. Such a mail must know a `Message-ID` that only the
    recipient and the servers on the way have seen. It is kept all the same, for people to look at.
    """
    return event.is_signed or event.kind not in REPORTED


async def _note(connection: AsyncConnection, found: TouchRow, event: Inbound, now: datetime) -> None:
    """Write the result on the touch. An answer to a message proves that it was sent."""
    touch_id = TouchId(found.touch_id)
    state: TouchState = NEVER_LEFT.get(event.kind, "sent")
    expected = UNKNOWN if state == "sent" else (*UNKNOWN, *SENT)
    detail = f"proved by {event.event_id}" if state == "sent" else f"{event.source}: {event.text or event.kind}"
    resolved = await resolve(connection, touch_id, state, expected=expected, by=event.event_id, detail=detail, now=now)
    if resolved is not None:
        if resolved.state == "sent":
            await announce_sent(connection, resolved, now=now)
        await go_on(connection, CampaignId(found.campaign_id), ContactId(found.contact_id), now=now)
    await learn(connection, touch_id, event.kind, now=now)
    if event.kind == "bounced":
        await announce_bounced(connection, found, now=now)
    values: dict[str, Any] = {}
    if event.kind == "delivered":
        values["delivered_at"] = event.received_at
    if event.kind in STOPS:
        values |= {"outcome": STOPS[event.kind], "outcome_at": event.received_at}
    if event.provider_id and not found.provider_id:
        values["provider_id"] = event.provider_id
    if values:
        await note_outcome(connection, touch_id, values, now=now)
