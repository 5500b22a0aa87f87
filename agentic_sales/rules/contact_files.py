"""Open a contact file of any tool. Find its encoding, its separator and its row of headings, then read line by line.

Nothing here holds more than a few lines. So a file of any length takes the same memory.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from agentic_sales.rules.address_cells import addresses_in
from agentic_sales.rules.csv_lines import CsvRecord, Lines, Physical, Records, cells_of, trimmed
from agentic_sales.rules.file_encodings import encoding_of
from agentic_sales.rules.headings import Column, Headings, Meaning
from agentic_sales.rules.words import folded

MOST_COLUMNS = 500
_LINES_BEFORE_DATA = 40
"""Notes above the headings, and a few lines below them."""
_DELIMITERS = ",;\t|"
_MOST_CELLS_TRIED = 10_000
"""Cells that are looked up before the row of headings must have been found."""
_LEAST_ADDRESSES_RATIO = 0.6
_OF_OTHERS = frozenset(
    {"owner", "manager", "assigned", "assignee", "rep", "sender", "creator", "created", "modified", "from", "besitzer"}
)
"""Words of a heading for the sellers' own addresses."""
_NO_TEXT = {
    b"PK\x03\x04": "a spreadsheet of Excel or a zip archive",
    b"\xd0\xcf\x11\xe0": "a spreadsheet of an old Excel",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a gzip archive",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"SQLite format": "a database",
}
_SEPARATOR = re.compile(r'"?sep=(?P<separator>[^"]?)"?', re.IGNORECASE)
"""The separator that Excel reads in the first line."""
CONTACTS: tuple[Meaning, ...] = ("email",)
"""Columns that a file of contacts needs."""
PEOPLE: tuple[Meaning, ...] = ("email", "name", "last_name", "first_name")
"""Columns of a file of people. It needs one of these."""
COMPANIES: tuple[Meaning, ...] = ("company", "other_company", "domain", "name")
"""Columns of a file of companies. It needs one of these."""
_NEEDED_WORDS = {
    CONTACTS: "e-mail addresses",
    PEOPLE: "names or e-mail addresses",
    COMPANIES: "company names or web sites",
}
_MARKUP = ("<!doctype", "<html", "<?xml", "<table", "<body", "<head", "{\\rtf", "begin:vcard")


class NotAContactFile(ValueError):
    """Raised when nobody's address can be read from a file."""


@dataclass(frozen=True, slots=True)
class ContactFile:
    """An open contact file."""

    encoding: str
    """How its bytes are read."""
    columns: tuple[Column, ...]
    """Its columns with their meanings."""
    heading_line: int
    """Line of the headings, from 1. Notes may stand above."""
    records: Iterator[CsvRecord]
    """Every line below that is not empty, read once."""


def open_contact_file(stream: BinaryIO, headings: Headings, needed: tuple[Meaning, ...] = CONTACTS) -> ContactFile:
    """Open a file at its row of headings.

    Args:
        stream: The file.
        headings: Headings by their meanings.
        needed: `CONTACTS`, `PEOPLE` or `COMPANIES`: a column of one of these meanings must be there.

    Raises:
        NotAContactFile: It is no text, has no needed column, no row of headings, or too many columns.
    """
    _refuse_other_kinds(stream)
    encoding = encoding_of(stream, headings)
    lines = Lines(io.TextIOWrapper(stream, encoding, errors="replace", newline=None))
    beginning = [line for _ in range(_LINES_BEFORE_DATA) if (line := lines.next()) is not None]
    found = _Beginning(beginning, headings, needed).headings()
    lines.give_back(beginning[found.at + 1 :])
    is_address = found.columns[found.key_at].meaning == "email"
    mark = "@" if is_address else ""
    records = Records(lines, delimiter=found.delimiter, width=len(found.columns), key_at=found.key_at, mark=mark)
    return ContactFile(encoding, found.columns, beginning[found.at].number, _data(records, found.cells))


def _data(records: Records, cells: list[str]) -> Iterator[CsvRecord]:
    """Leave out lines of empty cells, and the headings where joined files have them again."""
    for record in records:
        if record.fault or (any(cell.strip() for cell in record.cells) and record.cells != cells):
            yield record


@dataclass(frozen=True, slots=True)
class _Found:
    at: int
    delimiter: str
    cells: list[str]
    columns: tuple[Column, ...]
    key_at: int


