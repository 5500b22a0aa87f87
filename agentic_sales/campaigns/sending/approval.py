"""Let a person agree to a message, change it or refuse it.

An answer is bound to the exact message, and each question is decided exactly once. The enrollment is woken in the
answer's transaction. If a process died between the two, the agreed message would wait until the question expires.
"""

from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.outcomes.learning import learn
from agentic_sales.campaigns.people.permission import refusal
from agentic_sales.campaigns.sending.messages import check_words
from agentic_sales.campaigns.sending.touches import digest_of, known_touch, message_digest
from agentic_sales.campaigns.webhooks.events import announce, of_touch
from agentic_sales.contracts import ApprovalId, CampaignId, ContactId, TouchId
from agentic_sales.errors import NotPermitted, StateConflict
from agentic_sales.store.approvals import (
    ApprovalRow,
    approval,
    approved_since,
    ask,
    decide,
    outdated_of,
    unanswered_of_parked,
    was_edited,
)
from agentic_sales.store.campaigns import ACTIVE
from agentic_sales.store.contacts import locked_contact
from agentic_sales.store.database import Database
from agentic_sales.store.locks import lock
from agentic_sales.store.statements import known
from agentic_sales.store.touches import WAITING, TouchRow, edit, suppress_touch
from agentic_sales.store.visits import wake

ENDED_TOO = (ACTIVE, "parked", "stopped", "finished")
"""States of an enrollment whose answers to replies are sent."""


async def ask_approval(
    connection: AsyncConnection, touch: TouchRow, *, expires_at: datetime, now: datetime, instead_of: str = ""
) -> ApprovalRow:
    """Ask whether a message may be sent. Further calls ask about the same message only once.

    After a question was withdrawn the same message is asked about again.

    Args:
        connection: Of a writing transaction.
        touch: The message.
        expires_at: When nobody can answer any more.
        now: The present.
        instead_of: Question that this one replaces, because the message was edited or nobody answered in time. Empty if
            there is none.
    """
    withdrawn = await outdated_of(connection, TouchId(touch.touch_id))
    key = digest_of(touch.touch_id, touch.digest, instead_of, *withdrawn)
    is_new = await ask(
        connection,
        ApprovalId(key),
        touch_id=TouchId(touch.touch_id),
        digest=touch.digest,
        expires_at=expires_at,
        now=now,
    )
    if is_new:
        asked = {"approval_id": key, "expires_at": expires_at.isoformat()}
        await announce(connection, "approval.due", key, {**of_touch(touch), **asked}, now=now)
    return await known_approval(connection, ApprovalId(key))


async def ask_again(
    connection: AsyncConnection,
    campaign_id: CampaignId,
    contact_id: ContactId | None,
    *,
    expires_at: datetime,
    now: datetime,
) -> None:
    """Ask expired questions anew, for all of a campaign's parked people or for one of them."""
    for old in await unanswered_of_parked(connection, campaign_id, contact_id, now=now):
        touch = await known_touch(connection, TouchId(old.touch_id))
        await ask_approval(connection, touch, expires_at=expires_at, now=now, instead_of=old.approval_id)


async def approve(
    database: Database,
    approval_id: ApprovalId,
    *,
    digest: str,
    by: str,
    now: datetime,
    note: str = "",
    most_a_day: int | None = None,
) -> ApprovalRow:
    """Agree to exactly the message of a digest, and let it go.

    Args:
        database: Where the campaigns are.
        approval_id: The question.
        digest: Digest of the message.
        by: Person that agrees.
        now: The present.
        note: Note of the person.
        most_a_day: Messages that this person may agree to in a UTC day. None: no limit.

    Raises:
        UnknownRecord: There is no such question.
        StateConflict: It was answered, has expired, is about another message, the message waits no longer, or the
            person has agreed to the most messages of a day.
        NotPermitted: The person must not be written to by now.
    """
    async with database.writing() as connection:
        if most_a_day is not None:
            await _check_day(connection, approval_id, by, most_a_day, now)
        answered = await _decide(connection, approval_id, "approved", digest=digest, by=by, note=note, now=now)
        touch = await known_touch(connection, TouchId(answered.touch_id))
        if touch.digest != digest or touch.state not in WAITING:
            raise StateConflict("approval", approval_id, f"its message is `{touch.state}`, or was changed")
        is_answer = touch.answers is not None
        if (reason := await refusal(connection, ContactId(touch.contact_id), is_answer=is_answer)) is not None:
            raise NotPermitted(touch.contact_id, reason)
        await _wake(connection, touch, now)
        return answered


