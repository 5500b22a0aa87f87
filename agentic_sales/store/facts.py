"""Keep what is known about subjects: facts with their sources, their quotes and a bounded history.

`rules.current_facts` decides which fact of a field is current. The rows are marked, so that a reader need not compare.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, cast, delete, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils import uuid7

from agentic_sales.contracts import RunId, Subject, SubjectKind
from agentic_sales.rules.current_facts import METHODS, Method, current, kept
from agentic_sales.store.columns import JSON_OBJECT, Table
from agentic_sales.store.locks import lock
from agentic_sales.store.statements import every, insert_many
from agentic_sales.wire import from_wire, to_wire

LONGEST_QUOTE_CHARS = 2_000
LONGEST_VALUE_BYTES = 64 * 1024
LONGEST_COMPARED_CHARS = 200
SUBJECTS_AT_ONCE = 500
"""Subjects whose facts one statement reads."""
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,63}")


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
    """What it tells, such as `country`."""
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
    """Whom or what it is about."""
    field: str
    """What it tells: small letters, digits and `_`."""
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
        """Refuse what no reader could use."""
        if not _FIELD.fullmatch(self.field):
            raise ValueError(f"`{self.field}` names no field of a fact; use small letters, digits and `_`")
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


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of facts."""

    new: int = 0
    """Facts that are new, or differ from what their workflow said before."""
    unchanged: int = 0
    """Facts that were known alike. Only the time of their observation has changed."""


def value_key(value: Any) -> str:
    """Return a scalar in the form in which filters compare it. Empty for a list or an object."""
    if isinstance(value, bool):
        return str(value).lower()
    return (
        " ".join(str(value).casefold().split())[:LONGEST_COMPARED_CHARS] if isinstance(value, str | int | float) else ""
    )


async def record_facts(connection: AsyncConnection, facts: Iterable[Fact]) -> Recorded:
    """Write facts and mark the current fact of each field. A fact that is known alike is only seen again.

    Give all facts of a transaction at once.

    Args:
        connection: Connection of a writing transaction.
        facts: What was found. Of facts with one subject, field, method and workflow the last one counts.
    """
    given = {(*fact.subject, fact.field, fact.method, fact.workflow): fact for fact in facts}
    if not given:
        return Recorded()
    subjects = {fact.subject for fact in given.values()}
    await lock(connection, "facts", (subject.id for subject in subjects))
    known = _by_field(await _rows_of(connection, subjects, {fact.field for fact in given.values()}))
    new: list[dict[str, Any]] = []
    seen: list[tuple[FactRow, Fact]] = []
    for fact in given.values():
        row = fact.as_row()
        before = _last_of(known.get((*fact.subject, fact.field), ()), fact)
        if before is not None and _is_alike(before, row):
            seen.append((before, fact))
        else:
            new.append(row)
    for row in new:
        known[row["subject_kind"], row["subject_id"], row["field"]].append(FactRow(**row))
    await insert_many(connection, FactRow, new)
    for before, fact in seen:
        await _see_again(connection, before, fact)
    await _settle(connection, [known[*fact.subject, fact.field] for fact in given.values()])
    return Recorded(len(new), len(seen))


async def settle_subject(connection: AsyncConnection, subject: Subject) -> None:
    """Decide anew which facts of a subject are current, and cut its history. For facts that were moved or erased."""
    await lock(connection, "facts", [subject.id])
    await _settle(connection, _by_field(await _rows_of(connection, {subject})).values())


async def facts_of(
    connection: AsyncConnection,
    subject: Subject,
    *,
    field: str | None = None,
    with_history: bool = False,
    limit: int = 1000,
    offset: int = 0,
) -> list[FactRow]:
    """Return the facts of a subject by field, the current one of each first.

    Args:
        connection: Connection to the store.
        subject: Whom or what they are about.
        field: Keep those of this field.
        with_history: Return also facts that are not current any more.
        limit: Most that are returned.
        offset: How many are passed over.
    """
    order = FactRow.field, FactRow.is_current.desc(), FactRow.observed_at.desc(), FactRow.fact_id
    statement = select(FactRow).where(*_about(subject)).order_by(*order).limit(limit).offset(offset)
    if field is not None:
        statement = statement.where(FactRow.field == field)
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


