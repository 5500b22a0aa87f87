"""Receive files to disk, have them read in a thread, and answer with the result of every line.

The answer is one document, or a stream of progress if the caller asks for one.
"""

import tempfile
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO, ClassVar, Protocol, TypeVar, cast

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from agentic_sales.errors import AgenticSalesError
from agentic_sales.facade.answers import JsonAnswer
from agentic_sales.rules.contact_lines import LineProblem
from agentic_sales.wire import to_wire

log = structlog.get_logger()

IN_MEMORY_BYTES = 1024 * 1024
"""Larger files are kept on disk until they are read."""
MOST_LINES_TOLD = 10_000
"""Lines that one JSON document lists. A longer file lists only the lines with something to say."""
PROGRESS = "application/x-ndjson"


class ImportedLine(Protocol):
    """The report on one line, a frozen dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def status(self) -> str:
        """Result of the line."""

    @property
    def problems(self) -> tuple[LineProblem, ...]:
        """Its faults."""


class OpenedFile(Protocol):
    """A file after its headings have been read."""

    @property
    def encoding(self) -> str:
        """How its bytes are read."""

    @property
    def columns(self) -> Mapping[str, str]:
        """Meanings of the headings."""


T = TypeVar("T", bound=OpenedFile)


@dataclass
class Importing:
    """An import and its counts so far."""

    file: OpenedFile
    """The file."""
    batches: AsyncIterator[Sequence[ImportedLine]]
    """Takes the lines in, some a transaction, and reports on them."""
    statuses: Sequence[str]
    """All results that a line can have."""
    further: Callable[[], dict[str, Any]] = dict
    """Further counts for the sum."""
    counts: Counter[str] = field(default_factory=Counter)
    """Number of lines so far by status."""

    async def answer(self, accept: str, opened: ExitStack) -> Response:
        """Take everybody in. Answer in a form that the caller accepts. The stack is closed at the end of a stream."""
        if PROGRESS in accept:
            return StreamingResponse(self._progress(opened.pop_all()), media_type=PROGRESS)
        return JsonAnswer(await self._report())

    async def _counted(self) -> AsyncIterator[Sequence[ImportedLine]]:
        async for batch in self.batches:
            self.counts.update(line.status for line in batch)
            yield batch

    async def _report(self) -> dict[str, Any]:
        lines: list[ImportedLine] = []
        async for batch in self._counted():
            lines += batch
            if self.counts.total() > MOST_LINES_TOLD:
                lines = [line for line in lines if _is_telling(line)][:MOST_LINES_TOLD]
        return {**self._head(), "lines": [asdict(line) for line in lines], **self._sum()}

    async def _progress(self, opened: ExitStack) -> AsyncIterator[bytes]:
        """Tell of each transaction and last the sum. A failure is told as `error`."""
        with opened:
            yield _line({"event": "file", **self._head()})
            try:
                async for batch in self._counted():
                    yield _line({"event": "lines", "lines": [asdict(line) for line in batch], **self._sum()})
            except AgenticSalesError as exc:
                log.warning("import_broken_off", code=exc.code)
                yield _line({"event": "error", "code": exc.code, "detail": str(exc), **self._sum()})
            else:
                yield _line({"event": "end", **self._sum()})

    def _head(self) -> dict[str, Any]:
        return {"encoding": self.file.encoding, "columns": self.file.columns}

    def _sum(self) -> dict[str, Any]:
        return {"counts": {status: self.counts[status] for status in self.statuses}, **self.further()}


async def received(body: AsyncIterable[bytes], opened: ExitStack, read: Callable[[BinaryIO], T]) -> T:
    """Receive the body to a file that the stack closes, and read its headings in a thread.

    Raises:
        InvalidRequest: It is no file of the wanted kind.
    """
    return await run_in_threadpool(read, await _spooled(body, opened))


async def received_whole(body: AsyncIterable[bytes], opened: ExitStack) -> bytes:
    """Receive the whole body, to a file at first, so that a slow caller holds no memory."""
    return await run_in_threadpool((await _spooled(body, opened)).read)


async def _spooled(body: AsyncIterable[bytes], opened: ExitStack) -> BinaryIO:
    spooled = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 - the stack closes it
    file = cast("BinaryIO", opened.enter_context(spooled))
    async for chunk in body:
        await run_in_threadpool(file.write, chunk)
    file.seek(0)
    return file


def _is_telling(line: ImportedLine) -> bool:
    return line.status != "added" or bool(line.problems)


def _line(event: dict[str, Any]) -> bytes:
    return to_wire(event) + b"\n"
