"""Hold the words by which addresses and pages of sites are told apart, as the table `sites` lists them."""

import re
from dataclasses import dataclass

from agentic_sales.rules.company_words import company_words
from agentic_sales.rules.signs import compiled, on_path, whole
from agentic_sales.rules.tables import Compiled, Table, table


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


def _built(known: Table) -> SiteWords:
    paths, unreadable, consent = known["paths"], known["unreadable"], known["consent"]
    return SiteWords(
        careers=on_path(table("companies")["careers"]["paths"]),
        pricing=on_path(paths["pricing"]),
        telling=on_path(paths["telling"]),
        job_board_host=company_words().job_board_host,
        sessions=whole(paths["sessions"]),
        languages=whole(paths["languages"]),
        language_codes=frozenset(known["language"]["codes"]),
        soft_404=compiled(known["soft_404"]["phrases"]),
        browser_check=compiled(unreadable["browser_check"]),
        scripts=compiled(unreadable["scripts"]),
        parked=compiled(unreadable["parked"]),
        consent_names=re.compile(rf"(?<![a-z])(?:{'|'.join(consent['names'])})(?![a-z])", re.IGNORECASE),
        consent_texts=compiled(consent["texts"]),
    )


site_words = Compiled("sites", _built)
"""Gives the words of the table `sites`, with a person's additions if there are any."""
OWN_SITE_WORDS = site_words.own
