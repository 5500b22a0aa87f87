"""Read the body of a response into memory up to a limit.

Decompression is done here, because httpx unpacks whole chunks. 64 kB from the wire can become 64 MB, and a body that
is
packed twice a thousand times that.
"""

import zlib
from collections.abc import Callable

from agentic_sales.errors import FetchRefused
from agentic_sales.outbound.http import httpx

ACCEPTED_ENCODING = "gzip"
"""The only Content-Encoding that is requested and read."""

_GZIP_WINDOW_BITS = 31
MAX_UNPACKED_RATIO = 100
"""Largest ratio of unpacked to received bytes for a body above its limit."""


async def read_body(response: httpx.Response, max_bytes: int, *, url: str) -> tuple[bytes, bool]:
    """Return at most `max_bytes` of the unpacked body and whether it is whole.

    Raises:
        FetchRefused: The body of `url` has an encoding that was not requested, or is damaged, or is made to fill
            memory.
            Such a body is larger than its limit and much larger than its received bytes.
    """
    unpack = _unpacker(response.headers.get("content-encoding", "").strip().lower(), url)
    body, raw_bytes, wire_bytes = bytearray(), 0, 0
    async for chunk in response.aiter_raw():
        unpacked, taken_bytes = unpack(chunk, max_bytes + 1 - len(body))
        body += unpacked
        raw_bytes += len(chunk)
        wire_bytes += taken_bytes
        # A packed body is no larger than its content. But a tail behind its end can be endless.
        if max(raw_bytes, len(body)) > max_bytes:
            if len(body) > max(wire_bytes, 1) * MAX_UNPACKED_RATIO:
                raise FetchRefused(url, f"it unpacks to more than {max_bytes} bytes from {wire_bytes}")
            return bytes(body[:max_bytes]), False
    return bytes(body), True


def _unpacker(encoding: str, url: str) -> Callable[[bytes, int], tuple[bytes, int]]:
    """Return a function that unpacks a chunk up to a limit. It also returns the number of bytes that it took."""
    if encoding in {"", "identity"}:
        return lambda chunk, limit: (chunk[:limit], limit)
    if encoding not in {"gzip", "x-gzip"}:
        raise FetchRefused(url, f"its body is packed as `{encoding[:40]}`, which was not asked for")
    gzip = zlib.decompressobj(_GZIP_WINDOW_BITS)

    def unpack(chunk: bytes, limit: int) -> tuple[bytes, int]:
        try:
            unpacked = b"" if gzip.eof else gzip.decompress(chunk, limit)
            return unpacked, len(chunk) - len(gzip.unconsumed_tail)
        except zlib.error as exc:
            raise FetchRefused(url, f"its gzip body is damaged: {exc}") from exc

    return unpack
