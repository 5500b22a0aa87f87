"""Look runs up for a graph: their state, never their input, output or metadata."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from agentic_sales.contracts import RunId
from agentic_sales.control import control_plane
from agentic_sales.errors import UnknownRun
from agentic_sales.runs.descriptions import moment
from agentic_sales.runs.ledger import Ledger
from agentic_sales.runs.listing import latest_runs
from agentic_sales.runs.purse import current_purse
from agentic_sales.runs.records import RunRecord
from agentic_sales.runs.submit import open_runs
from agentic_sales.settings import settings

COLUMNS = (*("run_id", "assistant_id", "status", "queue", "attempt", "losses", "spent_usd", "created_at", "failure"),)


@dataclass(frozen=True, slots=True)
class RunLines:
    """Runs as rows of `COLUMNS`."""

    rows: Sequence[Sequence[object]]
    """The rows."""
    is_cut: bool = False
    """There are more."""


async def run_line(run_id: str) -> RunLines:
    """Return one run.

    Raises:
        UnknownRun: The ledger does not have it (any more).
        BrokerUnavailable: Redis did not answer.
    """
    async with _current_ledger() as ledger:
        record = await ledger.load(RunId(run_id))
        if record is None:
            raise UnknownRun(run_id)
        return RunLines(await _lines(ledger, [record]))


async def run_lines(status: str, assistant_id: str, *, most: int) -> RunLines:
    """Return the latest runs.

    Args:
        status: Keeps those of this status. Empty: any.
        assistant_id: Keeps those of this workflow. Empty: any.
        most: Most runs that are returned.

    Raises:
        BrokerUnavailable: Redis did not answer.
    """
    async with _current_ledger() as ledger:
        found = await latest_runs(
            ledger, lambda run: status in {"", run.status} and assistant_id in {"", run.assistant_id}, limit=most + 1
        )
        return RunLines(await _lines(ledger, found[:most]), len(found) > most)


async def _lines(ledger: Ledger, records: Sequence[RunRecord]) -> list[list[object]]:
    outcomes = await ledger.outcomes([record.run_id for record in records])
    return [
        [
            record.run_id,
            record.assistant_id,
            record.status,
            record.queue,
            record.attempt,
            record.losses,
            round(record.spent_usd, 6),
            moment(record.created_at_s),
            f"{outcome.failure.code}: {outcome.failure.message}" if outcome and outcome.failure else "",
        ]
        for record, outcome in zip(records, outcomes, strict=True)
    ]


@asynccontextmanager
async def _current_ledger() -> AsyncIterator[Ledger]:
    purse = current_purse.get()
    if purse is not None:
        yield purse.ledger
        return
    async with open_runs(settings(), control_plane()) as runs:
        yield runs.ledger
