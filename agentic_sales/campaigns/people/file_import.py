"""Read a CSV file, and take its lines in. A batch of lines is a transaction of its own, and is read off the event loop.

A file of any length takes the same memory.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from itertools import islice
from typing import BinaryIO, Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.errors import InvalidRequest
from agentic_sales.rules.contact_files import CONTACTS, NotAContactFile, open_contact_file
from agentic_sales.rules.csv_lines import CsvRecord
from agentic_sales.rules.headings import Headings, Meaning
from agentic_sales.store.database import Database

LINES_AT_ONCE = 500
"""Lines of one transaction."""
FILE = "an imported file"

L = TypeVar("L")
R = TypeVar("R")


class FileImport(ABC, Generic[L, R]):
    """An import of one file, which is read once. A subclass reads a line, and takes some of them in.

    Args:
        stream: The file. It is closed with this object.
        headings: Headings by their meanings.
        needed: `CONTACTS`, `PEOPLE` or `COMPANIES`: a column of one of these meanings must be there.
        now: The present.
        file: Its name, which becomes the source of its facts.

    Raises:
        InvalidRequest: It is no CSV, or has no needed column.
    """

    columns: Mapping[str, str]
    """Meanings of the headings."""

    def __init__(
        self,
        stream: BinaryIO,
        headings: Headings,
        *,
        needed: tuple[Meaning, ...] = CONTACTS,
        now: datetime,
        file: str,
    ) -> None:
        try:
            self._opened = open_contact_file(stream, headings, needed)
        except NotAContactFile as exc:
            raise InvalidRequest(str(exc)) from exc
        self._records = iter(self._opened.records)
        self._now = now
        self._file = file or FILE
        self.encoding = self._opened.encoding

    async def batches(self, database: Database) -> AsyncIterator[list[R]]:
        """Import the lines, some a transaction, and report the result of each."""
        while read := await asyncio.to_thread(self._next_lines):
            lines = await self._looked_up(read)
            async with database.writing() as connection:
                reports = await self._take_in(connection, lines)
            yield reports

    def _next_lines(self) -> list[L]:
        return [self._read(record) for record in islice(self._records, LINES_AT_ONCE)]

    async def _looked_up(self, lines: list[L]) -> list[L]:
        """Return lines with their looked-up fields. No transaction is open meanwhile."""
        return lines

    @abstractmethod
    def _read(self, record: CsvRecord) -> L:
        """Read a line."""

    @abstractmethod
    async def _take_in(self, connection: AsyncConnection, lines: list[L]) -> list[R]:
        """Take lines in, and report the result of each."""
