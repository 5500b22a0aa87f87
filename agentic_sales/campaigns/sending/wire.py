"""Read a finished mail as its receiver will. Refuse a mail that says anything else than was meant.

Words are checked before the mail library encodes them. The library decodes encoded words on its way (CVE-2024-6923 and
its kind). So the outgoing bytes are parsed once more. Every header and both bodies are compared with their sources. A
mail that differs is not sent.
"""

from collections.abc import Mapping
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses

from agentic_sales.errors import InvalidMessage

_STRUCTURE = frozenset({"mime-version", "content-type"})
"""Headers that the mail library adds to a message of two bodies."""
_OF_ADDRESS = frozenset({"From", "To", "Reply-To"})
"""Headers of exactly one address."""


def check_received(raw: bytes, headers: Mapping[str, str], *, text: str, html: str) -> None:
    """Refuse a mail that a receiver would read otherwise than it was meant.

    Args:
        raw: The mail as it goes over the line.
        headers: Every header that it must have, and no other.
        text: Its plain text.
        html: Its HTML.

    Raises:
        InvalidMessage: A header is missing, was added or has another value, or a body is another one.
    """
    received = message_from_bytes(raw)  # the older reader of the library takes a third of the newer one's time
    _check_names([name.lower() for name in received], headers)
    for name, meant in headers.items():
        if not _means(name, received[name], meant):
            raise InvalidMessage(name, "a receiver would read another value than the one that was meant")
    parts = received.get_payload()
    found = [_text(part) for part in parts if isinstance(part, Message)] if isinstance(parts, list) else []
    if found != [_joined(text), _joined(html)]:
        raise InvalidMessage("body", "a receiver would read other words than those that were meant")


def _means(name: str, found: str, meant: str) -> bool:
    if name in _OF_ADDRESS and [spec for _, spec in getaddresses([found])] != [meant.rpartition("<")[2].rstrip(">")]:
        return False
    return _unquoted(str(make_header(decode_header(found)))) == _unquoted(meant)


def _unquoted(text: str) -> str:
    """Return a value without quotes: an encoded word needs none where a plain name does."""
    return _joined(text).replace('"', "").replace("\\", "")


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    return _joined(payload.decode("utf-8", errors="replace")) if isinstance(payload, bytes) else ""


def _check_names(found: list[str], headers: Mapping[str, str]) -> None:
    expected = {name.lower() for name in headers} | _STRUCTURE
    if strange := sorted({name for name in found if name not in expected or found.count(name) > 1}):
        raise InvalidMessage(strange[0], "a receiver would read a header that nobody wrote")
    if missing := sorted(expected - set(found)):
        raise InvalidMessage(missing[0], "a receiver would not find it")


def _joined(text: str) -> str:
    """Return a text without white space. Folding and line ends change only white space."""
    return "".join(text.split())
