"""Import people from a CSV file. Report the result of each line, with the column of each mistake.

Nobody is imported without a lawful basis and its source. Both are recorded before the first contact, or there is none.
If the file says not to write to a person, the person is suppressed, with the file as the source. `rules` know how files
are read. A file of any length takes the same memory, and is read off the event loop.
"""

import asyncio
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import BinaryIO, Literal, cast

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.additions import with_additions
from agentic_sales.campaigns.people.file_import import FileImport
from agentic_sales.campaigns.people.import_lines import ConsentDefaults, JudgedLine, LineJudge, with_verdict
from agentic_sales.campaigns.people.stops import stop_person
from agentic_sales.contracts import ContactId, StopReason
from agentic_sales.rules.contact_lines import LineProblem, LineReader
from agentic_sales.rules.csv_lines import CsvRecord
from agentic_sales.rules.headings import Headings, load_headings
from agentic_sales.rules.wishes import Wishes, load_wishes
from agentic_sales.settings import settings
from agentic_sales.sources.mail_servers import MailServers
from agentic_sales.sources.mailboxes import glance
from agentic_sales.store.companies import company_ids
from agentic_sales.store.contacts import add_contacts, contact_ids
from agentic_sales.store.database import Database
from agentic_sales.store.suppressions import reasons_of, suppress_many

Status = Literal["added", "known", "duplicate", "suppressed", "refused"]
"""The result of a line."""


@dataclass(frozen=True, slots=True)
class LineReport:
    """The report on a line."""

    line: int
    """Number of the line in the file, from 1. If its cells have line breaks, it is the first line."""
    status: Status
    """Status of the line.

    - `known`: the person was there before, and stays as is.
    - `duplicate`: one of the `file_import.LINES_AT_ONCE` lines before has the same person.
    - `suppressed`: the file says that the person must not be written to.
    """
    email: str
    """Address, as the file has it."""
    contact_id: ContactId | None = None
    """The person. None if not imported."""
    problems: tuple[LineProblem, ...] = ()
    """Mistakes of the line. For an added line, the values that were left out."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The report on a file."""

    encoding: str
    """How its bytes were read."""
    columns: Mapping[str, str]
    """Meaning of each header. A header with its own name is kept as a field of the contact."""
    lines: tuple[LineReport, ...]
    """Every line but the header and empty ones."""

    def count(self, status: str) -> int:
        """Count the lines of a status."""
        return sum(line.status == status for line in self.lines)


class ContactImport(FileImport[JudgedLine, LineReport]):
    """An import of the contacts of one file, which is read once.

    Args:
        stream: The file. It is closed with this object.
        now: The present.
        defaults: Lawful basis of lines that name none.
        file: Its name, which becomes the source of suppressions.
        needed: Fields that no line may lack.

    Raises:
        InvalidRequest: It is no CSV, or has no column of addresses.
    """

    def __init__(
        self,
        stream: BinaryIO,
        *,
        now: datetime,
        defaults: ConsentDefaults | None = None,
        file: str = "",
        needed: Sequence[str] = (),
    ) -> None:
        headings, wishes = file_rules()
        super().__init__(stream, headings, now=now, file=file)
        self._reader = LineReader(self._opened, wishes)
        self._judge = LineJudge(self._reader.headings(), defaults or ConsentDefaults(), now, needed=needed)
        self._servers = MailServers(settings())
        self.columns = self._reader.meanings()

    async def _looked_up(self, lines: list[JudgedLine]) -> list[JudgedLine]:
        """Ask the DNS whether the domains of new addresses take mail."""
        told = await glance(self._servers, {str(line.values["email"]) for line in lines if line.values})
        return [with_verdict(line, told[line.values["email"]]) if line.values else line for line in lines]

    def _read(self, record: CsvRecord) -> JudgedLine:
        return self._judge.judge(self._reader.read(record))

    async def _take_in(self, connection: AsyncConnection, lines: list[JudgedLine]) -> list[LineReport]:
        """Suppress and add the people of some lines, with few statements however many lines there are."""
        await stop_as_told(connection, lines, file=self._file, now=self._now)
        digests = {line.digests[0] for line in lines if line.digests}
        suppressed = await reasons_of(connection, digests)
        before = await contact_ids(connection, digests)
        new = _first_lines(line for line in lines if line.values and line.digests[0] not in {*suppressed, *before})
        firms = await company_ids(connection, (line.firm for line in new.values()), now=self._now)
        people = [{**line.values, "company_id": firms.get(line.firm)} for line in new.values()]
        added = await add_contacts(connection, people, now=self._now)  # others may have added some since `before`
        known = await contact_ids(connection, digests)
        seen: dict[str, int] = {}
        return [_report(line, seen, suppressed, known, added) for line in lines]


