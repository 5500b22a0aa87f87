"""Keep facts of subjects with their sources, their quotes and a bounded history.

`rules.current_facts` decides which fact of a field is current. The rows are marked, so that a reader need not compare.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Index, String, cast, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils import uuid7

from agentic_sales.contracts import RunId, Subject, SubjectKind
from agentic_sales.rules.current_facts import METHODS, Method
from agentic_sales.store.columns import JSON_OBJECT, Table
from agentic_sales.store.statements import column_holds, every
from agentic_sales.wire import from_wire, to_wire

LONGEST_QUOTE_CHARS = 2_000
LONGEST_VALUE_BYTES = 64 * 1024
LONGEST_COMPARED_CHARS = 200
SUBJECTS_AT_ONCE = 500
"""Subjects with facts that one statement reads."""
_FIELD = re.compile(r"(?=.{1,64}\Z)[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*")


class FactRow(Table):
    """One fact about one subject."""

    __tablename__ = "facts"
    __table_args__ = (Index(None, "subject_id", "field"), Index(None, "field", "value_key"))

    fact_id: Mapped[str] = mapped_column(primary_key=True)
    """Its id. A later fact has a larger one."""
    subject_kind: Mapped[str]
    """Kind of the subject, one of `contracts.SubjectKind`."""
    subject_id: Mapped[str]
    """Id of the subject within its kind."""
    field: Mapped[str]
    """Name of the fact, such as `country` or `problem.slow_quotes`."""
    value: Mapped[Any] = mapped_column(JSON_OBJECT, nullable=False)
    """Any JSON value but null."""
    value_key: Mapped[str]
    """A scalar value in small letters and at most 200 characters, for filters. Empty for lists and objects."""
    confidence: Mapped[float]
    """From 0 to 1."""
    source_url: Mapped[str]
    """Page that says so. Empty if none does."""
    quote: Mapped[str]
    """Words of the source. Empty if there are none."""
    method: Mapped[str]
    """`api`, `rules`, `llm`, `import` or `person`."""
    workflow: Mapped[str]
    """Workflow that found it, or the name of the file or person. Empty if not known."""
    run_id: Mapped[str | None]
    """Run that saw it last, or None."""
    is_current: Mapped[bool]
    """It counts. The others of its field are history."""
    first_observed_at: Mapped[datetime]
    """When it was seen first."""
    observed_at: Mapped[datetime]
    """When it was seen last."""

    @property
    def subject(self) -> Subject:
        """Return the subject."""
        return Subject(self.subject_kind, self.subject_id)  # type: ignore[arg-type]  # `record_facts` takes no other kind


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact to be recorded.

    Raises:
        ValueError: The field is no name, the value is null or too large, or the confidence is not between 0 and 1.
    """

    subject: Subject
    """Subject of the analysis."""
    field: str
    """Name of the fact: small letters, digits and `_`, with a dot between a group and its member."""
    value: Any
    """Any JSON value but null."""
    method: Method
    """How it was found."""
    observed_at: datetime
    """When it was seen."""
    confidence: float = 1.0
    """From 0 to 1."""
    source_url: str = ""
    """Page that says so."""
    quote: str = ""
    """Words of the source. Of a longer quote the beginning is kept."""
    workflow: str = ""
    """Workflow that found it."""
    run_id: RunId | None = None
    """Run that found it."""

    def __post_init__(self) -> None:
        """Refuse a fact that no reader could use."""
        if not _FIELD.fullmatch(self.field):
            raise ValueError(
                f"`{self.field}` names no field of a fact; use small letters, digits, `_` and a dot within"
            )
        if self.value is None:
            raise ValueError(f"`{self.field}` of `{self.subject}` has no value; leave the fact out")
        if self.method not in METHODS or not 0 <= self.confidence <= 1:
            raise ValueError(
                f"`{self.field}` of `{self.subject}`: method `{self.method}`, confidence {self.confidence}"
            )
        if (size := len(to_wire(self.value))) > LONGEST_VALUE_BYTES:
            raise ValueError(f"`{self.field}` of `{self.subject}` has {size} of at most {LONGEST_VALUE_BYTES} bytes")

    def as_row(self) -> dict[str, Any]:
        """Return the columns of a new row."""
        return {
            "fact_id": str(uuid7()),
            "subject_kind": self.subject.kind,
            "subject_id": self.subject.id,
            "field": self.field,
            "value": from_wire(to_wire(self.value)),
            "value_key": value_key(self.value),
            "confidence": self.confidence,
            "source_url": self.source_url,
            "quote": self.quote[:LONGEST_QUOTE_CHARS],
            "method": self.method,
            "workflow": self.workflow,
            "run_id": self.run_id,
            "is_current": False,
            "first_observed_at": self.observed_at,
            "observed_at": self.observed_at,
        }


