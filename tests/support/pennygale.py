"""Write one company of the sample world into a book, with a person who decides and may be written to."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agentic_sales.campaigns.people.addresses import email_hash
from agentic_sales.contracts import CompanyId, PersonId, Subject
from agentic_sales.rules.company_identity import Firm
from agentic_sales.store.companies import company_ids
from agentic_sales.store.contacts import add_contact
from agentic_sales.store.database import Database
from agentic_sales.store.facts import Fact
from agentic_sales.store.people import SourcedPerson, become_contact, person_ids
from agentic_sales.store.recording import record_facts

ADDRESS = "saoirse.wexcombe@pennygale.example"


@dataclass(frozen=True)
class Pennygale:
    """The company and its person."""

    company_id: CompanyId
    person_id: PersonId


async def know_pennygale(
    database: Database, title: str = "Chief Executive Officer", *, is_contact: bool = True
) -> Pennygale:
    """Write the company with a fact of sales technology, and one person of it.

    Args:
        database: The book.
        title: Position of the person.
        is_contact: The person was promoted.
    """
    now = datetime.now(UTC)
    async with database.writing() as connection:
        firm = Firm("Pennygale", "pennygale.example")
        company_id = (await company_ids(connection, [firm], now=now))[firm]
        person = SourcedPerson("Saoirse Wexcombe", company_id, email_hash=email_hash(ADDRESS))
        person_id = (await person_ids(connection, [person], now=now))[person]
        card = Fact(Subject("company", company_id), "salestech.overview", "calls", "rules", now)
        role = Fact(Subject("person", person_id), "position", title, "person", now)
        await record_facts(connection, [card, role])
        if is_contact:
            values: dict[str, Any] = {
                "email": ADDRESS,
                "email_hash": email_hash(ADDRESS),
                "first_name": "Saoirse",
                "last_name": "Wexcombe",
                "position": title,
                "company_id": company_id,
                "consent_basis": "legitimate_interest",
                "consent_source": "Your company's page names you.",
                "consent_at": now,
            }
            contact_id = await add_contact(connection, values, now=now)
            assert contact_id
            await become_contact(connection, person_id, contact_id, now=now)
    return Pennygale(company_id, person_id)
