"""Send messages: the one place from which mail leaves. Each leaves at most once, even if a process dies on the way.

    pending ──▶ dispatching ──▶ sent ──▶ failed | suppressed, by the provider's word
       ▲  │          │────────▶ failed
       │  ▼          │────────▶ ambiguous ──▶ sent | failed, by a person or the provider's word
    deferred ◀───────┘
    pending, deferred ──▶ suppressed

One transaction takes a touch with a turn of its mailbox. Only then anything goes over a line. A touch that was taken
and not finished may have been sent. It becomes ambiguous and is never sent again by itself.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales import effects
from agentic_sales.campaigns.outcomes.guardrail import pause_if_harmful
from agentic_sales.campaigns.outcomes.learning import learn
from agentic_sales.campaigns.people.addresses import email_hash
from agentic_sales.campaigns.people.permission import refusal_of
from agentic_sales.campaigns.people.stops import stop_person
from agentic_sales.campaigns.plan.versions import plan_at
from agentic_sales.campaigns.sending.caps import MailboxTurn, free_turn, next_turn, pace_of, turn_after
from agentic_sales.campaigns.sending.decision import LOOK_AGAIN, LOOK_AGAIN_AT_MAILBOX, Facts, SendVerdict, decide
from agentic_sales.campaigns.sending.links import Links
from agentic_sales.campaigns.sending.messages import build_message
from agentic_sales.campaigns.sending.touches import known_touch
from agentic_sales.campaigns.sending.transports.contract import Handover, MailTransport
from agentic_sales.campaigns.visits.situation import is_of_others
from agentic_sales.campaigns.webhooks.events import announce_bounced, announce_sent
from agentic_sales.contracts import CampaignId, ContactId, MailboxId, TouchId, TouchState
from agentic_sales.errors import ConfigurationError, InvalidMessage, LoginRefused, StateConflict, UnknownRecord
from agentic_sales.observability.metrics import SENDS
from agentic_sales.runs.purse import count
from agentic_sales.store.campaigns import CampaignRow, go_on, locked_campaign
from agentic_sales.store.contacts import ContactRow, locked_contact
from agentic_sales.store.database import Database
from agentic_sales.store.mailboxes import LET_SEND, MailboxRow, change_mailbox
from agentic_sales.store.sends import RowsOfTouch, campaign_of, rows_of, sender_of
from agentic_sales.store.statements import known
from agentic_sales.store.suppressions import suppressions_of
from agentic_sales.store.touches import (
    IN_DOUBT,
    TAKEN,
    WAITING,
    TouchRow,
    dispatch,
    expire_leases,
    finish,
    held_turns,
    hold,
    note_outcome,
    suppress_touch,
    waiting_ahead,
)
from agentic_sales.store.touches import resolve as resolve_touch

LEASE = timedelta(minutes=10)
"""How long a try may take. It is more than all time limits of the slowest transport together."""
RETRY_AFTER = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 45, 135, 360))
"""Back-off between the retries of a message that the other side did not want now. After the last one it has failed.

A failure that would hit every message is retried for ever. A wrong password must not cost a campaign its people.
"""
TRIAL = timedelta(minutes=1)
"""How long the others wait while one message tries whether the server lets its mailbox send again."""
LOST = "its sender died or lost its way: nobody knows whether it was sent"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Forecast:
    """When a touch will go, and why not now."""

    state: str
    """Where it stands."""
    at: datetime | None
    """When it will go, or went. None if never, or if a person decides."""
    why: tuple[str, ...]
    """Why not now, for people. Empty if it can go now."""


OwnWay = Callable[[MailboxRow, MailTransport], AbstractAsyncContextManager[MailTransport]]
"""Opens the way of one mailbox, which is the deployment's transport where the mailbox has none of its own."""


