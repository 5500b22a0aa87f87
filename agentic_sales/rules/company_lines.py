"""Read one line of a company file: name, site, and the columns that become facts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agentic_sales.rules.company_identity import LONGEST_NAME_CHARS, Firm
from agentic_sales.rules.contact_files import ContactFile
from agentic_sales.rules.contact_lines import LineProblem, cleaned, filled
from agentic_sales.rules.csv_lines import CsvRecord, trimmed
from agentic_sales.rules.fact_columns import fact_columns, read_facts
from agentic_sales.rules.headings import Column, Meaning

_NAMES: tuple[Meaning, ...] = ("company", "other_company", "name")
"""Meanings of a column that names the company, the first one to be read first."""


@dataclass(frozen=True, slots=True)
class CompanyLine:
    """A line, read."""

    number: int
    """Where it begins in the file, from 1."""
    firm: Firm
    """The company. It has no key if the line is refused."""
    facts: Mapping[str, str | int] = field(default_factory=dict)
    """Values of the fields of facts."""
    refusals: tuple[LineProblem, ...] = ()
    """Why the company is not taken in. Empty if nothing is against it."""
    problems: tuple[LineProblem, ...] = ()
    """The values that were left out."""


class CompanyReader:
    """Reads the lines of one file of companies."""

    def __init__(self, file: ContactFile) -> None:
        self._columns = file.columns
        self._names = [n for meaning in _NAMES for n, column in enumerate(file.columns) if column.meaning == meaning]
        self._sites = [n for n, column in enumerate(file.columns) if column.meaning == "domain"]
        taken = {*self._names, *self._sites}
        self._facts = fact_columns("company", [column for n, column in enumerate(file.columns) if n not in taken])

    def meanings(self) -> dict[str, str]:
        """Return the headings of the file with their meanings. A column without one is left out of the book."""
        named = {self._columns[n].heading: "name" for n in self._names}
        sites = {self._columns[n].heading: "domain" for n in self._sites}
        fields = {column.heading: name for name, column in self._facts}
        return {column.heading: "" for column in self._columns} | fields | sites | named

    def read(self, record: CsvRecord) -> CompanyLine:
        """Read a line."""
        if record.fault:
            return _refused(record.number, record.fault)
        cells = [cleaned(cell) for cell in record.cells]
        if len(whole := trimmed(cells)) > len(self._columns):
            return _refused(record.number, f"it has {len(whole)} cells, the header has {len(self._columns)}")
        by_heading = dict(zip(self._columns, (filled(cell) for cell in cells), strict=False))
        firm = Firm(self._first(by_heading, self._names)[:LONGEST_NAME_CHARS], self._site(by_heading))
        if not firm.key:
            return _refused(record.number, "it names no company: name and web site are empty or unreadable")
        problems: list[LineProblem] = []
        facts = dict(read_facts(self._facts, by_heading, problems))
        if firm.domain and firm.site is None:
            heading = self._columns[self._sites[0]].heading
            problems.append(LineProblem(heading, f"`{firm.domain[:80]}` is no company's own site; it was left out"))
        return CompanyLine(record.number, firm, facts, problems=tuple(problems))

    def _first(self, cells: Mapping[Column, str], at: list[int]) -> str:
        return next((cell for n in at if (cell := cells.get(self._columns[n], ""))), "")

    def _site(self, cells: Mapping[Column, str]) -> str | None:
        """Return the first cell that names a company's site, else the first filled one."""
        told = [cell for n in self._sites if (cell := cells.get(self._columns[n], ""))]
        return next((cell for cell in told if Firm("", cell).site), told[0] if told else None)


def _refused(number: int, told: str) -> CompanyLine:
    return CompanyLine(number, Firm(""), refusals=(LineProblem("", told),))
