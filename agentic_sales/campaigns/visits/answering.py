"""Answer the replies of one person: draft the answer, ask a person about it, and send it once that person agreed.

A reply ends the sequence, so its answer is no step of it. It is a message of the send ledger all the same: one for each
reply, approved, edited or rejected as every other one, and sent by the send door in the thread of the reply. Only the
newest reply is answered, and only for some days. A later reply ends an answer that waits.
"""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.answers.calendars import busy_spans, calendar_of
from agentic_sales.campaigns.answers.free_times import AHEAD, Hours, free_times
from agentic_sales.campaigns.plan.plan import Answers
from agentic_sales.campaigns.plan.windows import SendWindow, zone_named
from agentic_sales.campaigns.sending.approval import ask_approval
from agentic_sales.campaigns.sending.touches import Draft, answer_key, write_answer
from agentic_sales.campaigns.visits import clock, surroundings
from agentic_sales.campaigns.visits.machine import Situation
from agentic_sales.campaigns.visits.situation import signed_by, situation_of
from agentic_sales.contracts import CampaignId, ContactId, MailboxId, TouchId
from agentic_sales.errors import ConfigurationError, InvalidMessage, NotPermitted, ProviderUnavailable, UnknownRecord
from agentic_sales.rules.languages import language_of
from agentic_sales.rules.names import whole_name
from agentic_sales.rules.time_offers import offer
from agentic_sales.runs.subruns import run_assistant
from agentic_sales.settings import Settings, settings
from agentic_sales.store.approvals import is_approved
from agentic_sales.store.campaigns import campaign
from agentic_sales.store.database import Database
from agentic_sales.store.inbound import InboundRow, inbound_of
from agentic_sales.store.mailboxes import MailboxRow, mailbox
from agentic_sales.store.touches import WAITING, TouchRow, touch, touches
from agentic_sales.store.visits import Key

WRITER = "email_reply"
"""The workflow that writes answers."""
INSTRUCTIONS = {
    "interested": "Answer what they ask from the facts alone. Propose one next step.",
    "not_now": "Thank them, accept that it is not the time, and ask for nothing. Say that they can write at any time.",
}
"""Class of a reply that is answered, to what its answer does. A question about the offer has the class `interested`."""
LOOK_AGAIN_AT_PAUSED = timedelta(hours=1)
"""Interval of further looks at an agreed answer of a paused campaign."""
ANSWERED_WITHIN = timedelta(days=14)
"""How long a reply may lie, and an answer wait for a word. A later answer would be a surprise."""

log = structlog.get_logger()


async def take_on(database: Database, key: Key) -> str | None:
    """Take the answers to a person's replies on: draft what is missing, send what a person agreed to.

    Returns:
        When an agreed answer may be sent, as ISO 8601. None if none waits for time.
    """
    async with database.reading() as connection:
        found = await campaign(connection, key[0])
    if found is None or found.plan.get("answers") is None:
        return None
    try:
        await _draft(database, key)
    except UnknownRecord:  # The person was forgotten.
        return None
    async with database.reading() as connection:
        theirs = await touches(connection, campaign_id=key[0], contact_id=key[1], states=WAITING)
        agreed = [
            TouchId(row.touch_id)
            for row in theirs
            if row.answers is not None and await is_approved(connection, TouchId(row.touch_id), row.digest)
        ]
    if not agreed:
        return None
    if found.state == "paused":
        return (clock.now() + LOOK_AGAIN_AT_PAUSED).isoformat()
    async with surroundings.open_door(database) as door:
        rows = [await door.send(touch_id, now=clock.now()) for touch_id in agreed]
    return min((row.not_before_at.isoformat() for row in rows if row.state in WAITING), default=None)


