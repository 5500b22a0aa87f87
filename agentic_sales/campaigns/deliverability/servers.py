"""Examine where replies and bounces of a sender arrive, and what its sending server is called."""

from agentic_sales.campaigns.deliverability.sender import Sender
from agentic_sales.outbound.addresses import is_public
from agentic_sales.rules.findings import Finding, fail, ok, unknown, warn
from agentic_sales.rules.mail_providers import OTHER
from agentic_sales.sources.sender_dns import SenderDns

MX, REVERSE = "MX", "reverse name"
_SHOWN = "a received mail shows the address in its first `Received` line"


async def examine_mail_servers(dns: SenderDns, sender: Sender) -> Finding:
    """Return whether somebody takes mail for the domain of the sender."""
    domain, answer = sender.domain, await dns.mail_servers(sender.domain)
    fix = f"publish the MX records of your mail service at `{domain}`"
    if answer.state == "unknown":
        return unknown(MX, f"whether `{domain}` takes mail is not known: {answer.why}")
    if answer.values == ("",):
        told = f"`{domain}` says that it takes no mail (null MX), so replies are lost and receivers refuse its mail"
        return fail(MX, told, fix)
    if servers := [host for host in answer.values if host]:
        return ok(MX, f"replies to `{domain}` arrive at `{servers[0]}`")
    host = await dns.addresses(domain)
    if host.state == "unknown":
        return unknown(MX, f"`{domain}` has no MX record, and whether it has a host is not known: {host.why}")
    if host.state == "found":
        return warn(MX, f"`{domain}` has no MX record; replies go to its own host, if that takes mail", fix)
    return fail(MX, f"`{domain}` has neither a mail server nor a host, so replies and bounces are lost", fix)


async def examine_reverse_name(dns: SenderDns, sender: Sender) -> Finding:
    """Return whether the address of a server of one's own has a name that leads back to it, as Gmail asks."""
    way = sender.way
    if way.provider != OTHER:
        told = f"{way.provider.name} sends from addresses of its own, which are not known before a mail arrives"
        return unknown(REVERSE, told, f"nothing is to do for them here; {_SHOWN}")
    answer = await dns.addresses(way.host)
    if answer.state != "found":
        return unknown(REVERSE, f"the addresses of {way.host} are not known: {answer.why}")
    addresses = [address for address in answer.values if is_public(address)]
    if way.is_here or not addresses:
        return unknown(REVERSE, f"from which public address {way.host} sends is not known here", _SHOWN)
    found = [await _leads_back(dns, address) for address in addresses]
    worst = dict(reversed(found))
    if "missing" in worst:
        told = f"{worst['missing']}; Gmail refuses mail from such an address, if {way.host} sends from it"
        return warn(REVERSE, told, "let the owner of the address set its PTR record to the name of the server")
    if "unknown" in worst:
        return unknown(REVERSE, worst["unknown"])
    return ok(REVERSE, worst["ok"])


async def _leads_back(dns: SenderDns, address: str) -> tuple[str, str]:
    names = await dns.names_of(address)
    if names.state == "unknown":
        return "unknown", f"the name of {address} is not known: {names.why}"
    if names.state == "missing":
        return "missing", f"{address} has no name"
    silent = ""
    for name in names.values:
        back = await dns.addresses(name)
        if address in back.values:
            return "ok", f"{address} is `{name}`, and the name leads back to it"
        silent = silent or (back.why if back.state == "unknown" else "")
    if silent:
        return "unknown", f"whether the name of {address} leads back to it is not known: {silent}"
    return "missing", f"{address} is `{names.values[0]}`, and that name does not lead back to it"
