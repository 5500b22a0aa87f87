"""Keep how far the activation of each vertical has come. A vertical has one row, that of its newest activation.

A visit to an activation is claimed under a lease, as one to a round of a flow is. Of many workers only one takes it.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Index, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from agentic_sales.store.columns import JSON_OBJECT, Table
from agentic_sales.store.statements import columns, every, first, insert_new

RUNNING, WAITING, ACTIVE, REFUSED, FAILED = "running", "waiting", "active", "refused", "failed"
SEED, SAMPLE, CONFIRM, ROLL_OUT = "seed", "sample", "confirm", "roll_out"
CONFIRMED_WORD, REFUSED_WORD = "confirmed", "refused"


class ActivationRow(Table):
    """The newest activation of a vertical."""

    __tablename__ = "activations"
    __table_args__ = (Index(None, "wake_at"),)

    slug: Mapped[str] = mapped_column(primary_key=True)
    """The vertical."""
    activation_id: Mapped[str]
    """Its id, such as `ingestible-20260301T060000-1f2e`. Its round has the same id."""
    state: Mapped[str]
    """`running`, `waiting` for a person's word, `active`, `refused` or `failed`."""
    stage: Mapped[str] = mapped_column(default=SEED)
    """The stage that it is in, or was in at its end: `seed`, `sample`, `confirm` or `roll_out`."""
    reason: Mapped[str] = mapped_column(default="")
    """Why it is in that state, for people."""
    given: Mapped[dict[str, Any]] = mapped_column(JSON_OBJECT)
    """Order of the person."""
    is_dry: Mapped[bool] = mapped_column(default=False)
    """True: its round writes nothing into the book and enrolls nobody."""
    trace: Mapped[dict[str, Any]] = mapped_column(JSON_OBJECT)
    """Headers of the trace that its runs belong to."""
    seed_run_id: Mapped[str | None] = mapped_column(default=None)
    """Run that searches for companies, or None."""
    tries: Mapped[int] = mapped_column(default=0)
    """Searches that failed, or found nothing. The key of the next search has this number, so it never goes back."""
    found: Mapped[int | None] = mapped_column(default=None)
    """Companies that the search found. None before its end."""
    sample: Mapped[list[Any]] = mapped_column(JSON_OBJECT, default=list)
    """Companies that a person looks at before the confirmation. See `rules/vertical_sample.py`."""
    word: Mapped[str] = mapped_column(default="")
    """`confirmed` or `refused`. Empty: nobody has said so yet."""
    word_by: Mapped[str] = mapped_column(default="")
    """Person that said so."""
    round_id: Mapped[str | None] = mapped_column(default=None)
    """Round that it has begun, or None."""
    wake_at: Mapped[datetime | None] = mapped_column(default=None)
    """Time of the next visit, or None."""
    lease_until_at: Mapped[datetime | None] = mapped_column(default=None)
    """End of the lease on its visit. None without a claim."""
    fruitless: Mapped[int] = mapped_column(default=0)
    """Visits in a row that failed."""
    created_at: Mapped[datetime]
    """When it began."""
    updated_at: Mapped[datetime]
    """When it came further last."""


@dataclass(frozen=True, slots=True)
class ActivationCompany:
    """One company of the sample of an activation."""

    slug: str
    """The vertical."""
    told: Mapping[str, Any]
    """The company, as the sample has it."""

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"slug": self.slug, **self.told}


async def begin_activation(connection: AsyncConnection, values: Mapping[str, Any], *, now: datetime) -> bool:
    """Write a new activation that is due now, in the place of one that is over. False if one is under way."""
    fresh = {column.key: _default(column) for column in columns(ActivationRow)}
    row = {**fresh, "state": RUNNING, "wake_at": now, "created_at": now, "updated_at": now, **values}
    if await insert_new(connection, ActivationRow, row):
        return True
    mine = ActivationRow.slug == values["slug"], ActivationRow.state.in_((ACTIVE, REFUSED, FAILED))
    return (await connection.execute(update(ActivationRow).where(*mine).values(row))).rowcount == 1


def _default(column: Any) -> Any:
    if column.default is None:
        return None
    return [] if column.default.is_callable else column.default.arg


