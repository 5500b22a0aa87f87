"""Read a file into Markdown: Markdown, plain text, HTML and PDF.

Strangers write the files. HTML is read as pages of sites are. A PDF is read by a process of its own with limits of
time and memory, because a broken one can keep a parser busy for ever.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import PurePath
from typing import Literal

from agentic_sales.errors import DocumentUnreadable
from agentic_sales.outbound.charsets import decode
from agentic_sales.sources.html import read_html
from agentic_sales.wire import from_wire

PDF_LIMIT_S = 60.0
MOST_CHARS = 5_000_000
"""Letters of one document. A longer one is refused, so that nobody takes a part for the whole."""

FileFormat = Literal["markdown", "text", "html", "pdf"]
_FORMATS: dict[str, FileFormat] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
    ".text": "text",
    "": "text",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".pdf": "pdf",
}


@dataclass(frozen=True, slots=True)
class DocumentText:
    """A file as it was read."""

    title: str
    """Its own title, else its name."""
    markdown: str
    """Its text."""


async def read_document(raw: bytes, name: str) -> DocumentText:
    """Read a file. Its ending tells the format, and the first bytes tell a PDF.

    Raises:
        DocumentUnreadable: It has another format, is broken, has no text or too much, or needs a package.
    """
    kind = _format_of(raw, name)
    if kind == "pdf":
        found = await _read_pdf(raw, name)
    elif kind == "html":
        page = await asyncio.to_thread(lambda: read_html(decode(raw), ""))
        found = DocumentText(page.title or name, page.markdown)
    else:
        text = decode(raw)
        found = DocumentText(_first_heading(text) if kind == "markdown" else "", text)
    if not any(map(str.isalnum, found.markdown)):
        raise DocumentUnreadable(name, "there is no text in it; a scan needs text recognition first")
    if len(found.markdown) > MOST_CHARS:
        raise DocumentUnreadable(name, f"it has {len(found.markdown):,} letters, of {MOST_CHARS:,} at most; split it")
    return DocumentText(found.title.strip() or name, found.markdown)


def _format_of(raw: bytes, name: str) -> FileFormat:
    if raw.lstrip()[:5] == b"%PDF-":
        return "pdf"
    ending = PurePath(name).suffix.lower()
    if ending not in _FORMATS:
        known = ", ".join(ending for ending in _FORMATS if ending)
        raise DocumentUnreadable(name, f"the format `{ending}` is not known; expected one of {known}")
    if b"\0" in raw[:4096] and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DocumentUnreadable(name, "it is no text, in spite of its name")
    return _FORMATS[ending]


def _first_heading(markdown: str) -> str:
    first = next((line for line in markdown.splitlines() if line.strip()), "")
    return first.lstrip("#").strip() if first.startswith("#") else ""


async def _read_pdf(raw: bytes, name: str) -> DocumentText:
    if find_spec("pypdf") is None:
        raise DocumentUnreadable(name, "a PDF needs the package pypdf; run `pip install 'agentic-sales[rag]'`")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "agentic_sales.sources.pdf_pages", str(MOST_CHARS), stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(PDF_LIMIT_S):
            out, err = await process.communicate(raw)
    except TimeoutError as exc:
        raise DocumentUnreadable(name, f"reading the PDF took more than {PDF_LIMIT_S:g} s") from exc
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        last = err.decode("utf-8", "replace").strip().splitlines()[-1:] or ["its reader died"]
        raise DocumentUnreadable(name, f"the PDF cannot be read: {last[0][:300]}")
    told = from_wire(out)
    pages = (f"# Page {number}\n\n{text}" for number, text in enumerate(told["pages"], start=1) if text.strip())
    return DocumentText(told["title"] or name, "\n\n".join(pages))
