"""Read for `email_opportunity` from the store: an opening of the book, its company, and the recipient."""

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.people.outreach import stop_condition_of
from agentic_sales.contracts import CompanyId, ContactId, Subject
from agentic_sales.errors import UnknownRecord
from agentic_sales.rules.opportunities import MAX_CONTEXT_CHARS, MAX_PRIOR_SUBJECTS, Opportunity
from agentic_sales.store.companies import company
from agentic_sales.store.contacts import ContactRow, contacts_of_company
from agentic_sales.store.database import Database
from agentic_sales.store.facts import current_values
from agentic_sales.store.people import people
from agentic_sales.store.subjects import thing
from agentic_sales.store.touches import touches

_AUTHORITY = "authority_score"
"""Fact that tells which of a company's people decides."""
_MOST_PEOPLE = 500


async def known_opportunity(database: Database, opportunity_id: str) -> Opportunity:
    """Return an opening of the book with its company and the contact of it that has the most authority.

    Raises:
        UnknownRecord: The book has no such opening.
    """
    async with database.reading() as connection:
        row = await thing(connection, Subject("opening", opportunity_id))
        if row is None:
            raise UnknownRecord("opening", opportunity_id)
        facts = (await current_values(connection, "opening", [opportunity_id]))[opportunity_id]
        found = Opportunity(
            opportunity_title=row.name,
            opportunity_url=row.url,
            opportunity_status="closed" if row.gone_at else "open",
            raw_context=str(facts.get("description", ""))[:MAX_CONTEXT_CHARS],
            applied=bool(facts.get("applied_at")),
            applied_at=facts.get("applied_at"),
            application_status=str(facts.get("application_status", "")),
        )
        if row.company_id is None:
            return found
        return await _with_company(connection, found, CompanyId(row.company_id))


async def _with_company(connection: AsyncConnection, found: Opportunity, company_id: CompanyId) -> Opportunity:
    firm = await company(connection, company_id)
    facts = (await current_values(connection, "company", [company_id], ["category"]))[company_id]
    told: dict[str, object] = {"company_category": str(facts.get("category", ""))}
    if firm is not None:
        told |= {"company_name": firm.name, "company_website": f"https://{firm.domain}/" if firm.domain else ""}
        told |= {"skip_reason": "stopped"} if firm.blocked_at else {}
    contact = await _decider(connection, company_id)
    if contact is not None:
        told |= await _of_contact(connection, contact)
        told["skip_reason"] = told.get("skip_reason") or await stop_condition_of(connection, contact.email_hash)
    return found.model_copy(update=told)


async def _decider(connection: AsyncConnection, company_id: CompanyId) -> ContactRow | None:
    """Return the contact of the company's person with the most authority. The oldest contact of several."""
    contacts = await contacts_of_company(connection, company_id, limit=_MOST_PEOPLE)
    found = await people(connection, company_id=company_id, is_contact=True, limit=_MOST_PEOPLE)
    facts = await current_values(connection, "person", [row.person_id for row in found], [_AUTHORITY])
    authority = {row.contact_id: float(facts[row.person_id].get(_AUTHORITY) or 0.0) for row in found}
    return max(contacts, key=lambda row: authority.get(row.contact_id, 0.0), default=None)


async def _of_contact(connection: AsyncConnection, contact: ContactRow) -> dict[str, object]:
    sent = await touches(connection, contact_id=ContactId(contact.contact_id), states=("sent", "ambiguous"))
    found = await people(
        connection, company_id=CompanyId(contact.company_id or ""), is_contact=True, limit=_MOST_PEOPLE
    )
    profile = next((row.profile for row in found if row.contact_id == contact.contact_id), "")
    return {
        "contact_id": contact.contact_id,
        "contact_first_name": contact.first_name,
        "contact_last_name": contact.last_name,
        "contact_email": contact.email,
        "contact_position": contact.position,
        "contact_linkedin_url": f"https://{profile}" if profile else "",
        "prior_subjects": [touch.subject for touch in sent[-MAX_PRIOR_SUBJECTS:]],
    }
