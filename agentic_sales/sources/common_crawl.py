"""Read Common Crawl: the captured pages of a site, and their types.

It serves where a site is gone or does not let itself be read. Its index and its archive are two hosts.
"""

import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import ClassVar

from pydantic import Field, field_validator

from agentic_sales.errors import AgenticSalesError, AnswerChanged, Blocked, NotFound, ProviderUnavailable
from agentic_sales.outbound.api import Params, Reply
from agentic_sales.outbound.limits import Bucket, Limit
from agentic_sales.settings import Settings
from agentic_sales.sources.records import Record, Text, read, read_all, segment
from agentic_sales.sources.service import Place, Source
from agentic_sales.wire import from_wire

_INDEX = Bucket("index", (Limit(1, 1.0),), at_once=1)
_DATA = Bucket("data", (Limit(1, 0.55),), at_once=1)
_SLOW_DOWN = 503
_PARTIAL = 206
_GZIP_WINDOW_BITS = 31
_LARGEST_CAPTURE_BYTES = 4 * 1024 * 1024
_NOT_PAGES = ("/robotstxt/", "/crawldiagnostics/")


class CrawlIndex(Record):
    """One crawl of the web."""

    id: Text
    """Such as `CC-MAIN-2026-47`."""


class Capture(Record):
    """One captured page."""

    url: Text
    captured_at: datetime = Field(validation_alias="timestamp")
    mime: Text = ""
    status: int
    filename: Text
    offset: int
    length: int

    @field_validator("captured_at", mode="before")
    @classmethod
    def _of_digits(cls, value: object) -> object:
        return datetime.strptime(value, "%Y%m%d%H%M%S").replace(tzinfo=UTC) if isinstance(value, str) else value


class CommonCrawl(Source):
    """A client of the index."""

    name: ClassVar[str] = "common_crawl"
    fresh_s: ClassVar[float] = 86_400.0

    def __init__(self, configuration: Settings, *, place: Place | None = None) -> None:
        super().__init__(configuration, configuration.common_crawl_url, place=place)

    async def crawls(self, *, most: int = 3) -> tuple[CrawlIndex, ...]:
        """Return the newest crawls, the newest first."""
        reply = await self.ask("/collinfo.json", bucket=_INDEX)
        return read_all(CrawlIndex, reply.json(), reply, "the answer")[:most]

    async def captures(
        self, domain: str, *, crawl: CrawlIndex, url_pattern: str = "", most: int = 100
    ) -> AsyncIterator[Capture]:
        """Yield the captured pages of a domain and its subdomains. A domain without any has none, and that is no error.

        Args:
            domain: Such as `acme.example`.
            crawl: The crawl to look into.
            url_pattern: Regular expression for the whole URL, such as `.*careers.*`. Empty: any.
            most: Most captures.
        """
        filters = ["=status:200", *([f"~url:{url_pattern}"] if url_pattern else [])]
        params: Params = {"url": f"*.{domain}", "output": "json", "filter": filters}
        path = f"/{segment(crawl.id)}-index"
        try:
            reply = await self.ask(path, bucket=_INDEX, params={**params, "showNumPages": "true"})
        except NotFound:
            return
        left, pages = most, read(_Pages, reply.json(), reply).pages
        for page in range(pages):
            try:
                reply = await self.ask(path, bucket=_INDEX, params={**params, "page": page})
            except NotFound:
                return
            for capture in _captures(reply):
                if left <= 0:
                    return
                left -= 1
                yield capture

    def judge(self, reply: Reply) -> AgenticSalesError | None:
        """Read a 503 as the wish for fewer requests."""
        return _judged(self, reply) or super().judge(reply)


class CommonCrawlArchive(Source):
    """A client of the archive."""

    name: ClassVar[str] = "common_crawl_data"
    accept: ClassVar[str] = "*/*"
    fresh_s: ClassVar[float] = 0.0

    def __init__(self, configuration: Settings, *, place: Place | None = None) -> None:
        super().__init__(configuration, configuration.common_crawl_data_url, place=place)

    async def page(self, capture: Capture) -> bytes:
        """Return the body of a captured page.

        Raises:
            Blocked: The archive does not serve the range, or the page is larger than four million bytes.
            ProviderUnavailable: The range breaks off.
        """
        last = capture.offset + capture.length - 1
        headers = {"Range": f"bytes={capture.offset}-{last}"}
        reply = await self.ask(f"/{capture.filename}", bucket=_DATA, headers=headers)
        return _body_of_record(reply)

    def judge(self, reply: Reply) -> AgenticSalesError | None:
        """Refuse a whole file, which has a billion bytes, and read a 503 as the wish for fewer requests."""
        if reply.status == 200:  # noqa: PLR2004 - a status is its own name
            return Blocked(self.name, f"`{reply.path}`", "it ignores the range that is asked for")
        return _judged(self, reply) or super().judge(reply)


class _Pages(Record):
    pages: int


def _judged(source: Source, reply: Reply) -> AgenticSalesError | None:
    if reply.status != _SLOW_DOWN:
        return None
    failure = ProviderUnavailable(source.name, "it asks for fewer requests")
    failure.retry_after_s = 60.0
    return failure


def _captures(reply: Reply) -> list[Capture]:
    """Read an answer of a line a capture."""
    captures = []
    for line in reply.text.splitlines():
        try:
            data = from_wire(line)
        except ValueError as exc:
            reason = f"a line of its answer to `{reply.path}` is no whole JSON"
            raise ProviderUnavailable(reply.service, reason) from exc
        capture = read(Capture, data, reply)
        if not any(part in capture.filename for part in _NOT_PAGES):
            captures.append(capture)
    return captures


def _body_of_record(reply: Reply) -> bytes:
    """Return the page in a packed WARC record: below the head of the record and the head of the HTTP answer."""
    unpack = zlib.decompressobj(_GZIP_WINDOW_BITS)
    try:
        record = unpack.decompress(reply.body, _LARGEST_CAPTURE_BYTES)
    except zlib.error as exc:
        raise ProviderUnavailable(reply.service, f"the range of `{reply.path}` is damaged") from exc
    if unpack.unconsumed_tail:
        reason = f"the page is larger than {_LARGEST_CAPTURE_BYTES} bytes"
        raise Blocked(reply.service, f"`{reply.path}`", reason)
    if not unpack.eof:
        raise ProviderUnavailable(reply.service, f"the range of `{reply.path}` breaks off")
    warc, _, http = record.partition(b"\r\n\r\n")
    head, separator, body = http.partition(b"\r\n\r\n")
    if not warc.startswith(b"WARC/") or not head.startswith(b"HTTP/") or not separator:
        problem = ("the record", "should be an HTTP answer in WARC")
        raise AnswerChanged(reply.service, f"`{reply.path}`", [problem])
    return body.removesuffix(b"\r\n\r\n")
