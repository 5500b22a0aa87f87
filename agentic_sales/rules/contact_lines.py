"""Read one line of a contact file: the person, the values, and each mistake with its column."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import get_args

from agentic_sales.rules.address_cells import addresses_in, display_name
from agentic_sales.rules.consent import basis_of, moment_of
from agentic_sales.rules.contact_files import ContactFile
from agentic_sales.rules.csv_lines import CsvRecord, trimmed
from agentic_sales.rules.employer_domains import domain_of
from agentic_sales.rules.headings import Column, Meaning
from agentic_sales.rules.names import (
    LONGEST_NAME_CHARS,
    has_encoded_word,
    is_name,
    is_title,
    is_written_by_people,
    split_name,
)
from agentic_sales.rules.tables import every, table
from agentic_sales.rules.wishes import GRAVEST_FIRST, Kind, Wish, Wishes

LONGEST_ROLE_CHARS = 300
LONGEST_COMPANY_CHARS = 300
"""The limit of the workflows. A longer name would import a person that no workflow can write to."""
LONGEST_FIELD_CHARS = 2_000
LONGEST_SOURCE_CHARS = 500
LONGEST_DOMAIN_CHARS = 253
_LONGEST: Mapping[str, int] = {
    "first_name": LONGEST_NAME_CHARS // 2,
    "last_name": LONGEST_NAME_CHARS // 2 - 1,
    "position": LONGEST_ROLE_CHARS,
    "company": LONGEST_COMPANY_CHARS,
    "domain": LONGEST_DOMAIN_CHARS,
}
_GROUPS: Mapping[str, tuple[Meaning, ...]] = {
    "email": ("email", "other_email"),
    "company": ("company", "other_company"),
    "position": ("position", "title_or_position"),
}
"""Meanings that are read as one."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Characters that no header can hold and PostgreSQL may refuse. In a cell they are dirt."""
_TABLES = table("headings")
_EMPTY = frozenset(word.casefold() for word in every(_TABLES["empty"]))
_EMPTY_AS_WRITTEN = frozenset(every(_TABLES["empty_as_written"]))


@dataclass(frozen=True, slots=True)
class LineProblem:
    """Something that is wrong with a line."""

    column: str
    """Header of the column, as the file has it. Empty for the line as a whole."""
    reason: str
    """The mistake, in words for people."""


@dataclass(frozen=True, slots=True)
class ContactLine:
    """A line, read."""

    number: int
    """Where it begins in the file, from 1."""
    addresses: tuple[str, ...]
    """Possible addresses of the person, the main one first. None has been checked."""
    address_column: str
    """Header of the column of addresses. Empty if the file has none."""
    email: str
    """Its cell, as the file has it."""
    values: Mapping[str, str] = field(default_factory=dict)
    """`first_name`, `last_name`, `position`, `company`, `domain`, `time_zone`, `consent_basis`, `consent_source`."""
    consent_at: datetime | None = None
    """None: not told."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Everything else."""
    wish: Wish | None = None
    """Why the person must not be written to. None if nothing in the line says so."""
    wish_column: str = ""
    """Header of the column that says so."""
    refusals: tuple[LineProblem, ...] = ()
    """Why the person is not imported. Empty if nothing is against it."""
    problems: tuple[LineProblem, ...] = ()
    """The values that were left out."""


