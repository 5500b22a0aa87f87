"""Keep leads: a company, repository, person or opening in one flow, with its stage, score and outcome."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

from sqlalchemy import ColumnElement, ForeignKey, Index, String, cast, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from agentic_sales.contracts import LeadId
from agentic_sales.store.columns import JSON_OBJECT, Table
from agentic_sales.store.people import PersonRow
from agentic_sales.store.statements import column_holds, every, first, insert_many, narrowed

Stage = Literal["found", "enriched", "kept", "waiting", "enrolled", "dropped", "failed"]
"""How far a lead is.

- `found`: the discovery found it. `enriched`: its questions before the score are answered.
- `kept`: it passed the score. `dropped`: it did not, or nobody of it may be written to.
- `waiting`: somebody must do something before it goes on. `enrolled`: its person is in the campaign.
- `failed`: a step failed for good.
"""
OPEN: tuple[Stage, ...] = ("found", "enriched", "kept")
"""Stages in which a visit has something to do."""


class LeadRow(Table):
    """One lead of one flow."""

    __tablename__ = "leads"
    __table_args__ = (
        Index(None, "round_id", "stage"),
        Index(None, "person_id"),
        Index(None, "contact_id"),
        Index(None, "company_id"),
        Index(None, "stage", "looked_at"),
    )

    lead_id: Mapped[str] = mapped_column(primary_key=True)
    """Its id. It follows from the flow and the subject, so a later round does not find it anew."""
    round_id: Mapped[str] = mapped_column(ForeignKey("flow_rounds.round_id", ondelete="CASCADE"))
    """Round that found it."""
    flow_id: Mapped[str]
    """The flow."""
    subject_kind: Mapped[str]
    """Kind of the subject: `company`, `repository`, `person` or `opening`."""
    subject_key: Mapped[str]
    """Key of the subject among all of its kind."""
    name: Mapped[str]
    """Its name for people."""
    url: Mapped[str] = mapped_column(default="")
    """Page that shows it."""
    company_id: Mapped[str | None] = mapped_column(ForeignKey("companies.company_id", ondelete="SET NULL"))
    """Company of the book, or None."""
    person_id: Mapped[str | None] = mapped_column(ForeignKey("people.person_id", ondelete="SET NULL"))
    """Recipient of the messages, or None."""
    contact_id: Mapped[str | None] = mapped_column(ForeignKey("contacts.contact_id", ondelete="SET NULL"))
    """Contact that the person is, or None."""
    campaign_id: Mapped[str | None] = mapped_column(ForeignKey("campaigns.campaign_id", ondelete="SET NULL"))
    """Campaign that the person joined, or None."""
    stage: Mapped[str]
    """One of `Stage`."""
    step: Mapped[int] = mapped_column(default=0)
    """Number of its finished steps."""
    reason: Mapped[str] = mapped_column(default="")
    """Why it is in that stage, for people."""
    score: Mapped[float | None] = mapped_column(default=None)
    """Its score, 0-1. None before it is judged."""
    reasons: Mapped[Any] = mapped_column(JSON_OBJECT, nullable=False)
    """Reasons of the score, as a list of texts."""
    arm: Mapped[dict[str, Any]] = mapped_column(JSON_OBJECT)
    """Arms that its outcome is counted by: query, source, persona, template, score_band."""
    told: Mapped[dict[str, Any]] = mapped_column(JSON_OBJECT)
    """Results of the discovery and the steps: `found`, and `answers` by workflow."""
    run_id: Mapped[str | None] = mapped_column(default=None)
    """Run of the step that is under way, or None."""
    tries: Mapped[int] = mapped_column(default=0)
    """How often the present step has failed."""
    due_at: Mapped[datetime | None] = mapped_column(default=None)
    """The present step is not tried again before this moment. None: at once."""
    outcome: Mapped[str] = mapped_column(default="")
    """Outcome of its messages, such as `sent`, `replied` or `interested`. Empty: nothing yet."""
    outcome_at: Mapped[datetime | None] = mapped_column(default=None)
    """When the outcome was seen."""
    looked_at: Mapped[datetime | None] = mapped_column(default=None)
    """When its outcome was looked for last."""
    created_at: Mapped[datetime]
    """When it was found."""
    updated_at: Mapped[datetime]
    """When the row changed last."""


def lead_id_of(flow_id: str, kind: str, key: str, *, dry_round: str = "") -> LeadId:
    """Return the id of a subject in a flow. A dry round has leads of its own."""
    return LeadId(sha256(f"{flow_id}\0{kind}\0{key}\0{dry_round}".encode()).hexdigest()[:32])


async def add_leads(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> int:
    """Write leads. Return how many were not known."""
    same = {"stage": "found", "reasons": [], "arm": {}, "created_at": now, "updated_at": now}
    ordered = sorted(rows, key=lambda row: str(row["lead_id"]))
    return len(await insert_many(connection, LeadRow, [{**same, **row} for row in ordered]))


async def lead(connection: AsyncConnection, lead_id: str) -> LeadRow | None:
    """Return a lead or None."""
    return await first(connection, LeadRow, select(LeadRow).where(LeadRow.lead_id == lead_id))


async def leads(
    connection: AsyncConnection,
    *,
    flow_id: str | None = None,
    round_id: str | None = None,
    stage: str | None = None,
    limit: int = 100,
    offset: int = 0,
) -> list[LeadRow]:
    """Return leads, those with the highest score first."""
    statement = select(LeadRow).order_by(func.coalesce(LeadRow.score, -1.0).desc(), LeadRow.lead_id)
    given = {LeadRow.flow_id: flow_id, LeadRow.round_id: round_id, LeadRow.stage: stage}
    return await every(connection, LeadRow, narrowed(statement, given).limit(limit).offset(offset))


async def leads_under_way(connection: AsyncConnection, round_id: str) -> list[LeadRow]:
    """Return the leads of a round with a step that is under way, the oldest first."""
    mine = LeadRow.round_id == round_id, LeadRow.run_id.is_not(None)
    return await every(connection, LeadRow, select(LeadRow).where(*mine).order_by(LeadRow.updated_at, LeadRow.lead_id))


async def leads_ready(connection: AsyncConnection, round_id: str, *, now: datetime, limit: int) -> list[LeadRow]:
    """Return open leads of a round with a next step that can begin, the furthest first."""
    mine = LeadRow.round_id == round_id, LeadRow.stage.in_(OPEN), LeadRow.run_id.is_(None)
    due = or_(LeadRow.due_at.is_(None), LeadRow.due_at <= now)
    statement = select(LeadRow).where(*mine, due).order_by(LeadRow.step.desc(), LeadRow.lead_id)
    return await every(connection, LeadRow, statement.limit(limit))


async def change_lead(
    connection: AsyncConnection,
    lead_id: str,
    values: Mapping[str, Any],
    *,
    now: datetime,
    expected: Mapping[str, Any] | None = None,
) -> bool:
    """Change columns of a lead. False if another process has changed one of the expected values."""
    statement = update(LeadRow).where(LeadRow.lead_id == lead_id)
    for name, value in (expected or {}).items():
        statement = statement.where(getattr(LeadRow, name) == value)
    return (await connection.execute(statement.values({"updated_at": now, **values}))).rowcount == 1


async def stage_counts(
    connection: AsyncConnection, *, round_id: str | None = None, flow_id: str | None = None
) -> dict[str, int]:
    """Count leads by stage."""
    statement = select(LeadRow.stage, func.count()).group_by(LeadRow.stage).order_by(LeadRow.stage)
    if round_id is not None:
        statement = statement.where(LeadRow.round_id == round_id)
    if flow_id is not None:
        statement = statement.where(LeadRow.flow_id == flow_id)
    return {str(stage): int(count) for stage, count in await connection.execute(statement)}


async def next_due_at(connection: AsyncConnection, round_id: str) -> datetime | None:
    """Return when the next step of a round is tried again. None: none waits."""
    mine = LeadRow.round_id == round_id, LeadRow.stage.in_(OPEN), LeadRow.run_id.is_(None)
    return (await connection.execute(select(func.min(LeadRow.due_at)).where(*mine))).scalar_one_or_none()


async def let_contacts_go_on(connection: AsyncConnection, *, now: datetime) -> set[str]:
    """Let waiting leads go on if their person has become a contact. Return their rounds."""
    promoted = (
        select(LeadRow.lead_id)
        .join(PersonRow, PersonRow.person_id == LeadRow.person_id)
        .where(LeadRow.stage == "waiting", LeadRow.contact_id.is_(None), PersonRow.contact_id.is_not(None))
    )
    statement = update(LeadRow).where(LeadRow.lead_id.in_(promoted)).values(stage="kept", updated_at=now)
    return set((await connection.execute(statement.returning(LeadRow.round_id))).scalars())


async def leads_to_look_at(connection: AsyncConnection, *, limit: int) -> list[LeadRow]:
    """Return enrolled leads, those with the oldest look for an outcome first."""
    statement = select(LeadRow).where(LeadRow.stage == "enrolled", LeadRow.contact_id.is_not(None))
    oldest = statement.order_by(LeadRow.looked_at.is_not(None), LeadRow.looked_at, LeadRow.lead_id)
    return await every(connection, LeadRow, oldest.limit(limit))


def names_of(words: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that a lead tells one of the words, in any case."""
    texts = (LeadRow.name, LeadRow.subject_key, LeadRow.reason, cast(LeadRow.told, String))
    return or_(*(column_holds(text, words) for text in (*texts, cast(LeadRow.reasons, String))))


async def erase_leads(connection: AsyncConnection, ids: Collection[str]) -> int:
    """Erase leads. Return their number."""
    return (await connection.execute(delete(LeadRow).where(LeadRow.lead_id.in_(ids)))).rowcount


async def release_waiting(connection: AsyncConnection, round_id: str, *, now: datetime) -> int:
    """Let the waiting leads of a round be looked at again. Return their number."""
    mine = LeadRow.round_id == round_id, LeadRow.stage == "waiting"
    statement = update(LeadRow).where(*mine).values(stage="kept", updated_at=now)
    return (await connection.execute(statement)).rowcount


async def release_stopped(connection: AsyncConnection, flow_id: str, words: str, *, now: datetime) -> set[str]:
    """Let the leads of a flow go on that wait with a reason that begins with these words. Return their rounds."""
    mine = LeadRow.flow_id == flow_id, LeadRow.stage == "waiting", LeadRow.reason.startswith(words, autoescape=True)
    statement = update(LeadRow).where(*mine).values(stage="kept", updated_at=now)
    return set((await connection.execute(statement.returning(LeadRow.round_id))).scalars())