class Door:
    """The door, for one event loop.

    Args:
        database: Where the messages are.
        transport: The deployment's transport.
        links: Makes the links to unsubscribe.
        own_way: Opens the own way of a mailbox. None: all mail takes the deployment's, as in a rehearsal.
    """

    def __init__(
        self, database: Database, transport: MailTransport, links: Links, *, own_way: OwnWay | None = None
    ) -> None:
        self._database = database
        self._transport = transport
        self._links = links
        self._own_way = own_way

    async def send(self, touch_id: TouchId, *, now: datetime) -> TouchRow:
        """Send a touch if it may be sent now. Return it afterwards, with the result in its state and detail.

        A caller may call again. A touch that was sent, or may have been sent, stays as it is.

        Raises:
            UnknownRecord: There is no such touch.
        """
        effects.require("send", "send a mail")
        began_s = time.monotonic()
        async with self._database.writing() as connection:
            taken = await _take(connection, touch_id, now)
        if isinstance(taken, TouchRow):
            return taken
        delivery, provider = await self._deliver(taken, now)
        ended_at = now + timedelta(seconds=time.monotonic() - began_s)
        async with self._database.writing() as connection:
            delivery = await _note_server(connection, taken.sender, delivery, ended_at)
            ended = await _finish(connection, taken.touch, delivery, provider, ended_at)
        log.info("touch_tried", touch_id=touch_id, state=ended.state, attempt=ended.attempts)
        count(SENDS.field(ended.state))
        return ended

    async def _deliver(self, taken: Facts, now: datetime) -> tuple[Handover, str]:
        """Build the message and hand it over. Return the result and the name of the way that it took."""
        built = self._built(taken, now)
        if isinstance(built, Handover):
            return built, self._transport.name
        async with AsyncExitStack() as opened:
            transport = self._transport
            if self._own_way is not None:
                try:
                    transport = await opened.enter_async_context(self._own_way(taken.sender, transport))
                except (LoginRefused, ConfigurationError) as exc:
                    return Handover("deferred", str(exc), is_our_fault=True), transport.name
                except Exception as exc:  # Nothing has left yet, so a bug here has a certain outcome.
                    log.exception("way_not_opened", mailbox_id=taken.sender.mailbox_id)
                    why = f"its way out cannot be opened: {type(exc).__name__}: {exc}"[:500]
                    return Handover("deferred", why, is_our_fault=True), transport.name
            return await transport.deliver(built, key=TouchId(taken.touch.touch_id)), transport.name

    def _built(self, taken: Facts, now: datetime) -> EmailMessage | Handover:
        touch = taken.touch
        url = self._links.unsubscribe_url(CampaignId(touch.campaign_id), ContactId(touch.contact_id))
        try:
            return build_message(touch, taken.person, taken.sender, unsubscribe_url=url, date=now)
        except InvalidMessage as exc:
            return Handover("failed", str(exc))
        except Exception as exc:  # Nothing has left yet, so a bug here has a certain outcome.
            log.exception("message_not_built", touch_id=touch.touch_id)
            return Handover("failed", f"no mail can be made of it: {type(exc).__name__}: {exc}"[:500])


async def sweep(database: Database, *, now: datetime) -> list[TouchId]:
    """Make touches ambiguous that were taken and not finished in time. Return their ids."""
    async with database.writing() as connection:
        found = await expire_leases(connection, now=now, detail=LOST)
    for touch_id in found:
        log.warning("touch_became_ambiguous", touch_id=touch_id)
        count(SENDS.field("ambiguous"))
    return found


async def resolve(database: Database, touch_id: TouchId, state: TouchState, *, by: str, now: datetime) -> TouchRow:
    """End an ambiguous touch as `sent` or `failed`, as a person found out. Let its enrollment go on.

    Raises:
        UnknownRecord: There is no such touch.
        StateConflict: It is not ambiguous, the name is missing, or the state is neither of the two.
    """
    if state not in {"sent", "failed"} or not by.strip():
        raise StateConflict("touch", touch_id, "it is resolved as `sent` or `failed`, by somebody with a name")
    async with database.writing() as connection:
        detail = f"resolved by {by}"
        ended = await resolve_touch(connection, touch_id, state, expected=IN_DOUBT, by=by, detail=detail, now=now)
        if ended is None:
            found = await known_touch(connection, touch_id)
            raise StateConflict("touch", touch_id, f"it is `{found.state}`, and only an ambiguous one can be resolved")
        # In the same transaction, or a process that dies between the two would leave the person parked for ever.
        await go_on(connection, CampaignId(ended.campaign_id), ContactId(ended.contact_id), now=now)
        if ended.state == "sent":
            await announce_sent(connection, ended, now=now)
    log.info("touch_resolved", touch_id=touch_id, state=state)
    return ended


async def when_and_why(database: Database, touch_id: TouchId, *, now: datetime) -> Forecast:
    """Say when a touch will go, and why not now. The door itself obeys the same rules.

    Raises:
        UnknownRecord: There is no such touch.
    """
    async with database.reading() as connection:
        return await forecast_of(connection, touch_id, now=now)


async def forecast_of(connection: AsyncConnection, touch_id: TouchId, *, now: datetime) -> Forecast:
    """Say when a touch will go, and why not now, in a transaction of the caller.

    Raises:
        UnknownRecord: There is no such touch.
    """
    read = await _read(connection, touch_id, now, is_locked=False)
    facts = await _facts(connection, read, now, is_forecast=True)
    verdict = decide(facts, now)
    touch = facts.touch
    if verdict.kind == "never":
        return Forecast(touch.state, touch.sent_at, (touch.detail or verdict.why[0],) if touch.state != "sent" else ())
    return Forecast(touch.state, verdict.at, verdict.why)


