"""Hold the words by which addresses and pages of sites are told apart, as the table `sites` lists them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from agentic_sales.rules.company_words import company_words
from agentic_sales.rules.signs import compiled
from agentic_sales.rules.tables import NOTHING, Table, extended, table


@dataclass(frozen=True, slots=True)
class SiteWords:
    """All words. Those of texts are read over levelled text."""

    careers: re.Pattern[str]
    """Stands in the path of a careers page."""
    pricing: re.Pattern[str]
    telling: re.Pattern[str]
    """Stands in the path of a page that describes a company."""
    job_board_host: re.Pattern[str]
    sessions: re.Pattern[str]
    """Name of a parameter that holds a session."""
    languages: re.Pattern[str]
    """Name of a parameter that chooses a language."""
    language_codes: frozenset[str]
    soft_404: re.Pattern[str]
    browser_check: re.Pattern[str]
    scripts: re.Pattern[str]
    parked: re.Pattern[str]
    consent_names: re.Pattern[str]
    consent_texts: re.Pattern[str]


def site_words(additions: Table = NOTHING) -> SiteWords:
    """Return the words of the table `sites`, and a person's additions to it."""
    return _built(additions) if additions else OWN_SITE_WORDS


def _built(additions: Table) -> SiteWords:
    known = extended(table("sites"), additions)
    paths, unreadable, consent = known["paths"], known["unreadable"], known["consent"]
    return SiteWords(
        careers=_in_path(table("companies")["careers"]["paths"]),
        pricing=_in_path(paths["pricing"]),
        telling=_in_path(paths["telling"]),
        job_board_host=company_words().job_board_host,
        sessions=_whole(paths["sessions"]),
        languages=_whole(paths["languages"]),
        language_codes=frozenset(known["language"]["codes"]),
        soft_404=compiled(known["soft_404"]["phrases"]),
        browser_check=compiled(unreadable["browser_check"]),
        scripts=compiled(unreadable["scripts"]),
        parked=compiled(unreadable["parked"]),
        consent_names=re.compile(rf"(?<![a-z])(?:{'|'.join(consent['names'])})(?![a-z])", re.IGNORECASE),
        consent_texts=compiled(consent["texts"]),
    )


def _in_path(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"/(?:{'|'.join(words)})(?:\.\w{{2,5}})?(?:[/;]|$)", re.IGNORECASE)


def _whole(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(words), re.IGNORECASE)


OWN_SITE_WORDS = _built(NOTHING)
"""Built at import, so that the children of a worker share it."""
