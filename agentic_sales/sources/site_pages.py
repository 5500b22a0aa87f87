"""Choose the careers page, the pricing page and the returned length of each text of a crawled site."""

from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from agentic_sales.rules.page_signs import is_careers_path, is_job_board, is_pricing_path, is_telling
from agentic_sales.sources.links import same_site
from agentic_sales.sources.words import known_sites

_CAREERS_LABELS = frozenset(
    {"career", "careers", "job", "jobs", "karriere", "carrieres", "recrutement", "empleo", "praca"}
)


def careers_among(urls: Sequence[str], site_url: str) -> str:
    """Return the careers page among addresses. One on the site goes before one of its own host or on a job board."""
    domain = (urlsplit(site_url).hostname or "").removeprefix("www.")
    on_site = (url for url in urls if same_site(url, site_url) and is_careers_path(url, known_sites()))
    return next(on_site, "") or next((url for url in urls if is_careers_host(url, domain)), "")


def pricing_among(urls: Iterable[str], site_url: str) -> str:
    """Return the pricing page of a site among addresses. Empty without one."""
    return next((url for url in urls if same_site(url, site_url) and is_pricing_path(url, known_sites())), "")


def is_careers_host(url: str, domain: str) -> bool:
    """Tell whether an address lies on a job board or on a host like `careers.` of the domain."""
    label, _, parent = (urlsplit(url).hostname or "").partition(".")
    return is_job_board(url, known_sites()) or (label in _CAREERS_LABELS and parent == domain)


def is_telling_page(url: str) -> bool:
    """Tell whether an address promises more about the company than others."""
    return is_telling(url, known_sites())


def cut_fairly(texts: Sequence[str], total: int) -> list[str]:
    """Cut texts so that all of them together are no longer than `total`. Short ones stay whole."""
    allowed = fair_length([len(text) for text in texts], total)
    return [text[:allowed] for text in texts]


def fair_length(lengths: Sequence[int], total: int) -> int:
    """Return the greatest length at which the cut texts are together no longer than `total`."""
    left = total
    for texts_left, length in zip(range(len(lengths), 0, -1), sorted(lengths), strict=True):
        if length * texts_left > left:
            return left // texts_left
        left -= length
    return total
