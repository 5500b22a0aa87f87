"""Give the readers of sites the words of the table `sites`, a person's additions among them."""

from agentic_sales.additions import with_additions
from agentic_sales.rules.site_words import SiteWords, site_words
from agentic_sales.settings import settings


def known_sites() -> SiteWords:
    """Return the words by which addresses and pages are told apart."""
    return with_additions("sites", site_words, settings().rules_dir)
