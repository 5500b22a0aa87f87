"""Answer questions about the book and the campaigns by rows. Nothing here can change one.

A statement has passed the guard before it comes here. It is executed in a transaction that only reads, with a time
limit and a bound on its rows. No message, address or secret is in the tables that it may name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from agentic_sales.contracts import CampaignId
from agentic_sales.errors import QuestionFailed, UnknownRecord
from agentic_sales.rules.sql_guard import Statement, in_sqlite
from agentic_sales.settings import settings
from agentic_sales.store.campaigns import campaign, campaigns, enrollment_counts
from agentic_sales.store.database import current_database

MOST_ROWS = 50
TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Rows:
    """The answer to a question."""

    columns: Sequence[str]
    """Names of the columns."""
    rows: Sequence[Sequence[Any]]
    """At most `MOST_ROWS` rows."""
    is_cut: bool = False
    """There are more."""


async def rows_of(statement: Statement) -> Rows:
    """Execute a statement that passed the guard.

    Raises:
        QuestionFailed: It takes too long, or the database does not know its functions.
    """
    database = current_database(settings())
    is_sqlite = database.engine.dialect.name == "sqlite"
    sql = (in_sqlite(statement) if is_sqlite else statement.sql).replace(":", "\\:")  # A colon is no parameter.
    try:
        async with database.asking(timeout_s=TIMEOUT_S) as connection:
            answer = await connection.execute(text(sql))
            rows = answer.fetchmany(MOST_ROWS + 1)
            return Rows(list(answer.keys()), [tuple(row) for row in rows[:MOST_ROWS]], len(rows) > MOST_ROWS)
    except DBAPIError as exc:
        raise QuestionFailed(_reason_of(exc)) from None


def _reason_of(exc: DBAPIError) -> str:
    told = str(exc.orig).strip().splitlines()[0] if str(exc.orig).strip() else type(exc.orig).__name__
    if "interrupted" in told or "statement timeout" in told:
        return f"the statement takes more than {TIMEOUT_S:g} s"
    return told[:300]


async def campaign_rows(state: str = "") -> Rows:
    """Return the campaigns, the newest first.

    Args:
        state: Keeps those in that state. Empty: every one.
    """
    async with current_database(settings()).reading() as connection:
        found = await campaigns(connection, state=state or None, limit=MOST_ROWS + 1)
    columns = ("campaign_id", "name", "state", "reason", "created_at")
    rows = [tuple(getattr(row, column) for column in columns) for row in found[:MOST_ROWS]]
    return Rows(columns, rows, len(found) > MOST_ROWS)


async def campaign_row(campaign_id: str) -> Rows:
    """Return one campaign with the number of its people by their state.

    Raises:
        UnknownRecord: There is no such campaign.
    """
    async with current_database(settings()).reading() as connection:
        found = await campaign(connection, CampaignId(campaign_id))
        if found is None:
            raise UnknownRecord("campaign", campaign_id)
        counts = await enrollment_counts(connection, found.campaign_id)  # type: ignore[arg-type]  # a text in the table
    people = "; ".join(f"{count} {' '.join(filter(None, kind))}" for kind, count in sorted(counts.items()))
    columns = ("campaign_id", "name", "state", "reason", "people", "created_at")
    row = (found.campaign_id, found.name, found.state, found.reason, people or "none", found.created_at)
    return Rows(columns, [row])
