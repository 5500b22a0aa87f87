"""Read openings of the book with the fields of their boards."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.contracts import CompanyId, Subject
from agentic_sales.errors import UnknownRecord
from agentic_sales.rules.company_identity import Firm
from agentic_sales.rules.remote_openings import LONGEST_DESCRIPTION_CHARS, GivenOpening
from agentic_sales.settings import settings
from agentic_sales.store.companies import CompanyRow, companies_known, companies_of
from agentic_sales.store.database import current_database
from agentic_sales.store.facts import current_values
from agentic_sales.store.subjects import SubjectRow, thing, things

_FIELDS = ("locations", "country", "workplace", "description")


async def known_openings(*, ids: Sequence[str], company_key: str | None, limit: int) -> list[GivenOpening]:
    """Return openings of the book: those of the ids, open or closed, or else the newest open ones.

    Args:
        ids: Ids of openings. Empty: the newest that are open.
        company_key: Id or domain of a company. Only its openings are returned. None: those of every company.
        limit: Most openings.

    Raises:
        UnknownRecord: The book has no such opening or company.
    """
    async with current_database(settings()).reading() as connection:
        company = await _company(connection, company_key) if company_key else None
        rows = await _rows(connection, ids, company, limit)
        found = [row.subject_id for row in rows]
        facts = await current_values(connection, "opening", found, _FIELDS)
        owners = await companies_of(connection, {CompanyId(row.company_id) for row in rows if row.company_id})
    return [_given(row, facts[row.subject_id], owners.get(CompanyId(row.company_id or ""))) for row in rows]


async def _rows(
    connection: AsyncConnection, ids: Sequence[str], company: CompanyId | None, limit: int
) -> list[SubjectRow]:
    if not ids:
        return await things(connection, "opening", company_id=company, is_there=True, limit=limit)
    found = []
    for opening_id in dict.fromkeys(ids):
        row = await thing(connection, Subject("opening", opening_id))
        if row is None:
            raise UnknownRecord("opening", opening_id)
        if company is None or row.company_id == company:
            found.append(row)
    return found[:limit]


async def _company(connection: AsyncConnection, key: str) -> CompanyId:
    rows = await companies_of(connection, [CompanyId(key)])
    if key in rows:
        return CompanyId(key)
    firm = Firm("", key)
    known = await companies_known(connection, [firm])
    if firm not in known:
        raise UnknownRecord("company", key)
    return CompanyId(known[firm].company_id)


def _given(row: SubjectRow, facts: dict[str, Any], owner: CompanyRow | None) -> GivenOpening:
    places = [str(place) for place in facts.get("locations") or ()]
    return GivenOpening(
        id=row.subject_id,
        title=row.name[:500],
        company_name=owner.name[:300] if owner else "",
        company_key=(owner.domain or owner.company_id) if owner else "",
        url=row.url[:2_048],
        source=row.key.partition("/")[0][:200],
        location=places[0][:1_000] if places else "",
        locations=places[1:100],
        country=str(facts.get("country") or "")[:100],
        workplace_type=str(facts.get("workplace") or "")[:100],
        description=str(facts.get("description") or "")[:LONGEST_DESCRIPTION_CHARS],
    )
