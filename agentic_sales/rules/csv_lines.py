"""Read the records of a CSV file line by line. So a damaged line costs itself and no other.

A reader that follows every open quote swallows the rest of a file. Here a quote may run on over further lines. Those
lines must not be records of their own.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

LONGEST_LINE_CHARS = 128 * 1024
"""As the csv module takes a cell."""
MOST_LINES_OF_A_CELL = 200
_QUOTE = '"'


@dataclass(frozen=True, slots=True)
class Physical:
    """A line of a file."""

    number: int
    """From 1."""
    text: str
    """Without its end."""
    is_cut: bool = False
    """It was longer than any line may be."""


@dataclass(frozen=True, slots=True)
class CsvRecord:
    """A line of a table."""

    number: int
    """Where it begins in the file, from 1."""
    cells: list[str]
    """Empty: it could not be read."""
    fault: str = ""
    """Why it could not be read."""
    text: str = ""
    """The line as it stands, if it could not be read."""


class Lines:
    """The lines of a file, of which some can be given back to be read again."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._number = 0
        self._again: list[Physical] = []

    def next(self) -> Physical | None:
        """Return the next line. None if there is none."""
        if self._again:
            return self._again.pop()
        text = self._stream.readline(LONGEST_LINE_CHARS)
        if not text:
            return None
        self._number += 1
        is_cut = len(text) >= LONGEST_LINE_CHARS and not text.endswith("\n")
        if is_cut:
            self._skip_line()
        return Physical(self._number, text.rstrip("\n"), is_cut)

    def give_back(self, lines: Sequence[Physical]) -> None:
        """Let lines be read again, in their order."""
        self._again.extend(reversed(lines))

    def _skip_line(self) -> None:
        while (rest := self._stream.readline(LONGEST_LINE_CHARS)) and not rest.endswith("\n"):
            pass


def cells_of(text: str, delimiter: str) -> list[str] | None:
    """Return the cells of a line or of several. None if its quotes are no CSV."""
    if _QUOTE not in text:
        return text.split(delimiter)
    try:
        rows = list(
            csv.reader(
                (f"{line}\n" for line in text.split("\n")), delimiter=delimiter, strict=True, skipinitialspace=True
            )
        )
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


class Records:
    """The records of a table.

    Args:
        lines: The file, from the line behind its headings on.
        delimiter: Between two cells.
        width: How many headings there are.
        key_at: Position of the column with the key of a record, from 0.
        mark: Text that every cell of that column holds, such as the `@` of addresses. Empty: any text.
    """

    def __init__(self, lines: Lines, *, delimiter: str, width: int, key_at: int, mark: str = "@") -> None:
        self._lines = lines
        self._delimiter = delimiter
        self._width = width
        self._key_at = key_at
        self._mark = mark

    def __iter__(self) -> Iterator[CsvRecord]:
        while (line := self._lines.next()) is not None:
            if line.text.strip():
                yield self._record(line)

    def _record(self, line: Physical) -> CsvRecord:
        if line.is_cut:
            return _damaged(line, f"it is longer than {LONGEST_LINE_CHARS} characters")
        cells = cells_of(line.text, self._delimiter)
        if cells is None and line.text.count(_QUOTE) % 2:
            cells = self._run_on(line)
        if cells is None:
            return _damaged(line, "its quotes are not closed, or stand in the middle of a cell")
        return CsvRecord(line.number, cells)

    def _run_on(self, line: Physical) -> list[str] | None:
        """Return the cells of a record with an open quote that a later line closes. None if it is a stray quote."""
        taken: list[Physical] = []
        length = len(line.text)
        while len(taken) < MOST_LINES_OF_A_CELL and length < LONGEST_LINE_CHARS:
            following = self._lines.next()
            if following is None:
                break
            taken.append(following)
            length += len(following.text)
            if following.is_cut or self._is_a_record(following.text):
                break
            if following.text.count(_QUOTE) % 2:
                cells = self._whole("\n".join(part.text for part in (line, *taken)))
                if cells is not None:
                    return cells
                break
        self._lines.give_back(taken)
        return None

    def _whole(self, text: str) -> list[str] | None:
        cells = cells_of(text, self._delimiter)
        return cells if cells is not None and len(trimmed(cells)) <= self._width <= len(cells) else None

    def _is_a_record(self, text: str) -> bool:
        """Tell whether a line is a record of its own: as many cells as headings, and a key, such as an address.

        For a line with an odd number of quotes, the part before the first quote decides. Behind it goes on the record
        that the quote closes.
        """
        cells = text.split(self._delimiter)
        if not len(cells) >= self._width > self._key_at:
            return False
        if not (key := cells[self._key_at].strip()) or self._mark not in key:
            return False
        is_closing = text.count(_QUOTE) % 2
        return not is_closing or _QUOTE not in self._delimiter.join(cells[: self._key_at + 1])


def trimmed(cells: list[str]) -> list[str]:
    """Return cells without the empty ones at the end."""
    while cells and not cells[-1].strip():
        cells = cells[:-1]
    return cells


def _damaged(line: Physical, fault: str) -> CsvRecord:
    return CsvRecord(line.number, [], fault, line.text)
