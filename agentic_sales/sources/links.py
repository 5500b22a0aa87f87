"""Compare and clean the addresses of pages as text. This module never resolves or fetches one."""

import re
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from agentic_sales.sources.words import known_sites

MAX_URL_CHARS = 2_000
"""A longer address leads to no page that a person would share."""
_SESSION_IN_PATH = re.compile(r";[a-z_]{0,20}(?:sess|sid)[a-z_]{0,20}=[^/?;]{0,200}", re.IGNORECASE)
_TRACKING = re.compile(r"utm_\w+|gclid|fbclid|msclkid|yclid|mc_[ce]id|_hs\w+|hs\w*tracking", re.IGNORECASE)
_INDEX_PAGE = re.compile(r"/(?:index|default)\.(?:html?|php|aspx?)$", re.IGNORECASE)
_NOT_A_PAGE = re.compile(
    r"\.(?:7z|aac|avi|avif|bin|bmp|bz2|css|csv|dmg|docx?|eot|epub|exe|gif|gz|ico|ics|iso|jar|jpe?g|js|json|m4[av]|map|mjs"
    r"|mkv|mov|mp[34]|mpe?g|msi|ogg|otf|pdf|pkg|png|pptx?|rar|rss|svg|tar|tgz|tiff?|ttf|vcf|wasm|wav|web[mp]|woff2?"
    r"|xlsx?|xml|zip)$",
    re.IGNORECASE,
)


COUNTRY_LETTERS = 2


def absolute(base: str, href: str) -> str | None:
    """Return `href` as an absolute web address without fragment. None if it leads to no web page."""
    if len(href) > MAX_URL_CHARS:
        return None
    try:
        # Browsers read a backslash as a slash and drop line breaks within an address.
        cleaned = re.sub(r"[\t\r\n]", "", href.strip()).replace("\\", "/")
        parts = urlsplit(urljoin(base, cleaned))
    except ValueError:  # Authors write anything into `href`. An unreadable address leads nowhere.
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return None
    return urlunsplit(parts._replace(path=parts.path.replace(" ", "%20") or "/", fragment=""))


def page_key(url: str) -> str:
    """Return a key that all addresses of one page share.

    It leaves out scheme, `www.`, fragment, session, tracking and index page.
    """
    parts = urlsplit(url)
    path = _INDEX_PAGE.sub("/", _SESSION_IN_PATH.sub("", parts.path)).rstrip("/")
    query = [(name, value) for name, value in parse_qsl(parts.query) if not _says_nothing(name)]
    return f"{_site(url)}{path}{'?' if query else ''}{urlencode(query)}"


def _says_nothing(parameter: str) -> bool:
    return bool(_TRACKING.fullmatch(parameter) or known_sites().sessions.fullmatch(parameter))


def language_of(url: str) -> str:
    """Return the language code in an address's path or parameter. Empty without one."""
    parts = urlsplit(url)
    first = parts.path.strip("/").partition("/")[0].lower()
    chosen = [value for name, value in parse_qsl(parts.query) if known_sites().languages.fullmatch(name)]
    for candidate in (*chosen, first):
        code, _, country = candidate.lower().replace("_", "-").partition("-")
        if code in known_sites().language_codes and (not country or len(country) == COUNTRY_LETTERS):
            return code
    return ""


def same_site(url: str, other: str) -> bool:
    """Tell whether two addresses lie on one host and port. `www.` counts as the apex."""
    return _site(url) == _site(other)


def is_page(url: str) -> bool:
    """Tell by the suffix of its path whether an address can be a page."""
    return not _NOT_A_PAGE.search(urlsplit(url).path)


def _site(url: str) -> str:
    parts = urlsplit(url)
    standard_port = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    return parts.netloc.lower().removeprefix("www.").removesuffix(standard_port)
