"""Write a message into the send ledger before it is sent. There is one per campaign, person and step.

A message is bound to the facts that it was written from. While it waits and they change, it is written anew.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.people.addresses import email_hash
from agentic_sales.campaigns.people.permission import refusal_of
from agentic_sales.campaigns.sending.messages import LONGEST_SUBJECT_CHARS, check_words
from agentic_sales.contracts import CampaignId, ContactId, MailboxId, TouchId
from agentic_sales.errors import InvalidRequest, NotPermitted, UnknownRecord
from agentic_sales.rules.address_cells import is_nobody
from agentic_sales.store.contacts import ContactRow
from agentic_sales.store.inbound import InboundRow
from agentic_sales.store.sends import parties
from agentic_sales.store.statements import known
from agentic_sales.store.suppressions import suppressions_of
from agentic_sales.store.touches import IN_DOUBT, SENT, WAITING, TouchRow, add_touch, rewrite, touch, touch_ids, touches

KEY_CHARS = 32
MOST_TOUCHES = 10_000
"""More messages than any campaign has for one person."""
MAYBE_SENT = (*SENT, *IN_DOUBT)
"""States of a message that later ones follow up."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that a workflow wrote."""

    campaign_id: CampaignId
    """The campaign."""
    contact_id: ContactId
    """The person."""
    step: int
    """Step of the campaign, from 0."""
    mailbox_id: MailboxId
    """Where it is sent from."""
    subject: str
    """Subject."""
    text: str
    """Plain text, without the footer."""
    not_before_at: datetime
    """It is not sent before."""
    html: str = ""
    """HTML, without the footer. If empty it is made of the text."""
    variant: str = ""
    """Variant of the step. Empty if it has none."""
    run_id: str | None = None
    """Run that wrote it."""
    langsmith_run_id: str | None = None
    """The same run in LangSmith."""
    facts: str = ""
    """Digest of what it was written from. Empty if its writer cannot tell."""
    is_reply: bool = True
    """True: it goes into the thread of the messages before, with their subject. False: it begins a thread."""


def touch_key(campaign_id: CampaignId, contact_id: ContactId, step: int) -> TouchId:
    """Return the identity of a message for ever. It is the ledger's key and every provider's idempotency key."""
    return TouchId(digest_of(campaign_id, contact_id, str(step)))


def answer_key(event_id: str) -> TouchId:
    """Return the identity of the answer to a reply for ever. A reply has at most one."""
    return TouchId(digest_of("answer", event_id))


def message_digest(*, to_email: str, subject: str, text: str, html: str) -> str:
    """Return the digest of exactly the approved content: the recipient and the message."""
    return digest_of(to_email, subject, text, html)


async def write_touch(connection: AsyncConnection, draft: Draft, *, now: datetime) -> TouchRow:
    """Write a message into the ledger.

    An earlier message for the same step is returned as it is. One that waits and was written from other facts is
    written anew instead.

    Raises:
        NotPermitted: The person must not be written to.
        UnknownRecord: The person or the mailbox is not known.
        InvalidMessage: No mail can be made of it.
    """
    key = touch_key(draft.campaign_id, draft.contact_id, draft.step)
    theirs = await _all_of(connection, draft)
    written = theirs.get(key)
    if written is not None and not is_of_other_facts(written, draft.facts):
        return written
    if written is None:
        values = {"touch_id": key, **await _columns_of(connection, draft, theirs)}
        return await add_touch(connection, values, now=now) or await known_touch(connection, key)
    if written.attempts:
        await keep_words(connection, written, draft, now=now)
    else:
        values = {**await _columns_of(connection, draft, theirs), "detail": ""}
        await rewrite(connection, written, values, now=now)
    return await known_touch(connection, key)


async def write_answer(connection: AsyncConnection, draft: Draft, reply: InboundRow, *, now: datetime) -> TouchRow:
    """Write the answer to a reply into the ledger. An earlier answer to it stays as it is, and is returned.

    It stands in the thread of the reply. Its `In-Reply-To` is the reply, if that has an id. Its subject is the reply's.

    Args:
        connection: Of a writing transaction.
        draft: The answer. Its step is the step that was replied to.
        reply: The reply.
        now: The present.

    Raises:
        NotPermitted: The person must not be written to, not even in answer.
        UnknownRecord: The person or the mailbox is not known.
        InvalidMessage: No mail can be made of it.
    """
    key = answer_key(reply.event_id)
    theirs = await _all_of(connection, draft)
    if (written := theirs.get(key)) is not None:
        return written
    values = {"touch_id": key, **await _columns_of(connection, draft, theirs, reply)}
    return await add_touch(connection, values, now=now) or await known_touch(connection, key)


async def keep_words(connection: AsyncConnection, written: TouchRow, draft: Draft, *, now: datetime) -> None:
    """Note that a message stays in its words though what it was written from has changed.

    A message that was tried keeps its sender and its recipient, too. A provider may know it already.

    Raises:
        NotPermitted: The person must not be written to.
        UnknownRecord: The person or the mailbox is not known.
        InvalidMessage: No mail can be made of it.
    """
    values: dict[str, Any] = {"facts": draft.facts, "not_before_at": draft.not_before_at, "detail": ""}
    if not written.attempts:
        theirs = await _all_of(connection, draft)
        values = {**await _columns_of(connection, draft, theirs), **values, "subject": written.subject}
        values["digest"] = message_digest(
            to_email=values["to_email"], subject=written.subject, text=written.text, html=written.html
        )
    await rewrite(connection, written, values, now=now)


