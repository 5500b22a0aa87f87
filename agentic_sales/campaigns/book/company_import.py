"""Import companies from a CSV file into the book. Report the result of each line, with the column of each mistake."""

from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.people.file_import import FileImport
from agentic_sales.campaigns.people.import_contacts import file_rules
from agentic_sales.contracts import CompanyId, Subject
from agentic_sales.rules.company_lines import CompanyLine, CompanyReader
from agentic_sales.rules.contact_files import COMPANIES
from agentic_sales.rules.contact_lines import LineProblem
from agentic_sales.rules.csv_lines import CsvRecord
from agentic_sales.store.companies import resolve_companies
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


class CompanyImport(FileImport[CompanyLine, CompanyReport]):
    """An import of the companies of one file, which is read once.

    Args:
        stream: The file. It is closed with this object.
        now: The present.
        file: Its name, which becomes the source of the facts.

    Raises:
        InvalidRequest: It is no CSV, or has no column of names or sites.
    """

    def __init__(self, stream: BinaryIO, *, now: datetime, file: str = "") -> None:
        super().__init__(stream, file_rules()[0], needed=COMPANIES, now=now, file=file)
        self._reader = CompanyReader(self._opened)
        self.columns = self._reader.meanings()

    def _read(self, record: CsvRecord) -> CompanyLine:
        return self._reader.read(record)

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
