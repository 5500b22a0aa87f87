"""Tell from a page's text whether it shows anything, and from its address its likely content."""

from urllib.parse import urlsplit

from agentic_sales.rules.signs import level
from agentic_sales.rules.site_words import OWN_SITE_WORDS, SiteWords

MAX_NOTICE_CHARS = 1_200
"""A page with more text than this is no notice of a guard, a registrar or an error."""
MAX_SCRIPT_NOTICE_CHARS = 200
"""A page with more text than this has more to say than that it needs scripts."""
MIN_TEXT_CHARS = 20
"""A page with less text and with scripts is drawn by them."""
MAX_HEADLINE_CHARS = 120


def is_telling(url: str, words: SiteWords = OWN_SITE_WORDS) -> bool:
    """Tell whether an address promises more about the company than others."""
    path = urlsplit(url).path
    return any(pattern.search(path) for pattern in (words.careers, words.pricing, words.telling))


def is_careers_path(url: str, words: SiteWords = OWN_SITE_WORDS) -> bool:
    """Tell whether the path of an address is that of a careers page."""
    return bool(words.careers.search(urlsplit(url).path))


def is_pricing_path(url: str, words: SiteWords = OWN_SITE_WORDS) -> bool:
    """Tell whether the path of an address is that of a pricing page."""
    return bool(words.pricing.search(urlsplit(url).path))


def is_job_board(url: str, words: SiteWords = OWN_SITE_WORDS) -> bool:
    """Tell whether an address is a company's page on a service for careers pages."""
    parts = urlsplit(url)
    has_path = bool(words.job_board_host.search(parts.hostname or "")) and len(parts.path) > 1
    return has_path or _is_own_board(url, words)


def _is_own_board(url: str, words: SiteWords) -> bool:
    """Tell whether a service gives the company a host of its own: `acme.recruitee.com`."""
    host = urlsplit(url).hostname or ""
    found = words.job_board_host.search(host)
    label = host[: found.start()].strip(".") if found else ""
    return bool(label) and label not in {"www", "app", "jobs", "boards", "apply"}


def is_soft_404(title: str, text: str, words: SiteWords = OWN_SITE_WORDS) -> bool:
    """Tell whether a page says that it does not exist, regardless of its status."""
    if len(text) > MAX_NOTICE_CHARS:
        return False
    headlines = (title, *(line for line in text.splitlines()[:3] if len(line) <= MAX_HEADLINE_CHARS))
    return any(words.soft_404.search(level(line)) for line in headlines)


def why_unreadable(title: str, text: str, hidden: str, *, has_scripts: bool, words: SiteWords = OWN_SITE_WORDS) -> str:
    """Say why a page cannot be read. Empty if it can.

    Args:
        title: Its title.
        text: Its text as a reader sees it.
        hidden: Text that it shows only without scripts.
        has_scripts: Whether it has scripts.
        words: The words of the table `sites`.
    """
    length = len(text.strip())
    shown = level(f"{title}\n{text}")
    if length <= MAX_NOTICE_CHARS and words.browser_check.search(shown):
        return "a check of the browser stands in front of the site"
    if length <= MAX_NOTICE_CHARS // 3 and words.parked.search(shown):
        return "the page holds the place of a site that is not there"
    speaks_of_scripts = length <= MAX_SCRIPT_NOTICE_CHARS and words.scripts.search(level(f"{shown}\n{hidden}"))
    if has_scripts and (length < MIN_TEXT_CHARS or speaks_of_scripts):
        return "the page is drawn by scripts, which are not run"
    return "" if length else "the page is empty"


def is_consent_name(attributes: str, words: SiteWords = OWN_SITE_WORDS) -> bool:
    """Tell whether the class and the id of an element are those of a dialog that asks for consent to cookies."""
    return bool(words.consent_names.search(attributes))


def is_consent_text(text: str, words: SiteWords = OWN_SITE_WORDS) -> bool:
    """Tell whether a text speaks of cookies or of consent."""
    return bool(words.consent_texts.search(level(text)))
