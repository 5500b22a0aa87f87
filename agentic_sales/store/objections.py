"""Ask in one statement for the objections against a message to a person. Every step of a message asks it anew."""

from typing import Any

from sqlalchemy import String, cast, literal, null, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.store.companies import CompanyRow, ids_by
from agentic_sales.store.contacts import ContactRow
from agentic_sales.store.suppressions import SuppressionRow


async def objections(connection: AsyncConnection, person: ContactRow, site: str | None) -> list[str]:
    """Return the reasons of suppressions, the oldest first, then the blocked company of a person. Empty without any.

    Args:
        connection: Of the caller's transaction.
        person: The recipient.
        site: Domain of the person's address, under which a company may be known or may have been known.
    """
    of_it = CompanyRow.company_id.in_(ids_by(person.company_id, site, [site] if site else []))
    suppressed = select(
        SuppressionRow.at, SuppressionRow.reason, cast(null(), String).label("firm"), literal("").label("why")
    ).where(SuppressionRow.email_hash == person.email_hash)
    blocked = select(CompanyRow.blocked_at, literal(""), CompanyRow.name, CompanyRow.blocked_why).where(
        of_it, CompanyRow.blocked_at.is_not(None)
    )
    rows: list[Any] = list(await connection.execute(suppressed.union_all(blocked)))
    rows.sort(key=lambda row: (row.firm is not None, row.at))
    return [row.reason if row.firm is None else f"the company `{row.firm}` is blocked: {row.why}" for row in rows]
