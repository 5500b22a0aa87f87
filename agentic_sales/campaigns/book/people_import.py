"""Import people from a CSV file into the book. They do not become contacts, so no lawful basis is needed.

A person that the file marks as not to be written to is suppressed, as an import of contacts does it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.people.addresses import normalized
from agentic_sales.campaigns.people.file_import import FileImport
from agentic_sales.campaigns.people.import_contacts import Status, file_rules, stop_as_told
from agentic_sales.campaigns.people.import_lines import ConsentDefaults, JudgedLine, LineJudge
from agentic_sales.contracts import CompanyId, PersonId, Subject
from agentic_sales.errors import InvalidAddress
from agentic_sales.rules.company_identity import site_of
from agentic_sales.rules.contact_files import PEOPLE
from agentic_sales.rules.contact_lines import LineProblem, LineReader, cleaned, filled
from agentic_sales.rules.csv_lines import CsvRecord
from agentic_sales.rules.fact_columns import fact_columns, read_facts
from agentic_sales.rules.headings import Column
from agentic_sales.rules.names import whole_name
from agentic_sales.rules.people_keys import profile_of
from agentic_sales.store.companies import company_ids
from agentic_sales.store.facts import Fact
from agentic_sales.store.people import SourcedPerson, recognise_people
from agentic_sales.store.recording import record_facts
from agentic_sales.store.suppressions import reasons_of

PROFILE = "profile"
"""Field of a column with pages about the people in its cells."""


@dataclass(frozen=True, slots=True)
class PersonReport:
    """The report on a line."""

    line: int
    """Number of the line in the file, from 1."""
    status: Status
    """Status of the line. `known`: the person was there before, and the line's facts are added."""
    name: str
    """Name, as the file has it."""
    person_id: PersonId | None = None
    """The person. None if not taken in."""
    problems: tuple[LineProblem, ...] = ()
    """Mistakes of the line. For a line that was taken in, the values that were left out."""


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """A line, read."""

    judged: JudgedLine
    name: str
    profile: str
    facts: Mapping[str, str | int]
    problems: tuple[LineProblem, ...]

    def found(self, company_id: CompanyId | None) -> SourcedPerson:
        """Return the person as a source names him or her.

        Raises:
            ValueError: Nothing beside the name tells the person from others.
        """
        return SourcedPerson(self.name, company_id, self.profile, next(iter(self.judged.digests), ""))


class PeopleImport(FileImport[_Line, PersonReport]):
    """An import of the people of one file, which is read once.

    Args:
        stream: The file. It is closed with this object.
        now: The present.
        file: Its name, which becomes the source of the facts and of suppressions.

    Raises:
        InvalidRequest: It is no CSV, or has no column of names or addresses.
    """

    def __init__(self, stream: BinaryIO, *, now: datetime, file: str = "") -> None:
        headings, wishes = file_rules()
        super().__init__(stream, headings, needed=PEOPLE, now=now, file=file)
        columns = self._opened.columns
        self._reader = LineReader(self._opened, wishes)
        self._facts = fact_columns("person", [column for column in columns if column.meaning is None])
        self._judge = LineJudge(self._reader.headings(), ConsentDefaults(), now)
        fields = {column.heading: name for name, column in self._facts}
        self.columns = {column.heading: column.meaning or fields.get(column.heading, "") for column in columns}

    def _read(self, record: CsvRecord) -> _Line:
        judged = self._judge.judge(self._reader.read(record))
        told = judged.line
        cells = dict(zip(self._opened.columns, (filled(cleaned(cell)) for cell in record.cells), strict=False))
        problems: list[LineProblem] = []
        facts = dict(read_facts(self._facts, cells, problems))
        profile = str(facts.pop(PROFILE, "")) or self._page_of_many(cells)
        if profile and profile_of(profile) is None:
            problems.append(LineProblem("", f"`{profile[:80]}` is no page of a person; it was left out"))
            profile = ""
        for name in ("email", "position"):
            value = _address_of(judged) if name == "email" else told.values.get(name, "")
            facts |= {name: value} if value else {}
        name = whole_name(told.values.get("first_name", ""), told.values.get("last_name", ""))
        return _Line(judged, name or told.values.get("last_name", ""), profile, facts, tuple(problems))

    def _page_of_many(self, cells: Mapping[Column, str]) -> str:
        """Return the page of the person. LinkedIn exports it under `URL`, where others have the employer's site."""
        pages = (cell for column, cell in cells.items() if column.meaning == "domain" and cell)
        return next((page for page in pages if site_of(page) is None and profile_of(page)), "")

    async def _take_in(self, connection: AsyncConnection, lines: list[_Line]) -> list[PersonReport]:
        await stop_as_told(connection, [line.judged for line in lines], file=self._file, now=self._now)
        suppressed = await reasons_of(connection, {digest for line in lines for digest in line.judged.digests})
        refused = {line: problem for line in lines if (problem := _refusal(line, suppressed)) is not None}
        taken = [line for line in lines if line not in refused]
        firms = await company_ids(connection, (line.judged.firm for line in taken), now=self._now)
        found: dict[_Line, SourcedPerson] = {}
        for line in taken:
            try:
                found[line] = line.found(firms.get(line.judged.firm))
            except ValueError as exc:
                refused[line] = LineProblem("", str(exc))
        people = await recognise_people(connection, found.values(), now=self._now)
        ids = {line: people.ids[each] for line, each in found.items() if each in people.ids}
        await record_facts(connection, (fact for line, key in reversed(ids.items()) for fact in self._told(line, key)))
        first: dict[PersonId, int] = {}
        return [_report(line, refused.get(line), ids.get(line), people.new, first) for line in lines]

    def _told(self, line: _Line, person_id: PersonId) -> list[Fact]:
        subject = Subject("person", person_id)
        return [
            Fact(subject, field, value, "import", self._now, workflow=self._file) for field, value in line.facts.items()
        ]


def _address_of(judged: JudgedLine) -> str:
    for address in judged.line.addresses:
        try:
            return normalized(address)
        except InvalidAddress:
            continue
    return ""


def _refusal(line: _Line, suppressed: Mapping[str, str]) -> LineProblem | None:
    """Return why a person is not taken into the book. None if nothing is against it."""
    told = line.judged.line
    if told.refusals:
        return told.refusals[0]
    if told.wish is not None:
        return LineProblem(
            told.wish_column, f"`{told.wish.value[:80]}` speaks against writing to this person; look at it"
        )
    reason = next((suppressed[digest] for digest in line.judged.digests if digest in suppressed), None)
    if reason is not None:
        return LineProblem("", f"must not be written to: {reason}")
    return LineProblem("", "it has no name") if not line.name else None


def _report(
    line: _Line, problem: LineProblem | None, person_id: PersonId | None, new: set[PersonId], first: dict[PersonId, int]
) -> PersonReport:
    def report(status: Status, *further: LineProblem) -> PersonReport:
        problems = (*further, *line.problems, *line.judged.line.problems)
        return PersonReport(line.judged.line.number, status, line.name, person_id, problems)

    if line.judged.stops:
        told = line.judged.line.wish
        value = f"`{told.value[:80]}`" if told else ""
        return report(
            "suppressed", LineProblem(line.judged.line.wish_column, f"{value}: suppressed as {line.judged.stops}")
        )
    if person_id is None:
        return report("refused", problem or LineProblem("", "the person asked to be forgotten"))
    if (at := first.setdefault(person_id, line.judged.line.number)) != line.judged.line.number:
        return report("duplicate", LineProblem("", f"line {at} has the same person"))
    return report("added" if person_id in new else "known")
