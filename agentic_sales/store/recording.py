"""Write facts into the book, and keep one current fact of each field and a bounded history."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.contracts import Subject
from agentic_sales.rules.current_facts import current, kept
from agentic_sales.store.facts import SUBJECTS_AT_ONCE, Fact, FactRow
from agentic_sales.store.locks import lock
from agentic_sales.store.statements import add_rows


@dataclass(slots=True)
class _ComparedFact:
    """A fact of a field that is compared. A whole row of the table takes five times as long to make."""

    fact_id: str
    subject_kind: str
    subject_id: str
    field: str
    value: Any
    confidence: float
    source_url: str
    quote: str
    method: str
    workflow: str
    is_current: bool
    observed_at: datetime


_COMPARED = tuple(_ComparedFact.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Recorded:
    """The receipt for facts."""

    new: int = 0
    """Facts that are new, or differ from their workflow's earlier ones."""
    unchanged: int = 0
    """Facts that were known alike. Only the time of their observation has changed."""


async def record_facts(connection: AsyncConnection, facts: Iterable[Fact]) -> Recorded:
    """Write facts and mark the current fact of each field. A fact that is known alike is only seen again.

    Give all facts of a transaction at once.

    Args:
        connection: Connection of a writing transaction.
        facts: The findings. Of facts with one subject, field, method and workflow the last one counts.
    """
    given = {(*fact.subject, fact.field, fact.method, fact.workflow): fact for fact in facts}
    if not given:
        return Recorded()
    subjects = {fact.subject for fact in given.values()}
    await lock(connection, "facts", (subject.id for subject in subjects))
    known = _by_field(await _rows_of(connection, subjects, {fact.field for fact in given.values()}))
    new: list[tuple[dict[str, Any], _ComparedFact]] = []
    seen: list[tuple[_ComparedFact, Fact]] = []
    for told in given.values():
        row = told.as_row()
        before = _last_of(known.get((*told.subject, told.field), ()), told)
        if before is not None and _is_alike(before, row):
            seen.append((before, told))
        else:
            new.append((row, _ComparedFact(*(row[name] for name in _COMPARED))))
    for row, fact in new:
        known[row["subject_kind"], row["subject_id"], row["field"]].append(fact)
    for before, told in seen:
        await _see_again(connection, before, told)
    for row, fact in new:  # A row that is written as current need not be written twice.
        is_chosen = current(known[row["subject_kind"], row["subject_id"], row["field"]]) is fact
        row["is_current"] = fact.is_current = is_chosen
    await add_rows(connection, FactRow, [row for row, _ in new])
    await _settle(connection, [known[*told.subject, told.field] for told in given.values()])
    return Recorded(len(new), len(seen))


async def settle_subject(connection: AsyncConnection, subject: Subject) -> None:
    """Decide anew which facts of a subject are current, and cut its history. For facts that were moved or erased."""
    await lock(connection, "facts", [subject.id])
    await _settle(connection, _by_field(await _rows_of(connection, {subject})).values())


async def erase_fact_rows(connection: AsyncConnection, rows: Sequence[FactRow]) -> int:
    """Erase facts and let older ones of their fields count. Return the number of those that were still there."""
    ids, erased = [row.fact_id for row in rows], 0
    for start in range(0, len(ids), SUBJECTS_AT_ONCE):
        some = FactRow.fact_id.in_(ids[start : start + SUBJECTS_AT_ONCE])
        erased += (await connection.execute(delete(FactRow).where(some))).rowcount
    for subject in sorted({row.subject for row in rows}):
        await settle_subject(connection, subject)
    return erased


async def _rows_of(
    connection: AsyncConnection, subjects: Iterable[Subject], fields: Iterable[str] | None = None
) -> list[_ComparedFact]:
    ordered, found = sorted(subjects), list[_ComparedFact]()
    pair = tuple_(FactRow.subject_kind, FactRow.subject_id)
    for start in range(0, len(ordered), SUBJECTS_AT_ONCE):
        some = ordered[start : start + SUBJECTS_AT_ONCE]
        mine = FactRow.subject_id.in_([each.id for each in some]), pair.in_(some)
        statement = select(*(getattr(FactRow, name) for name in _COMPARED)).where(*mine)
        if fields is not None:
            statement = statement.where(FactRow.field.in_([*fields]))
        found += [_ComparedFact(*row) for row in await connection.execute(statement)]
    return found


def _by_field(rows: Iterable[_ComparedFact]) -> defaultdict[tuple[str, str, str], list[_ComparedFact]]:
    found: defaultdict[tuple[str, str, str], list[_ComparedFact]] = defaultdict(list)
    for row in rows:
        found[row.subject_kind, row.subject_id, row.field].append(row)
    return found


def _last_of(rows: Iterable[_ComparedFact], fact: Fact) -> _ComparedFact | None:
    """Return the newest fact of the same method and workflow."""
    mine = [row for row in rows if (row.method, row.workflow) == (fact.method, fact.workflow)]
    return max(mine, key=lambda row: (row.observed_at, row.fact_id), default=None)


def _is_alike(known: _ComparedFact, row: dict[str, Any]) -> bool:
    return all(getattr(known, name) == row[name] for name in ("value", "confidence", "source_url", "quote"))


async def _see_again(connection: AsyncConnection, known: _ComparedFact, fact: Fact) -> None:
    if fact.observed_at > known.observed_at:
        known.observed_at = fact.observed_at
        seen = {"observed_at": fact.observed_at, "run_id": fact.run_id}
        await connection.execute(update(FactRow).where(FactRow.fact_id == known.fact_id).values(**seen))


async def _settle(connection: AsyncConnection, fields: Iterable[list[_ComparedFact]]) -> None:
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
