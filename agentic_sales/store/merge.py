"""Join two rows of the book that mean one company, or one person. Everything moves; nothing is lost.

A row that refers to a company by a foreign key moves by the schema itself. So a table that comes later moves, too.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.contracts import CompanyId, PersonId, Subject
from agentic_sales.errors import StateConflict
from agentic_sales.rules.people_keys import employed_key
from agentic_sales.store.analyses import AnalysisRow
from agentic_sales.store.companies import CompanyRow, company
from agentic_sales.store.facts import FactRow
from agentic_sales.store.keys import add_keys, former_id_key, ids_by_key, move_keys
from agentic_sales.store.leads import LeadRow
from agentic_sales.store.locks import lock
from agentic_sales.store.people import PersonRow, person
from agentic_sales.store.recording import settle_subject
from agentic_sales.store.statements import every, known
from agentic_sales.store.tables import Table


@dataclass(frozen=True, slots=True)
class Merged:
    """The rows that a merge has moved."""

    facts: int
    """Facts, history among them."""
    analyses: int
    """Analyses."""
    references: int
    """Contacts, people, openings and everything else that referred to the company."""


async def merge_companies(connection: AsyncConnection, *, into: CompanyId, other: CompanyId, now: datetime) -> Merged:
    """Move everything of a company to another one and erase its row. Its keys lead to the other one from now on.

    A block of either one stays. Facts of both are compared as if one company had had them.

    Raises:
        UnknownRecord: One of them is not there.
        StateConflict: Both are the same row.
    """
    if into == other:
        raise StateConflict("company", into, "it cannot be merged into itself")
    stays, goes = [known(await company(connection, key), "company", key) for key in (into, other)]
    await lock(connection, "companies", {name for row in (stays, goes) for name in (row.key, row.name_key) if name})
    stays, goes = [known(await company(connection, key), "company", key) for key in (into, other)]
    people = await every(connection, PersonRow, select(PersonRow).where(PersonRow.company_id == other))
    references = await _move_references(connection, into, other)
    for each in people:
        await _employ(connection, each, into, now=now)
    facts, analyses = await _move_knowledge(connection, Subject("company", other), Subject("company", into))
    await connection.execute(delete(CompanyRow).where(CompanyRow.company_id == other))
    await add_keys(connection, "company", [(goes.key, into), (stays.key, into), (former_id_key(other), into)])
    if changed := _inherited(stays, goes):
        await connection.execute(update(CompanyRow).where(CompanyRow.company_id == into).values(**changed))
    return Merged(facts, analyses, references)


async def merge_people(connection: AsyncConnection, *, into: PersonId, other: PersonId, now: datetime) -> None:
    """Move everything of a person to another one and erase the row.

    Raises:
        UnknownRecord: One of them is not there.
        StateConflict: Both are the same row, or two contacts.
    """
    if into == other:
        raise StateConflict("person", into, "it cannot be merged into itself")
    stays, goes = [known(await person(connection, key), "person", key) for key in (into, other)]
    if stays.contact_id and goes.contact_id and stays.contact_id != goes.contact_id:
        raise StateConflict("person", other, f"it is another contact than person `{into}`")
    await _move_knowledge(connection, Subject("person", other), Subject("person", into))
    await connection.execute(update(LeadRow).where(LeadRow.person_id == other).values(person_id=into))
    await connection.execute(delete(PersonRow).where(PersonRow.person_id == other))
    told = {name: getattr(stays, name) or getattr(goes, name) for name in ("profile", "company_id", "contact_id")}
    await connection.execute(update(PersonRow).where(PersonRow.person_id == into).values(**told, updated_at=now))


async def _move_references(connection: AsyncConnection, into: CompanyId, other: CompanyId) -> int:
    moved = 0
    for table in Table.metadata.sorted_tables:
        for column in table.columns:
            if any(key.column is CompanyRow.__table__.c.company_id for key in column.foreign_keys):
                statement = update(table).where(column == other).values({column.name: into})
                moved += (await connection.execute(statement)).rowcount
    return moved


async def _move_knowledge(connection: AsyncConnection, old: Subject, new: Subject) -> tuple[int, int]:
    """Move facts, analyses and keys. Return the numbers of facts and analyses."""
    await lock(connection, "facts", [old.id, new.id])
    counts = []
    for table in (FactRow, AnalysisRow):
        theirs = table.subject_id == old.id, table.subject_kind == old.kind
        counts.append((await connection.execute(update(table).where(*theirs).values(subject_id=new.id))).rowcount)
    await settle_subject(connection, new)
    await move_keys(connection, old, new)
    return counts[0], counts[1]


async def _employ(connection: AsyncConnection, each: PersonRow, company_id: CompanyId, *, now: datetime) -> None:
    """Give a person the key of a name within the company. Somebody of that name there is the same person."""
    key = employed_key(each.name, company_id)
    there = (await ids_by_key(connection, "person", [key])).get(key)
    if there is None:
        await add_keys(connection, "person", [(key, each.person_id)])
        return
    namesake = known(await person(connection, PersonId(there)), "person", there)
    is_same = not (namesake.profile and each.profile) and not (namesake.contact_id and each.contact_id)
    if is_same and there != each.person_id:
        await merge_people(connection, into=PersonId(there), other=PersonId(each.person_id), now=now)


def _inherited(stays: CompanyRow, goes: CompanyRow) -> dict[str, Any]:
    """Return the fields that a company takes from the one that is merged into it."""
    changed: dict[str, Any] = {}
    if stays.domain is None and goes.domain is not None:
        changed |= {"domain": goes.domain, "key": goes.key}
    if not stays.name_key and goes.name_key:
        changed |= {"name": goes.name, "name_key": goes.name_key}
    if stays.blocked_at is None and goes.blocked_at is not None:
        changed |= {name: getattr(goes, name) for name in ("blocked_at", "blocked_by", "blocked_why")}
    return changed
