"""Drop dialogs about cookie consent from a document. They are no content of the site."""

import re
from collections.abc import Iterator

from bs4 import BeautifulSoup, Tag

from agentic_sales.rules.page_signs import is_consent_name, is_consent_text
from agentic_sales.sources.words import known_sites

MAX_DIALOG_CHARS = 3_000
"""An element with more text than this is no dialog."""
MAX_ATTRIBUTE_CHARS = 500
_WORD_INSIDE = re.compile(r"(?<=[a-z])(?=[A-Z])")
"""Between two words in `CookieDialog`."""
_NEVER = frozenset({"html", "body", "main", "article", "head", "a", "li", "p", "span", "h1", "h2", "h3"})


def drop_consent_dialogs(soup: BeautifulSoup) -> None:
    """Empty every dialog about cookie consent in a document."""
    for tag in list(_named(soup)):
        text = tag.get_text(" ")
        if len(text) <= MAX_DIALOG_CHARS and is_consent_text(text, known_sites()):
            tag.clear()


def _named(soup: BeautifulSoup) -> Iterator[Tag]:
    for tag in soup.find_all(True):
        if tag.name not in _NEVER and is_consent_name(_attributes(tag), known_sites()):
            yield tag


def _attributes(tag: Tag) -> str:
    classes = tag.get("class") or ()
    names = " ".join((str(tag.get("id") or ""), *([classes] if isinstance(classes, str) else classes)))
    return _WORD_INSIDE.sub("-", names[:MAX_ATTRIBUTE_CHARS])
