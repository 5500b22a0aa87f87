"""Follow the SPF record of a domain as a receiver does (RFC 7208), and beyond its first match to the end.

So every question to the DNS is counted that any sender could cause, and every mistake in the tree is found.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Literal

from agentic_sales.rules.spf_records import (
    MOST_LOOKUPS,
    MOST_VOID_LOOKUPS,
    RESULTS,
    SpfRecord,
    SpfTerm,
    expanded,
    is_spf,
    needs_sender,
    read_spf,
)
from agentic_sales.sources.sender_dns import DnsAnswer, SenderDns

SpfResult = Literal["pass", "fail", "softfail", "neutral", "none", "permerror", "temperror"]
_STOP_COUNTING = 40
"""Questions after which a tree is not followed further. It is far too large then."""
_MOST_MAIL_SERVERS = 10
Network = IPv4Network | IPv6Network


@dataclass(slots=True)
class SpfWalk:
    """What was found on the way through one record."""

    result: SpfResult = "none"
    """What a receiver finds for the address. `permerror`: it gives up. `temperror`: nobody knows now."""
    why: str = ""
    """Why nothing better was found."""
    records: list[str] = field(default_factory=list)
    """SPF records of the domain itself."""
    lookups: int = 0
    voids: int = 0
    domains: list[str] = field(default_factory=list)
    """Domains whose records were included, or to which the record was redirected."""
    networks: list[Network] = field(default_factory=list)
    """Networks that are named and that may send."""
    catch_all: str = ""
    """Qualifier of the `all` that counts in the end. Empty without one."""
    has_ptr: bool = False
    """It asks for names of addresses, which receivers are told to ignore."""
    by_sender: list[str] = field(default_factory=list)
    """Domains of terms that depend on who sends."""
    mistakes: list[str] = field(default_factory=list)
    """Why receivers give up on it."""
    unanswered: list[str] = field(default_factory=list)
    """What the DNS did not say."""


async def follow_spf(dns: SenderDns, domain: str, *, sender: str, ip: str) -> SpfWalk:
    """Follow the record of a domain for one address.

    Args:
        dns: Asks the questions.
        domain: Domain of the envelope's sender.
        sender: The envelope's sender.
        ip: Address of the server that would send.
    """
    walker = _Walker(dns, sender, ip)
    found = await walker.check(domain, (), is_own=True)
    walk = walker.walk
    if walk.lookups > MOST_LOOKUPS:
        walk.mistakes.insert(0, f"it needs {walk.lookups} questions to the DNS, and receivers stop at {MOST_LOOKUPS}")
    if walk.voids > MOST_VOID_LOOKUPS:
        more = f"{walk.voids} of its names do not exist, and receivers stop at more than {MOST_VOID_LOOKUPS}"
        walk.mistakes.append(more)
    walk.result, walk.why = found, next(iter(walk.mistakes or walk.unanswered), walk.why)
    if walk.mistakes:
        walk.result = "permerror"
    return walk


class _Walker:
    def __init__(self, dns: SenderDns, sender: str, ip: str) -> None:
        self._dns, self._sender, self._ip = dns, sender, ip
        self.walk = SpfWalk()

    async def check(self, domain: str, above: tuple[str, ...], *, is_own: bool) -> SpfResult:
        """Return what the record of a domain says of the address.

        Args:
            domain: The domain.
            above: Domains whose records led here.
            is_own: No record included it. One to which the record redirects counts as that of the domain itself.
        """
        answer = await self._dns.texts(domain)
        if answer.state == "unknown":
            self.walk.unanswered.append(answer.why)
            return "temperror"
        records = [text for text in answer.values if is_spf(text)]
        if not above:
            self.walk.records = records
            self.walk.why = "" if records else answer.why or f"`{domain}` has no SPF record among its TXT records"
        if not records:
            return "none"
        if len(records) > 1:
            return self._mistaken(f"`{domain}` has {len(records)} SPF records, and receivers take none of them")
        try:
            record = read_spf(records[0])
        except ValueError as exc:
            return self._mistaken(f"the record of `{domain}`: {exc}")
        return await self._follow(record, domain, (*above, _plain(domain)), is_own=is_own)

    async def _follow(self, record: SpfRecord, domain: str, above: tuple[str, ...], *, is_own: bool) -> SpfResult:
        result: SpfResult | None = None
        is_unsure = False
        for term in record.terms:
            matches = await self._matches(term, domain, above)
            if matches and result is None and not is_unsure:
                result = RESULTS[term.qualifier]
            is_unsure = is_unsure or matches is None
            if term.kind == "all" and is_own:
                self.walk.catch_all = term.qualifier
        if record.redirect:
            found = await self._redirected(record.redirect, domain, above, is_own=is_own)
            result = result or (None if is_unsure else found)
        return result or ("temperror" if is_unsure else "neutral")

    async def _redirected(self, redirect: str, domain: str, above: tuple[str, ...], *, is_own: bool) -> SpfResult:
        to = self._expanded(redirect, domain)
        if not self._may_ask() or not self._enter(to, above):
            return "permerror"
        self.walk.domains.append(to)
        found = await self.check(to, above, is_own=is_own)
        if found == "none":
            return self._mistaken(f"`{domain}` redirects to `{to}`, which has no SPF record")
        return found

    async def _matches(self, term: SpfTerm, domain: str, above: tuple[str, ...]) -> bool | None:
        """Tell whether a mechanism matches the address. None if nobody knows."""
        if term.kind == "all":
            return True
        if term.network is not None:
            self._note(term, [term.network])
            return ip_address(self._ip) in term.network
        if needs_sender(term.domain):
            self.walk.by_sender.append(term.domain)
        return await self._asks(term, domain, above) if self._may_ask() else None

    async def _asks(self, term: SpfTerm, domain: str, above: tuple[str, ...]) -> bool | None:
        """Tell whether a mechanism matches that asks the DNS."""
        at = self._expanded(term.domain, domain) if term.domain else domain
        match term.kind:
            case "include":
                return await self._includes(at, domain, above)
            case "a":
                return self._is_among(term, await self._dns.addresses(at))
            case "mx":
                return await self._is_mail_server(term, at)
            case "exists":
                return self._exists(await self._dns.addresses(at), term)
            case _:
                self.walk.has_ptr = True
                return False

    async def _includes(self, at: str, domain: str, above: tuple[str, ...]) -> bool | None:
        if not self._enter(at, above):
            return None
        self.walk.domains.append(at)
        found = await self.check(at, above, is_own=False)
        if found == "none":
            self._mistaken(f"`{domain}` includes `{at}`, which has no SPF record")
        return None if found in {"none", "permerror", "temperror"} else found == "pass"

    async def _is_mail_server(self, term: SpfTerm, at: str) -> bool | None:
        servers = await self._dns.mail_servers(at)
        if not self._is_answered(servers):
            return None if servers.state == "unknown" else False
        if len(servers.values) > _MOST_MAIL_SERVERS:
            self._mistaken(f"`mx` of `{at}` has {len(servers.values)} mail servers, more than {_MOST_MAIL_SERVERS}")
            return None
        found = [self._is_among(term, await self._dns.addresses(host), voids=False) for host in servers.values if host]
        return True if True in found else None if None in found else False

    def _is_among(self, term: SpfTerm, answer: DnsAnswer, *, voids: bool = True) -> bool | None:
        if not self._is_answered(answer, voids=voids):
            return None if answer.state == "unknown" else False
        networks = list(_networks(term, answer.values))
        self._note(term, networks)
        return any(ip_address(self._ip) in network for network in networks)

    def _exists(self, answer: DnsAnswer, term: SpfTerm) -> bool | None:
        # One that depends on the sender is made to have no answer for most of them.
        if not self._is_answered(answer, voids=not needs_sender(term.domain)):
            return None if answer.state == "unknown" else False
        return True

    def _is_answered(self, answer: DnsAnswer, *, voids: bool = True) -> bool:
        if answer.state == "unknown":
            self.walk.unanswered.append(answer.why)
        elif answer.state == "missing" and voids:
            self.walk.voids += 1
        return answer.state == "found"

    def _may_ask(self) -> bool:
        self.walk.lookups += 1
        return self.walk.lookups <= _STOP_COUNTING

    def _enter(self, domain: str, above: tuple[str, ...]) -> bool:
        if _plain(domain) not in above:
            return True
        self._mistaken(f"`{domain}` includes itself")
        return False

    def _note(self, term: SpfTerm, networks: list[Network]) -> None:
        if term.qualifier == "+":
            self.walk.networks += networks

    def _expanded(self, text: str, domain: str) -> str:
        return expanded(text, domain=domain, sender=self._sender, ip=self._ip)

    def _mistaken(self, told: str) -> SpfResult:
        if told not in self.walk.mistakes:
            self.walk.mistakes.append(told)
        return "permerror"


def _plain(domain: str) -> str:
    return domain.lower().rstrip(".")


def _networks(term: SpfTerm, addresses: tuple[str, ...]) -> Iterator[Network]:
    for text in addresses:
        bits = term.prefix_v4 if ip_address(text).version == 4 else term.prefix_v6  # noqa: PLR2004 - IPv4
        yield ip_network(f"{text}/{bits}", strict=False)
