"""Decide whether a person may be written to. It is the one check at draft, at approval and at the send door."""

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.contracts import CompanyId, ContactId
from agentic_sales.rules.company_identity import site_of
from agentic_sales.store.companies import blocking_company
from agentic_sales.store.contacts import ContactRow, contact
from agentic_sales.store.suppressions import suppressions_of


async def refusal(connection: AsyncConnection, contact_id: ContactId) -> str | None:
    """Return why a person must not be written to. None if nothing is known against it."""
    person = await contact(connection, contact_id)
    if person is None:
        return "the person is not known, or was forgotten"
    return await refusal_of(connection, person)


async def refusal_of(connection: AsyncConnection, person: ContactRow) -> str | None:
    """Return why the person of a row must not be written to. None if nothing is known against it."""
    if not person.consent_basis or not person.consent_source:
        return "no lawful basis for writing is recorded"
    if reasons := await suppressions_of(connection, person.email_hash):
        return ", ".join(row.reason for row in reasons)
    site = site_of(person.email.rpartition("@")[2])
    firm = await blocking_company(connection, None if person.company_id is None else CompanyId(person.company_id), site)
    return None if firm is None else f"the company `{firm.name}` is blocked: {firm.blocked_why}"