async def _take(connection: AsyncConnection, touch_id: TouchId, now: datetime) -> Facts | TouchRow:
    """Take a touch for one try, with a turn of its mailbox. Otherwise note why not, and return the touch as it is."""
    # From here to the commit nobody else takes a turn of the mailbox, and nobody pauses the campaign.
    read = await _read(connection, touch_id, now, is_locked=True)
    if read.rows.touch.state not in WAITING:
        return await _not_waiting(connection, read.rows.touch, now)
    if read.rows.touch.mailbox_id != read.sender.mailbox_id:  # It was rewritten while this waited for the lock.
        return read.rows.touch
    facts = await _facts(connection, read, now)
    verdict = decide(facts, now)
    if verdict.kind == "go":
        return await _dispatch(connection, facts, now)
    await _leave(connection, facts, verdict, now)
    return await known_touch(connection, touch_id)


async def _not_waiting(connection: AsyncConnection, touch: TouchRow, now: datetime) -> TouchRow:
    if touch.state == "dispatching" and touch.lease_until_at is not None and touch.lease_until_at <= now:
        await expire_leases(connection, now=now, detail=LOST)
        return await known_touch(connection, TouchId(touch.touch_id))
    return touch


async def _leave(connection: AsyncConnection, facts: Facts, verdict: SendVerdict, now: datetime) -> None:
    touch_id, detail = TouchId(facts.touch.touch_id), "; ".join(verdict.why)
    if verdict.kind == "never":
        await suppress_touch(connection, touch_id, detail=detail, now=now)
        count(SENDS.field("suppressed"))
    else:
        count(SENDS.field("deferred"))
        look_again_at = now + (LOOK_AGAIN if facts.sender.is_active else LOOK_AGAIN_AT_MAILBOX)
        await hold(connection, touch_id, until_at=verdict.at or look_again_at, detail=detail)


async def _dispatch(connection: AsyncConnection, facts: Facts, now: datetime) -> Facts | TouchRow:
    sender = facts.sender
    day = pace_of(sender).day_of(now)
    taken = await dispatch(connection, facts.touch, slot_day=day, lease_until_at=now + LEASE, now=now)
    if taken is None:
        return await known_touch(connection, TouchId(facts.touch.touch_id))
    values: dict[str, Any] = {"last_slot_at": now}
    if sender.ramp_start is not None and sender.ramp_from is None:
        values["ramp_from"] = day
    if sender.refusals:
        values["held_until_at"] = now + TRIAL
    await change_mailbox(connection, MailboxId(sender.mailbox_id), values)
    return replace(facts, touch=taken)


async def _note_server(connection: AsyncConnection, sender: MailboxRow, delivery: Handover, now: datetime) -> Handover:
    """Hold a mailbox that its server refused, and its message with it. Release a mailbox from which a message went."""
    mailbox_id = MailboxId(sender.mailbox_id)
    if not delivery.is_our_fault:
        if delivery.state == "sent" and sender.held_until_at is not None:
            await change_mailbox(connection, mailbox_id, LET_SEND)
        return delivery
    held = _hold_of(sender, delivery, now)
    await change_mailbox(connection, mailbox_id, held)
    log.warning("mailbox_held", mailbox_id=mailbox_id, reason=delivery.detail, refusals=held["refusals"])
    return replace(delivery, retry_after_s=(held["held_until_at"] - now).total_seconds())


def _hold_of(sender: MailboxRow, delivery: Handover, now: datetime) -> dict[str, Any]:
    """Hold the mailbox for as long as the server asks. That is no refusal.

    Without such a time it is held longer after each refusal, up to a limit.
    """
    if delivery.retry_after_s is None:
        pause, refusals = RETRY_AFTER[min(sender.refusals, len(RETRY_AFTER) - 1)], sender.refusals + 1
    else:
        pause, refusals = timedelta(seconds=delivery.retry_after_s), sender.refusals
    return {"held_until_at": now + pause, "held_why": delivery.detail, "refusals": refusals}


