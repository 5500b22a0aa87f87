"""Import companies from a CSV file into the book. Report the result of each line, with the column of each mistake."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import BinaryIO, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.people.import_contacts import FILE, LINES_AT_ONCE, file_rules
from agentic_sales.contracts import CompanyId, Subject
from agentic_sales.errors import InvalidRequest
from agentic_sales.rules.company_lines import CompanyLine, CompanyReader
from agentic_sales.rules.contact_files import COMPANIES, NotAContactFile, open_contact_file
from agentic_sales.rules.contact_lines import LineProblem
from agentic_sales.store.companies import resolve_companies
from agentic_sales.store.database import Database
from agentic_sales.store.facts import Fact
from agentic_sales.store.recording import record_facts

CompanyStatus = Literal["added", "known", "duplicate", "refused"]
"""The result of a line. `known`: the company was there before, and the line's facts are added to it."""


@dataclass(frozen=True, slots=True)
class CompanyReport:
    """The report on a line."""

    line: int
    """Number of the line in the file, from 1."""
    status: CompanyStatus
    """Status of the line."""
    name: str
    """Name, or else site, as the file has it."""
    company_id: CompanyId | None = None
    """The company. None if not taken in."""
    problems: tuple[LineProblem, ...] = ()
    """Mistakes of the line. For a line that was taken in, the values that were left out."""


class CompanyImport:
    """An import of one file, which is read once.

    Args:
        stream: The file. It is closed with this object.
        now: The present.
        file: Its name, which becomes the source of the facts.

    Raises:
        InvalidRequest: It is no CSV, or has no column of names or sites.
    """

    def __init__(self, stream: BinaryIO, *, now: datetime, file: str = "") -> None:
        try:
            opened = open_contact_file(stream, file_rules()[0], COMPANIES)
        except NotAContactFile as exc:
            raise InvalidRequest(str(exc)) from exc
        self._reader = CompanyReader(opened)
        self._records = iter(opened.records)
        self._now = now
        self._file = file or FILE
        self.encoding = opened.encoding
        self.columns = self._reader.meanings()

    async def batches(self, database: Database) -> AsyncIterator[list[CompanyReport]]:
        """Import companies, some lines a transaction, and report the result of each line."""
        while lines := await asyncio.to_thread(self._next_lines):
            async with database.writing() as connection:
                reports = await self._take_in(connection, lines)
            yield reports

    def _next_lines(self) -> list[CompanyLine]:
        return [self._reader.read(record) for record in islice(self._records, LINES_AT_ONCE)]

    async def _take_in(self, connection: AsyncConnection, lines: list[CompanyLine]) -> list[CompanyReport]:
        taken = [line for line in lines if not line.refusals]
        found = await resolve_companies(connection, (line.firm for line in taken), now=self._now)
        await record_facts(
            connection, (fact for line in reversed(taken) for fact in self._facts(found.ids[line.firm], line))
        )
        first: dict[CompanyId, int] = {}
        return [self._report(line, found.ids.get(line.firm), found.new, first) for line in lines]

    def _facts(self, company_id: CompanyId, line: CompanyLine) -> list[Fact]:
        subject = Subject("company", company_id)
        return [
            Fact(subject, field, value, "import", self._now, workflow=self._file) for field, value in line.facts.items()
        ]

    def _report(
        self, line: CompanyLine, company_id: CompanyId | None, new: set[CompanyId], first: dict[CompanyId, int]
    ) -> CompanyReport:
        name = line.firm.name or line.firm.key
        if line.refusals or company_id is None:
            return CompanyReport(line.number, "refused", name, None, line.refusals)
        if (at := first.setdefault(company_id, line.number)) != line.number:
            same = LineProblem("", f"line {at} has the same company")
            return CompanyReport(line.number, "duplicate", name, company_id, (same, *line.problems))
        return CompanyReport(line.number, "added" if company_id in new else "known", name, company_id, line.problems)
