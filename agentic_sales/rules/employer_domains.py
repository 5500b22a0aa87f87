"""Tell the domain of an employer's site from pages that everybody has."""

import re

from agentic_sales.rules.tables import every, table

LONGEST_URL_CHARS = 500
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_SCHEME = re.compile(r"\A[a-z]{1,10}://")
_END_OF_HOST = re.compile(r"[/:?#\s]")
_OF_MANY = frozenset(every(table("headings")["sites_of_many"]))
_BELOW_OF_MANY = tuple(f".{site}" for site in _OF_MANY)


def domain_of(cell: str) -> str | None:
    """Return the domain of a company's site. None if it is none, or a site on which everybody has a page.

    LinkedIn exports a person's own page under the heading `URL`.
    """
    text = _SCHEME.sub("", cell[:LONGEST_URL_CHARS].strip().lower())
    host = _END_OF_HOST.split(text, maxsplit=1)[0].removeprefix("www.")
    if not _HOST.fullmatch(host) or host in _OF_MANY or host.endswith(_BELOW_OF_MANY):
        return None
    return host