async def _draft(database: Database, key: Key) -> None:
    async with database.reading() as connection:
        situation = await situation_of(connection, key)
        if situation.plan.answers is None or situation.campaign.state == "stopped":
            return
        found = await _unanswered(connection, key)
        if found is None:
            return
        reply, answered = found
        sender = await mailbox(connection, MailboxId(answered.mailbox_id))
    times = ""
    if reply.reply_class == "interested":
        language = language_of(reply.text) or language_of(answered.text)
        times = await offered(settings(), sender, situation, clock.now(), language)
    link = situation.plan.answers.booking_url or ("" if times or sender is None else sender.booking_link)
    asked = _asked_of(reply, answered, situation, situation.plan.answers, times=times, link=link)
    written = await run_assistant(WRITER, {**asked, **_signature(sender)})
    if written.output.get("skip_reason"):  # It may be an opt-out, which a person reads.
        return
    draft = _draft_of(reply, answered, written.output, run_id=written.record.run_id)
    now = clock.now()
    try:
        async with database.writing() as connection:
            row = await write_answer(connection, draft, reply, now=now)
            await ask_approval(connection, row, expires_at=now + ANSWERED_WITHIN, now=now)
    except (NotPermitted, InvalidMessage):  # The person opted out meanwhile, or no mail can be made of the words.
        return


async def _unanswered(connection: AsyncConnection, key: Key) -> tuple[InboundRow, TouchRow] | None:
    """Return the newest reply to the campaign with the message that it replies to, if it is to be answered."""
    replies = [row for row in await inbound_of(connection, key[1]) if row.kind == "reply" and row.touch_id]
    newest = replies[-1] if replies else None
    if newest is None or newest.reply_class not in INSTRUCTIONS:
        return None
    if clock.now() - newest.received_at > ANSWERED_WITHIN or await touch(connection, answer_key(newest.event_id)):
        return None
    answered = await touch(connection, TouchId(newest.touch_id or ""))
    return (newest, answered) if answered is not None and answered.campaign_id == key[0] else None


async def offered(
    configuration: Settings, sender: MailboxRow | None, situation: Situation, now: datetime, language: str
) -> str:
    """Return free times of a mailbox's owner as a sentence of a language.

    Empty without a calendar, or if it cannot be read now.
    """
    if sender is None:
        return ""
    zone = zone_named(sender.time_zone) or ZoneInfo("UTC")
    window = SendWindow.model_validate(sender.window) if sender.window else situation.plan.window
    try:
        if not (place := calendar_of(configuration, MailboxId(sender.mailbox_id))):
            return ""
        busy = await busy_spans(place, begins_at=now, ends_at=now + AHEAD, zone=zone)
    except (ProviderUnavailable, ConfigurationError) as exc:  # An answer without times is better than none.
        log.warning("calendar_not_read", mailbox_id=sender.mailbox_id, reason=str(exc))
        return ""
    theirs = Hours(situation.plan.window, situation.zone)
    return offer(free_times(busy, ours=Hours(window, zone), theirs=theirs, now=now), situation.zone, language)


def _asked_of(
    reply: InboundRow, answered: TouchRow, situation: Situation, how: Answers, *, times: str, link: str
) -> dict[str, Any]:
    """Return the input of the writer: the reply above the message that it replies to, as a mail program shows them."""
    quoted = "\n".join(f"> {line}" for line in answered.text.splitlines())
    person = situation.person
    is_booked = bool(link) and reply.reply_class == "interested"
    instructions = f"{INSTRUCTIONS[reply.reply_class or '']} {how.instructions}".strip()
    return {
        "original_email": f"Subject: {reply.subject}\n\n{reply.text}\n\n{quoted}"[:50_000],
        "sender": f"{whole_name(person.first_name, person.last_name)} <{person.email}>".strip()[:300],
        "instructions": instructions[:4_000],
        "tone": how.tone,
        "additional_details": f"{how.facts} {times}".strip()[:10_000],
        "include_calendly": is_booked,
        "calendly_url": link if is_booked else "",
    }


def _signature(sender: MailboxRow | None) -> dict[str, str]:
    signed = signed_by(sender)
    return {name: signed[name] for name in ("sender_name", "signature") if name in signed}


def _draft_of(reply: InboundRow, answered: TouchRow, output: dict[str, Any], *, run_id: str) -> Draft:
    return Draft(
        campaign_id=CampaignId(answered.campaign_id),
        contact_id=ContactId(answered.contact_id),
        step=answered.step,
        mailbox_id=MailboxId(answered.mailbox_id),
        subject=output["subject"],
        text=output["body"],
        not_before_at=reply.received_at,
        run_id=run_id,
    )