def value_key(value: Any) -> str:
    """Return a scalar in the form in which filters compare it. Empty for a list or an object."""
    if isinstance(value, bool):
        return str(value).lower()
    return (
        " ".join(str(value).casefold().split())[:LONGEST_COMPARED_CHARS] if isinstance(value, str | int | float) else ""
    )


async def facts_of(
    connection: AsyncConnection,
    subject: Subject,
    *,
    field: str | None = None,
    group: str = "",
    with_history: bool = False,
    limit: int = 1000,
    offset: int = 0,
) -> list[FactRow]:
    """Return the facts of a subject by field, the current one of each first.

    Args:
        connection: Connection to the store.
        subject: Subject of the facts.
        field: Keep those of this field.
        group: Keep the facts with a field that begins with this.
        with_history: Return also facts that are not current any more.
        limit: Most that are returned.
        offset: How many are passed over.
    """
    order = FactRow.field, FactRow.is_current.desc(), FactRow.observed_at.desc(), FactRow.fact_id
    statement = select(FactRow).where(*_about(subject)).order_by(*order).limit(limit).offset(offset)
    if field is not None:
        statement = statement.where(FactRow.field == field)
    if group:
        statement = statement.where(FactRow.field.startswith(group, autoescape=True))
    if not with_history:
        statement = statement.where(FactRow.is_current)
    return await every(connection, FactRow, statement)


async def current_values(
    connection: AsyncConnection, kind: SubjectKind, ids: Sequence[str], fields: Sequence[str] = ()
) -> dict[str, dict[str, Any]]:
    """Return the current values of many subjects of one kind by id and field. Without `fields`, return every field."""
    found: dict[str, dict[str, Any]] = {subject_id: {} for subject_id in ids}
    columns = FactRow.subject_id, FactRow.field, FactRow.value
    for start in range(0, len(ids), SUBJECTS_AT_ONCE):
        mine = FactRow.subject_id.in_(ids[start : start + SUBJECTS_AT_ONCE])
        statement = select(*columns).where(mine, FactRow.subject_kind == kind, FactRow.is_current)
        if fields:
            statement = statement.where(FactRow.field.in_(fields))
        for subject_id, field, value in await connection.execute(statement):
            found[subject_id][field] = value
    return found


async def values_in_group(connection: AsyncConnection, kind: SubjectKind, group: str) -> list[tuple[str, Any]]:
    """Return id and current value of every subject of a kind with a fact in a group of fields."""
    mine = FactRow.field.startswith(group, autoescape=True), FactRow.subject_kind == kind, FactRow.is_current
    statement = select(FactRow.subject_id, FactRow.value).where(*mine).order_by(FactRow.fact_id)
    return [(subject_id, value) for subject_id, value in await connection.execute(statement)]


async def last_observed_at(connection: AsyncConnection, subject: Subject, workflow: str) -> datetime | None:
    """Return when a workflow last saw a fact of a subject, also one that is not current. None: it never did."""
    statement = select(FactRow.observed_at).where(*_about(subject), FactRow.workflow == workflow)
    seen = await connection.execute(statement.order_by(FactRow.observed_at.desc()).limit(1))
    return seen.scalar_one_or_none()


async def last_observed(
    connection: AsyncConnection, kind: SubjectKind, ids: Sequence[str], workflow: str
) -> dict[str, datetime]:
    """Return when a workflow last saw a fact of each of many subjects, also one that is not current."""
    found: dict[str, datetime] = {}
    for start in range(0, len(ids), SUBJECTS_AT_ONCE):
        mine = FactRow.subject_id.in_(ids[start : start + SUBJECTS_AT_ONCE]), FactRow.subject_kind == kind
        statement = select(FactRow.subject_id, FactRow.observed_at).where(*mine, FactRow.workflow == workflow)
        for subject_id, seen_at in await connection.execute(statement):
            found[subject_id] = max(seen_at, found.get(subject_id, seen_at))
    return found


async def erase_facts(connection: AsyncConnection, subject: Subject) -> int:
    """Erase all facts of a subject with their history. Return their number."""
    return (await connection.execute(delete(FactRow).where(*_about(subject)))).rowcount


def _about(subject: Subject) -> tuple[Any, ...]:
    return FactRow.subject_id == subject.id, FactRow.subject_kind == subject.kind


def mentions(words: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that a fact's value, quote or source holds one of the words, in any case."""
    return or_(
        *(column_holds(column, words) for column in (cast(FactRow.value, String), FactRow.quote, FactRow.source_url))
    )
