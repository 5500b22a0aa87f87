"""Ask the DNS what it says of a sender's domain: texts, mail servers, addresses and names of addresses.

An answer is *found*, *missing* or *unknown*. Only a server that says so makes something missing. A time-out, a refusal
or a broken delegation (SERVFAIL) says nothing about it.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal

import idna
from dns.asyncresolver import Resolver
from dns.exception import DNSException
from dns.message import Message
from dns.name import Name, from_text, root
from dns.rdatatype import CNAME
from dns.resolver import NXDOMAIN, NoAnswer, NoNameservers, Timeout
from dns.reversename import from_address

from agentic_sales import effects
from agentic_sales.rules.mailbox_signs import is_reserved
from agentic_sales.settings import Settings
from agentic_sales.sources.mail_servers import resolver_of

LOOKUP_S = 5.0
"""Longest time for one question, retries included, in seconds."""
AT_ONCE = 16
"""Questions that one examination asks at once."""

_SILENCE: Mapping[type[Exception], str] = {Timeout: "gave no answer in time", NoNameservers: "failed or refused"}


@dataclass(frozen=True, slots=True)
class DnsAnswer:
    """What the DNS says to one question."""

    state: Literal["found", "missing", "unknown"]
    values: tuple[str, ...] = ()
    """Texts joined of their parts, host names or addresses. Empty unless it was found."""
    why: str = ""
    """Why nothing was found, in words for people."""
    alias: str = ""
    """Name to which an alias (CNAME) led. Empty without one."""


class SenderDns:
    """Asks about senders' domains. One object keeps the answers for as long as the DNS allows."""

    def __init__(self, configuration: Settings) -> None:
        """Take the servers to ask from the configuration, else from this machine."""
        self._resolver = resolver_of(configuration.dns_servers)
        self._asks_for_reserved = bool(configuration.dns_servers)
        self._places = asyncio.Semaphore(AT_ONCE)

    async def texts(self, name: str) -> DnsAnswer:
        """Return the TXT records of a name. The parts of a record are joined without a space (RFC 7208, 3.3)."""
        return await self._ask(name, "TXT")

    async def addresses(self, name: str) -> DnsAnswer:
        """Return the addresses of a host, of IPv4 and IPv6. One answer that is unknown makes a missing one unknown."""
        both = await asyncio.gather(self._ask(name, "A"), self._ask(name, "AAAA"))
        if values := tuple(value for answer in both for value in answer.values):
            return DnsAnswer("found", values)
        return next((answer for answer in both if answer.state == "unknown"), both[0])

    async def mail_servers(self, domain: str) -> DnsAnswer:
        """Return the mail servers of a domain by preference. A null MX is the empty name."""
        return await self._ask(domain, "MX")

    async def names_of(self, address: str) -> DnsAnswer:
        """Return the names of an address (PTR)."""
        return await self._ask(from_address(address).to_text(), "PTR")

    async def _ask(self, name: str, kind: str) -> DnsAnswer:
        effects.require("read", "ask the DNS")
        try:
            asked = _name_of(name)
        except (DNSException, UnicodeError, ValueError):
            return DnsAnswer("missing", why=f"`{name}` is no name that the DNS can have")
        if self._resolver is None:
            return DnsAnswer("unknown", why="no DNS server is configured")
        if is_reserved(name.rstrip(".")) and not self._asks_for_reserved:
            return DnsAnswer("unknown", why=f"`{name}` is reserved for examples, so the DNS was not asked")
        async with self._places:
            return await _answer(self._resolver, asked, name, kind)


async def _answer(resolver: Resolver, asked: Name, name: str, kind: str) -> DnsAnswer:
    try:
        answer = await resolver.resolve(asked, kind, lifetime=LOOKUP_S, search=False)
    except NXDOMAIN as exc:
        responses: Mapping[Name, Message] = exc.responses()  # type: ignore[no-untyped-call]  # dnspython's own
        return _missing(responses.values(), asked, f"there is no name `{name}`")
    except NoAnswer as exc:
        return _missing([exc.kwargs["response"]], asked, f"`{name}` has no {kind} record")
    except (DNSException, OSError) as exc:
        how = next((words for type_, words in _SILENCE.items() if isinstance(exc, type_)), type(exc).__name__)
        return DnsAnswer("unknown", why=f"the DNS {how} about `{name}` ({kind})")
    alias = "" if answer.canonical_name == asked else answer.canonical_name.to_text(omit_final_dot=True)
    return DnsAnswer("found", tuple(_values(answer, kind)), alias=alias)


def _name_of(name: str) -> Name:
    """Return a name in the form of the DNS. A part that is not ASCII is encoded by IDNA 2008."""
    if name.isascii():
        return from_text(name)
    return from_text(idna.encode(name.rstrip("."), uts46=True).decode())


def _values(answer: Iterable[object], kind: str) -> Iterable[str]:
    if kind == "TXT":
        return [b"".join(record.strings).decode("utf-8", "backslashreplace") for record in answer]  # type: ignore[attr-defined]
    if kind == "MX":
        records = sorted((record.preference, record.exchange) for record in answer)  # type: ignore[attr-defined]
        return ["" if host == root else host.to_text(omit_final_dot=True) for _, host in records]
    if kind == "PTR":
        return [record.target.to_text(omit_final_dot=True) for record in answer]  # type: ignore[attr-defined]
    return [str(ip_address(record.address)) for record in answer]  # type: ignore[attr-defined]


def _missing(responses: Iterable[Message], asked: Name, why: str) -> DnsAnswer:
    """Say that something is missing. An alias that leads nowhere is told, because the cure is another one."""
    ends = asked
    for response in responses:
        for rrset in response.answer:
            if rrset.rdtype == CNAME and rrset.name == ends:
                ends = rrset[0].target
    if ends == asked:
        return DnsAnswer("missing", why=why)
    alias = ends.to_text(omit_final_dot=True)
    return DnsAnswer("missing", why=f"{why}: its alias leads to `{alias}`, where nothing is", alias=alias)
