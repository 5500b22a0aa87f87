"""Make the terms by which passages are found, from a passage and from a question alike.

A term is the stem of a word (Snowball, English; other languages lose little by it, as both sides are stemmed alike).
Words that say nothing are left out. Scripts without spaces between words give pairs of signs. A term has letters and
digits only, so that SQLite's and PostgreSQL's indexes take it as it is and find the same passages.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import urlsplit

from snowballstemmer import stemmer

from agentic_sales.rules.sentences import UNSPACED
from agentic_sales.rules.tables import table
from agentic_sales.rules.words import folded

MOST_TERM_CHARS = 64
"""A longer word is cut. Nobody types it."""
_UNSPACED_RUN = re.compile(rf"[{UNSPACED}]+|[^{UNSPACED}]+")
_UNSPACED = re.compile(rf"[{UNSPACED}]")
_STEMMER = stemmer("english")
_PLAIN = re.compile(r"[^\W_]+")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[.,\u00a0\u202f](?=\d{3}(?!\d))")
_POSSESSIVE = re.compile(r"['\u2019]s\b")
SILENT = frozenset(folded(word) for word in " ".join(table("questions")["silent"]).split())
"""Folded words that say nothing in a passage and in a question."""


def terms_of(text: str) -> list[str]:
    """Return the terms of a text in their order, each as often as it is there."""
    return [term for word in words_of(text) for term in terms_of_word(word) if word not in SILENT]


def words_of(text: str) -> list[str]:
    """Return the folded words of a text. `Acme's 1,200` is `acme` and `1200`."""
    return _PLAIN.findall(folded(_POSSESSIVE.sub("", _BETWEEN_DIGITS.sub("", text))))


@lru_cache(maxsize=50_000)
def terms_of_word(word: str) -> tuple[str, ...]:
    """Return the terms of a folded word. It is one, but for scripts without spaces."""
    if not _UNSPACED.search(word):
        return (stem_of(word),)
    return tuple(term for run in _UNSPACED_RUN.findall(word) for term in _of_run(run))


def stem_of(word: str) -> str:
    """Return the stem of a folded word of a script with spaces."""
    found: str = _STEMMER.stemWord(word) if word.isascii() and word.isalpha() else word
    return found[:MOST_TERM_CHARS]


def _of_run(run: str) -> Iterator[str]:
    if not _UNSPACED.match(run):
        yield stem_of(run)
    elif len(run) == 1:
        yield run
    else:
        yield from (run[at : at + 2] for at in range(len(run) - 1))


def address_words(url: str) -> str:
    """Return the words of an address that tell whose it is: its host without its last part, and its path."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.").rpartition(".")[0]
    return f"{host} {parts.path}".replace("/", " ").replace(".", " ").replace("-", " ").strip()
