"""Read e-mail addresses, and decide which of them are one person's."""

import re
from hashlib import sha256

import idna

from agentic_sales.errors import InvalidAddress

LONGEST_ADDRESS_CHARS = 254
LONGEST_LOCAL_CHARS = 64
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z][a-z0-9-]{0,61}[a-z0-9])")
_GMAIL = {"gmail.com", "googlemail.com"}


def normalized(address: str) -> str:
    """Return an address as mail is sent to it. Its domain is lower case and ASCII, without space around it.

    Raises:
        InvalidAddress: It is none, or one that only a server with SMTPUTF8 could take.
    """
    local, at, domain = address.strip().rpartition("@")
    if not at:
        raise InvalidAddress(address, "it has no `@`")
    if not _LOCAL.fullmatch(local) or len(local) > LONGEST_LOCAL_CHARS:
        raise InvalidAddress(address, "the part before the `@` is not a mailbox name")
    host = domain.lower() if domain.isascii() else _ascii(address, domain)
    if not _DOMAIN.fullmatch(host):
        raise InvalidAddress(address, "the part behind the `@` is not a domain")
    if len(local) + 1 + len(host) > LONGEST_ADDRESS_CHARS:
        raise InvalidAddress(address, f"it is longer than {LONGEST_ADDRESS_CHARS} characters")
    return f"{local}@{host}"


def _ascii(address: str, domain: str) -> str:
    """Return the ASCII form of a domain as registries and browsers have it.

    It is IDNA 2008. Python's own codec makes the older form. That form takes `faß.de` for `fass.de`, a domain of
    somebody else.
    """
    try:
        return idna.encode(domain, uts46=True, std3_rules=True).decode("ascii")
    except idna.IDNAError as exc:
        raise InvalidAddress(address, f"the part behind the `@` is not a domain: {exc}") from exc


def email_hash(address: str) -> str:
    """Return the digest of a person's address. Addresses of the same person have the same digest.

    An opt-out of `jo+news@…` means `jo@…` too. So tags are cut off, and the dots of Gmail's names.

    Raises:
        InvalidAddress: It is none.
    """
    local, _, domain = normalized(address).lower().rpartition("@")
    local = local.partition("+")[0] or local
    if domain in _GMAIL:
        local, domain = local.replace(".", ""), "gmail.com"
    return sha256(f"email:{local}@{domain}".encode()).hexdigest()
