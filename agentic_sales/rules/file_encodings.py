"""Tell how the bytes of a contact file are to be read."""

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO

from charset_normalizer import from_bytes

from agentic_sales.rules.headings import Headings

SAMPLE_BYTES = 64 * 1024
_CHUNK_BYTES = 1024 * 1024
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ONE_BYTE = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254")
_CODE_PAGES = (*_ONE_BYTE, "cp932", "gb18030", "cp949", "big5")
"""Encodings of spreadsheets that do not write Unicode, by the language of the machine."""
_LINES = 20
_CELLS = re.compile(r"[;,\t|]")
_RUN = re.compile(rb"[\x80-\xff]{3,}")
_HIGH = re.compile(rb"[\x80-\xff]")
_MOST_BROKEN_RATIO = 0.02


def encoding_of(stream: BinaryIO, headings: Headings) -> str:
    """Return the encoding of a file, which is left at its beginning."""
    sample = stream.read(SAMPLE_BYTES)
    stream.seek(0)
    if found := _by_mark(sample) or _by_zeros(sample):
        return found
    if _is_utf8(stream) or _is_nearly_utf8(sample):
        return "utf-8"
    return _by_headings(sample, headings) or _by_letters(sample)


def _by_mark(sample: bytes) -> str | None:
    return next((encoding for mark, encoding in _MARKS if sample.startswith(mark)), None)


def _by_zeros(sample: bytes) -> str | None:
    """Tell UTF-16 without a mark: in most pairs of bytes the same one is zero. A run of NULs has both."""
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    most = len(sample) // 4
    if not most or max(even, odd) < most or min(even, odd) > max(even, odd) // 4:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _is_utf8(stream: BinaryIO) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := stream.read(_CHUNK_BYTES):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    finally:
        stream.seek(0)
    return True


def _is_nearly_utf8(sample: bytes) -> bool:
    """Tell UTF-8 with a broken character among many whole ones, as a cut or joined file has it."""
    text = sample.decode("utf-8", errors="replace")
    letters, broken = sum(char > "\x7f" for char in text), text.count("\ufffd")
    return letters > broken and broken <= letters * _MOST_BROKEN_RATIO


def _by_headings(sample: bytes, headings: Headings) -> str | None:
    """Return the code page in which most headings are known that are not plain ASCII."""
    scores = {encoding: _known(text, headings) for encoding, text in _readings(sample)}
    best = max(scores, key=lambda encoding: scores[encoding], default=None)
    return best if best is not None and scores[best] else None


def _readings(sample: bytes) -> Iterator[tuple[str, str]]:
    beginning = b"\n".join(sample.replace(b"\r", b"\n").split(b"\n")[:_LINES])[:SAMPLE_BYTES]
    for encoding in _CODE_PAGES:
        try:
            yield encoding, beginning.decode(encoding)
        except UnicodeDecodeError:
            continue


def _known(text: str, headings: Headings) -> int:
    cells = [cell.strip(' "') for line in text.splitlines() for cell in _CELLS.split(line)[:200]]
    return sum(headings.meaning(cell) is not None for cell in cells if not cell.isascii())


def _by_letters(sample: bytes) -> str:
    """Tell Western text from other scripts. Its letters beyond ASCII stand alone, other scripts consist of them."""
    in_runs = sum(len(run) for run in _RUN.findall(sample))
    if in_runs * 2 < len(_HIGH.findall(sample)):
        return "cp1252"
    found = from_bytes(sample, cp_isolation=list(_CODE_PAGES)).best()
    return found.encoding if found else "cp1252"