async def import_contacts(
    database: Database, raw: bytes, *, now: datetime, defaults: ConsentDefaults | None = None, file: str = ""
) -> ImportReport:
    """Import the people of a CSV file that is completely in memory.

    Args:
        database: Where people are kept.
        raw: The file, in any encoding and form that spreadsheets write.
        now: The present.
        defaults: Lawful basis of lines that name none.
        file: Its name, which becomes the source of suppressions.

    Raises:
        InvalidRequest: It is no CSV, or has no column of addresses.
    """
    opened = await asyncio.to_thread(ContactImport, io.BytesIO(raw), now=now, defaults=defaults, file=file)
    lines = [line async for batch in opened.batches(database) for line in batch]
    return ImportReport(opened.encoding, opened.columns, tuple(lines))


def _first_lines(lines: Iterable[JudgedLine]) -> dict[str, JudgedLine]:
    first: dict[str, JudgedLine] = {}
    for line in lines:
        first.setdefault(line.digests[0], line)
    return first


async def stop_as_told(connection: AsyncConnection, lines: list[JudgedLine], *, file: str, now: datetime) -> None:
    """Suppress people by all of their addresses as the file says, and end their pending messages and enrollments."""
    reasons: dict[str, StopReason] = {}
    sources: dict[str, str] = {}
    for line in lines:
        for digest in line.digests if line.stops else ():
            reasons.setdefault(digest, cast("StopReason", line.stops))
            sources.setdefault(digest, f"{file}, column {line.line.wish_column}")
    for digest in sorted(await contact_ids(connection, reasons)):
        await stop_person(connection, digest, reasons[digest], source=sources[digest], now=now)
    await suppress_many(connection, reasons, sources=sources, now=now)


def _report(
    line: JudgedLine,
    seen: dict[str, int],
    suppressed: Mapping[str, str],
    known: Mapping[str, ContactId],
    added: Collection[ContactId],
) -> LineReport:
    def report(status: Status, contact_id: ContactId | None = None, *further: LineProblem) -> LineReport:
        return LineReport(line.line.number, status, line.line.email, contact_id, (*further, *line.problems))

    if line.stops:
        told = f"`{line.line.wish.value[:80]}`" if line.line.wish else ""
        return report("suppressed", None, LineProblem(line.line.wish_column, f"{told}: suppressed as {line.stops}"))
    if line.refusals:
        return report("refused", None, *line.refusals)
    digest = line.digests[0]
    if digest in suppressed:
        return report("refused", None, LineProblem("", f"must not be written to: {suppressed[digest]}"))
    first = seen.setdefault(digest, line.line.number)
    if first != line.line.number:
        return report("duplicate", None, LineProblem("", f"line {first} has the same person"))
    return report("added" if known[digest] in added else "known", known[digest])


def file_rules() -> tuple[Headings, Wishes]:
    """Return the rules by which files of people are read, a person's additions among them."""
    return _file_rules(settings().rules_dir)


@cache
def _file_rules(folder: Path | None) -> tuple[Headings, Wishes]:
    headings = with_additions("headings", load_headings, folder)
    return headings, with_additions("wishes", partial(load_wishes, headings), folder)
