"""Keep the further keys under which a company or a person is found: former domains, profiles, digests of addresses."""

from collections.abc import Collection, Iterable

from sqlalchemy import ColumnElement, Index, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from agentic_sales.contracts import Subject, SubjectKind
from agentic_sales.store.columns import Table
from agentic_sales.store.statements import insert_many


class SubjectKeyRow(Table):
    """One key of one subject."""

    __tablename__ = "subject_keys"
    __table_args__ = (Index(None, "subject_id"),)

    kind: Mapped[str] = mapped_column(primary_key=True)
    """Kind of the subject."""
    key: Mapped[str] = mapped_column(primary_key=True)
    """The key, in the one form that its kind has."""
    subject_id: Mapped[str]
    """The subject."""


_FORMER_ID = "id:"


def former_id_key(subject_id: str) -> str:
    """Return the key by which a row is found under the id of a row that was merged into it."""
    return f"{_FORMER_ID}{subject_id}"


def is_former_id(key: str) -> bool:
    """Tell whether a key is the id of a row that was merged."""
    return key.startswith(_FORMER_ID)


async def former_ids(connection: AsyncConnection, kind: SubjectKind, ids: Collection[str]) -> dict[str, str]:
    """Return the ids of the rows that were merged into some rows, with the ids of those."""
    mine = SubjectKeyRow.subject_id.in_(ids), SubjectKeyRow.key.startswith(_FORMER_ID)
    columns = SubjectKeyRow.kind, SubjectKeyRow.key, SubjectKeyRow.subject_id
    # SQLite would read all keys of a kind that is asked for, since they are a part of the primary key.
    found = await connection.execute(select(*columns).where(*mine))
    return {key.removeprefix(_FORMER_ID): subject_id for told, key, subject_id in found if told == kind}


async def add_keys(connection: AsyncConnection, kind: SubjectKind, keys: Iterable[tuple[str, str]]) -> None:
    """Write pairs of key and id. A key that another subject has stays with it."""
    rows = [{"kind": kind, "key": key, "subject_id": subject_id} for key, subject_id in sorted({*keys})]
    await insert_many(connection, SubjectKeyRow, rows)


async def ids_by_key(connection: AsyncConnection, kind: SubjectKind, keys: Collection[str]) -> dict[str, str]:
    """Return the ids of the known keys."""
    statement = select(SubjectKeyRow.key, SubjectKeyRow.subject_id).where(
        SubjectKeyRow.kind == kind, SubjectKeyRow.key.in_(keys)
    )
    return {key: subject_id for key, subject_id in await connection.execute(statement)}  # noqa: C416 - a row is no tuple of two to mypy


async def keys_of(connection: AsyncConnection, subject: Subject) -> list[str]:
    """Return every key of a subject in order. SQLite would read all keys of its kind to return them in order."""
    found = await connection.execute(select(SubjectKeyRow.key).where(*_about(subject)))
    return sorted(str(key) for key in found.scalars())


async def move_keys(connection: AsyncConnection, old: Subject, new: Subject) -> None:
    """Give every key of a subject to another subject of its kind."""
    await connection.execute(update(SubjectKeyRow).where(*_about(old)).values(subject_id=new.id))


async def erase_keys(connection: AsyncConnection, subject: Subject) -> int:
    """Erase the keys of a subject. Return their number."""
    return (await connection.execute(delete(SubjectKeyRow).where(*_about(subject)))).rowcount


def _about(subject: Subject) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return SubjectKeyRow.subject_id == subject.id, SubjectKeyRow.kind == subject.kind