async def reject(
    database: Database, approval_id: ApprovalId, *, digest: str, by: str, now: datetime, note: str = ""
) -> ApprovalRow:
    """Refuse a message, so that it is never sent. The person's sequence ends.

    Raises:
        UnknownRecord: There is no such question.
        StateConflict: It was answered, has expired, or is about another message.
    """
    async with database.writing() as connection:
        answered = await _decide(connection, approval_id, "rejected", digest=digest, by=by, note=note, now=now)
        touch = await known_touch(connection, TouchId(answered.touch_id))
        await suppress_touch(connection, TouchId(touch.touch_id), detail=f"rejected by {by}", now=now)
        await _wake(connection, touch, now)
        return answered


async def edit_message(
    database: Database,
    approval_id: ApprovalId,
    *,
    digest: str,
    subject: str,
    text: str,
    by: str,
    now: datetime,
    html: str = "",
    note: str = "",
) -> ApprovalRow:
    """Change the message of a question. Return the question about the changed message.

    Raises:
        UnknownRecord: There is no such question.
        StateConflict: It was answered, has expired, is about another message, or the message was tried already.
        InvalidMessage: No mail can be made of the new words.
    """
    check_words(subject=subject, text=text, html=html)
    async with database.writing() as connection:
        answered = await _decide(connection, approval_id, "edited", digest=digest, by=by, note=note, now=now)
        touch_id = TouchId(answered.touch_id)
        touch = await known_touch(connection, touch_id)
        changed = message_digest(to_email=touch.to_email, subject=subject, text=text, html=html)
        values = {"subject": subject, "text": text, "html": html, "digest": changed}
        edited = await edit(connection, touch_id, values, digest=digest, now=now)
        if edited is None:
            raise StateConflict("approval", approval_id, f"its message is `{touch.state}`, or was changed")
        return await ask_approval(
            connection, edited, expires_at=answered.expires_at, now=now, instead_of=answered.approval_id
        )


async def _check_day(
    connection: AsyncConnection, approval_id: ApprovalId, by: str, most_a_day: int, now: datetime
) -> None:
    await lock(connection, "approvals", [by])  # Or two requests at a time would both find room for one more.
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if await approved_since(connection, by, since=day) >= most_a_day:
        told = f"{by} has approved {most_a_day} messages today, which is the most (AGENTIC_SALES_APPROVALS_PER_DAY)"
        raise StateConflict("approval", approval_id, told)


async def known_approval(connection: AsyncConnection, approval_id: ApprovalId) -> ApprovalRow:
    """Return a question.

    Raises:
        UnknownRecord: There is none.
    """
    return known(await approval(connection, approval_id), "approval", approval_id)


async def _wake(connection: AsyncConnection, touch: TouchRow, now: datetime) -> None:
    campaign_id, contact_id = CampaignId(touch.campaign_id), ContactId(touch.contact_id)
    states = ENDED_TOO if touch.answers is not None else (ACTIVE,)  # the reply has ended the sequence
    await wake(connection, now=now, campaign_id=campaign_id, contact_id=contact_id, states=states)


async def _decide(
    connection: AsyncConnection, approval_id: ApprovalId, state: str, *, digest: str, by: str, note: str, now: datetime
) -> ApprovalRow:
    if not by.strip():
        raise StateConflict("approval", approval_id, "somebody with a name decides")
    asked = await known_approval(connection, approval_id)
    # The person first, as every transaction does, and the erasure of a person too.
    await locked_contact(connection, (await known_touch(connection, TouchId(asked.touch_id))).email_hash)
    answered = await decide(connection, approval_id, state, digest=digest, by=by, note=note, now=now)
    if answered is not None:
        touch_id = TouchId(answered.touch_id)
        # Approval of an edited message is approval of a person's text. The run's own text had to be edited.
        is_of_edited = state == "approved" and await was_edited(connection, touch_id)
        await learn(connection, touch_id, "edited" if is_of_edited else state, now=now)
        return answered
    found = await known_approval(connection, approval_id)
    if found.state == "outdated":
        told = "what its message was written from has changed, so the message is written and asked about again"
        raise StateConflict("approval", approval_id, told)
    if found.state != "pending":
        raise StateConflict("approval", approval_id, f"it is `{found.state}` by {found.decided_by or 'nobody'}")
    if found.expires_at <= now:
        raise StateConflict("approval", approval_id, f"it expired at {found.expires_at.isoformat()}")
    raise StateConflict("approval", approval_id, "it is about another message than the one that you saw")
