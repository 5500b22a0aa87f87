"""Define the columns and the base class of every table. They work alike on SQLite and PostgreSQL."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, Date, DateTime, MetaData, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

from agentic_sales.wire import clean_text

_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""Names for constraints. A migration cannot drop a constraint without a name."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC. SQLite has no time zones, so reading adds UTC again."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive datetime, because its instant is unknown."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; give an aware datetime")
        in_utc = value.astimezone(UTC)
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return a stored value as an aware datetime in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class CleanText(TypeDecorator[str]):
    """A text that PostgreSQL can store. NUL and halves of surrogate pairs become U+FFFD, on SQLite too."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - alike on both
        """Clean a text that is stored or searched."""
        return None if value is None else clean_text(value)


JSON_OBJECT = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""A JSON value, or NULL without one. PostgreSQL can index it."""


class Table(DeclarativeBase):
    """Base of every table."""

    metadata = MetaData(naming_convention=_CONVENTION)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime,
        str: CleanText,
        dict[str, Any]: JSON_OBJECT,
    }

    def as_data(self) -> dict[str, Any]:
        """Return the row as plain data with times in ISO 8601. Columns that were not read are left out."""
        read = [column.key for column in self.__table__.columns if hasattr(self, column.key)]
        values = {name: getattr(self, name) for name in read}
        return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}


def values_of(kind: type[Table], told: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a row that `as_data` told. A name that is no column of this release is left out."""
    columns = {column.key: column.type for column in kind.__table__.columns}
    return {name: _read(columns[name], value) for name, value in told.items() if name in columns}


def _read(kind: Any, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if isinstance(kind, UtcDateTime):
        return datetime.fromisoformat(value)
    return date.fromisoformat(value) if isinstance(kind, Date) else value
