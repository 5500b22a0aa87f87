"""Find the people of companies that may get a draft, and keep the drafts.

A question of the approval desk is about a touch of a campaign. These drafts belong to no campaign. So each is an
analysis `outreach_draft` of its person, which a person reads. Nothing here can send.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.book.known import KnownCompany, known_companies
from agentic_sales.campaigns.book.known_people import KnownPerson, people_known
from agentic_sales.campaigns.book.writing import writing_book
from agentic_sales.campaigns.people.permission import refusal_of
from agentic_sales.contracts import CompanyId, ContactId, Subject, TouchState
from agentic_sales.rules.names import whole_name
from agentic_sales.rules.sales_outreach import DecisionMaker, NoDraftReason, OutreachDraft, SalesOutreachForm
from agentic_sales.settings import settings
from agentic_sales.store.analyses import latest_analysis
from agentic_sales.store.contacts import contact, contacts_of_company
from agentic_sales.store.database import current_database
from agentic_sales.store.facts import values_in_group
from agentic_sales.store.touches import touches

KIND = "outreach_draft"
"""Kind of the analysis."""
MOST_PEOPLE = 25
"""People of one company that are looked at."""
_SALES_TECH = "salestech."
_SENT: tuple[TouchState, ...] = ("sent",)
_OPEN: tuple[TouchState, ...] = ("pending", "deferred", "dispatching", "ambiguous")


async def chosen_companies(form: SalesOutreachForm) -> list[KnownCompany]:
    """Return the companies of a run: those that it names, or those with a feature card of sales technology.

    Nobody of a blocked company is written to, so it is left out.

    Raises:
        UnknownRecord: The book does not have one of them.
    """
    ids = form.company_ids
    if not ids:
        async with current_database(settings()).reading() as connection:
            ids = [found for found, _ in await values_in_group(connection, "company", _SALES_TECH)]
    companies = await known_companies(list(dict.fromkeys(ids)))
    return [company for company in companies if not company.is_blocked][: form.limit]


async def people_of(company: KnownCompany) -> list[DecisionMaker]:
    """Return the people of a company, those of the book before contacts that are no person of the book."""
    known = await people_known(company.company_id, most=MOST_PEOPLE)
    told = {"company_id": company.company_id, "company_name": company.name}
    async with current_database(settings()).reading() as connection:
        rows = await contacts_of_company(connection, CompanyId(company.company_id), limit=MOST_PEOPLE)
    posts = {row.contact_id: row.position for row in rows}
    found = [
        DecisionMaker(
            person_id=each.person_id,
            contact_id=each.contact_id,
            name=each.name,
            position=each.position or posts.get(each.contact_id, ""),
            **told,
        )
        for each in known
    ]
    seen = {each.contact_id for each in found}
    found += [
        DecisionMaker(
            contact_id=row.contact_id, name=whole_name(row.first_name, row.last_name), position=row.position, **told
        )
        for row in rows
        if row.contact_id not in seen
    ]
    return found[:MOST_PEOPLE]


async def why_no_draft(person: DecisionMaker) -> tuple[NoDraftReason | None, str]:
    """Return why a person gets no draft, and the address. The address is empty if there is a reason."""
    async with current_database(settings()).reading() as connection:
        row = await contact(connection, ContactId(person.contact_id)) if person.contact_id else None
        if row is None:
            return "not_a_contact", ""
        if await refusal_of(connection, row) is not None:
            return "suppressed", ""
        if await touches(connection, contact_id=ContactId(row.contact_id), states=_OPEN, limit=1):
            return "open_touch", ""
        if await touches(connection, contact_id=ContactId(row.contact_id), states=_SENT, limit=1):
            return "sent_touch", ""
        if await _has_draft(connection, person):
            return "already_drafted", ""
        return None, row.email


async def save_drafts(drafts: Sequence[OutreachDraft]) -> None:
    """Keep drafts as analyses of their people. A contact that is no person of the book becomes one.

    Raises:
        EffectExceeded: The effect of the current run's row is neither write nor send.
    """
    async with writing_book("sales_tech_outreach") as book:
        for draft in drafts:
            known = KnownPerson(person_id=draft.person_id, contact_id=draft.contact_id, name=draft.name)
            if (subject := await book.person(known)) is not None:
                await book.keep(subject, KIND, draft.model_dump() | {"person_id": subject.id}, prompts={})


async def _has_draft(connection: AsyncConnection, person: DecisionMaker) -> bool:
    if not person.person_id:
        return False
    return await latest_analysis(connection, Subject("person", person.person_id), KIND) is not None
