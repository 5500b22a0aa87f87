"""Export everything that the store holds of a person. Each person may ask for it (GDPR, article 15)."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.people.addresses import email_hash
from agentic_sales.contracts import CompanyId, ContactId
from agentic_sales.store.approvals import ApprovalRow
from agentic_sales.store.audit import audit_entries
from agentic_sales.store.campaigns import EnrollmentRow
from agentic_sales.store.columns import Table
from agentic_sales.store.companies import company
from agentic_sales.store.contacts import ContactRow, contact_by_hash
from agentic_sales.store.inbound import inbound_of
from agentic_sales.store.statements import every
from agentic_sales.store.suggestions import suggestions_about
from agentic_sales.store.suppressions import lifts, suppressions_of
from agentic_sales.store.touches import TouchRow
from agentic_sales.store.webhooks import messages_about

Held = Mapping[str, Sequence[Mapping[str, Any]]]
"""Kind of record to its rows, as plain data."""


async def held_of(connection: AsyncConnection, email: str) -> Held:
    """Return every row about a person, by the kinds that `forget` counts. All kinds are empty for an unknown person.

    Raises:
        InvalidAddress: It is no address.
    """
    digest = email_hash(email)
    person = await contact_by_hash(connection, digest)
    rows: dict[str, Sequence[Table]] = {
        "suppressions": await suppressions_of(connection, digest),
        "lifted_suppressions": await lifts(connection, email_hash=digest, limit=1000),
    }
    contact_id = None if person is None else ContactId(person.contact_id)
    rows["suggestions"] = await suggestions_about(connection, digest, contact_id)
    if person is not None:
        rows |= await _rows_of(connection, person)
    return {kind: [row.as_data() for row in found] for kind, found in rows.items()}


async def _rows_of(connection: AsyncConnection, person: ContactRow) -> dict[str, Sequence[Table]]:
    contact_id = ContactId(person.contact_id)
    employer = await company(connection, CompanyId(person.company_id)) if person.company_id else None
    written = select(TouchRow).where(TouchRow.contact_id == contact_id).order_by(TouchRow.created_at, TouchRow.touch_id)
    ids = select(TouchRow.touch_id).where(TouchRow.contact_id == contact_id)
    asked = select(ApprovalRow).where(ApprovalRow.touch_id.in_(ids)).order_by(ApprovalRow.approval_id)
    enrolled = select(EnrollmentRow).where(EnrollmentRow.contact_id == contact_id).order_by(EnrollmentRow.campaign_id)
    return {
        "contacts": [person],
        "companies": [] if employer is None else [employer],
        "enrollments": await every(connection, EnrollmentRow, enrolled),
        "messages": await every(connection, TouchRow, written),
        "approvals": await every(connection, ApprovalRow, asked),
        "inbound_messages": await inbound_of(connection, contact_id),
        "audit_entries": await audit_entries(connection, contact_id=contact_id, limit=1000),
        "webhook_messages": await messages_about(connection, contact_id),
    }
