"""Receive files of people to disk and read them in a thread.

The answer is one document or a stream of progress.
"""

import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO, cast, get_args

import structlog
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from agentic_sales.campaigns.people.import_contacts import ContactImport, LineReport, Status
from agentic_sales.campaigns.people.import_lines import ConsentDefaults
from agentic_sales.campaigns.plan import desk
from agentic_sales.campaigns.visits import clock
from agentic_sales.contracts import CampaignId, ConsentBasis
from agentic_sales.errors import AgenticSalesError
from agentic_sales.facade.answers import JsonAnswer
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.outreach.campaigns import ERRORS
from agentic_sales.facade.state import state_of
from agentic_sales.store.database import Database
from agentic_sales.wire import to_wire

router = APIRouter(prefix="/campaigns", tags=["campaigns"], route_class=JsonRoute)
log = structlog.get_logger()

IN_MEMORY_BYTES = 1024 * 1024
"""Larger files are kept on disk until they are read."""
MOST_LINES_TOLD = 10_000
"""Lines that one JSON document lists. A longer file lists only the lines with something to say."""
PROGRESS = "application/x-ndjson"


@router.post("/{campaign_id}/import", responses=ERRORS, summary="Take people in from a CSV file, and enroll them")
async def import_people(
    request: Request, campaign_id: str, basis: ConsentBasis | None = None, source: str = "", file: str = ""
) -> Response:
    """Take people in and enroll them. The answer lists the taken data and the faults of every line.

    A file may be larger than other bodies (`AGENTIC_SALES_MAX_IMPORT_BYTES`). With `Accept: application/x-ndjson` the
    answer is a stream. It has one line per transaction with the results of its lines. The sum comes last. `file` is the
    name of the file. It becomes the source of suppressions.
    """
    database, key = state_of(request).database, CampaignId(campaign_id)
    async with database.reading() as connection:
        desk.check_joinable(await desk.known_campaign(connection, key))
    with ExitStack() as opened:
        received = opened.enter_context(tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES))
        await _receive(request, cast("BinaryIO", received))
        defaults = ConsentDefaults(basis, source)
        contacts = await run_in_threadpool(
            ContactImport, cast("BinaryIO", received), now=clock.now(), defaults=defaults, file=file
        )
        joining = Joining(contacts, database, key)
        if PROGRESS in request.headers.get("accept", ""):
            return StreamingResponse(joining.progress(opened.pop_all()), media_type=PROGRESS)
        return JsonAnswer(await joining.report())


@dataclass
class Joining:
    """People of a file for a campaign."""

    contacts: ContactImport
    """The file."""
    database: Database
    """Store that keeps them."""
    campaign_id: CampaignId
    """The campaign."""
    counts: Counter[str] = field(default_factory=Counter)
    """Number of lines so far by status."""
    enrolled: int = 0
    """Number of people that joined so far."""

    async def batches(self) -> AsyncIterator[list[LineReport]]:
        """Take people in. Let those of each transaction join."""
        async for batch in self.contacts.batches(self.database):
            people = [line.contact_id for line in batch if line.contact_id is not None]
            self.enrolled += await desk.enroll_people(self.database, self.campaign_id, people, now=clock.now())
            self.counts.update(line.status for line in batch)
            yield batch

    async def report(self) -> dict[str, Any]:
        """Take everybody in. Return the report of the file."""
        lines: list[LineReport] = []
        async for batch in self.batches():
            lines += batch
            if self.counts.total() > MOST_LINES_TOLD:
                lines = [line for line in lines if _is_telling(line)][:MOST_LINES_TOLD]
        return {**self._head(), "lines": [asdict(line) for line in lines], **self._sum()}

    async def progress(self, opened: ExitStack) -> AsyncIterator[bytes]:
        """Take everybody in. Tell of each transaction and last the sum. A failure is told as `error`."""
        with opened:
            yield _line({"event": "file", **self._head()})
            try:
                async for batch in self.batches():
                    yield _line({"event": "lines", "lines": [asdict(line) for line in batch], **self._sum()})
            except AgenticSalesError as exc:
                log.warning("import_broken_off", code=exc.code, campaign_id=self.campaign_id)
                yield _line({"event": "error", "code": exc.code, "detail": str(exc), **self._sum()})
            else:
                yield _line({"event": "end", **self._sum()})

    def _head(self) -> dict[str, Any]:
        return {"encoding": self.contacts.encoding, "columns": self.contacts.columns}

    def _sum(self) -> dict[str, Any]:
        counts = {status: self.counts[status] for status in get_args(Status)}
        return {"counts": counts, "enrolled": self.enrolled}


def _is_telling(line: LineReport) -> bool:
    return line.status != "added" or bool(line.problems)


def _line(event: dict[str, Any]) -> bytes:
    return to_wire(event) + b"\n"


async def _receive(request: Request, file: BinaryIO) -> None:
    async for chunk in request.stream():
        await run_in_threadpool(file.write, chunk)
    file.seek(0)
