"""Read the book's facts of the people of a workflow, and of the company by its name."""

from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.book.known import KnownCompany, known_company, read_company
from agentic_sales.contracts import CompanyId, ContactId, PersonId, Subject
from agentic_sales.rules.book_forms import NamedCompanyForm
from agentic_sales.rules.company_identity import site_of
from agentic_sales.rules.names import whole_name
from agentic_sales.settings import settings
from agentic_sales.store.companies import company_named
from agentic_sales.store.contacts import ContactRow, contact
from agentic_sales.store.database import current_database
from agentic_sales.store.facts import FactRow, facts_of
from agentic_sales.store.people import PersonRow, people, people_of_contact, person
from agentic_sales.store.statements import known

MOST_NAMES = 5_000
"""People of one company whose names are compared."""


class KnownPerson(BaseModel):
    """A person of the book."""

    person_id: str = Field(default="", description="The person's id. Empty: only a contact is known.")
    contact_id: str = Field(
        default="", description="Contact that the person is. Empty: nobody may write to the person."
    )
    name: str = Field(default="", description="Whole name.")
    position: str = Field(default="", description="Job title.")
    profile: str = Field(default="", description="A page about the person, such as `github.com/ada`.")
    company: KnownCompany | None = Field(default=None, description="Employer. Null: none is known.")
    facts: dict[str, Any] = Field(default_factory=dict, description="Current values by field.")
    quotes: dict[str, str] = Field(default_factory=dict, description="Words that back a current value, by field.")
    sources: dict[str, str] = Field(default_factory=dict, description="Pages that tell a current value, by field.")


async def given_company(given: NamedCompanyForm) -> KnownCompany:
    """Return the company of an input. The input's values go before the book's.

    Raises:
        UnknownRecord: The book does not have the id.
    """
    known = await known_company(given.company_id) if given.company_id else KnownCompany(company_id="", name="")
    told = {"name": given.name.strip() or known.name, "domain": site_of(given.domain) or known.domain}
    return known.model_copy(update=told)


async def company_of_name(text: str) -> KnownCompany:
    """Return the company of an id, a site or a bare name that one company alone has.

    Raises:
        UnknownRecord: The book does not have it.
    """
    async with current_database(settings()).reading() as connection:
        row = known(await company_named(connection, text), "company", text)
        return await read_company(connection, row.company_id)


async def known_person(*, person_id: str = "", contact_id: str = "") -> KnownPerson:
    """Return a person with the current facts and the employer. Of a contact it is the person behind it.

    Args:
        person_id: The person. Empty: the contact tells.
        contact_id: The contact.

    Raises:
        UnknownRecord: The book does not have the person.
    """
    async with current_database(settings()).reading() as connection:
        row, told = None, None
        if person_id:
            row = known(await person(connection, PersonId(person_id)), "person", person_id)
        else:
            told = known(await contact(connection, ContactId(contact_id)), "contact", contact_id)
            row = next(iter(await people_of_contact(connection, ContactId(contact_id))), None)
        firm = (row.company_id if row else None) or (told.company_id if told else None)
        return await _person(connection, row, told, await read_company(connection, firm) if firm else None)


async def people_known(company_id: str, *, most: int) -> list[KnownPerson]:
    """Return people of a company, the newest first."""
    async with current_database(settings()).reading() as connection:
        rows = await people(connection, company_id=CompanyId(company_id), limit=most)
        employer = await read_company(connection, company_id) if rows else None
        return [await _person(connection, row, None, employer) for row in rows]


async def names_known(*, company_id: str = "", domain: str = "") -> set[str]:
    """Return the names of a company's people in the form of `person_name_key`. Empty for an unknown company.

    Args:
        company_id: The company. Empty: the site tells.
        domain: Its site.
    """
    if not company_id and not domain:
        return set()
    async with current_database(settings()).reading() as connection:
        row = await company_named(connection, company_id or domain)
        rows = await people(connection, company_id=CompanyId(row.company_id), limit=MOST_NAMES) if row else []
    return {row.name_key for row in rows}


async def _person(
    connection: AsyncConnection, row: PersonRow | None, told: ContactRow | None, employer: KnownCompany | None
) -> KnownPerson:
    facts: list[FactRow] = []
    if row is not None:
        facts = [fact for fact in await facts_of(connection, Subject("person", row.person_id)) if fact.is_current]
    values = {fact.field: fact.value for fact in facts}
    name = row.name if row else whole_name(told.first_name, told.last_name) if told else ""
    return KnownPerson(
        person_id=row.person_id if row else "",
        contact_id=(row.contact_id if row else None) or (told.contact_id if told else ""),
        name=name,
        position=str(values.get("position") or (told.position if told else "")),
        profile=row.profile if row else "",
        company=employer,
        facts=values,
        quotes={fact.field: fact.quote for fact in facts if fact.quote},
        sources={fact.field: fact.source_url for fact in facts if fact.source_url},
    )