async def _finish(
    connection: AsyncConnection, touch: TouchRow, delivery: Handover, provider: str, now: datetime
) -> TouchRow:
    campaign_id = CampaignId(touch.campaign_id)
    if delivery.is_bad_address:  # First, because every transaction locks the person and the campaign before touches.
        await locked_contact(connection, touch.email_hash)
        await locked_campaign(connection, campaign_id)
        await stop_person(connection, touch.email_hash, "bounced", source=f"touch {touch.touch_id}", now=now)
        await learn(connection, TouchId(touch.touch_id), "bounced", now=now)
        await announce_bounced(connection, touch, now=now)
    state, values = _ending(touch, delivery, now)
    told = {**values, "provider": provider}
    ended = await finish(connection, touch, state, told, expected=TAKEN, now=now)
    if ended is None and (ended := await finish(connection, touch, state, told, expected=IN_DOUBT, now=now)):
        # It was called ambiguous while its sender was slow, and the person may have been parked for it.
        await go_on(connection, campaign_id, ContactId(touch.contact_id), now=now)
    if ended is not None and ended.state == "sent":
        await announce_sent(connection, ended, now=now)
    if delivery.is_bad_address:
        await note_outcome(connection, TouchId(touch.touch_id), {"outcome": "bounced", "outcome_at": now}, now=now)
        await pause_if_harmful(connection, campaign_id, now=now)
    return ended or await known_touch(connection, TouchId(touch.touch_id))


def _ending(touch: TouchRow, delivery: Handover, now: datetime) -> tuple[TouchState, Mapping[str, Any]]:
    """Translate the result of a try into columns of the row. An unused turn is given back to the mailbox's day."""
    told = {"detail": delivery.detail, "provider_id": delivery.provider_id}
    match delivery.state:
        case "sent":
            return "sent", {**told, "sent_at": now}
        case "deferred" if touch.attempts > len(RETRY_AFTER) and not delivery.is_our_fault:
            return "failed", {
                **told,
                "slot_day": None,
                "detail": f"gave up after {touch.attempts} tries: {delivery.detail}",
            }
        case "deferred":
            asked = timedelta(seconds=delivery.retry_after_s or 0)
            least = timedelta() if delivery.is_our_fault else RETRY_AFTER[min(touch.attempts, len(RETRY_AFTER)) - 1]
            return "deferred", {**told, "slot_day": None, "not_before_at": now + max(least, asked)}
        case "failed" | "ambiguous" as state:
            return state, told


@dataclass(frozen=True, slots=True)
class _Read:
    """What is known of a touch, under the locks or for a forecast."""

    sender: MailboxRow
    campaign: CampaignRow
    rows: RowsOfTouch


async def _read(connection: AsyncConnection, touch_id: TouchId, now: datetime, *, is_locked: bool) -> _Read:
    """Read the rows of a touch, those that are locked first. The others are then as the locks keep them."""
    sender = known(await sender_of(connection, touch_id, is_locked=is_locked), "touch", touch_id)
    found = known(await campaign_of(connection, touch_id, is_held=is_locked), "touch", touch_id)
    rows = await rows_of(connection, touch_id, slot_day=pace_of(sender).day_of(now))
    if rows is None:
        raise UnknownRecord("touch", touch_id)
    return _Read(sender, found, rows)


async def _facts(connection: AsyncConnection, read: _Read, now: datetime, *, is_forecast: bool = False) -> Facts:
    rows, sender, campaign = read.rows, read.sender, read.campaign
    touch, person, enrolled = rows.touch, rows.person, rows.enrollment
    plan = await plan_at(connection, campaign, enrolled.plan_version if enrolled else campaign.plan_version)
    return Facts(
        touch=touch,
        campaign=campaign,
        plan=plan,
        enrollment=enrolled,
        person=person,
        refusal=await _refusal(connection, touch, person),
        is_approved=rows.is_approved,
        is_outdated=await is_of_others(connection, rows, plan=plan, sender=sender),
        sender=sender,
        turn=await _turn(connection, read, now, is_forecast=is_forecast),
    )


async def _refusal(connection: AsyncConnection, touch: TouchRow, person: ContactRow) -> str | None:
    """Return why a message must not go to its person, or to the other address that wrote to us. None if it may."""
    is_answer = touch.answers is not None
    why = await refusal_of(connection, person, is_answer=is_answer)
    if why is None and is_answer and (digest := email_hash(touch.to_email)) != person.email_hash:
        why = ", ".join(row.reason for row in await suppressions_of(connection, digest)) or None
    return why


async def _turn(connection: AsyncConnection, read: _Read, now: datetime, *, is_forecast: bool) -> MailboxTurn:
    pace, touch, taken_today = pace_of(read.sender), read.rows.touch, read.rows.taken
    if not is_forecast:
        # Most find a turn at once. Only the rest need the turns that others wait for.
        has_to_wait = bool(next_turn(pace, taken_today, now).why)
        held = await held_turns(connection, touch, after=now) if has_to_wait else []
        return free_turn(pace, taken_today, held, now)
    return turn_after(pace, taken_today, await waiting_ahead(connection, touch), now)