class LineReader:
    """Reads the lines of one file.

    Args:
        file: The file.
        wishes: How it may say that somebody must not be written to.
    """

    def __init__(self, file: ContactFile, wishes: Wishes) -> None:
        self._columns = file.columns
        self._wishes = wishes
        self._at = _positions(self._columns)
        self._kinds = [(n, kind) for n, column in enumerate(self._columns) if (kind := _kind_of(column, wishes))]

    def meanings(self) -> dict[str, str]:
        """Return the headings of the file with their meanings."""
        return {column.heading: column.meaning or column.field for column in self._columns}

    def headings(self) -> dict[str, str]:
        """Return the heading of the first column of each meaning."""
        return {name: self._columns[found[0]].heading for name, found in self._at.items()}

    def read(self, record: CsvRecord) -> ContactLine:
        """Read a line."""
        if record.fault:
            found = addresses_in(record.text)
            return self._refused(record.number, found[0] if found else "", record.fault)
        cells = [cleaned(cell) for cell in record.cells]
        if len(whole := trimmed(cells)) > len(self._columns):
            told = f"it has {len(whole)} cells, the header has {len(self._columns)}"
            return self._refused(record.number, "", told)
        return self._read(record.number, (cells + [""] * len(self._columns))[: len(self._columns)])

    def _refused(self, number: int, email: str, told: str) -> ContactLine:
        return ContactLine(number, (), "", email, refusals=(LineProblem("", told),))

    def _read(self, number: int, cells: list[str]) -> ContactLine:
        problems: list[LineProblem] = []
        address_at = self._filled_at(cells, "email") if "email" in self._at else None
        told_address = "" if address_at is None else cells[address_at]
        at_addresses = self._at.get("email", ())
        addresses = tuple(dict.fromkeys(found for n in at_addresses for found in addresses_in(cells[n])))
        wish_at, wish = self._wish(cells)
        told_at = self._cell(cells, "consent_at")
        consent_at = moment_of(told_at) if told_at else None
        return ContactLine(
            number,
            addresses,
            address_column="" if address_at is None else self._columns[address_at].heading,
            email=addresses[0] if addresses else told_address,
            values=self._values(cells, told_address, problems),
            consent_at=consent_at,
            fields=dict(self._fields(cells, problems)),
            wish=wish,
            wish_column="" if wish is None else self._columns[wish_at].heading,
            refusals=tuple(self._refusals(cells, told_at if consent_at is None else "")),
            problems=tuple(problems),
        )

    def _filled_at(self, cells: list[str], name: str) -> int:
        """Return the position of the first filled column of a meaning. If none is filled, return the first one."""
        found = self._at[name]
        return next((n for n in found if filled(cells[n])), found[0]) if len(found) > 1 else found[0]

    def _cell(self, cells: list[str], name: str) -> str:
        return filled(cells[self._filled_at(cells, name)]) if name in self._at else ""

    def _wish(self, cells: list[str]) -> tuple[int, Wish | None]:
        """Return the gravest wish and the position of its column."""
        found = ((n, self._wishes.of(kind, cells[n])) for n, kind in self._kinds if cells[n])
        said = [(n, wish) for n, wish in found if wish is not None]
        return min(said, key=lambda told: GRAVEST_FIRST.index(told[1].outcome), default=(0, None))

    def _values(self, cells: list[str], address: str, problems: list[LineProblem]) -> dict[str, str]:
        first, last = self._names(cells, address, problems)
        position = self._cell(cells, "position")
        told = {
            "first_name": first,
            "last_name": last,
            "position": "" if is_title(position) else position,
            "company": self._cell(cells, "company"),
            "domain": domain_of(self._cell(cells, "domain")) or "",
        }
        kept = dict(self._fitting(told, problems))
        basis = self._cell(cells, "consent_basis")
        return {
            **kept,
            "time_zone": self._cell(cells, "time_zone"),
            "consent_basis": (basis_of(basis) or basis) if basis else "",
            "consent_source": self._cell(cells, "consent_source")[:LONGEST_SOURCE_CHARS],
        }

    def _names(self, cells: list[str], address: str, problems: list[LineProblem]) -> tuple[str, str]:
        first, last = (self._name(cells, meaning, problems) for meaning in ("first_name", "last_name"))
        whole = self._name(cells, "name", problems) or (display_name(address) if not (first or last) else "")
        if (first and last) or not whole:
            return first, last.removeprefix(f"{first} ")  # A column `Name` beside `First Name` may hold both.
        if not (first or last):
            parts = split_name(whole)
            return parts.first, parts.last
        if first:
            return first, whole.removeprefix(first).strip(" ,")
        return whole.removesuffix(last).strip(" ,"), last

    def _name(self, cells: list[str], meaning: Meaning, problems: list[LineProblem]) -> str:
        if not (cell := self._cell(cells, meaning)):
            return ""
        if is_written_by_people(cell) if meaning == "last_name" else is_name(cell):
            return cell
        problems.append(
            LineProblem(self._columns[self._at[meaning][0]].heading, f"`{cell[:40]}` is no name; it was left out")
        )
        return ""

    def _fitting(self, told: Mapping[str, str], problems: list[LineProblem]) -> Iterator[tuple[str, str]]:
        for name, value in told.items():
            if len(value) > (longest := _LONGEST[name]):
                heading = next((c.heading for c in self._columns if c.meaning == name), name)
                problems.append(
                    LineProblem(heading, f"it has {len(value)} of at most {longest} characters; it was left out")
                )
            else:
                yield name, value

    def _fields(self, cells: list[str], problems: list[LineProblem]) -> Iterator[tuple[str, str]]:
        taken = {self._filled_at(cells, name) for name in self._at}
        for n, column in enumerate(self._columns):
            if n in taken or not cells[n]:
                continue
            if len(cells[n]) <= LONGEST_FIELD_CHARS:
                yield column.field, cells[n]
            else:
                told = f"it has {len(cells[n])} of at most {LONGEST_FIELD_CHARS} characters; it was left out"
                problems.append(LineProblem(column.heading, told))

    def _refusals(self, cells: list[str], no_date: str) -> Iterator[LineProblem]:
        for column, cell in zip(self._columns, cells, strict=True):
            if has_encoded_word(cell):
                yield LineProblem(
                    column.heading, "it holds an encoded word, which a mail program would read as a header"
                )
        if no_date:
            heading = self._columns[self._at["consent_at"][0]].heading
            yield LineProblem(heading, f"`{no_date[:40]}` is no date, or one of two; write it as 2026-12-31")


def _positions(columns: tuple[Column, ...]) -> dict[str, list[int]]:
    """Return where the columns of each meaning are, the first to be read first."""
    found: dict[str, list[int]] = {}
    for meaning in get_args(Meaning):
        group = next((name for name, meanings in _GROUPS.items() if meaning in meanings), meaning)
        at = [n for n, column in enumerate(columns) if column.meaning == meaning]
        if at:
            found.setdefault(group, []).extend(at)
    return found


def cleaned(cell: str) -> str:
    """Return a cell without control characters and repeated spaces."""
    if cell.isprintable() and "  " not in cell:
        return cell.strip()
    return " ".join(_CONTROL.sub(" ", cell).split())


def filled(cell: str) -> str:
    """Return a cell. Empty for a value that stands for nothing, such as `n/a`."""
    return "" if cell.casefold() in _EMPTY or cell in _EMPTY_AS_WRITTEN else cell


def _kind_of(column: Column, wishes: Wishes) -> Kind | None:
    """Return how a column may hold a wish. A column of names or firms holds none."""
    if column.is_empty:
        return None
    kind = wishes.kind(column.heading)
    if kind or column.meaning:
        return kind
    return "anything"
