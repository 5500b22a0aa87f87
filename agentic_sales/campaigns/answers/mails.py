"""Read the form of a mail: headers, parts and texts. Each is cut to a longest length before any search in it.

A stranger wrote it. Python's reader takes quadratic time for many parameters of a header. So it does for many lines in
deep parts. Therefore lines, parts and headers are counted and cut during the read.
"""

import re
from collections.abc import Iterator
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from email.policy import Compat32, Policy
from email.utils import getaddresses
from itertools import count

from agentic_sales.rules.wording import readable
from agentic_sales.sources.html import read_html

MOST_BYTES = 1_048_576
"""Bytes of a mail that are read. The text of a mail stands before its attachments."""
MOST_LINES = 20_000
"""More lines than a mail of so many bytes has if its attachments are encoded in lines of 76 characters."""
MOST_PARTS = 50
"""A part beyond them is read as plain text, regardless of its declared type."""
MOST_HEADERS = 500
LONGEST_HEADER_CHARS = 2_000
LONGEST_LIST_CHARS = 20_000
"""The same for headers that list the messages of a conversation."""
LONGEST_LINE_CHARS = 500
"""Longest value of a header that is handed on."""
MOST_COMMENTS = 10
"""The library reads a comment within a comment by calling itself."""
LONGEST_PART_CHARS = 100_000
LONGEST_HTML_CHARS = 200_000
LONGEST_REFERENCES = frozenset({"references", "in-reply-to"})
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,250}>")
_LINK = re.compile(r"<a\b[^<>]{0,4000}>[^<>]{0,500}</a>", re.IGNORECASE)
_UNSUBSCRIBE = ("/unsubscribe/", "/unsubscribe%2f")


class _Cut(Message):
    """A message with cut headers. It may be no container any more."""

    def __init__(self, policy: Policy, *, is_leaf: bool) -> None:
        super().__init__(policy)
        self._is_leaf = is_leaf
        self._seen = 0

    def set_raw(self, name: str, value: str) -> None:
        """Store a header that the reader has found."""
        self._seen += 1
        if self._seen <= MOST_HEADERS:
            is_list = name.lower() in LONGEST_REFERENCES
            super().set_raw(name, value[: LONGEST_LIST_CHARS if is_list else LONGEST_HEADER_CHARS])

    def get_content_type(self) -> str:
        """Return the type of the part."""
        return "text/plain" if self._is_leaf else super().get_content_type()


def read_mail(raw: bytes) -> Message:
    """Read the form of a mail, of which only a bounded beginning counts."""
    made = count()

    def make(policy: Policy) -> Message:
        return _Cut(policy, is_leaf=next(made) > MOST_PARTS)

    lines = raw[:MOST_BYTES].splitlines(keepends=True)[:MOST_LINES]
    return BytesParser(make, policy=Compat32()).parsebytes(b"".join(lines))  # type: ignore[arg-type]  # any factory will do


def header(message: Message, name: str) -> str:
    """Return a header, decoded, in one line. Empty if there is none."""
    raw = _raw_header(message, name)[:LONGEST_HEADER_CHARS]
    try:
        text = str(make_header(decode_header(raw)))
    except (MessageError, ValueError, LookupError):  # An encoded word that is broken, or of an unknown charset.
        text = raw
    return " ".join(readable(text).split())[:LONGEST_LINE_CHARS]


def address(message: Message, name: str) -> str:
    """Return the first address in a header. Empty if there is none."""
    return only_address(header(message, name))


def only_address(text: str) -> str:
    """Return the first address in a text of at most a line. Empty if there is none."""
    return next(iter(addresses(text)), "")


def addresses(text: str) -> list[str]:
    """Return the addresses in a text of at most a line."""
    line = text[:LONGEST_LINE_CHARS]
    if line.count("(") > MOST_COMMENTS:
        return []
    return [spec.strip() for _, spec in getaddresses([line]) if "@" in spec]


def ids(message: Message, *names: str) -> tuple[str, ...]:
    """Return the `Message-ID`s in some headers, each once."""
    found = [found for name in names for found in _MESSAGE_ID.findall(_raw_header(message, name))]
    return tuple(dict.fromkeys(map(readable, found)))


def _raw_header(message: Message, name: str) -> str:
    """Return a header as it came. Bytes beyond ASCII are UTF-8, or else Latin-1."""
    value = next((str(value) for key, value in message.raw_items() if key.lower() == name.lower()), "")
    raw = value.encode("utf-8", "surrogateescape")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def text_of(message: Message) -> str:
    """Return the plain text of a mail, or the visible text of a mail that is HTML alone."""
    for kind in ("text/plain", "text/html"):
        for part in own_parts(message):
            if part.get_content_type() == kind and part.get_content_disposition() != "attachment":
                return decoded(part) if kind == "text/plain" else shown(decoded(part, LONGEST_HTML_CHARS))
    return ""


def own_parts(message: Message) -> Iterator[Message]:
    """Yield the parts of a mail itself. An enclosed mail is somebody else's."""
    yield message
    if message.get_content_maintype() == "multipart":
        for part in payloads(message):
            yield from own_parts(part)


def payloads(part: Message) -> list[Message]:
    """Return the parts directly within a part."""
    payload = part.get_payload()
    return [block for block in payload if isinstance(block, Message)] if isinstance(payload, list) else []


def decoded(part: Message, limit: int = LONGEST_PART_CHARS) -> str:
    """Return the beginning of the text of a part."""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    return readable(_as_text(payload[: 4 * limit], part)[:limit])


def _as_text(payload: bytes, part: Message) -> str:
    try:
        charset = part.get_content_charset()
        return payload.decode(charset, errors="replace") if charset else payload.decode()
    except (LookupError, ValueError):  # A charset that nobody knows, or is for something else, or UTF-8 that is none.
        return payload.decode("cp1252", errors="replace")


def shown(markup: str) -> str:
    """Return the visible text of HTML, without the link of our footer. The link's word is not the writer's."""
    return read_html(_LINK.sub(_without_footer, markup[:LONGEST_HTML_CHARS]), "").text


def _without_footer(link: re.Match[str]) -> str:
    return "" if is_of_footer(link[0]) else link[0]


def is_of_footer(line: str) -> bool:
    """Tell whether a line or a link holds the unsubscribe address."""
    small = line.lower()
    return "http" in small and any(part in small for part in _UNSUBSCRIBE)