async def erase_facts(connection: AsyncConnection, subject: Subject) -> int:
    """Erase all facts of a subject with their history. Return their number."""
    return (await connection.execute(delete(FactRow).where(*_about(subject)))).rowcount


async def erase_fact_rows(connection: AsyncConnection, rows: Sequence[FactRow]) -> int:
    """Erase facts and let older ones of their fields count. Return the number of those that were still there."""
    ids, erased = [row.fact_id for row in rows], 0
    for start in range(0, len(ids), SUBJECTS_AT_ONCE):
        some = FactRow.fact_id.in_(ids[start : start + SUBJECTS_AT_ONCE])
        erased += (await connection.execute(delete(FactRow).where(some))).rowcount
    for subject in sorted({row.subject for row in rows}):
        await settle_subject(connection, subject)
    return erased


def _about(subject: Subject) -> tuple[Any, ...]:
    return FactRow.subject_id == subject.id, FactRow.subject_kind == subject.kind


async def _rows_of(
    connection: AsyncConnection, subjects: Iterable[Subject], fields: Iterable[str] | None = None
) -> list[FactRow]:
    ordered, found = sorted(subjects), list[FactRow]()
    pair = tuple_(FactRow.subject_kind, FactRow.subject_id)
    for start in range(0, len(ordered), SUBJECTS_AT_ONCE):
        some = ordered[start : start + SUBJECTS_AT_ONCE]
        statement = select(FactRow).where(FactRow.subject_id.in_([each.id for each in some]), pair.in_(some))
        if fields is not None:
            statement = statement.where(FactRow.field.in_([*fields]))
        found += await every(connection, FactRow, statement)
    return found


def _by_field(rows: Iterable[FactRow]) -> defaultdict[tuple[str, str, str], list[FactRow]]:
    found: defaultdict[tuple[str, str, str], list[FactRow]] = defaultdict(list)
    for row in rows:
        found[row.subject_kind, row.subject_id, row.field].append(row)
    return found


def _last_of(rows: Iterable[FactRow], fact: Fact) -> FactRow | None:
    """Return the newest fact of the same method and workflow."""
    mine = [row for row in rows if (row.method, row.workflow) == (fact.method, fact.workflow)]
    return max(mine, key=lambda row: (row.observed_at, row.fact_id), default=None)


def _is_alike(known: FactRow, row: dict[str, Any]) -> bool:
    return all(getattr(known, name) == row[name] for name in ("value", "confidence", "source_url", "quote"))


async def _see_again(connection: AsyncConnection, known: FactRow, fact: Fact) -> None:
    if fact.observed_at > known.observed_at:
        known.observed_at = fact.observed_at
        seen = {"observed_at": fact.observed_at, "run_id": fact.run_id}
        await connection.execute(update(FactRow).where(FactRow.fact_id == known.fact_id).values(**seen))


async def _settle(connection: AsyncConnection, fields: Iterable[list[FactRow]]) -> None:
    """Mark the current fact of each field and erase the oldest ones of a field with too many."""
    rise, fall, gone = list[str](), list[str](), list[str]()
    for rows in fields:
        chosen, stay = current(rows), {row.fact_id for row in kept(rows)}
        rise += [row.fact_id for row in rows if row is chosen and not row.is_current]
        fall += [row.fact_id for row in rows if row is not chosen and row.is_current]
        gone += [row.fact_id for row in rows if row.fact_id not in stay]
    for ids, is_current in ((fall, False), (rise, True)):
        for start in range(0, len(ids), SUBJECTS_AT_ONCE):
            some = FactRow.fact_id.in_(ids[start : start + SUBJECTS_AT_ONCE])
            await connection.execute(update(FactRow).where(some).values(is_current=is_current))
    for start in range(0, len(gone), SUBJECTS_AT_ONCE):
        await connection.execute(delete(FactRow).where(FactRow.fact_id.in_(gone[start : start + SUBJECTS_AT_ONCE])))


def mentions(words: Sequence[str]) -> Any:
    """Return the condition that a fact's value, quote or source holds one of the words, in any case."""
    texts = cast(FactRow.value, String), FactRow.quote, FactRow.source_url
    lowered = [func.lower(text).contains(word.lower(), autoescape=True) for word in words for text in texts]
    # SQLite knows small letters of ASCII alone.
    return or_(*lowered, *(text.contains(word, autoescape=True) for word in words for text in texts))
