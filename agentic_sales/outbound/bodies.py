"""Read the body of a response into memory, never more of it than was asked for.

Decompression is done here and not by httpx, which unpacks whole chunks: 64 kB from the wire can become 64 MB, and a
body that is packed twice a thousand times that.
"""

import codecs
import re
import zlib
from collections.abc import Callable

from bs4.dammit import EncodingDetector

from agentic_sales.errors import FetchRefused
from agentic_sales.outbound.http import httpx

ACCEPTED_ENCODING = "gzip"
"""The only Content-Encoding that is asked for and read."""

_GZIP_WINDOW_BITS = 31
# Python knows codecs that are no character sets of the web, some of them quadratic (idna); only these are used.
_WEB_CHARSET = re.compile(
    r"utf-?(?:8|16(?:-?[lb]e)?)|(?:us-)?ascii|latin-?1|iso-?8859-?\d{1,2}|(?:windows-|cp)125\d|koi8-[ru]"
    r"|gb(?:k|2312|18030)|big5(?:-hkscs)?|euc-(?:jp|kr)|shift[-_]jis|iso-2022-jp|macintosh",
    re.IGNORECASE,
)
_BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


async def read_body(response: httpx.Response, max_bytes: int, *, url: str) -> tuple[bytes, bool]:
    """Return at most `max_bytes` of the unpacked body, and whether that is all of it.

    Raises:
        FetchRefused: The body of `url` is packed in a way that was not asked for, or is damaged.
    """
    unpack = _unpacker(response.headers.get("content-encoding", "").strip().lower(), url)
    body, raw_bytes = bytearray(), 0
    async for chunk in response.aiter_raw():
        raw_bytes += len(chunk)
        body += unpack(chunk, max_bytes + 1 - len(body))
        # A packed body is no larger than what it holds, but for a tail behind its end, which can be endless.
        if max(raw_bytes, len(body)) > max_bytes:
            return bytes(body[:max_bytes]), False
    return bytes(body), True


def _unpacker(encoding: str, url: str) -> Callable[[bytes, int], bytes]:
    """Return a function that unpacks the next chunk, into at most so many bytes."""
    if encoding in {"", "identity"}:
        return lambda chunk, limit: chunk[:limit]
    if encoding not in {"gzip", "x-gzip"}:
        raise FetchRefused(url, f"its body is packed as `{encoding[:40]}`, which was not asked for")
    gzip = zlib.decompressobj(_GZIP_WINDOW_BITS)

    def unpack(chunk: bytes, limit: int) -> bytes:
        try:
            return b"" if gzip.eof else gzip.decompress(chunk, limit)
        except zlib.error as exc:
            raise FetchRefused(url, f"its gzip body is damaged: {exc}") from exc

    return unpack


def decode(body: bytes, declared_charset: str | None = None) -> str:
    """Return a body as text: by its byte order mark, the header, the document's own word, or UTF-8."""
    marked = next((charset for mark, charset in _BYTE_ORDER_MARKS.items() if body.startswith(mark)), None)
    charset = declared_charset or EncodingDetector.find_declared_encoding(body, is_html=True) or ""
    return body.decode(marked or (charset if _WEB_CHARSET.fullmatch(charset) else "utf-8"), errors="replace")
