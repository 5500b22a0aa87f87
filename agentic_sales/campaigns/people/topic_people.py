"""Tell which people of a topic may get a draft. A suppressed person never reaches one."""

from agentic_sales.campaigns.book.known import known_product
from agentic_sales.campaigns.people.sales_outreach import why_no_draft
from agentic_sales.rules.people_keys import person_name_key
from agentic_sales.rules.sales_outreach import DecisionMaker
from agentic_sales.rules.topics import TopicPerson, firm_of
from agentic_sales.settings import settings
from agentic_sales.store.companies import CompanyRow, companies_known
from agentic_sales.store.database import current_database
from agentic_sales.store.people import PersonRow, people

MOST_PEOPLE = 1_000
"""People of one company whose names are compared."""
_WHY = {
    "suppressed": "the person must not be written to",
    "open_touch": "a mail of a campaign waits for the person",
    "sent_touch": "the person has a mail of a campaign already",
    "already_drafted": "there is a draft for the person already",
}


async def screened(person: TopicPerson) -> tuple[TopicPerson, str]:
    """Return a person with the id in the book, and why there is no draft. The reason is empty if there may be one."""
    company, row = await _in_book(person)
    if company is not None and company.blocked_at is not None:
        return person, "a person has blocked the company, so nobody of it is written to"
    if row is None or company is None:
        return person, ""
    known = person.model_copy(update={"person_id": row.person_id})
    maker = DecisionMaker(
        person_id=row.person_id,
        contact_id=row.contact_id or "",
        company_id=company.company_id,
        company_name=company.name,
        name=row.name,
    )
    reason, _ = await why_no_draft(maker)
    return known, _WHY.get(reason or "", "")


async def _in_book(person: TopicPerson) -> tuple[CompanyRow | None, PersonRow | None]:
    firm = firm_of(person)
    if not firm.key:
        return None, None
    async with current_database(settings()).reading() as connection:
        company = (await companies_known(connection, [firm])).get(firm)
        if company is None:
            return None, None
        rows = await people(connection, company_id=company.company_id, limit=MOST_PEOPLE)  # type: ignore[arg-type]  # a text in the table
    wanted = person_name_key(person.name)
    return company, next((row for row in rows if row.name_key == wanted), None)


async def offer_in_words(product_id: int | None) -> str:
    """Return a product in one line. Empty without one.

    Raises:
        UnknownRecord: The store does not have it.
    """
    if product_id is None:
        return ""
    product = await known_product(product_id)
    return f"{product.name}: {product.description}".strip(": ")
