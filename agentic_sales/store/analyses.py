"""Keep the whole documents that workflows make of subjects, such as an ICP or a dossier. The latest comes first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as with_default
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Index, String, cast, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils import uuid7

from agentic_sales.contracts import RunId, Subject
from agentic_sales.store.columns import JSON_OBJECT, Table
from agentic_sales.store.locks import lock
from agentic_sales.store.statements import column_holds, every, first
from agentic_sales.wire import from_wire, to_wire

MOST_KEPT = 10
"""Analyses of one kind of one subject."""


class AnalysisRow(Table):
    """One document about one subject."""

    __tablename__ = "analyses"
    __table_args__ = (Index(None, "subject_id", "kind"),)

    analysis_id: Mapped[str] = mapped_column(primary_key=True)
    """Its id. A later one is larger."""
    subject_kind: Mapped[str]
    """Kind of the subject, one of `contracts.SubjectKind`."""
    subject_id: Mapped[str]
    """Id of the subject within its kind."""
    kind: Mapped[str]
    """Kind of the analysis, such as `icp`."""
    content: Mapped[dict[str, Any]] = mapped_column(JSON_OBJECT)
    """The document."""
    digest: Mapped[str]
    """Digest of the content."""
    workflow: Mapped[str]
    """Workflow that made it."""
    run_id: Mapped[str | None]
    """Run that made it, or None."""
    prompts: Mapped[dict[str, Any]] = mapped_column(JSON_OBJECT)
    """Digests of the prompts by their names."""
    created_at: Mapped[datetime]
    """When it was made."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """A document to be kept."""

    subject: Subject
    """Subject of the analysis."""
    kind: str
    """Kind of the analysis, such as `icp`."""
    content: Mapping[str, Any]
    """The document."""
    workflow: str
    """Workflow that made it."""
    run_id: RunId | None = None
    """Run that made it."""
    prompts: Mapping[str, str] = with_default(default_factory=dict)
    """Digests of the prompts by their names."""


async def save_analysis(connection: AsyncConnection, analysis: Analysis, *, now: datetime) -> str:
    """Write a document and return its id. The latest one of the kind stays if its content is the same."""
    raw = to_wire(analysis.content)
    digest = sha256(to_wire(_ordered(from_wire(raw)))).hexdigest()
    await lock(connection, "facts", [analysis.subject.id])
    before = await latest_analysis(connection, analysis.subject, analysis.kind)
    if before is not None and before.digest == digest:
        return before.analysis_id
    row = {
        "analysis_id": str(uuid7()),
        "subject_kind": analysis.subject.kind,
        "subject_id": analysis.subject.id,
        "kind": analysis.kind,
        "content": from_wire(raw),
        "digest": digest,
        "workflow": analysis.workflow,
        "run_id": analysis.run_id,
        "prompts": dict(analysis.prompts),
        "created_at": now,
    }
    await connection.execute(insert(AnalysisRow).values(**row))
    await _cut(connection, analysis.subject, analysis.kind)
    return str(row["analysis_id"])


async def latest_analysis(connection: AsyncConnection, subject: Subject, kind: str) -> AnalysisRow | None:
    """Return the newest document of a kind about a subject, or None."""
    return next(iter(await analyses_of(connection, subject, kind=kind, limit=1)), None)


async def analyses_of(
    connection: AsyncConnection, subject: Subject, *, kind: str | None = None, limit: int = 100, offset: int = 0
) -> list[AnalysisRow]:
    """Return the documents about a subject, the latest first. `kind` keeps those of one kind."""
    order = AnalysisRow.created_at.desc(), AnalysisRow.analysis_id.desc()
    statement = select(AnalysisRow).where(*_about(subject)).order_by(*order).limit(limit).offset(offset)
    if kind is not None:
        statement = statement.where(AnalysisRow.kind == kind)
    return await every(connection, AnalysisRow, statement)


async def analysis(connection: AsyncConnection, analysis_id: str) -> AnalysisRow | None:
    """Return a document or None."""
    return await first(connection, AnalysisRow, select(AnalysisRow).where(AnalysisRow.analysis_id == analysis_id))


async def erase_analyses(connection: AsyncConnection, subject: Subject) -> int:
    """Erase the documents about a subject. Return their number."""
    return (await connection.execute(delete(AnalysisRow).where(*_about(subject)))).rowcount


def tells_of(words: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that a document holds one of the words, in any case."""
    return column_holds(cast(AnalysisRow.content, String), words)


async def _cut(connection: AsyncConnection, subject: Subject, kind: str) -> None:
    old = await analyses_of(connection, subject, kind=kind, limit=MOST_KEPT, offset=MOST_KEPT)
    if old:
        ids = [row.analysis_id for row in old]
        await connection.execute(delete(AnalysisRow).where(AnalysisRow.analysis_id.in_(ids)))


def _about(subject: Subject) -> tuple[Any, ...]:
    return AnalysisRow.subject_id == subject.id, AnalysisRow.subject_kind == subject.kind


def _ordered(value: Any) -> Any:
    """Return JSON with sorted names. PostgreSQL does not keep their order, so two equal documents may differ in it."""
    if isinstance(value, dict):
        return {name: _ordered(value[name]) for name in sorted(value)}
    return [_ordered(each) for each in value] if isinstance(value, list) else value
