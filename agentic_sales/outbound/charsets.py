"""Turn the bytes of a document into text.

Browsers trust the byte order mark, then the header, then the document's own declaration. Sites often declare a wrong
character set, so the bytes are tested here. Text that is valid UTF-8 is UTF-8. A declaration that does not fit the
bytes
is passed over. Without any declaration the script of the text is guessed. The last resort is the browsers' default.
"""

import codecs
import re
from collections.abc import Iterator

from bs4.dammit import EncodingDetector
from charset_normalizer import from_bytes

# Python has codecs that are no character sets of the web. Some of them are quadratic (idna). Only these are used.
_WEB_CHARSET = re.compile(
    r"utf-?(?:8|16(?:-?[lb]e)?)|(?:us-)?ascii|latin-?1|iso-?8859-?\d{1,2}|(?:windows-|cp)125\d|koi8-[ru]"
    r"|gb(?:k|2312|18030)|big5(?:-hkscs)?|euc-(?:jp|kr)|shift[-_]jis|iso-2022-jp|macintosh",
    re.IGNORECASE,
)
_BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_LEGACY_DEFAULT = "windows-1252"
_SAME_AS = {"iso-8859-1": _LEGACY_DEFAULT, "latin-1": _LEGACY_DEFAULT, "latin1": _LEGACY_DEFAULT, "us-ascii": "ascii"}
"""Character sets that browsers use in place of the declared ones."""
MAX_WRONG_RATIO = 0.5
"""A character set does not fit above this share of unreadable characters among those outside ASCII."""
MIN_OTHER_SCRIPT_RATIO = 0.3
"""A text without a declaration is in another script than Latin from this share of bytes outside ASCII on."""
GUESSED_FROM_BYTES = 16_384
_OTHER_SCRIPTS = ["cp1251", "koi8_r", "koi8_u", "cp1253", "cp1255", "cp1256", "cp874"]
_OTHER_SCRIPTS += ["shift_jis", "euc_jp", "gb18030", "big5", "euc_kr"]
"""Character sets of sites in other scripts. Those of Macs and mainframes are left out, because they look like them."""


def decode(body: bytes, declared_charset: str | None = None) -> str:
    """Return a body as text.

    Args:
        body: The bytes.
        declared_charset: Character set of the header, or None.
    """
    marked = next((charset for mark, charset in _BYTE_ORDER_MARKS.items() if body.startswith(mark)), None)
    if marked:
        return body.decode(marked, errors="replace")
    if body.isascii() and not _is_stateful(declared_charset):
        return body.decode("ascii")
    readings = (body.decode(charset, errors="replace") for charset in _candidates(body, declared_charset))
    return next((text for text in readings if _fits(text)), body.decode(_LEGACY_DEFAULT, errors="replace"))


def _is_stateful(charset: str | None) -> bool:
    """Tell whether a character set uses ASCII bytes for other letters."""
    return (charset or "").lower().startswith(("iso-2022", "utf-16"))


def _candidates(body: bytes, declared_charset: str | None) -> Iterator[str]:
    """Yield the character sets to try, the likeliest first."""
    own = EncodingDetector.find_declared_encoding(body, is_html=True)
    named = [charset.lower() for charset in (declared_charset, own) if charset and _WEB_CHARSET.fullmatch(charset)]
    yield from (charset for charset in named if _is_stateful(charset))
    if _is_utf_8(body):
        yield "utf-8"
    yield from (_SAME_AS.get(charset, charset) for charset in named if not _is_stateful(charset))
    yield "utf-8"
    yield from _guessed(body)


def _is_utf_8(body: bytes) -> bool:
    """Tell whether a body is valid UTF-8. Its last character may be cut."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(body)
    except UnicodeDecodeError:
        return False
    return True


def _fits(text: str) -> bool:
    special = sum(not character.isascii() for character in text)
    return text.count("\ufffd") <= MAX_WRONG_RATIO * special


def _guessed(body: bytes) -> Iterator[str]:
    """Yield the likely character set of a text in another script than Latin."""
    sample = re.sub(rb"<[^>]{0,500}>", b" ", body[:GUESSED_FROM_BYTES])
    letters = re.sub(rb"[\s\d!-/:-@\[-`{-~]", b"", sample)
    if letters and sum(byte > 0x7F for byte in letters) >= MIN_OTHER_SCRIPT_RATIO * len(letters):  # noqa: PLR2004 - ASCII
        best = from_bytes(sample, cp_isolation=_OTHER_SCRIPTS).best()
        if best is not None:
            yield best.encoding
