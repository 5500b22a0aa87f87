"""Find out which subject an answer without references answers, and whether its sender's domain tells a firm."""

import re

from agentic_sales.rules.tables import table

LONGEST_SUBJECT_CHARS = 500
_TAG = re.compile(
    r"\A\s*(?:\[[^\[\]]{1,30}\]|\([^()]{1,20}\)|\*{2,5}[^*]{1,30}\*{2,5}|(?:external|extern|ext|spam)\s?:)\s*",
    re.IGNORECASE,
)
"""Prefixes of gateways, such as `[External]` or `***SPAM***`."""
_ANSWERED = re.compile(
    rf"\A\s*(?:{'|'.join(table('conversations')['answers'])})"
    r"(?:\s?\[\d{1,3}\]|\s?\(\d{1,3}\)|\^\d)?\s?[:\uff1a]\s*",
    re.IGNORECASE,
)
PUBLIC_DOMAINS = frozenset(table("conversations")["public_domains"])
"""Domains at which anybody may have an address. Two such addresses are two strangers."""


def without_tags(subject: str) -> str:
    """Return a subject without the prefixes of gateways."""
    rest = subject[:LONGEST_SUBJECT_CHARS]
    while found := _TAG.match(rest):
        rest = rest[found.end() :]
    return rest.strip()


def answered_subject(subject: str) -> str:
    """Return the subject behind an answer's `Re:`, in small letters. Empty if it is no answer."""
    rest, is_answer = without_tags(subject), False
    while found := _ANSWERED.match(rest):
        rest, is_answer = without_tags(rest[found.end() :]), True
    return " ".join(rest.split()).casefold() if is_answer else ""


def firm_domain(address: str) -> str:
    """Return the domain of an address that tells a firm. Empty if anybody may have an address of it."""
    domain = address.rpartition("@")[2].strip().lower()
    return "" if domain in PUBLIC_DOMAINS else domain