class _Beginning:
    """The first lines of a file, in which its headings are looked for."""

    def __init__(self, lines: list[Physical], headings: Headings, needed: tuple[Meaning, ...]) -> None:
        self._headings = headings
        self._needed = needed
        self._lines = lines
        self._first = 0
        self._delimiters = _DELIMITERS
        if lines and (told := _SEPARATOR.fullmatch(lines[0].text.strip())):
            self._first, self._delimiters = 1, told["separator"] or "\t"
        addresses = (at for at, line in enumerate(lines) if at >= self._first and "@" in line.text)
        self._data_at = next(addresses, len(lines))

    def headings(self) -> _Found:
        """Return the row of headings, by its words, else by the addresses below it.

        Raises:
            NotAContactFile: There is none.
        """
        found = self._by_words() or self._by_addresses()
        if found is None:
            raise NotAContactFile(self._why_not())
        return found

    def _by_words(self) -> _Found | None:
        candidates: list[tuple[int, _Found]] = []
        left = _MOST_CELLS_TRIED
        for at, delimiter, cells in self._rows(self._first, self._data_at):
            if (left := left - len(cells)) < 0:
                break
            columns = self._headings.columns(cells)
            key_at = self._key_at(columns)
            if key_at is not None:
                known = sum(column.meaning is not None for column in columns)
                candidates.append((known, _Found(at, delimiter, cells, columns, key_at)))
        return max(candidates, key=lambda candidate: candidate[0])[1] if candidates else None

    def _key_at(self, columns: tuple[Column, ...]) -> int | None:
        """Return the position of the first column of the first needed meaning that the file has."""
        found = (n for needed in self._needed for n, column in enumerate(columns) if column.meaning == needed)
        return next(found, None)

    def _by_addresses(self) -> _Found | None:
        """Take the one column in which most cells are addresses, under headings that nobody knows."""
        if "email" not in self._needed:
            return None
        at = next((at for at in reversed(range(self._first, self._data_at)) if self._lines[at].text.strip()), None)
        for _, delimiter, cells in self._rows(at, self._data_at) if at is not None else ():
            rows = [row for _, by, row in self._rows(self._data_at, len(self._lines)) if by == delimiter]
            address_at = _column_of_addresses(cells, [row for row in rows if len(trimmed(row)) <= len(cells)])
            if at is not None and address_at is not None:
                columns = list(self._headings.columns(cells))
                chosen = columns[address_at]
                columns[address_at] = Column(chosen.heading, "email", chosen.field, chosen.is_empty)
                return _Found(at, delimiter, cells, tuple(columns), address_at)
        return None

    def _rows(self, start: int, end: int) -> Iterator[tuple[int, str, list[str]]]:
        for at, line in enumerate(self._lines[start:end], start=start):
            for delimiter in self._delimiters if line.text.strip() else ():
                cells = cells_of(line.text, delimiter)
                if cells is not None and len(cells) > MOST_COLUMNS:
                    raise NotAContactFile(
                        f"line {line.number} has {len(cells)} columns; a file has at most {MOST_COLUMNS}"
                    )
                if cells is not None and any(cell.strip() for cell in cells):
                    yield at, delimiter, cells

    def _why_not(self) -> str:
        if self._data_at == self._first and self._lines:
            told = "its first line holds an address where the headings of its columns are expected"
            return f"{told}; add a line such as `Email,First Name,Last Name` above it"
        rows = [cells for _, _, cells in self._rows(self._first, min(self._first + 1, len(self._lines)))]
        longest = max(rows, key=len, default=[])
        told = ", ".join(cell.strip()[:40] for cell in longest[:20]) or "none"
        return f"the file has no column of {_NEEDED_WORDS[self._needed]}; its columns are {told}"


def _column_of_addresses(cells: list[str], rows: list[list[str]]) -> int | None:
    """Return the position of the one column of people's addresses. None if there is none, or more than one."""
    counts = [sum(len(addresses_in(row[n])) == 1 for row in rows if n < len(row)) for n in range(len(cells))]
    least = max(1.0, len(rows) * _LEAST_ADDRESSES_RATIO)
    found = [
        n for n, count in enumerate(counts) if count >= least and not _OF_OTHERS.intersection(folded(cells[n]).split())
    ]
    return found[0] if len(found) == 1 and cells[found[0]].strip() else None


def _refuse_other_kinds(stream: BinaryIO) -> None:
    beginning = stream.read(512)
    stream.seek(0)
    kind = next((kind for mark, kind in _NO_TEXT.items() if beginning.startswith(mark)), "")
    text = beginning.lstrip(b"\xef\xbb\xbf \r\n\t").decode("latin-1").casefold()
    if not kind and text.startswith(_MARKUP):
        kind = "a page or a document with markup"
    if kind:
        raise NotAContactFile(f"the file is {kind}, and no CSV; export it as CSV and import that")
