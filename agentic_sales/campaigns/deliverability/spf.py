"""Examine the SPF record of a sender: can receivers use it, does it keep others out, and does it let the mail pass?"""

import asyncio
from collections.abc import Sequence

from agentic_sales.campaigns.deliverability.sender import Sender, organization_of
from agentic_sales.outbound.addresses import is_public
from agentic_sales.rules.findings import Finding, fail, ok, unknown, warn
from agentic_sales.rules.mail_providers import OTHER
from agentic_sales.rules.spf_records import MOST_LOOKUPS
from agentic_sales.sources.sender_dns import SenderDns
from agentic_sales.sources.spf import SpfWalk, follow_spf

RECORD, WAY = "SPF", "SPF way out"
_SOMEBODY = "198.51.100.1"
"""An address of documentation (RFC 5737). No record has a reason to name it."""
_SAMPLES = 3
"""Networks of a service of which one address each is tried."""


async def examine_spf(dns: SenderDns, sender: Sender) -> list[Finding]:
    """Return what is found of the record, and of the way by which the mail leaves."""
    walk = await _walk(dns, sender, _SOMEBODY)
    return [_record(walk, sender), await _way(dns, walk, sender)]


async def _walk(dns: SenderDns, sender: Sender, ip: str) -> SpfWalk:
    return await follow_spf(dns, sender.envelope_domain, sender=sender.address, ip=ip)


def _record(walk: SpfWalk, sender: Sender) -> Finding:
    domain = sender.envelope_domain
    if not walk.records:
        if walk.unanswered:
            return unknown(RECORD, f"{walk.why}; whether there is an SPF record is not known")
        return fail(RECORD, f"{walk.why}: Gmail and Microsoft refuse mail that nothing vouches for", _advice(sender))
    if walk.mistakes:
        told = f"receivers give up on the record of `{domain}`: {'; '.join(walk.mistakes)}"
        return fail(RECORD, told, _cure_of(walk))
    if walk.catch_all == "+":
        told = f"the record of `{domain}` ends in `+all`, so everybody may send as you, and receivers distrust it"
        return fail(RECORD, told, "let it end in `-all` or `~all`")
    return _readable(walk, domain)


def _readable(walk: SpfWalk, domain: str) -> Finding:
    if walk.unanswered:
        return unknown(RECORD, f"a part of the record of `{domain}` could not be read: {'; '.join(walk.unanswered)}")
    if walk.catch_all in {"", "?"}:
        end = "`?all`" if walk.catch_all else "no `all`"
        told = f"the record of `{domain}` ends in {end}, so it says nothing against a forger"
        return warn(RECORD, told, "let it end in `~all`, or in `-all`")
    if walk.has_ptr:
        told = f"the record of `{domain}` has the mechanism `ptr`, which receivers may ignore (RFC 7208, 5.5)"
        return warn(RECORD, told, "name the servers by `ip4`, `ip6`, `a` or `include` instead")
    told = (
        f"one record at `{domain}`, {walk.lookups} of at most {MOST_LOOKUPS} questions, ends in `{walk.catch_all}all`"
    )
    return ok(RECORD, told)


def _advice(sender: Sender) -> str:
    provider, domain = sender.way.provider, sender.envelope_domain
    names = f"include:{provider.spf[0]}" if provider.spf else "a term for your mail server, such as ip4:ADDRESS"
    return f'publish one TXT record at `{domain}`: "v=spf1 {names} ~all"'


def _cure_of(walk: SpfWalk) -> str:
    mistake = walk.mistakes[0]
    if "SPF records" in mistake:
        return "join them to one record: one `v=spf1`, the terms of all, one `all` at the end"
    if "questions" in mistake:
        return "take out includes that nobody sends by any more, and name servers by `ip4:` and `ip6:`"
    if "do not exist" in mistake or "no SPF record" in mistake:
        return "take out the terms with a name that has no record"
    return "mend or take out the term; every receiver stops at it"


async def _way(dns: SenderDns, walk: SpfWalk, sender: Sender) -> Finding:
    way, provider = sender.way, sender.way.provider
    if not walk.records:
        if walk.unanswered:
            return unknown(WAY, f"whether the record lets mail by {way.name} pass is not known: {walk.why}")
        return fail(WAY, f"no record lets mail by {way.name} pass", _advice(sender))
    if walk.mistakes:
        return fail(WAY, f"receivers give up on the record, so nothing vouches for {way.name}", _cure_of(walk))
    if provider != OTHER and provider.spf:
        return await _by_service(dns, walk, sender)
    if way.is_here:
        told = f"mail leaves by {way.name} on this machine, and from which address it goes on is not known here"
        return unknown(WAY, told, "let the record name the public address of that server; a received mail shows it")
    return await _by_server(dns, walk, sender)


async def _by_service(dns: SenderDns, walk: SpfWalk, sender: Sender) -> Finding:
    provider = sender.way.provider
    named = {name.lower().rstrip(".") for name in walk.domains}
    if found := next((include for include in provider.spf if include in named), None):
        return ok(WAY, f"the record includes `{found}`, by which {provider.name} sends")
    theirs = await follow_spf(dns, provider.spf[0], sender=sender.address, ip=_SOMEBODY)
    some = [str(network.network_address) for network in theirs.networks if is_public(str(network.network_address))]
    results = {(await _walk(dns, sender, ip)).result for ip in some[:_SAMPLES]}
    if results == {"pass"}:
        return ok(WAY, f"the record names networks of {provider.name} themselves; they may change")
    if not some or walk.unanswered or theirs.unanswered or "temperror" in results:
        return unknown(
            WAY, f"whether the record lets mail by {provider.name} pass is not known: the DNS did not say all"
        )
    told = f"the record of `{sender.envelope_domain}` does not let mail by {provider.name} pass"
    return fail(WAY, told, f"add include:{provider.spf[0]} to it, before its `all`")


async def _by_server(dns: SenderDns, walk: SpfWalk, sender: Sender) -> Finding:
    host = sender.way.host
    answer = await dns.addresses(host)
    if answer.state != "found":
        return unknown(WAY, f"the addresses of {host} are not known: {answer.why}")
    addresses = [address for address in answer.values if is_public(address)]
    if not addresses:
        told = f"{host} is on a private network, and from which address its mail goes on is not known here"
        return unknown(WAY, told, "let the record name the public address of that server; a received mail shows it")
    results = await _results(dns, sender, addresses)
    if all(result == "pass" for result in results.values()):
        return ok(WAY, f"the record lets mail from {host} ({', '.join(addresses)}) pass")
    if any(organization_of(domain) == organization_of(host) for domain in walk.domains):
        return ok(WAY, f"the record includes a record of the organization of {host}")
    if "temperror" in results.values():
        return unknown(WAY, f"whether the record lets mail from {host} pass is not known: {'; '.join(walk.unanswered)}")
    bad = ", ".join(f"{address} ({result})" for address, result in results.items() if result != "pass")
    told = f"the record does not let mail from {host} pass: {bad}; the server may send from another address"
    return warn(WAY, told, f"ask the operator of {host} for the name to include, or add its addresses to the record")


async def _results(dns: SenderDns, sender: Sender, addresses: Sequence[str]) -> dict[str, str]:
    walks = await asyncio.gather(*(_walk(dns, sender, address) for address in addresses))
    return dict(zip(addresses, (walk.result for walk in walks), strict=True))
