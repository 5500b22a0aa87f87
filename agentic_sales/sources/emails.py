"""Find email addresses in what a page shows."""

import re
from collections.abc import Iterable
from urllib.parse import unquote

# Every repetition is bounded: a page is written by a stranger, and an unbounded one takes quadratic time.
_EMAIL = re.compile(
    r"(?<![a-z0-9_%+-])[a-z0-9_][a-z0-9._%+-]{0,63}@(?:[a-z0-9-]{1,63}\.){1,6}[a-z]{2,24}(?![a-z0-9-])",
    re.IGNORECASE | re.ASCII,
)
_FILE_SUFFIXES = frozenset(
    {"avif", "bmp", "css", "gif", "ico", "jpeg", "jpg", "js", "json", "mp4", "pdf", "png", "svg", "webm", "webp"}
)
"""What stands after the last dot of `logo@2x.png`, which is no address."""


def find_emails(text: str, mailto: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the addresses of `mailto:` links and of the text, lower case, each once, links first."""
    candidates = [*_mailto_addresses(mailto), *_EMAIL.findall(text)]
    return tuple(dict.fromkeys(found.lower() for found in candidates if _is_address(found)))


def _mailto_addresses(hrefs: Iterable[str]) -> Iterable[str]:
    for href in hrefs:
        addresses = unquote(href).strip()[len("mailto:") :].partition("?")[0]
        yield from (found.strip() for found in addresses.split(",") if _EMAIL.fullmatch(found.strip()))


def _is_address(found: str) -> bool:
    return found.rpartition(".")[2].lower() not in _FILE_SUFFIXES
