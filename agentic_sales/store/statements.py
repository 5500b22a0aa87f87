"""Run statements that read or write whole rows, alike on SQLite and PostgreSQL.

A row comes back as a detached object of the table's class. It is a record to read and never to change.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Executable, Row, Select, func, or_, select
from sqlalchemy import Table as SqlTable
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from agentic_sales.errors import UnknownRecord
from agentic_sales.store.columns import Table

T = TypeVar("T", bound=Table)

ROWS_OF_A_STATEMENT = 100
"""Rows that one statement writes. psycopg reads a statement of a thousand rows as text for longer than it sends it."""
ROWS_SEARCHED_AT_ONCE = 100_000
"""Rows of one statement that reads texts to the end."""


async def first(connection: AsyncConnection, kind: type[T], statement: Executable) -> T | None:
    """Return the first row of a statement, or None."""
    row = (await connection.execute(statement)).first()
    return None if row is None else _record(kind, row)


async def every_joined(
    connection: AsyncConnection, kinds: Sequence[type[Table]], statement: Executable
) -> list[tuple[Any, ...]]:
    """Return every row of a statement over several tables, as one row of each table and then its further columns.

    Tables are all columns of their kinds, in the same order. None stands for the row of a table that an outer join
    did not find. A row that several rows repeat is the same object in each.
    """
    parts, made, end = [], dict[Any, Table](), 0
    for kind in kinds:
        keys = [column.key for column in columns(kind)]
        parts.append((kind, keys, slice(end, end + len(keys)), [keys.index(c.key) for c in kind.__table__.primary_key]))
        end += len(keys)

    def record(kind: type[Table], keys: Sequence[str], values: Sequence[Any], identity: Sequence[int]) -> Table | None:
        key = (kind, *(values[place] for place in identity))
        if None in key:
            return None
        if key not in made:
            made[key] = kind(**dict(zip(keys, values, strict=True)))
        return made[key]

    return [
        (*(record(kind, keys, row[part], identity) for kind, keys, part, identity in parts), *row[end:])
        for row in await connection.execute(statement)
    ]


async def every(connection: AsyncConnection, kind: type[T], statement: Executable) -> list[T]:
    """Return every row of a statement."""
    return [_record(kind, row) for row in await connection.execute(statement)]


def narrowed(statement: Select[Any], given: Mapping[Any, Any]) -> Select[Any]:
    """Keep the rows of a statement with the given values in their columns. None stands for any value."""
    return statement.where(*(column == value for column, value in given.items() if value is not None))


def column_holds(column: ColumnElement[str] | InstrumentedAttribute[str], words: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that a text holds one of some words, in any case."""
    lowered = [func.lower(column).contains(word.lower(), autoescape=True) for word in words]
    # SQLite knows the small letters of ASCII alone.
    return or_(*lowered, *(column.contains(word, autoescape=True) for word in words if not word.isascii()))


async def every_searched(connection: AsyncConnection, kind: type[T], wanted: ColumnElement[bool]) -> list[T]:
    """Return the rows of a condition that no index helps with. A statement looks at `ROWS_SEARCHED_AT_ONCE` rows.

    So it stays below the longest time of a statement, however large the table is.
    """
    [key] = kind.__table__.primary_key
    found: list[T] = []
    after = ""
    while True:
        ahead = select(key).where(key > after).order_by(key).offset(ROWS_SEARCHED_AT_ONCE - 1).limit(1)
        last = (await connection.execute(ahead)).scalar_one_or_none()
        rows = select(kind).where(key > after, wanted)
        found += await every(connection, kind, rows if last is None else rows.where(key <= last))
        if last is None:
            return found
        after = last


async def insert_new(connection: AsyncConnection, kind: type[Table], values: Mapping[str, Any]) -> bool:
    """Write a row unless one with the same key is there. Tell whether it was written."""
    statement = _insert(connection, kind).values(values).on_conflict_do_nothing()
    returned = statement.returning(*kind.__table__.primary_key)
    return (await connection.execute(returned)).first() is not None


async def insert_row(connection: AsyncConnection, kind: type[T], values: Mapping[str, Any]) -> T | None:
    """Write a row unless one with the same key is there. Return it as it stands there now, or None."""
    statement = _insert(connection, kind).values(values).on_conflict_do_nothing()
    return await first(connection, kind, statement.returning(*columns(kind)))


async def add_rows(connection: AsyncConnection, kind: type[Table], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows that are not there. PostgreSQL does it in a third of the time of `insert_many`."""
    if rows:
        await connection.execute(_insert(connection, kind), [dict(row) for row in rows])


async def insert_many(connection: AsyncConnection, kind: type[Table], rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Write the rows with new keys. Return the first part of the primary key of each row that was written."""
    if not rows:
        return []
    # PostgreSQL's driver does not count the rows of a statement that is executed for many.
    statement = _insert(connection, kind).on_conflict_do_nothing().returning(*kind.__table__.primary_key)
    options = {"insertmanyvalues_page_size": ROWS_OF_A_STATEMENT}
    found = await connection.execute(statement, [dict(row) for row in rows], execution_options=options)
    return list(found.scalars())


def _insert(connection: AsyncConnection, kind: type[Table]) -> Any:
    table = kind.__table__
    assert isinstance(table, SqlTable)  # noqa: S101 - every table of ours is one
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def known(found: T | None, kind: str, record_id: str) -> T:
    """Return a row that must be there.

    Raises:
        UnknownRecord: The row is missing.
    """
    if found is None:
        raise UnknownRecord(kind, record_id)
    return found


def columns(kind: type[Table]) -> list[Any]:
    """Return the columns of a table for `RETURNING`."""
    return list(kind.__table__.columns)


def _record(kind: type[T], row: Row[Any]) -> T:
    return kind(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for the row as a mapping
