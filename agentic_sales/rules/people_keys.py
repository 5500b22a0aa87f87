"""Make the keys of a person without a checked address: profiles, and a name within a company."""

import re
from hashlib import sha256
from urllib.parse import urlsplit

from agentic_sales.rules.names import split_name
from agentic_sales.rules.words import folded

LONGEST_PROFILE_CHARS = 500
_SCHEME = re.compile(r"\A[a-z]{1,10}://", re.IGNORECASE)


def profile_of(url: str) -> str | None:
    """Return the one form of a profile's URL, such as `github.com/ada`. None if it is no URL with a path.

    Scheme, `www.`, query, fragment and a slash at the end do not count.
    """
    text = url.strip()[:LONGEST_PROFILE_CHARS]
    try:
        parts = urlsplit(text if _SCHEME.match(text) else f"https://{text}")
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return None
    path = parts.path.rstrip("/")
    return f"{host}{path}".lower() if "." in host and path else None


def person_name_key(name: str) -> str:
    """Return a name without titles, case, accents and further given names. `Dr. Ada M. Lovelace` is `ada lovelace`."""
    parts = split_name(name)
    return folded(f"{parts.first} {parts.last}") or folded(name)


def profile_key(profile: str) -> str:
    """Return the key of a profile in the form of `profile_of`."""
    return f"profile:{profile}"


def address_key(email_hash: str) -> str:
    """Return the key of an address by its digest."""
    return f"email:{email_hash}"


def employed_key(name: str, company_id: str) -> str:
    """Return the key of a name within a company."""
    return f"name:{person_name_key(name)}@{company_id}"


def digest_of(key: str) -> str:
    """Return the digest that outlives a forgotten person's key."""
    return sha256(f"person:{key}".encode()).hexdigest()
