"""Compare and clean the addresses of pages, as text; never resolve or fetch one."""

import re
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

_TRACKING = re.compile(r"utm_\w+|gclid|fbclid|msclkid|yclid|mc_[ce]id|_hs\w+|hs\w*tracking", re.IGNORECASE)
_INDEX_PAGE = re.compile(r"/(?:index|default)\.(?:html?|php|aspx?)$", re.IGNORECASE)
_NOT_A_PAGE = re.compile(
    r"\.(?:7z|aac|avi|avif|bin|bmp|bz2|css|csv|dmg|docx?|eot|epub|exe|gif|gz|ico|ics|iso|jar|jpe?g|js|json|m4[av]|map|mjs"
    r"|mkv|mov|mp[34]|mpe?g|msi|ogg|otf|pdf|pkg|png|pptx?|rar|rss|svg|tar|tgz|tiff?|ttf|vcf|wasm|wav|web[mp]|woff2?"
    r"|xlsx?|xml|zip)$",
    re.IGNORECASE,
)


def absolute(base: str, href: str) -> str | None:
    """Return `href` as an absolute web address without fragment; None: it leads to no web page."""
    try:
        parts = urlsplit(urljoin(base, href.strip()))
    except ValueError:  # Authors write anything into `href`; what cannot be parsed leads nowhere.
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return None
    return urlunsplit(parts._replace(path=parts.path or "/", fragment=""))


def page_key(url: str) -> str:
    """Return what two addresses of one page have in common: no scheme, `www.`, fragment, tracking or index page."""
    parts = urlsplit(url)
    path = _INDEX_PAGE.sub("/", parts.path).rstrip("/")
    query = [(name, value) for name, value in parse_qsl(parts.query) if not _TRACKING.fullmatch(name)]
    return f"{_site(url)}{path}{'?' if query else ''}{urlencode(query)}"


def same_site(url: str, other: str) -> bool:
    """Tell whether two addresses lie on one host and port; `www.` is the apex."""
    return _site(url) == _site(other)


def is_page(url: str) -> bool:
    """Tell whether an address can be a page to read, judged by the suffix of its path."""
    return not _NOT_A_PAGE.search(urlsplit(url).path)


def _site(url: str) -> str:
    parts = urlsplit(url)
    standard_port = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    return parts.netloc.lower().removeprefix("www.").removesuffix(standard_port)
