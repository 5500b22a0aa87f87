"""Read the rows of the book that an audit looks at, each with its current facts."""

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.contracts import CompanyId, Subject
from agentic_sales.errors import UnknownRecord
from agentic_sales.rules.company_audit import EXPECTED, MOST_COMPANIES, AuditedCompany, AuditedFact, AuditForm
from agentic_sales.settings import settings
from agentic_sales.store.companies import CompanyFilter, CompanyRow, companies, companies_of
from agentic_sales.store.database import current_database
from agentic_sales.store.facts import facts_of, values_in_group

_SALES_TECH = "salestech."


async def audited_companies(form: AuditForm) -> list[AuditedCompany]:
    """Return the companies of an audit. Rows by value go before. Without ids the book is not read for them.

    The companies of `sales-tech` are those with a fact of a feature card. Those of other lists have its categories.

    Raises:
        UnknownRecord: The book does not have one of the ids.
    """
    if form.companies and not form.company_ids:
        return list(form.companies)
    async with current_database(settings()).reading() as connection:
        known = [await _audited(connection, row) for row in await _rows(connection, form)]
    return [*form.companies, *known][:MOST_COMPANIES]


async def _rows(connection: AsyncConnection, form: AuditForm) -> list[CompanyRow]:
    if form.company_ids:
        return await _named(connection, form.company_ids)
    if form.tab == "sales-tech":
        found = await values_in_group(connection, "company", _SALES_TECH)
        return await _named(connection, list(dict.fromkeys(company_id for company_id, _ in found))[: form.limit])
    wanted = [CompanyFilter(category=category) for category in EXPECTED[form.tab]] or [CompanyFilter()]
    rows = [row for one in wanted for row in await companies(connection, one, limit=form.limit)]
    return rows[: form.limit]


async def _named(connection: AsyncConnection, ids: Iterable[str]) -> list[CompanyRow]:
    asked = list(dict.fromkeys(map(CompanyId, ids)))
    rows = await companies_of(connection, asked)
    for company_id in asked:
        if company_id not in rows:
            raise UnknownRecord("company", company_id)
    return [rows[company_id] for company_id in asked]


async def _audited(connection: AsyncConnection, row: CompanyRow) -> AuditedCompany:
    facts = await facts_of(connection, Subject("company", row.company_id), limit=500)
    return AuditedCompany(
        company_id=row.company_id,
        name=row.name,
        domain=row.domain or "",
        is_blocked=row.blocked_at is not None,
        facts=[
            AuditedFact(
                field=fact.field,
                value=fact.value,
                confidence=fact.confidence,
                quote=fact.quote[:2_000],
                source_url=fact.source_url[:2_048],
            )
            for fact in facts
        ],
    )
