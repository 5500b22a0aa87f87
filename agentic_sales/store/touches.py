"""Keep the send ledger. A campaign's message to a person has one row, written before anything is sent.

Every change of state is a compare-and-set. Of two competing processes only one succeeds. A message that was sent, or
may
have been, is never taken up again.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Index, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from agentic_sales.contracts import CampaignId, ContactId, MailboxId, TouchId, TouchState
from agentic_sales.store.columns import Table
from agentic_sales.store.statements import columns, every, first, insert_row, narrowed

UNTRIED: tuple[TouchState, ...] = ("pending",)
"""State of a touch that was never tried."""
WAITING: tuple[TouchState, ...] = ("pending", "deferred")
"""States of a touch that may still be sent."""
TAKEN: tuple[TouchState, ...] = ("dispatching",)
"""State of a touch that a sender has."""
IN_DOUBT: tuple[TouchState, ...] = ("ambiguous",)
"""State of a touch that may have been sent. A person or an event must resolve it."""
SENT: tuple[TouchState, ...] = ("sent",)
"""State of a touch that the provider took."""
UNKNOWN: tuple[TouchState, ...] = ("dispatching", "ambiguous")
"""States of a touch that may have been sent already."""

RENEWED = "renewed"
"""Facts of a touch that waits again. No digest is the same."""
MOST_HELD = 2_000
"""Most messages waiting for a turn of a mailbox that a search for the next turn counts."""


class TouchRow(Table):
    """One message of a campaign to one person."""

    __tablename__ = "touches"
    __table_args__ = (
        Index(None, "campaign_id", "state"),
        Index(None, "contact_id"),
        Index(None, "email_hash", "state"),
        Index(None, "state", "not_before_at"),
        Index(None, "mailbox_id", "slot_day"),
        Index(None, "provider_id"),
    )

    touch_id: Mapped[str] = mapped_column(primary_key=True)
    """Digest of campaign, contact and step. They identify one message for ever."""
    campaign_id: Mapped[str] = mapped_column(ForeignKey("campaigns.campaign_id", ondelete="CASCADE"))
    """The campaign."""
    contact_id: Mapped[str] = mapped_column(ForeignKey("contacts.contact_id", ondelete="CASCADE"))
    """The person."""
    step: Mapped[int]
    """Step of the campaign, from 0. An answer to a reply has the step that was replied to."""
    answers: Mapped[str | None] = mapped_column(default=None)
    """Event of the reply that it answers. None for a message of the plan."""
    variant: Mapped[str] = mapped_column(default="")
    """Variant of the step. Empty without variants."""
    mailbox_id: Mapped[str] = mapped_column(ForeignKey("mailboxes.mailbox_id"))
    """Sending mailbox."""

    to_email: Mapped[str]
    """Recipient's address."""
    email_hash: Mapped[str]
    """Digest of the recipient's normalized address."""
    subject: Mapped[str]
    """Subject."""
    text: Mapped[str]
    """Plain text without the footer."""
    html: Mapped[str] = mapped_column(default="")
    """HTML without the footer. Empty if it is made from the text."""
    message_id: Mapped[str] = mapped_column(unique=True)
    """`Message-ID` of every try."""
    in_reply_to: Mapped[str] = mapped_column(default="")
    """`Message-ID` of the touch that it follows up. Empty at the start of a conversation."""
    references: Mapped[str] = mapped_column(default="")
    """`Message-ID`s of the conversation, the oldest first."""
    digest: Mapped[str]
    """Digest of the exact message and recipient. An approval is for one digest."""

    state: Mapped[str] = mapped_column(default="pending")
    """A `TouchState`."""
    detail: Mapped[str] = mapped_column(default="")
    """Reason for the state, in words for people."""
    attempts: Mapped[int] = mapped_column(default=0)
    """Tries so far. They are the fence of every change by a sender."""
    not_before_at: Mapped[datetime]
    """Earliest time of sending. A deferred touch is tried again then."""
    lease_until_at: Mapped[datetime | None] = mapped_column(default=None)
    """End of the lease. A `dispatching` touch is then ambiguous."""
    slot_day: Mapped[date | None] = mapped_column(default=None)
    """Day of the mailbox with the cap that it counts against. None if it has no slot or gave it back."""
    dispatched_at: Mapped[datetime | None] = mapped_column(default=None)
    """Start of the last try."""
    sent_at: Mapped[datetime | None] = mapped_column(default=None)
    """Time of the provider's acceptance."""
    provider: Mapped[str] = mapped_column(default="")
    """Transport of the last try."""
    provider_id: Mapped[str | None] = mapped_column(default=None)
    """The provider's id of the message."""
    resolved_by: Mapped[str | None] = mapped_column(default=None)
    """Person or event that resolved an ambiguous one."""

    delivered_at: Mapped[datetime | None] = mapped_column(default=None)
    """Time of the delivery to the recipient's server, if the provider reports it."""
    outcome: Mapped[str | None] = mapped_column(default=None)
    """`replied`, `bounced`, `complained`, `unsubscribed` or `suppressed`. None so far."""
    outcome_at: Mapped[datetime | None] = mapped_column(default=None)
    """Time of the outcome."""
    run_id: Mapped[str | None] = mapped_column(default=None)
    """Run that wrote it."""
    langsmith_run_id: Mapped[str | None] = mapped_column(default=None)
    """The same run in LangSmith, for feedback."""
    facts: Mapped[str] = mapped_column(default="", server_default="")
    """Digest of what it was written from. Empty: a release without this column wrote it."""
    created_at: Mapped[datetime]
    """Time of its creation."""
    updated_at: Mapped[datetime]
    """When the row changed last."""


