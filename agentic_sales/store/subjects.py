"""Keep openings, repositories, papers, channels and documents. Its data beyond its identity are facts."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ForeignKey, Index, UniqueConstraint, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils import uuid7

from agentic_sales.contracts import CompanyId, Subject
from agentic_sales.store.columns import Table
from agentic_sales.store.statements import every, first, insert_many, narrowed

ThingKind = Literal["opening", "repository", "paper", "channel", "document"]
"""Kinds of subjects that this table keeps."""
THINGS_AT_ONCE = 500
"""Things of one statement."""


class SubjectRow(Table):
    """One opening, repository, paper, channel or document."""

    __tablename__ = "subjects"
    __table_args__ = (UniqueConstraint("kind", "key"), Index(None, "company_id", "kind"))

    subject_id: Mapped[str] = mapped_column(primary_key=True)
    """Its id."""
    kind: Mapped[str]
    """`opening`, `repository`, `paper`, `channel` or `document`."""
    key: Mapped[str]
    """Its key within the kind, such as `github.com/acme/tool`, a DOI or a URL."""
    name: Mapped[str]
    """Title as people read it."""
    url: Mapped[str] = mapped_column(default="")
    """Its page. Empty if there is none."""
    company_id: Mapped[str | None] = mapped_column(ForeignKey("companies.company_id", ondelete="SET NULL"))
    """Company that it belongs to, or None."""
    gone_at: Mapped[datetime | None] = mapped_column(default=None)
    """When its source no longer listed it. None while it is there."""
    created_at: Mapped[datetime]
    """When it was found."""
    updated_at: Mapped[datetime]
    """When the row changed last."""

    @property
    def subject(self) -> Subject:
        """Return it as the subject of facts."""
        return Subject(self.kind, self.subject_id)  # type: ignore[arg-type]  # the writer takes no other kind


@dataclass(frozen=True, slots=True)
class Thing:
    """An opening, repository, paper, channel or document as its source has it."""

    kind: ThingKind
    """Its kind."""
    key: str
    """Its key within the kind. Case counts."""
    name: str
    """Title as people read it."""
    url: str = ""
    """Its page."""
    company_id: CompanyId | None = None
    """Company that it belongs to. None leaves a known company as it is."""


async def save_things(connection: AsyncConnection, things: Iterable[Thing], *, now: datetime) -> dict[Thing, Subject]:
    """Write things by their keys and return them as subjects. A known one is changed only where it differs.

    A thing that was gone is there again.
    """
    given = {(thing.kind, thing.key): thing for thing in things}
    rows = [
        {**_told(thing), "subject_id": str(uuid7()), "kind": kind, "key": key, "created_at": now, "updated_at": now}
        for (kind, key), thing in sorted(given.items())  # in one order, so that two writers do not wait for each other
    ]
    await insert_many(connection, SubjectRow, rows)
    found: dict[Thing, Subject] = {}
    for row in await things_of_keys(connection, given):
        thing = given[row.kind, row.key]  # type: ignore[index]  # a kind that was given
        changed = {name: value for name, value in _told(thing).items() if value != getattr(row, name)}
        if thing.company_id is None:
            changed.pop("company_id", None)
        if changed:
            mine = SubjectRow.subject_id == row.subject_id
            await connection.execute(update(SubjectRow).where(mine).values(**changed, updated_at=now))
        found[thing] = row.subject
    return found


async def close_missing(
    connection: AsyncConnection,
    kind: ThingKind,
    company_id: CompanyId,
    *,
    seen: Collection[str],
    now: datetime,
    prefix: str = "",
) -> list[str]:
    """Mark things that a company's complete list no longer has as gone. Return the keys.

    Args:
        connection: Connection of a writing transaction.
        kind: Kind of the things.
        company_id: The company.
        seen: Keys that the list has.
        now: The present.
        prefix: Beginning of the keys of this list, where the company has several lists.
    """
    listed = await things(connection, kind, company_id=company_id, is_there=True, limit=None)
    gone = [row for row in listed if row.key.startswith(prefix) and row.key not in seen]
    mine = SubjectRow.subject_id.in_([row.subject_id for row in gone])
    await connection.execute(update(SubjectRow).where(mine).values(gone_at=now, updated_at=now))
    return [row.key for row in gone]


async def thing(connection: AsyncConnection, subject: Subject) -> SubjectRow | None:
    """Return a thing or None."""
    is_it = SubjectRow.subject_id == subject.id, SubjectRow.kind == subject.kind
    return await first(connection, SubjectRow, select(SubjectRow).where(*is_it))


async def thing_of_key(connection: AsyncConnection, kind: ThingKind, key: str) -> SubjectRow | None:
    """Return the thing of a key or None."""
    is_it = SubjectRow.kind == kind, SubjectRow.key == key
    return await first(connection, SubjectRow, select(SubjectRow).where(*is_it))


async def things_of_keys(connection: AsyncConnection, given: Iterable[tuple[ThingKind, str]]) -> list[SubjectRow]:
    """Return the things of many kinds and keys."""
    by_kind: dict[str, list[str]] = {}
    for kind, key in given:
        by_kind.setdefault(kind, []).append(key)
    found: list[SubjectRow] = []
    for of_kind, keys in by_kind.items():
        for start in range(0, len(keys), THINGS_AT_ONCE):
            mine = SubjectRow.kind == of_kind, SubjectRow.key.in_(keys[start : start + THINGS_AT_ONCE])
            found += await every(connection, SubjectRow, select(SubjectRow).where(*mine))
    return found


async def things(
    connection: AsyncConnection,
    kind: ThingKind,
    *,
    company_id: CompanyId | None = None,
    is_there: bool | None = None,
    limit: int | None = 100,
    offset: int = 0,
) -> list[SubjectRow]:
    """Return things of a kind, the newest first. `is_there` keeps those that are gone, or those that are not."""
    statement = narrowed(select(SubjectRow), {SubjectRow.kind: kind, SubjectRow.company_id: company_id})
    if is_there is not None:
        statement = statement.where(SubjectRow.gone_at.is_(None) if is_there else SubjectRow.gone_at.is_not(None))
    ordered = statement.order_by(SubjectRow.subject_id.desc()).limit(limit).offset(offset)
    return await every(connection, SubjectRow, ordered)


async def count_things(connection: AsyncConnection, company_id: CompanyId) -> dict[str, int]:
    """Count the things of a company that are there, by kind."""
    is_it = SubjectRow.company_id == company_id, SubjectRow.gone_at.is_(None)
    statement = select(SubjectRow.kind, func.count()).where(*is_it).group_by(SubjectRow.kind).order_by(SubjectRow.kind)
    return {kind: int(count) for kind, count in await connection.execute(statement)}


async def erase_thing(connection: AsyncConnection, subject: Subject) -> bool:
    """Erase the row of a thing."""
    is_it = SubjectRow.subject_id == subject.id, SubjectRow.kind == subject.kind
    return (await connection.execute(delete(SubjectRow).where(*is_it))).rowcount == 1


def _told(thing: Thing) -> dict[str, Any]:
    return {"name": thing.name, "url": thing.url, "company_id": thing.company_id, "gone_at": None}