async def activation(connection: AsyncConnection, slug: str) -> ActivationRow | None:
    """Return the activation of a vertical or None."""
    return await first(connection, ActivationRow, select(ActivationRow).where(ActivationRow.slug == slug))


async def locked_activation(connection: AsyncConnection, slug: str) -> ActivationRow | None:
    """Return the activation of a vertical or None. Nobody else can change it until this transaction ends."""
    statement = select(ActivationRow).where(ActivationRow.slug == slug).with_for_update()
    return await first(connection, ActivationRow, statement)


async def activations(connection: AsyncConnection) -> list[ActivationRow]:
    """Return every activation."""
    return await every(connection, ActivationRow, select(ActivationRow).order_by(ActivationRow.slug))


async def companies_naming(connection: AsyncConnection, is_named: Callable[[Any], bool]) -> list[ActivationCompany]:
    """Return the companies of samples that name a person, such as in the quote of a reason."""
    rows = await activations(connection)
    return [ActivationCompany(row.slug, told) for row in rows for told in row.sample if is_named(told)]


async def erase_words_of_samples(connection: AsyncConnection, is_named: Callable[[Any], bool]) -> int:
    """Erase what samples say with a person's name. A company that still names the person goes. Return the changes."""
    changed = 0
    for row in await activations(connection):
        if not is_named(row.sample):
            continue
        held = await locked_activation(connection, row.slug)
        told = [] if held is None else [company for company in held.sample if is_named(company)]
        if held is not None and told:
            kept = [_without_words(company, is_named) for company in held.sample]
            sample = [company for company in kept if not is_named(company)]
            await connection.execute(update(ActivationRow).where(ActivationRow.slug == row.slug).values(sample=sample))
            changed += len(told)
    return changed


def _without_words(company: Mapping[str, Any], is_named: Callable[[Any], bool]) -> dict[str, Any]:
    lists = {name: value for name, value in company.items() if isinstance(value, list)}
    return {**company, **{name: [one for one in value if not is_named(one)] for name, value in lists.items()}}


async def claim_due_activation(
    connection: AsyncConnection, *, now: datetime, lease_until_at: datetime
) -> ActivationRow | None:
    """Claim the due activation that waits longest. None: nothing is due."""
    due = (
        select(ActivationRow.slug)
        .where(ActivationRow.wake_at <= now)
        .where(or_(ActivationRow.lease_until_at.is_(None), ActivationRow.lease_until_at <= now))
        .order_by(ActivationRow.wake_at, ActivationRow.slug)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    slug = (await connection.execute(due)).scalar()
    claimed = update(ActivationRow).where(ActivationRow.slug == slug).values(lease_until_at=lease_until_at)
    return await first(connection, ActivationRow, claimed.returning(*columns(ActivationRow))) if slug else None


async def change_activation(
    connection: AsyncConnection,
    activation_id: str,
    values: Mapping[str, Any],
    *,
    now: datetime,
    stages: Collection[str] = (),
    states: Collection[str] = (),
) -> ActivationRow | None:
    """Change columns of an activation that has come further. None if it is in none of the stages or states.

    Args:
        connection: Connection of a writing transaction.
        activation_id: The activation.
        values: Columns of `ActivationRow`.
        now: The present.
        stages: Stages in which it may be. Empty allows any.
        states: States in which it may be. Empty allows any.
    """
    statement = update(ActivationRow).where(ActivationRow.activation_id == activation_id)
    if stages:
        statement = statement.where(ActivationRow.stage.in_(stages))
    if states:
        statement = statement.where(ActivationRow.state.in_(states))
    changed = statement.values({"updated_at": now, **values}).returning(*columns(ActivationRow))
    return await first(connection, ActivationRow, changed)


async def end_activation_visit(connection: AsyncConnection, row: ActivationRow, values: Mapping[str, Any]) -> None:
    """End the visit of a claimed row, unless another visit has claimed it since."""
    mine = ActivationRow.activation_id == row.activation_id, ActivationRow.lease_until_at == row.lease_until_at
    await connection.execute(update(ActivationRow).where(*mine).values({"lease_until_at": None, **values}))
