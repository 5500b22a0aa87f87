"""Read the book's facts of a contact for a judgement: the person, the employer, and the ways to reach the person."""

from typing import Any

from agentic_sales.campaigns.book.known import KnownCompany, known_company, known_texts
from agentic_sales.campaigns.book.known_people import KnownPerson, known_person
from agentic_sales.campaigns.people.permission import refusal_of
from agentic_sales.contracts import ContactId
from agentic_sales.rules.contact_forms import (
    ContactForm,
    ContactKnowledge,
    Reach,
    headlines_of_person,
    knowledge_of_values,
    texts_of_company,
    texts_of_person,
)
from agentic_sales.rules.sales_roles import score_of_company
from agentic_sales.settings import settings
from agentic_sales.store.contacts import contact
from agentic_sales.store.database import current_database

_ADDRESSES = ("email", "business_email")
"""Facts of a person that hold an address."""


async def contact_knowledge(form: ContactForm, *, workflow: str) -> ContactKnowledge:
    """Return the facts of the person and the employer of an input. Values of the input go first.

    Args:
        form: The input.
        workflow: Name of the workflow that asks. Its own facts are no words about the employer.

    Raises:
        UnknownRecord: The book does not have an id.
    """
    found = knowledge_of_values(form.given_profile, form.company)
    known: KnownPerson | None = None
    if form.contact_id.strip() or form.person_id.strip():
        known = await known_person(person_id=form.person_id.strip(), contact_id=form.contact_id.strip())
        found = found.model_copy(update=_of_person(known, found) | await _reach(known, found))
    firm = known.company if known else None
    if form.company_id.strip():
        firm = await known_company(form.company_id.strip())
    if firm is not None:
        found = found.model_copy(update=await _of_company(firm, found, workflow))
    return found


def _of_person(known: KnownPerson, given: ContactKnowledge) -> dict[str, Any]:
    return {
        "name": given.name or known.name,
        "title": given.title or known.position,
        "headlines": {**headlines_of_person(_facts(known), known.sources), **given.headlines},
        "words": {**texts_of_person(_facts(known), known.sources), **given.words},
    }


def _facts(known: KnownPerson) -> dict[str, Any]:
    """Return the facts of a person. The title of a contact that is no person of the book counts as one."""
    return {"position": known.position, **known.facts}


async def _reach(known: KnownPerson, given: ContactKnowledge) -> dict[str, Any]:
    """Return the ways to reach a person of the book, and the bars against them."""
    has_address = given.reach == "address" or any("@" in str(known.facts.get(name, "")) for name in _ADDRESSES)
    reach: Reach = "address" if has_address else "profile" if known.profile or given.reach == "profile" else "nobody"
    if not known.contact_id:
        return {"reach": reach}
    async with current_database(settings()).reading() as connection:
        row = await contact(connection, ContactId(known.contact_id))
        refusal = None if row is None else await refusal_of(connection, row)
    return {"reach": "contact" if row is not None else reach, "refusal": refusal or ""}


async def _of_company(firm: KnownCompany, given: ContactKnowledge, workflow: str) -> dict[str, Any]:
    pages = texts_of_company(firm.facts, await known_texts(firm.subject, but=workflow))
    return {
        "company_name": given.company_name or firm.name,
        "pages": {**pages, **given.pages},
        "company_score": score_of_company(firm.facts),
        "company_blocked": firm.is_blocked,
    }
