"""Decide by name and site whether two records mean one company.

The key of a company is the registrable domain of its site, or else its bare name. The list of public suffixes is the
one in the package `tldextract`. Nothing is fetched.
"""
# ruff: noqa: RUF001 - legal forms in their own script

import re
from dataclasses import dataclass
from functools import lru_cache

import idna
from cleanco import basename  # type: ignore[import-untyped]  # cleanco ships no types
from tldextract import TLDExtract

from agentic_sales.rules.employer_domains import LONGEST_URL_CHARS, domain_of
from agentic_sales.rules.words import folded

LONGEST_NAME_CHARS = 300
"""Characters of a company's name that are kept and compared."""
_SUFFIXES = TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)
_HOST_OF_URL = re.compile(r"\A(?:[a-z]{1,10}://)?(?:[^/@\s]*@)?([^/:?#\s]+)", re.IGNORECASE)
_ASIDE = re.compile(r"(?<=\S)\s*\([^()]*\)|[\u00ae\u2122\u00a9\u2120]")
_AND = re.compile(r"\s*[&+]\s*")
_FORM_IN_FRONT = re.compile(
    r"\A(?:ооо|оао|зао|пао|ooo|oao|zao|pt|株式会社|有限会社|合同会社|주식회사)\s*", re.IGNORECASE
)
_FORM_BEHIND = re.compile(
    r"(?:\s*(?:株式会社|有限会社|合同会社|股份有限公司|有限公司|주식회사)|\s(?:UG|S\.?\s?[aà]\.?\s?r\.?\s?l\.?))\Z",
    re.IGNORECASE,
)
"""Legal forms that `cleanco` leaves."""
_MOST_FORMS = 3
"""Legal forms that one name joins, such as `Co., Ltd.` or `GmbH & Co. KG`."""


@dataclass(frozen=True, slots=True)
class Firm:
    """A company as a record names it."""

    name: str
    """Name as people write it. Empty if not given."""
    domain: str | None = None
    """Address or domain of its web site, or None."""

    @property
    def site(self) -> str | None:
        """Return the registrable domain of its site, or None."""
        return site_of(self.domain or "")

    @property
    def name_key(self) -> str:
        """Return the bare name by which it is compared. Empty without a name."""
        return name_key(self.name)

    @property
    def key(self) -> str:
        """Return the company's key. Empty without name and domain."""
        return self.site or self.name_key


def load_suffixes() -> None:
    """Read the list of public suffixes, which is otherwise read when the first site is looked at: 27 ms and 6 MB."""
    _SUFFIXES.extract_str("")


@lru_cache(maxsize=8192)
def site_of(text: str) -> str | None:
    """Return the registrable domain of a URL, a host or a domain in lower-case ASCII.

    `https://jobs.acme.co.uk/x` has `acme.co.uk`. A top-level domain that the list does not know counts as a suffix.

    Returns:
        None for a text without a host, and for a site on which everybody has a page.
    """
    host = domain_of(_in_ascii(text.strip().rstrip(".")))
    if host is None:
        return None
    found = _SUFFIXES.extract_str(host)
    return found.top_domain_under_public_suffix or (None if found.suffix else ".".join(host.split(".")[-2:]))


@lru_cache(maxsize=8192)
def has_public_suffix(domain: str) -> bool:
    """Tell whether the list knows the ending of a domain, such as `.com` or `.co.uk`."""
    return bool(_SUFFIXES.extract_str(domain).suffix)


@lru_cache(maxsize=8192)
def name_key(name: str) -> str:
    """Return the name of a company without legal form, case, accents and punctuation. `ACME, Inc.` is `acme`."""
    text = _FORM_BEHIND.sub("", _FORM_IN_FRONT.sub("", _ASIDE.sub(" ", name[:LONGEST_NAME_CHARS]).strip()))
    for _ in range(_MOST_FORMS):
        bare = basename(text).strip(" ,")
        if bare == text or not folded(bare):
            break
        text = bare
    return folded(_AND.sub(" and ", text)) or folded(name[:LONGEST_NAME_CHARS])


def _in_ascii(text: str) -> str:
    """Return a URL as its host alone if the host is not ASCII. It is IDNA 2008, as browsers have it."""
    found = _HOST_OF_URL.match(text[:LONGEST_URL_CHARS])
    if text.isascii() or found is None:
        return text
    try:
        return idna.encode(found[1], uts46=True, std3_rules=True).decode("ascii")
    except idna.IDNAError:
        return text
