"""Export companies and people of the book as CSV, page by page. No cell is one that a spreadsheet would execute."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from agentic_sales.contracts import CompanyId
from agentic_sales.rules.spreadsheet_cells import csv_lines
from agentic_sales.store.companies import CompanyFilter, CompanyRow, companies, companies_of
from agentic_sales.store.database import Database
from agentic_sales.store.facts import current_values
from agentic_sales.store.people import people

ROWS_AT_ONCE = 500
COMPANY_FIELDS = ("country", "region", "city", "industry", "category", "employees", "revenue", "phone", "description")
"""Facts of a company that an export has if nobody names others."""
PERSON_FIELDS = ("position", "seniority", "department", "email", "country", "city")
"""Facts of a person that an export has if nobody names others."""


async def exported_companies(
    database: Database, wanted: CompanyFilter, *, fields: Sequence[str] = COMPANY_FIELDS
) -> AsyncIterator[bytes]:
    """Yield companies as lines of CSV, the newest first."""
    yield csv_lines([("name", "domain", *fields, "blocked", "company_id")])
    offset = 0
    while True:
        async with database.reading() as connection:
            found = await companies(connection, wanted, limit=ROWS_AT_ONCE, offset=offset)
            known = await current_values(connection, "company", [row.company_id for row in found], fields)
        if not found:
            return
        yield csv_lines(
            (row.name, row.domain, *_told(known[row.company_id], fields), row.blocked_at is not None, row.company_id)
            for row in found
        )
        offset += len(found)


async def exported_people(
    database: Database,
    *,
    company_id: CompanyId | None = None,
    is_contact: bool | None = None,
    fields: Sequence[str] = PERSON_FIELDS,
) -> AsyncIterator[bytes]:
    """Yield people as lines of CSV, the newest first."""
    yield csv_lines([("name", "company", "domain", *fields, "profile", "contact", "person_id")])
    offset = 0
    while True:
        async with database.reading() as connection:
            found = await people(
                connection, company_id=company_id, is_contact=is_contact, limit=ROWS_AT_ONCE, offset=offset
            )
            known = await current_values(connection, "person", [row.person_id for row in found], fields)
            firms = await companies_of(connection, {CompanyId(row.company_id) for row in found if row.company_id})
        if not found:
            return
        yield csv_lines(
            (
                row.name,
                *_firm(firms, row.company_id),
                *_told(known[row.person_id], fields),
                row.profile,
                row.contact_id is not None,
                row.person_id,
            )
            for row in found
        )
        offset += len(found)


def _told(known: Mapping[str, Any], fields: Sequence[str]) -> list[Any]:
    return [known.get(field) for field in fields]


def _firm(firms: Mapping[CompanyId, CompanyRow], company_id: str | None) -> tuple[str, str | None]:
    row = firms.get(CompanyId(company_id or ""))
    return ("", None) if row is None else (row.name, row.domain)