async def add_touch(connection: AsyncConnection, values: Mapping[str, Any], *, now: datetime) -> TouchRow | None:
    """Write a new touch and return it. None without any change if this person has a touch of this step."""
    return await insert_row(connection, TouchRow, {**values, "created_at": now, "updated_at": now})


async def touch(connection: AsyncConnection, touch_id: TouchId) -> TouchRow | None:
    """Return a touch or None."""
    return await first(connection, TouchRow, select(TouchRow).where(TouchRow.touch_id == touch_id))


async def touches_of(connection: AsyncConnection, ids: Collection[str]) -> dict[str, TouchRow]:
    """Return touches by their ids. Unknown ones are left out."""
    found = await every(connection, TouchRow, select(TouchRow).where(TouchRow.touch_id.in_(ids)))
    return {row.touch_id: row for row in found}


async def touch_ids(connection: AsyncConnection, prefix: str, *, limit: int) -> list[TouchId]:
    """Return ids of touches that begin with a text."""
    begins = TouchRow.touch_id.startswith(prefix, autoescape=True)
    found = await connection.execute(select(TouchRow.touch_id).where(begins).order_by(TouchRow.touch_id).limit(limit))
    return [TouchId(touch_id) for touch_id in found.scalars()]


async def touches(
    connection: AsyncConnection,
    *,
    campaign_id: CampaignId | None = None,
    contact_id: ContactId | None = None,
    states: Collection[TouchState] = (),
    limit: int = 100,
    offset: int = 0,
) -> list[TouchRow]:
    """Return touches, the oldest first. The arguments narrow them."""
    statement = select(TouchRow).order_by(TouchRow.created_at, TouchRow.touch_id).limit(limit).offset(offset)
    statement = narrowed(statement, {TouchRow.campaign_id: campaign_id, TouchRow.contact_id: contact_id})
    if states:
        statement = statement.where(TouchRow.state.in_(states))
    return await every(connection, TouchRow, statement)


async def touch_counts(connection: AsyncConnection, campaign_id: CampaignId) -> dict[tuple[int, str], int]:
    """Count a campaign's touches by step and state. Answers to replies are left out."""
    statement = (
        select(TouchRow.step, TouchRow.state, func.count())
        .where(TouchRow.campaign_id == campaign_id, TouchRow.answers.is_(None))
        .group_by(TouchRow.step, TouchRow.state)
    )
    return {(step, state): count for step, state, count in await connection.execute(statement)}


async def outcomes_since(
    connection: AsyncConnection, campaign_id: CampaignId, since: datetime
) -> dict[str | None, int]:
    """Count a campaign's messages since a moment by their outcome. Sent and refused ones count."""
    statement = (
        select(TouchRow.outcome, func.count())
        .where(TouchRow.campaign_id == campaign_id, TouchRow.dispatched_at >= since)
        .where(or_(TouchRow.state == "sent", TouchRow.outcome.is_not(None)))
        .group_by(TouchRow.outcome)
    )
    return dict((await connection.execute(statement)).all())


async def dispatch(
    connection: AsyncConnection, found: TouchRow, *, slot_day: date, lease_until_at: datetime, now: datetime
) -> TouchRow | None:
    """Take a waiting touch for one try. None without any change if it changed after it was read."""
    return await _move(
        connection,
        TouchId(found.touch_id),
        expected=WAITING,
        attempts=found.attempts,
        digest=found.digest,
        values={
            "state": "dispatching",
            "detail": "",
            "attempts": found.attempts + 1,
            "slot_day": slot_day,
            "dispatched_at": now,
            "lease_until_at": lease_until_at,
            "updated_at": now,
        },
    )


