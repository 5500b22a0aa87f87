"""Decide whether a person may be written to. It is the one check at draft, at approval and at the send door."""

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.contracts import ContactId
from agentic_sales.rules.company_identity import site_of
from agentic_sales.store.contacts import ContactRow, contact
from agentic_sales.store.objections import objections

REPLIED = "replied"
"""Reason of the stop after a reply. It keeps the sequence from a person, and not the answer to the reply."""


async def refusal(connection: AsyncConnection, contact_id: ContactId, *, is_answer: bool = False) -> str | None:
    """Return why a person must not be written to. None if nothing is known against it."""
    person = await contact(connection, contact_id)
    if person is None:
        return "the person is not known, or was forgotten"
    return await refusal_of(connection, person, is_answer=is_answer)


async def refusal_of(connection: AsyncConnection, person: ContactRow, *, is_answer: bool = False) -> str | None:
    """Return why the person of a row must not be written to. None if nothing is known against it.

    Args:
        connection: Of the caller's transaction.
        person: The recipient.
        is_answer: True for the answer to a reply of this person, which the stop after the reply does not forbid.
    """
    if not person.consent_basis or not person.consent_source:
        return "no lawful basis for writing is recorded"
    against = await objections(connection, person, site_of(person.email.rpartition("@")[2]))
    return ", ".join(why for why in against if not (is_answer and why == REPLIED)) or None
