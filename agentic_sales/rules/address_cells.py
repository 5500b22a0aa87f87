"""Read a cell of e-mail addresses as people and programs fill it."""

import re

LONGEST_CELL_CHARS = 2_000
"""Of a longer cell the beginning is read."""
_BETWEEN = re.compile(r"[\s<>\"\u201c\u201d,;()\[\]{}|\u3001\uff0c\uff1b]+|:::|\s/\s|/(?=[^/]*@)")
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_SCHEME = re.compile(r"\A(?:mailto|e-?mail|smtp|sip|to):", re.IGNORECASE)
_EDGES = ".'`\u2018\u2019:,;*!?"
_NOBODY = re.compile(
    r"(?:\A|[._+-])(?:no[._-]?reply|no[._-]?response|do[._-]?not[._-]?(?:reply|respond)|dont[._-]?reply|noreplies|"
    r"nicht[._-]?antworten|keine[._-]?antwort|ne[._-]?pas[._-]?repondre|nepasrepondre|no[._-]?responder|"
    r"nao[._-]?responda|mailer[._-]?daemon|postmaster|hostmaster|bounces?|unsubscribe|abuse|auto[._-]?reply|"
    r"notifications?[._-]?noreply)(?:\Z|[._+-]|\d)",
    re.IGNORECASE,
)


def addresses_in(cell: str) -> list[str]:
    """Return possible addresses in a cell, also those of `Jo <jo@x.example>` and `mailto:jo@x.example.`."""
    words = _BETWEEN.split(_INVISIBLE.sub("", cell[:LONGEST_CELL_CHARS]))
    return list(dict.fromkeys(found for word in words if "@" in word and (found := _bare(word)) != "@"))


def display_name(cell: str) -> str:
    """Return the name in front of an address in angle brackets. Empty if there is none."""
    name, bracket, _ = cell[:LONGEST_CELL_CHARS].partition("<")
    return name.strip(" \"'\u201c\u201d") if bracket and "@" not in name else ""


def is_nobody(address: str) -> bool:
    """Tell whether a program and no person reads an address, such as `noreply@…` or `mailer-daemon@…`."""
    return _NOBODY.search(address.rpartition("@")[0]) is not None


def _bare(word: str) -> str:
    return _SCHEME.sub("", word.strip(_EDGES)).partition("?")[0].strip(_EDGES)