async def finish(
    connection: AsyncConnection,
    found: TouchRow,
    state: TouchState,
    values: Mapping[str, Any],
    *,
    expected: Collection[TouchState],
    now: datetime,
) -> TouchRow | None:
    """Write the end of a try. None if the state is unexpected, the touch was tried again, or a person resolved it."""
    return await _move(
        connection,
        TouchId(found.touch_id),
        expected=expected,
        attempts=found.attempts,
        is_unresolved=True,
        values={**values, "state": state, "lease_until_at": None, "updated_at": now},
    )


async def resolve(
    connection: AsyncConnection,
    touch_id: TouchId,
    state: TouchState,
    *,
    expected: Collection[TouchState],
    by: str,
    detail: str,
    now: datetime,
) -> TouchRow | None:
    """Resolve a touch. None if it is in no expected state."""
    values: dict[str, Any] = {"state": state, "detail": detail, "resolved_by": by, "lease_until_at": None}
    if state == "sent":
        values["sent_at"] = func.coalesce(TouchRow.sent_at, TouchRow.dispatched_at)
    return await _move(connection, touch_id, expected=expected, values={**values, "updated_at": now})


async def hold(connection: AsyncConnection, touch_id: TouchId, *, until_at: datetime, detail: str) -> bool:
    """Leave a touch in its state with a reason and a time for the next look. False if it no longer waits."""
    values = {"not_before_at": until_at, "detail": detail}
    return await _move(connection, touch_id, expected=WAITING, values=values) is not None


async def is_mailbox_used(connection: AsyncConnection, mailbox_id: MailboxId) -> bool:
    """Tell whether there is a message of a mailbox."""
    found = await connection.execute(select(TouchRow.touch_id).where(TouchRow.mailbox_id == mailbox_id).limit(1))
    return found.first() is not None


async def unhold(connection: AsyncConnection, mailbox_id: MailboxId, *, now: datetime) -> None:
    """Make the touches of a mailbox that wait for a later moment due now."""
    held = (TouchRow.mailbox_id == mailbox_id) & TouchRow.state.in_(WAITING) & (TouchRow.not_before_at > now)
    await connection.execute(update(TouchRow).where(held).values(not_before_at=now))


async def edit(
    connection: AsyncConnection, touch_id: TouchId, values: Mapping[str, Any], *, digest: str, now: datetime
) -> TouchRow | None:
    """Change the message of an untried touch. None if it was tried, or if its digest is another."""
    return await _move(
        connection, touch_id, expected=UNTRIED, attempts=0, digest=digest, values={**values, "updated_at": now}
    )


async def rewrite(
    connection: AsyncConnection, found: TouchRow, values: Mapping[str, Any], *, now: datetime
) -> TouchRow | None:
    """Change a waiting touch that was written from other facts. None if it was tried or rewritten meanwhile."""
    statement = (
        update(TouchRow)
        .where(TouchRow.touch_id == found.touch_id, TouchRow.state.in_(WAITING))
        .where(TouchRow.attempts == found.attempts, TouchRow.facts == found.facts)
        .values(updated_at=now, **values)
        .returning(*columns(TouchRow))
    )
    return await first(connection, TouchRow, statement)


async def renew(connection: AsyncConnection, touch_id: TouchId, *, now: datetime) -> bool:
    """Let a touch wait again that was ended unsent, and count as written from other facts. False if it was not so.

    Its message is then written and asked about again. A touch that a provider has ever reported on is never renewed.
    """
    statement = (
        update(TouchRow)
        .where(TouchRow.touch_id == touch_id, TouchRow.state == "suppressed")
        .where(TouchRow.sent_at.is_(None), TouchRow.resolved_by.is_(None), TouchRow.provider_id.is_(None))
        .values(state="pending", detail="", facts=RENEWED, not_before_at=now, updated_at=now)
    )
    return (await connection.execute(statement)).rowcount == 1


async def suppress_touch(connection: AsyncConnection, touch_id: TouchId, *, detail: str, now: datetime) -> bool:
    """End a waiting touch unsent. False if it no longer waits."""
    values = {"state": "suppressed", "detail": detail, "updated_at": now}
    return await _move(connection, touch_id, expected=WAITING, values=values) is not None


