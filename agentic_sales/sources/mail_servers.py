"""Ask the DNS whether a domain takes mail. Nobody is connected to, and no mailbox is asked for.

A domain without a mail server may still take mail on its own host (RFC 5321, 5.1). A null MX says that it takes none
(RFC 7505). A question without an answer is unknown, and that says nothing against a domain.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import structlog
from dns.asyncresolver import Resolver
from dns.exception import DNSException
from dns.name import Name, from_text, root
from dns.nameserver import Do53Nameserver
from dns.resolver import NXDOMAIN, YXDOMAIN, LRUCache, NoAnswer, NoResolverConfiguration

from agentic_sales import effects
from agentic_sales.rules.mailbox_signs import is_reserved
from agentic_sales.settings import Settings, address_of_server

log = structlog.get_logger()

Takes = Literal["mail", "maybe", "nothing", "unknown"]
"""The mail that a domain takes: by its mail servers, maybe on its own host, none, or unknown."""

LOOKUP_S = 4.0
"""Longest time for all questions about one domain, in seconds."""
AT_ONCE = 32
"""Domains that are asked about at once."""
SILENT_AFTER = 8
"""Lookups in a row without an answer after which the DNS is left alone for a while."""
SILENCE_S = 60.0
"""How long that is, in seconds. A machine without a network would wait for every domain of a file."""
_KEPT_ANSWERS = 5000
_NO_MAIL = "v=spf1 -all"


@dataclass(frozen=True, slots=True)
class MailRoute:
    """The DNS records for the mail of a domain."""

    takes: Takes
    reason: str
    """In words for people."""
    servers: tuple[str, ...] = ()
    """Mail servers by preference, the first to be tried first."""
    is_failure: bool = False
    """The DNS was asked and gave no answer."""


class MailServers:
    """Looks mail servers up. One object keeps the answers for as long as the DNS allows."""

    def __init__(self, configuration: Settings) -> None:
        """Take the servers to ask from the configuration, else from this machine."""
        self._resolver = resolver_of(configuration.dns_servers)
        self._asks_for_reserved = bool(configuration.dns_servers)
        self._places = asyncio.Semaphore(AT_ONCE)
        self._unanswered, self._silent_until_s = 0, 0.0

    async def route_of(self, domain: str) -> MailRoute:
        """Return where mail for a domain goes.

        Args:
            domain: In its ASCII form.
        """
        effects.require("read", "ask the DNS")
        if self._resolver is None:
            return MailRoute("unknown", "no DNS server is configured")
        if is_reserved(domain) and not self._asks_for_reserved:
            return MailRoute("unknown", f"`{domain}` is reserved for examples, so the DNS was not asked")
        async with self._places:
            if time.monotonic() < self._silent_until_s:
                return MailRoute("unknown", "the DNS does not answer", is_failure=True)
            try:
                async with asyncio.timeout(LOOKUP_S):
                    route = await _route(self._resolver, domain)
            except (DNSException, OSError, TimeoutError) as exc:
                return self._not_answered(domain, exc)
        self._unanswered = 0
        return route

    async def routes_of(self, domains: Iterable[str]) -> Mapping[str, MailRoute]:
        """Return where mail for each of some domains goes. Each is asked about once."""
        distinct = list(dict.fromkeys(domains))
        return dict(zip(distinct, await asyncio.gather(*map(self.route_of, distinct)), strict=True))

    def _not_answered(self, domain: str, exc: Exception) -> MailRoute:
        self._unanswered += 1
        if self._unanswered >= SILENT_AFTER:
            self._unanswered, self._silent_until_s = 0, time.monotonic() + SILENCE_S
            log.warning("dns_left_alone", reason=type(exc).__name__, for_s=SILENCE_S)
        return MailRoute("unknown", f"the DNS gave no answer about `{domain}`", is_failure=True)


def resolver_of(servers: tuple[str, ...]) -> Resolver | None:
    """Return a resolver that asks some servers, or those of this machine. None if there are none or all are off."""
    if servers == ("off",):
        return None
    try:
        resolver = Resolver(configure=not servers)
    except NoResolverConfiguration:
        return None
    if servers:
        resolver.nameservers = [Do53Nameserver(*address_of_server(server)) for server in servers]
    resolver.cache = LRUCache(_KEPT_ANSWERS)
    resolver.lifetime = LOOKUP_S
    return resolver


async def _route(resolver: Resolver, domain: str) -> MailRoute:
    name = from_text(domain)
    try:
        answer = await resolver.resolve(name, "MX")
    except NXDOMAIN:
        return MailRoute("nothing", f"there is no domain `{domain}`")
    except NoAnswer:
        return await _route_to_host(resolver, name, domain)
    except YXDOMAIN:
        return MailRoute("nothing", f"`{domain}` leads to no domain")
    records = sorted((record.preference, record.exchange) for record in answer)
    servers = tuple(exchange.to_text(omit_final_dot=True) for _, exchange in records if exchange != root)
    if not servers:
        return MailRoute("nothing", f"`{domain}` says that it takes no mail (null MX)")
    return MailRoute("mail", f"`{domain}` takes mail at `{servers[0]}`", servers)


async def _route_to_host(resolver: Resolver, name: Name, domain: str) -> MailRoute:
    """Judge a domain without a mail server. One that also says that it never sends mail has none at all."""
    if not (await _has(resolver, name, "A") or await _has(resolver, name, "AAAA")):
        return MailRoute("nothing", f"`{domain}` has neither a mail server nor a host")
    if _NO_MAIL in await _texts(resolver, name):
        return MailRoute("nothing", f"`{domain}` has no mail server and says that it sends no mail (SPF `-all`)")
    return MailRoute("maybe", f"`{domain}` has no mail server; its own host may take mail", (domain,))


async def _has(resolver: Resolver, name: Name, kind: str) -> bool:
    try:
        return bool(await resolver.resolve(name, kind))
    except NoAnswer:
        return False


async def _texts(resolver: Resolver, name: Name) -> set[str]:
    try:
        answer = await resolver.resolve(name, "TXT")
    except NoAnswer:
        return set()
    return {b"".join(record.strings).decode("ascii", "replace").strip().lower() for record in answer}
