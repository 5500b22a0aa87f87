"""Read the text of a PDF's pages in a process of its own: standard input to standard output, as JSON.

The process limits its own time and memory. A failure is one line on standard error and exit status 1.
"""

import io
import resource
import sys

from agentic_sales.wire import to_wire

MOST_MEMORY_BYTES = 2 * 1024**3
MOST_CPU_S = 60


def main() -> None:
    """Read the PDF. The first argument is the most letters of all pages."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_S, MOST_CPU_S))
    try:
        sys.stdout.buffer.write(to_wire(_read(sys.stdin.buffer.read(), int(sys.argv[1]))))
    except Exception as exc:  # noqa: BLE001 - the boundary: a broken file raises whatever its parser meets
        sys.exit(f"{type(exc).__name__}: {exc}")


def _read(raw: bytes, most_chars: int) -> dict[str, object]:
    from pypdf import PdfReader  # noqa: PLC0415 - an extra, and needed here alone

    reader = PdfReader(io.BytesIO(raw))
    if reader.is_encrypted and not reader.decrypt(""):
        raise ValueError("it is encrypted; save it without a password")
    pages, letters = list[str](), 0
    for page in reader.pages:
        pages.append(page.extract_text())
        letters += len(pages[-1])
        if letters > most_chars:
            raise ValueError(f"it has more than {most_chars:,} letters; split it")
    return {"title": str((reader.metadata.title if reader.metadata else None) or ""), "pages": pages}


if __name__ == "__main__":
    main()