async def suppress_touches(
    connection: AsyncConnection, email_hash: str, *, detail: str, now: datetime
) -> list[TouchId]:
    """End every waiting touch to an address unsent, in every campaign. Return them."""
    statement = (
        update(TouchRow)
        .where(TouchRow.email_hash == email_hash, TouchRow.state.in_(WAITING))
        .values(state="suppressed", detail=detail, updated_at=now)
        .returning(TouchRow.touch_id)
    )
    return [TouchId(found) for found in (await connection.execute(statement)).scalars()]


async def suppress_campaign(
    connection: AsyncConnection, campaign_id: CampaignId, *, detail: str, now: datetime
) -> None:
    """End every waiting touch of a campaign unsent."""
    await connection.execute(
        update(TouchRow)
        .where(TouchRow.campaign_id == campaign_id, TouchRow.state.in_(WAITING))
        .values(state="suppressed", detail=detail, updated_at=now)
    )


async def expire_leases(connection: AsyncConnection, *, now: datetime, detail: str) -> list[TouchId]:
    """Make touches ambiguous if their sender's lease has ended. Return them."""
    statement = (
        update(TouchRow)
        .where(TouchRow.state == "dispatching", TouchRow.lease_until_at <= now)
        .values(state="ambiguous", detail=detail, lease_until_at=None, updated_at=now)
        .returning(TouchRow.touch_id)
    )
    return [TouchId(found) for found in (await connection.execute(statement)).scalars()]


async def held_turns(connection: AsyncConnection, found: TouchRow, *, after: datetime) -> list[datetime]:
    """Return the next turns of a mailbox's other messages that were told to come back at a later moment, in order.

    A draft that is written ahead was told nothing. It takes its turn when it is due.
    """
    statement = (
        select(TouchRow.not_before_at)
        .where(TouchRow.mailbox_id == found.mailbox_id, TouchRow.touch_id != found.touch_id)
        .where(TouchRow.state.in_(WAITING), TouchRow.not_before_at > after, TouchRow.detail != "")
        .order_by(TouchRow.not_before_at)
        .limit(MOST_HELD)
    )
    return list((await connection.execute(statement)).scalars())


async def waiting_ahead(connection: AsyncConnection, found: TouchRow) -> int:
    """Count a mailbox's waiting messages with an earlier turn."""
    statement = select(func.count()).where(
        TouchRow.mailbox_id == found.mailbox_id,
        TouchRow.state.in_(WAITING),
        or_(
            TouchRow.not_before_at < found.not_before_at,
            and_(TouchRow.not_before_at == found.not_before_at, TouchRow.touch_id < found.touch_id),
        ),
    )
    return int((await connection.execute(statement)).scalar_one())


async def touch_of_message(
    connection: AsyncConnection, *, message_ids: Collection[str] = (), provider_id: str | None = None
) -> TouchRow | None:
    """Return the touch of an answer. It has the latest of these `Message-ID`s or the provider's id."""
    known: list[ColumnElement[bool]] = [TouchRow.message_id.in_(message_ids)] if message_ids else []
    if provider_id:
        known.append(TouchRow.provider_id == provider_id)
    if not known:
        return None
    return await first(connection, TouchRow, select(TouchRow).where(or_(*known)).order_by(TouchRow.step.desc()))


async def sent_to_domain(connection: AsyncConnection, domain: str, *, since: datetime, limit: int) -> list[TouchRow]:
    """Return the messages to a domain since a moment, the newest first."""
    statement = (
        select(TouchRow)
        .where(TouchRow.state.in_(SENT), TouchRow.not_before_at >= since)
        .where(TouchRow.to_email.endswith(f"@{domain}", autoescape=True))
        .order_by(TouchRow.not_before_at.desc())
    )
    return await every(connection, TouchRow, statement.limit(limit))


async def note_outcome(
    connection: AsyncConnection, touch_id: TouchId, values: Mapping[str, Any], *, now: datetime
) -> None:
    """Write the outcome of a sent message."""
    await connection.execute(update(TouchRow).where(TouchRow.touch_id == touch_id).values(updated_at=now, **values))


async def _move(
    connection: AsyncConnection,
    touch_id: TouchId,
    *,
    expected: Collection[TouchState],
    values: Mapping[str, Any],
    attempts: int | None = None,
    digest: str | None = None,
    is_unresolved: bool = False,
) -> TouchRow | None:
    statement = update(TouchRow).where(TouchRow.touch_id == touch_id, TouchRow.state.in_(expected))
    if attempts is not None:
        statement = statement.where(TouchRow.attempts == attempts)
    if digest is not None:
        statement = statement.where(TouchRow.digest == digest)
    if is_unresolved:
        statement = statement.where(TouchRow.resolved_by.is_(None))
    return await first(connection, TouchRow, statement.values(**values).returning(*columns(TouchRow)))
