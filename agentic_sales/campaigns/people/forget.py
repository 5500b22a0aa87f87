"""Forget a person. Erase everything that the store holds, except the digest that keeps mail away for ever.

Threads and the records of runs hold the person, too. The caller erases them between the two steps here. The row of the
person goes last. So an interrupted erasure can be repeated from the beginning.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.people.addresses import email_hash, normalized
from agentic_sales.campaigns.people.stops import stop_person
from agentic_sales.campaigns.visits.tick import thread_of
from agentic_sales.contracts import CampaignId, ContactId, RunId, TouchId
from agentic_sales.store.approvals import ApprovalRow
from agentic_sales.store.audit import AuditEntryRow
from agentic_sales.store.campaigns import EnrollmentRow
from agentic_sales.store.contacts import ContactRow, erase_contact, locked_contact
from agentic_sales.store.database import Database
from agentic_sales.store.inbound import InboundRow, erase_unreadable
from agentic_sales.store.suggestions import erase_suggestions
from agentic_sales.store.suppressions import anonymize
from agentic_sales.store.touches import TouchRow
from agentic_sales.store.webhooks import erase_messages_about

SOURCE = "forgotten"
"""Source of a forgotten person's entry on the list of suppressions."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """A person to be erased."""

    contact_id: ContactId
    """The person."""
    threads: tuple[str, ...]
    """Threads of the person's campaigns."""


@dataclass(frozen=True, slots=True)
class Written:
    """The messages to a person."""

    touch_ids: tuple[TouchId, ...]
    """The messages."""
    run_ids: tuple[RunId, ...]
    """Runs that wrote them."""


async def leave_for_good(database: Database, email: str, *, now: datetime) -> Leaving | None:
    """End everything that waits for a person, so that no new visit begins. Return where else the person is to be found.

    Returns:
        None if the store does not know the person. Even then nothing will ever be sent to the address.

    Raises:
        InvalidAddress: It is no address.
    """
    digest = email_hash(email)
    async with database.writing() as connection:
        await stop_person(connection, digest, "stopped", source=SOURCE, now=now)
        await anonymize(connection, digest, source=SOURCE)
        await erase_unreadable(connection, normalized(email))
        person = await locked_contact(connection, digest)
        if person is None:
            await erase_suggestions(connection, digest, None)
            return None
        contact_id = ContactId(person.contact_id)
        mine = EnrollmentRow.contact_id == contact_id
        await connection.execute(update(EnrollmentRow).where(mine).values(wake_at=None))
        # A visit that was claimed before may still begin; it must find nothing to read, and to hand on to a run.
        read = {
            "subject": "",
            "text": "",
            "answer_to": "",
            "reply_class": func.coalesce(InboundRow.reply_class, SOURCE),
        }
        await connection.execute(update(InboundRow).where(InboundRow.contact_id == contact_id).values(**read))
        enrolled = (await connection.execute(select(EnrollmentRow.campaign_id).where(mine))).scalars()
        return Leaving(contact_id, tuple(thread_of((CampaignId(found), contact_id)) for found in enrolled))


async def written_to(database: Database, contact_id: ContactId) -> Written:
    """Return the messages to a person until now."""
    wanted = select(TouchRow.touch_id, TouchRow.run_id).where(TouchRow.contact_id == contact_id)
    async with database.reading() as connection:
        rows = (await connection.execute(wanted)).all()
    return Written(
        tuple(TouchId(touch_id) for touch_id, _ in rows), tuple(RunId(run_id) for _, run_id in rows if run_id)
    )


async def erase(database: Database, contact_id: ContactId) -> dict[str, int]:
    """Erase a person from the store. Return how many rows of each kind there were.

    Raises:
        StateUnavailable: The rows are gone, but SQLite's file could not be written anew, and may hold their bytes.
    """
    async with database.writing() as connection:
        # Held, so that of two erasures of one person one counts the rows.
        mine = select(ContactRow.email_hash).where(ContactRow.contact_id == contact_id).with_for_update()
        digest = (await connection.execute(mine)).scalar_one_or_none() or ""
        counts = {
            "enrollments": await _count(connection, EnrollmentRow.contact_id, [contact_id]),
            "messages": await _count(connection, TouchRow.contact_id, [contact_id]),
            "approvals": await _count(connection, ApprovalRow.touch_id, await _touch_ids(connection, contact_id)),
            "inbound_messages": await _count(connection, InboundRow.contact_id, [contact_id]),
            "audit_entries": await _count(connection, AuditEntryRow.contact_id, [contact_id]),
            "suggestions": await erase_suggestions(connection, digest, contact_id),
            "webhook_messages": await erase_messages_about(connection, contact_id),
        }
        erased = {"contacts": int(await erase_contact(connection, contact_id)), **counts}
    await database.scrub()
    return erased


async def _touch_ids(connection: AsyncConnection, contact_id: ContactId) -> list[str]:
    found = await connection.execute(select(TouchRow.touch_id).where(TouchRow.contact_id == contact_id))
    return list(found.scalars())


async def _count(connection: AsyncConnection, column: object, values: Sequence[str]) -> int:
    statement = select(func.count()).where(column.in_(values))  # type: ignore[attr-defined]  # a column of SQLAlchemy
    return int((await connection.execute(statement)).scalar_one())