def is_of_other_facts(written: TouchRow, facts: str) -> bool:
    """Tell whether a waiting message was written from other facts than these. Unknown facts are never others."""
    return bool(facts and written.facts) and written.facts != facts and written.state in WAITING


async def _all_of(connection: AsyncConnection, draft: Draft) -> dict[str, TouchRow]:
    """Return every message of the draft's campaign to its person by its id."""
    rows = await touches(connection, campaign_id=draft.campaign_id, contact_id=draft.contact_id, limit=MOST_TOUCHES)
    return {row.touch_id: row for row in rows}


async def _columns_of(
    connection: AsyncConnection, draft: Draft, theirs: Mapping[str, TouchRow], reply: InboundRow | None = None
) -> dict[str, Any]:
    key = touch_key(draft.campaign_id, draft.contact_id, draft.step) if reply is None else answer_key(reply.event_id)
    reader, mailbox = await parties(connection, draft.contact_id, draft.mailbox_id)
    person, sender = known(reader, "contact", draft.contact_id), known(mailbox, "mailbox", draft.mailbox_id)
    if (reason := await refusal_of(connection, person, is_answer=reply is not None)) is not None:
        raise NotPermitted(draft.contact_id, reason)
    to_email = person.email if reply is None else await _recipient_of(connection, reply, person)
    subject, conversation = _thread_of(draft, [*theirs.values()], reply)
    check_words(subject=subject, text=draft.text, html=draft.html)
    return {
        "campaign_id": draft.campaign_id,
        "contact_id": draft.contact_id,
        "step": draft.step,
        "answers": None if reply is None else reply.event_id,
        "variant": draft.variant,
        "mailbox_id": draft.mailbox_id,
        "to_email": to_email,
        "email_hash": person.email_hash,
        "subject": subject,
        "text": draft.text,
        "html": draft.html,
        "message_id": f"<{key}@{sender.address.rpartition('@')[2]}>",
        "in_reply_to": conversation[-1] if conversation else "",
        "references": " ".join(conversation),
        "digest": message_digest(to_email=to_email, subject=subject, text=draft.text, html=draft.html),
        "not_before_at": draft.not_before_at,
        "run_id": draft.run_id,
        "langsmith_run_id": draft.langsmith_run_id,
        "facts": draft.facts,
    }


async def _recipient_of(connection: AsyncConnection, reply: InboundRow, person: ContactRow) -> str:
    """Return the address that an answer goes to: the one that wrote, or the person's own if that one is suppressed.

    A stop of the person ends the answer in both cases.
    """
    if not reply.answer_to or is_nobody(reply.answer_to):
        return person.email
    return person.email if await suppressions_of(connection, email_hash(reply.answer_to)) else reply.answer_to


async def known_touch(connection: AsyncConnection, touch_id: TouchId) -> TouchRow:
    """Return a touch.

    Raises:
        UnknownRecord: There is none.
    """
    return known(await touch(connection, touch_id), "touch", touch_id)


async def touch_named(connection: AsyncConnection, name: str) -> TouchId:
    """Return the id of the one touch whose id is, or begins with, a name that a person typed.

    A table that is narrower than an id ends the id with `…`, and a person may paste that.

    Raises:
        UnknownRecord: There is none.
        InvalidRequest: There are several.
    """
    prefix = name.rstrip("…")
    found = await touch_ids(connection, prefix, limit=2) if prefix else []
    if not found:
        raise UnknownRecord("touch", name)
    if len(found) > 1 and found[0] != prefix:
        raise InvalidRequest(f"several messages have an id that begins with `{prefix}`; write more of it")
    return found[0]


def _before(theirs: Iterable[TouchRow], step: int) -> list[TouchRow]:
    """Return the campaign's earlier messages to the person since the thread began, oldest first, from any mailbox."""
    sent = (row for row in theirs if row.state in MAYBE_SENT and row.step < step)
    before = sorted(sent, key=lambda row: row.step)
    begins = max((number for number, row in enumerate(before) if not row.in_reply_to), default=0)
    return before[begins:]


def _thread_of(draft: Draft, theirs: Sequence[TouchRow], reply: InboundRow | None) -> tuple[str, Sequence[str]]:
    """Return the subject, and the `Message-ID`s of the conversation, the oldest first."""
    if reply is None:
        before = _before(theirs, draft.step) if draft.is_reply else []
        return _subject(draft, before), [row.message_id for row in before]
    before = _before(theirs, draft.step + 1)
    told = reply.subject or (before[-1].subject if before else draft.subject)
    own = [reply.message_id] if reply.message_id else []
    return _in_thread(told), [*(row.message_id for row in before), *own]


def _subject(draft: Draft, before: list[TouchRow]) -> str:
    """Return the subject. Mail programs take a message with another subject out of its thread."""
    if not before:
        return draft.subject
    return _in_thread(before[0].subject)


def _in_thread(subject: str) -> str:
    return subject if subject.lower().startswith("re:") else f"Re: {subject}"[:LONGEST_SUBJECT_CHARS]


def digest_of(*parts: str) -> str:
    """Return the digest of texts in their order."""
    return sha256("\0".join(parts).encode()).hexdigest()[:KEY_CHARS]
