"""Find email addresses in the text and links of a page."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from urllib.parse import unquote

from bs4 import BeautifulSoup

# Every repetition is bounded. Strangers write the pages, and an unbounded repetition takes quadratic time.
_EMAIL = re.compile(
    r"(?<![a-z0-9_%+-])[a-z0-9_][a-z0-9._%+-]{0,63}@(?:[a-z0-9-]{1,63}\.){1,6}[a-z]{2,24}(?![a-z0-9-])",
    re.IGNORECASE | re.ASCII,
)
_FILE_SUFFIXES = frozenset(
    {"avif", "bmp", "css", "gif", "ico", "jpeg", "jpg", "js", "json", "mp4", "pdf", "png", "svg", "webm", "webp"}
)
"""Endings after the last dot of `logo@2x.png`, which is no address."""


MAX_EMAILS = 200
"""Most addresses that are taken from one page."""
_OBFUSCATED = re.compile(
    r"(?<![\w.%+-])([a-z0-9_][a-z0-9._%+-]{0,63})\s{0,3}[(\[{]\s?(?:at|\u00e4t|@|arroba)\s?[)\]}]\s{0,3}"
    r"((?:[a-z0-9-]{1,63}\s{0,3}(?:\.|[(\[{]\s?(?:dot|punkt|point|punto|ponto|kropka)\s?[)\]}])\s{0,3}){1,5}[a-z]{2,24})(?![a-z0-9-])",
    re.IGNORECASE | re.ASCII,
)
_DOT_WORD = re.compile(r"\s{0,3}(?:\.|[(\[{]\s?(?:dot|punkt|point|punto|ponto|kropka)\s?[)\]}])\s{0,3}", re.IGNORECASE)
_PROTECTED_HREF = "/cdn-cgi/l/email-protection#"
_MAX_PROTECTED_CHARS = 600
_MAX_ADDRESS_CHARS = 254
_MAX_HREF_CHARS = 4_000


def find_emails(text: str, mailto: Iterable[str] = (), found: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the addresses of `mailto:` links, of other sources and of the text, in lower case and each once."""
    candidates = chain(_mailto_addresses(mailto), found, _EMAIL.findall(text), _written_out(text))
    known = (candidate.lower() for candidate in candidates if _is_address(candidate))
    return tuple(islice(dict.fromkeys(known), MAX_EMAILS))


def protected_emails(soup: BeautifulSoup) -> list[str]:
    """Return the addresses that a content network hides in a document from readers without scripts."""
    hidden = [str(tag["data-cfemail"]) for tag in soup.find_all(None, {"data-cfemail": True}, limit=MAX_EMAILS)]
    for tag in soup.find_all("a", href=True):
        _, is_protected, code = str(tag["href"]).partition(_PROTECTED_HREF)
        hidden += [code] if is_protected else []
    return [address for code in hidden[:MAX_EMAILS] if _EMAIL.fullmatch(address := _unprotected(code))]


def _unprotected(code: str) -> str:
    """Undo the protection. The first byte is the key for all others."""
    try:
        key, *letters = bytes.fromhex(code[:_MAX_PROTECTED_CHARS])
    except ValueError:  # Not in hexadecimal, or empty.
        return ""
    return bytes(letter ^ key for letter in letters).decode("utf-8", errors="replace")


def _written_out(text: str) -> Iterator[str]:
    for name, domain in _OBFUSCATED.findall(text):
        yield f"{name}@{_DOT_WORD.sub('.', domain)}"


def _mailto_addresses(hrefs: Iterable[str]) -> Iterable[str]:
    for href in hrefs:
        addresses = unquote(href[:_MAX_HREF_CHARS]).strip()[len("mailto:") :].partition("?")[0]
        yield from _EMAIL.findall(addresses)


def _is_address(found: str) -> bool:
    return len(found) <= _MAX_ADDRESS_CHARS and found.rpartition(".")[2].lower() not in _FILE_SUFFIXES
