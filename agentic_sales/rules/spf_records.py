"""Read an SPF record (RFC 7208) and expand its macros. Nothing is asked for that.

A receiver gives up on a record that it cannot read, as on one with too many questions. So a term is not guessed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal

MOST_LOOKUPS = 10
"""Terms with a question to the DNS that a receiver follows (RFC 7208, 4.6.4)."""
MOST_VOID_LOOKUPS = 2
"""Of these, questions without an answer."""
Stance = Literal["pass", "fail", "softfail", "neutral"]
RESULTS: Mapping[str, Stance] = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
"""Meaning of a qualifier for a sender."""

_VERSION = re.compile(r"v=spf1(?: |\Z)", re.IGNORECASE)
_MECHANISM = re.compile(r"([-+~?]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?![\w.=-])(.*)", re.IGNORECASE)
_MODIFIER = re.compile(r"([a-z][\w.-]*)=(.*)", re.IGNORECASE)
_LENGTHS = re.compile(r"(.*?)(?:/(\d{1,3}))?(?://(\d{1,3}))?\Z")
_MACRO = re.compile(r"%(?:\{([slodiphcrtv])(\d{0,3})(r?)([-.+,/_=]*)\}|([%_-]))", re.IGNORECASE)
_MOST_NAME_CHARS = 253


@dataclass(frozen=True, slots=True)
class SpfTerm:
    """One mechanism of a record."""

    qualifier: str
    """`+`, `-`, `~` or `?`."""
    kind: str
    """`all`, `include`, `a`, `mx`, `ptr`, `ip4`, `ip6` or `exists`."""
    domain: str = ""
    """Domain with its macros. Empty for the domain of the record."""
    network: IPv4Network | IPv6Network | None = None
    """Of `ip4` and `ip6`."""
    prefix_v4: int = 32
    """Bits of an IPv4 address that count, of `a` and `mx`."""
    prefix_v6: int = 128
    """Bits of an IPv6 address that count."""


@dataclass(frozen=True, slots=True)
class SpfRecord:
    """One record."""

    terms: tuple[SpfTerm, ...]
    """Mechanisms in their order. None of them follows an `all`."""
    redirect: str = ""
    """Domain whose record counts where no mechanism matches. Empty without one, and behind an `all`."""


def is_spf(text: str) -> bool:
    """Tell whether a TXT record is an SPF record. One of another version is none."""
    return _VERSION.match(text) is not None


def read_spf(text: str) -> SpfRecord:
    """Read a record.

    Raises:
        ValueError: A receiver cannot read it. The message names the term.
    """
    if not text.isascii():
        raise ValueError("it has characters that are not ASCII")
    terms: list[SpfTerm] = []
    modifiers: dict[str, str] = {}
    for word in text.split(" ")[1:]:
        if not word:
            continue
        if found := _MECHANISM.fullmatch(word):
            terms.append(_term(word, found[1] or "+", found[2].lower(), found[3]))
        elif found := _MODIFIER.fullmatch(word):
            _note_modifier(modifiers, word, found[1].lower(), found[2])
        else:
            raise ValueError(f"`{word}` is no term of SPF")
    ends = next((place for place, term in enumerate(terms) if term.kind == "all"), None)
    if ends is None:
        return SpfRecord(tuple(terms), modifiers.get("redirect", ""))
    return SpfRecord(tuple(terms[: ends + 1]))


def _note_modifier(modifiers: dict[str, str], word: str, name: str, value: str) -> None:
    if name in {"redirect", "exp"}:
        if name in modifiers:
            raise ValueError(f"`{name}=` stands in it twice")
        if not value:
            raise ValueError(f"`{word}` names no domain")
    _check_macros(word, value)
    modifiers[name] = value


def _term(word: str, qualifier: str, kind: str, rest: str) -> SpfTerm:
    match kind:
        case "all":
            if rest:
                raise ValueError(f"`{word}` is no term of SPF")
            return SpfTerm(qualifier, kind)
        case "ip4" | "ip6":
            return SpfTerm(qualifier, kind, network=_network(word, kind, rest))
        case "include" | "exists":
            if len(rest) < 2 or rest[0] != ":":  # noqa: PLR2004 - a colon and a domain
                raise ValueError(f"`{word}` names no domain")
            _check_macros(word, rest[1:])
            return SpfTerm(qualifier, kind, rest[1:])
        case _:
            return _of_hosts(word, qualifier, kind, rest)


def _of_hosts(word: str, qualifier: str, kind: str, rest: str) -> SpfTerm:
    found = _LENGTHS.fullmatch(rest)
    domain, v4, v6 = found.groups() if found else (rest, None, None)
    if (domain and not domain.startswith(":")) or domain == ":" or (kind == "ptr" and (v4 or v6)):
        raise ValueError(f"`{word}` is no term of SPF")
    if int(v4 or 32) > 32 or int(v6 or 128) > 128:  # noqa: PLR2004 - the bits of addresses
        raise ValueError(f"`{word}` has a prefix that no address has")
    _check_macros(word, domain[1:])
    return SpfTerm(qualifier, kind, domain[1:], None, int(v4 or 32), int(v6 or 128))


def _network(word: str, kind: str, rest: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(rest.removeprefix(":"), strict=False)
    except ValueError as exc:
        raise ValueError(f"`{word}` names no network") from exc
    if not rest.startswith(":") or network.version != int(kind[-1]):
        raise ValueError(f"`{word}` names no IPv{kind[-1]} network")
    return network


def _check_macros(word: str, text: str) -> None:
    if "%" in _MACRO.sub("", text):
        raise ValueError(f"`{word}` has a `%` that begins no macro")


def needs_sender(domain: str) -> bool:
    """Tell whether a domain of a term depends on the address of the connecting server or on its name."""
    return any((found[1] or "").lower() in {"i", "p", "h", "c", "r", "t", "v"} for found in _MACRO.finditer(domain))


def expanded(text: str, *, domain: str, sender: str, ip: str) -> str:
    """Return a domain with its macros expanded.

    Args:
        text: The domain of a term.
        domain: Domain of the record.
        sender: Address of the envelope's sender.
        ip: Address of the connecting server.
    """
    local, _, of = sender.rpartition("@")
    address = ip_address(ip)
    dotted = ".".join(address.exploded.replace(":", "")) if isinstance(address, IPv6Address) else ip
    version = "ip6" if isinstance(address, IPv6Address) else "in-addr"
    values = {"s": sender, "l": local, "o": of, "d": domain, "i": dotted, "v": version, "h": of, "p": "unknown"}

    def one(found: re.Match[str]) -> str:
        if found[5]:
            return {"%": "%", "_": " ", "-": "%20"}[found[5]]
        parts = re.split(f"[{re.escape(found[4] or '.')}]", values.get(found[1].lower(), "unknown"))
        parts = parts[::-1] if found[3] else parts
        return ".".join(parts[-int(found[2]) :] if found[2] and int(found[2]) else parts)

    name = _MACRO.sub(one, text)
    while len(name) > _MOST_NAME_CHARS and "." in name:
        name = name.partition(".")[2]
    return name
